"""What a short text may hold: one set of validators for API, forms and commands."""

import re
import unicodedata

from django.core.exceptions import ValidationError

# Control, format (zero-width, bidi), surrogate, private use, unassigned, line and paragraph separators.
FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
EVIDENCE_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[!-~]*)?\Z")


def plain_text(value: str) -> None:
    """One line of text in NFC without invisible characters. Raises ValidationError, which never repeats the value."""
    if any(unicodedata.category(letter) in FORBIDDEN_CATEGORIES for letter in value):
        raise ValidationError("Use visible characters on one line only.", code="invisible_character")
    if not unicodedata.is_normalized("NFC", value):
        raise ValidationError("Use composed characters (Unicode NFC).", code="not_normalized")


def comment_text(value: str) -> None:
    """Like plain_text, with line breaks."""
    plain_text(value.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))


def evidence_link(value: str) -> None:
    """An http(s) address in printable ASCII, without credentials. It is shown, never fetched. Raises ValidationError."""
    if not EVIDENCE_URL.match(value):
        raise ValidationError("Give an http:// or https:// address without a user name or password in it.", code="invalid_url")

"""What a text may hold: one set of validators for API, forms, verbs and commands. ValidationError never repeats the value.

Every text: one line (or several) of visible characters in NFC, no word of letters that look alike, no payload (config.payload). A name:
one script with others that cannot be confused with it, plain letters, single spaces inside.
"""

import hashlib
import re
import unicodedata

from django.core.exceptions import ValidationError

from config.payload import LONGEST, kind_in_link, kind_of

# Control, format (zero-width, bidi), surrogate, private use, unassigned, line and paragraph separators.
FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that show nothing: fillers, joiners, selectors of variants, a blank pattern.
BLANKS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]|(?<=\\w)\ufe0f")
# Scripts with letters that are drawn like those of another of them.
CONFUSABLE = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "COPTIC", "CHEROKEE", "GEORGIAN", "LISU", "DESERET"})
EVIDENCE_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[!-~]*)?\Z")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
PAYLOAD = "payload_"
# What takes the place of bytes that are no UTF-8 when a form is read.
UNREADABLE = "\ufffd"


def _visible(value: str) -> None:
    if value.isascii() and value.isprintable():
        return
    if UNREADABLE in value:
        raise ValidationError("A character arrived broken; type it again.", code="unreadable_character")
    if any(unicodedata.category(letter) in FORBIDDEN_CATEGORIES for letter in value) or BLANKS.search(value):
        raise ValidationError("Use visible characters on one line only.", code="invisible_character")
    if not unicodedata.is_normalized("NFC", value):
        raise ValidationError("Use composed characters (Unicode NFC).", code="not_normalized")


def _scripts(value: str) -> set[str]:
    return {unicodedata.name(letter, "").split(" ")[0] for letter in value if letter.isalpha()} & CONFUSABLE


def _unmixed(value: str, *, whole: bool) -> None:
    if value.isascii():
        return
    if any(len(_scripts(part)) > 1 for part in ([value] if whole else re.findall(r"\w+", value))):
        raise ValidationError("Use letters of one script; some of these look like letters of another.", code="mixed_scripts")


def _bounded(value: str) -> None:
    if len(value) > LONGEST:
        raise ValidationError("This is longer than any text here may be.", code="max_length")


def no_payload(value: str) -> None:
    """No credential, number of a card, account or person, message block, table, contract."""
    _refuse(kind_of(value))


def _refuse(kind: str) -> None:
    if kind:
        code = PAYLOAD + re.sub(r"\W+", "_", kind.removeprefix("a ").removeprefix("text "))
        raise ValidationError(f"This looks like {kind}, and no payload is kept here. Say where it can be looked up instead.", code=code)


def plain_text(value: str) -> None:
    """One line of visible text."""
    _bounded(value)
    _visible(value)
    _unmixed(value, whole=False)
    no_payload(value)


def comment_text(value: str) -> None:
    """Like plain_text, with line breaks."""
    _bounded(value)
    _visible(value.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))
    _unmixed(value, whole=False)
    no_payload(value)


def name_text(value: str) -> None:
    """Like plain_text, for what people tell apart by reading it."""
    _bounded(value)
    _visible(value)
    _unmixed(value, whole=True)
    if value != " ".join(value.split(" ")).strip() or "  " in value or any(letter.isspace() and letter != " " for letter in value):
        raise ValidationError("Use single spaces, and none before or after.", code="stray_space")
    if any(letter.isalnum() and unicodedata.normalize("NFKC", letter) != letter for letter in value if not letter.isascii()):
        raise ValidationError("Use plain letters and digits; some of these are drawn variants of others.", code="letter_variant")
    no_payload(value)


def slug_text(value: str) -> None:
    """The id of a partner or an environment in addresses."""
    if not SLUG.match(value):
        raise ValidationError("A slug has small letters, digits, dashes and underscores, 64 at most.", code="invalid_slug")
    no_payload(value)


def evidence_link(value: str) -> None:
    """An http(s) address in printable ASCII, without credentials. It is shown, never fetched."""
    _bounded(value)
    if not EVIDENCE_URL.match(value):
        raise ValidationError("Give an http:// or https:// address without a user name or password in it.", code="invalid_url")
    _refuse(kind_in_link(value))


def folded(value: str) -> str:
    """What two names have in common that people would take for one: NFKC, case and spaces folded."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold()).split())


def fold_key(value: str) -> str:
    """SHA-256, hex, of the folded text: of one length, whatever folding does to it."""
    return hashlib.sha256(folded(value).encode()).hexdigest()

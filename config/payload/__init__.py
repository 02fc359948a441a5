"""What must not come in: credentials, numbers of cards, accounts and people, message blocks, tables, contracts. Pure; knows no room.

`kind_of` names what a text holds and never the text. It looks under one or two layers of URL escapes and base64, at a bounded cost.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote_plus

from config.payload.credentials import credential_in, link_credential_in, private_key_in
from config.payload.messages import message_in
from config.payload.numbers import number_in

# Longer than any text of ours may be; what is over its length is refused for that.
LONGEST = 8192
LAYERS = 2
RUNS = 16
BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def kind_of(text: str) -> str:
    """What sort of payload a text holds, in words for a person; empty when it holds none."""
    if len(text) > LONGEST:
        return "text of that length"
    for layer in _layers(unicodedata.normalize("NFKC", text)):
        if kind := credential_in(layer) or number_in(layer) or message_in(layer):
            return kind
    return ""


def kind_in_link(url: str) -> str:
    """Like `kind_of`, for an address: its parameters may hold no credential either, and its path may hold any id."""
    return link_credential_in(url) or next((kind for layer in _layers(url) if (kind := link_credential_in(layer))), "") or kind_of(url)


def shown_key(key: str) -> str:
    """A name that a caller made up, as an answer may repeat it: cut short, and not at all where it holds payload itself."""
    return "…" if kind_in_link(key) else key[:80]


def _layers(text: str) -> Iterator[str]:
    """The text, then what its URL escapes and base64 runs say, then what those say."""
    found = [text]
    for _ in range(LAYERS + 1):
        yield from found
        found = [inner for outer in found for inner in _inside(outer)][:RUNS]


def _inside(text: str) -> Iterator[str]:
    if "%" in text and (plain := unquote_plus(text)) != text:
        yield plain
    for run in BASE64_RUN.findall(text)[:RUNS]:
        if plain := _from_base64(run):
            yield plain


def _from_base64(run: str) -> str:
    """The text under base64 of either alphabet; a private key in DER becomes its PEM heading; empty for anything else."""
    standard = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        content = base64.b64decode(standard + "=" * (-len(standard) % 4))
    except (binascii.Error, ValueError):
        return ""
    if private_key_in(content):
        return "-----BEGIN PRIVATE KEY-----"
    try:
        plain = content.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return plain if all(letter.isprintable() or letter in "\r\n\t" for letter in plain) else ""

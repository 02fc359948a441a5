"""Strict JSON (RFC 8259) in, and nothing that Python's own reader lets through besides."""

import json
import math

from rest_framework.parsers import BaseParser

from config.payload import shown_key
from config.refusals import Reason, Refused

JSON_DEPTH = 16


def invalid(code: str, detail: str, *, pointer: str = "") -> Refused:
    return Refused(Reason(code, detail, pointer=pointer, status=400))


def _object_without_duplicates(pairs: list[tuple]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise invalid("duplicate_key", "A JSON object names one of its keys twice.")
    return found


def _no_constant(word: str):
    raise invalid("invalid_json", "NaN and Infinity are not JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise invalid("invalid_json", "A number is too large.")
    return number


def _integer(digits: str) -> int:
    if len(digits) > 16:
        raise invalid("invalid_json", "A number is too large.")
    return int(digits)


def _too_deep(text: str) -> bool:
    """Count brackets outside strings, so that a deep body costs no recursion."""
    depth, in_string, escaped = 0, False, False
    for letter in text:
        if in_string:
            in_string, escaped = escaped or letter != '"', letter == "\\" and not escaped
        elif letter == '"':
            in_string = True
        elif letter in "[{":
            depth += 1
            if depth > JSON_DEPTH:
                return True
        elif letter in "]}":
            depth -= 1
    return False


def has_surrogate_or_null(value) -> bool:
    if isinstance(value, str):
        return "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return any(has_surrogate_or_null(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(has_surrogate_or_null(part) for part in value)


def _bad_text_pointer(value, pointer: str = "") -> str:
    """The pointer of the first string that holds a null character or a lone surrogate; keys are not echoed."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if has_surrogate_or_null(part):
            return _bad_text_pointer(part, f"{pointer}/{escape(str(key))}")
    return pointer


def escape(key: str) -> str:
    """One token of a JSON pointer (RFC 6901 section 3)."""
    return shown_key(key).replace("~", "~0").replace("/", "~1")


def parse_json(body: bytes) -> object:
    """Strict JSON (RFC 8259): no duplicate key, NaN, deep nesting, null character or lone surrogate. Raises Refused (400)."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("invalid_json", "The body is not UTF-8.") from None
    if _too_deep(text):
        raise invalid("too_deep", f"The body is nested deeper than {JSON_DEPTH} levels.")
    try:
        value = json.loads(
            text, object_pairs_hook=_object_without_duplicates, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer
        )
    except ValueError:
        raise invalid("invalid_json", "The body is not JSON.") from None
    if has_surrogate_or_null(value):
        raise invalid("null_character", "A text holds a null character or half a character.", pointer=_bad_text_pointer(value))
    return value


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> object:
        body = stream.read()
        return parse_json(body) if body else {}

"""What names a place in a list: an opaque text in `next` and `previous` of a page. Needs no Django."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime

TEXT = re.compile(r"[A-Za-z0-9_-]{1,500}")


@dataclass(frozen=True)
class Cursor:
    """A place in a list: before or after the row with these values, written as texts."""

    back: bool
    values: tuple[str, ...]

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.back, *self.values]).encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """Raises ValueError for what no page gives."""
    if not TEXT.fullmatch(text):
        raise ValueError("no base64")
    said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(said, list) or [type(each) for each in said] != [bool, *[str] * (len(said) - 1)]:
        raise ValueError("no cursor")
    return Cursor(said[0], tuple(said[1:]))


def written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

"""A time as a person types it: day, hour and minute in their own time zone. Pure."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# HTML, "Local dates and times", which a browser sends; with a space, as some people write it.
LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?\Z")


def read(words: str, zone: ZoneInfo) -> datetime:
    """The moment, in UTC. Refuses what no clock shows there, and what it shows twice: a change of clocks is no time to guess."""
    try:
        shown = datetime.fromisoformat(words) if LOCAL.match(words) else None
        first, second = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)) if shown else (None, None)
    except (ValueError, OverflowError):
        first = None
    if first is None:
        raise ValidationError(_("This must be a day and a time, such as 2026-11-30T20:00."), code="invalid")
    if first.astimezone(zone).replace(tzinfo=None) != shown:
        raise ValidationError(_("Clocks go forward then, so there is no such time. Choose one before or after it."), code="no_such_time")
    if first != second:
        raise ValidationError(
            _("Clocks go back then, so this time comes twice. Choose one before or after that hour, or read times in UTC."),
            code="time_comes_twice",
        )
    return first


def typed(when: datetime, zone: ZoneInfo) -> str:
    """As `read` takes it; seconds only where there are some."""
    there = when.astimezone(zone).replace(tzinfo=None)
    return there.isoformat(timespec="seconds" if there.second else "minutes")

"""In which time zone a person reads times: their own choice, kept with them in the primary; UTC until they make one."""

import zoneinfo
from functools import cache

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

# Pages about a person's own work. Everything else is the same for everybody, and in UTC.
PERSONAL = ("/self-service/plans/", "/accounts/")
AREAS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"},
)
DEFAULT = "UTC"


@cache
def names() -> list[str]:
    """Every zone that is named after a place, and UTC first."""
    return [DEFAULT, *sorted(name for name in zoneinfo.available_timezones() if name.split("/")[0] in AREAS)]


def zone(name: str) -> zoneinfo.ZoneInfo:
    """UTC for a name that this machine does not know (any more)."""
    return zoneinfo.ZoneInfo(name if name in names() else DEFAULT)


def viewers_zone(get_response):
    """Middleware: times on a person's pages are said in their zone. Without the primary they are in UTC, and say so."""

    def middleware(request):
        try:
            return get_response(request)
        finally:
            timezone.deactivate()

    def process_view(request, view, args, kwargs) -> None:
        if request.path.startswith(PERSONAL):
            timezone.activate(_chosen(request))

    middleware.process_view = process_view
    return middleware


def _chosen(request) -> zoneinfo.ZoneInfo:
    try:
        return zone(getattr(request.user, "time_zone", DEFAULT))
    except (DatabaseError, InterfaceError):
        return zone(DEFAULT)

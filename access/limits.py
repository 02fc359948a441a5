"""How often somebody may call or try to sign in. Counted in the primary; a process takes calls from there in small lots."""

import math
import threading
import time
import unicodedata

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from rest_framework.throttling import BaseThrottle

from access.address import address_of
from access.counting import count, forget, key_of, take_back

MINUTE = 60.0
# With the primary away nothing can be counted there; a process then lets so many calls of one caller through a minute and no more.
UNCOUNTED_CALLS = 120
LOTS = 60


class Allowance:
    """Calls that this process may let through for one caller until `until` (monotonic): a lot that the primary has counted already."""

    __slots__ = ("left", "until", "refused")

    def __init__(self, left: int, until: float, refused: bool = False) -> None:
        self.left, self.until, self.refused = left, until, refused


class Calls:
    """Calls a minute, by caller. Lots are a sixtieth of the limit, so one write serves many calls and the limit is never passed."""

    MOST = 10_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._allowances: dict[str, Allowance] = {}

    def empty(self) -> None:
        """Forget all lots; what is left of them is not called again."""
        with self._lock:
            self._allowances.clear()

    def take(self, key: str, *, limit: int) -> float | None:
        """None when the call may pass; else the seconds to wait."""
        with self._lock:
            known = self._allowances.get(key)
            if known is not None and known.until > time.monotonic():
                if known.left > 0:
                    known.left -= 1
                    return None
                if known.refused:
                    return known.until - time.monotonic()
        found = self._drawn(key, limit=limit)
        with self._lock:
            if len(self._allowances) >= self.MOST:
                self._allowances.clear()
            self._allowances[key] = found
        return found.until - time.monotonic() if found.refused else None

    def _drawn(self, key: str, *, limit: int) -> Allowance:
        """A new lot, one call of it taken."""
        lot = max(1, limit // LOTS)
        try:
            counted, left = count(key, seconds=MINUTE, by=lot)
        except (DatabaseError, InterfaceError):
            return Allowance(min(limit, UNCOUNTED_CALLS) - 1, time.monotonic() + MINUTE)
        spare = limit - (counted - lot)
        return Allowance(min(lot, spare) - 1, time.monotonic() + left, refused=spare < 1)


calls = Calls()


class CallThrottle(BaseThrottle):
    """For every view of the API: by person, whichever token they send; by address for who sends none."""

    def allow_request(self, request, view) -> bool:
        if request.user is not None:
            key, limit = key_of("calls", str(request.user.pk)), settings.API_CALLS_PER_MINUTE
        else:
            key, limit = key_of("anonymous calls", address_of(request)), settings.ANONYMOUS_CALLS_PER_MINUTE
        self.seconds = calls.take(key, limit=limit)
        return self.seconds is None

    def wait(self) -> float | None:
        return self.seconds


# --- guessing -----------------------------------------------------------------------------------------------------------------------


def _folded(username: str) -> str:
    return unicodedata.normalize("NFKC", username).casefold().strip()


def _sign_in_keys(username: str, address: str) -> list[tuple[str, int]]:
    """What a try is counted under, and how many tries each allows: this name from here, this name from anywhere, any name from here."""
    tries, name = settings.SIGN_IN_TRIES, _folded(username)
    return [
        (key_of("sign-in", name, address), tries),
        (key_of("sign-in name", name), tries * 10),
        (key_of("sign-in address", address), tries * 10),
    ]


def try_to_sign_in(username: str, request) -> float | None:
    """Count a try before its password is looked at, so that none of many at once slips through: None, or seconds to wait."""
    waits = []
    for key, limit in _sign_in_keys(username, address_of(request)):
        counted, left = count(key, seconds=settings.SIGN_IN_LOCK_SECONDS)
        waits += [left] if counted > limit else []
    return max(waits) if waits else None


def signed_in(username: str, request) -> None:
    """A try that succeeded is taken back; it clears the name from here, and no other count."""
    (own, _), *others = _sign_in_keys(username, address_of(request))
    forget(own)
    for key, _ in others:
        take_back(key)


def unknown_token_seconds(request) -> float | None:
    """Count a wrong token by its address: None while it may be told so, else seconds to wait. Away counters tell nobody anything new."""
    try:
        counted, left = count(key_of("token", address_of(request)), seconds=settings.SIGN_IN_LOCK_SECONDS)
    except (DatabaseError, InterfaceError):
        return None
    return left if counted > settings.SIGN_IN_TRIES * 10 else None


def whole_seconds(seconds: float) -> int:
    """For Retry-After (RFC 9110 section 10.2.3): at least 1."""
    return max(1, math.ceil(seconds))

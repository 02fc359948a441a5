"""Tokens that the primary vouched for a moment ago, so that whoever was let in goes on while it is away. In this process's memory alone."""

import threading
import time
from collections import OrderedDict

from django.utils import timezone

from access.models import ApiToken

KEPT_SECONDS = 60.0
KEPT_MOST = 1000


class CheckedTokens:
    """Digest → token as the last check found it: its user, groups, scopes and partners. Asked only when the primary cannot be.

    Bounded in number and in time since that check; a token's own end is honoured, too.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[ApiToken, float]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, digest: str, token: ApiToken) -> None:
        with self._lock:
            self._kept[digest] = token, time.monotonic() + KEPT_SECONDS
            self._kept.move_to_end(digest)
            if len(self._kept) > KEPT_MOST:
                self._kept.popitem(last=False)

    def drop(self, digest: str) -> None:
        """The primary knows it no longer."""
        with self._lock:
            self._kept.pop(digest, None)

    def find(self, digest: str) -> ApiToken | None:
        token, until = self._kept.get(digest, (None, 0.0))
        return token if time.monotonic() < until and timezone.now() < token.expiry else None

"""Reads beside a page that must answer without them: off the request's thread, so that a silent draft store costs a moment and no more."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils.translation import get_language, override

from config.databases import STORE
from config.refusals import Refused

Found = TypeVar("Found")
WAIT_SECONDS = 0.15
# Two connections at most, however many ask; threads start with the first read.
_threads = ThreadPoolExecutor(2, "aside")


def tolerant(read: Callable[[], Found]) -> Found | None:
    """What a read answers; None when a database that it asks is away."""
    try:
        return read()
    except (DatabaseError, InterfaceError, Refused):
        return None


def start(read: Callable[[], Found]) -> Callable[[], Found | None]:
    """Begin a read of the draft store, and say how to collect it: None when it failed or is not there WAIT_SECONDS after its start.

    In a command or a test it is done at once, in the caller's thread.
    """
    if not settings.SERVER:
        found = tolerant(read)
        return lambda: found
    future, end = _threads.submit(_on_a_thread, read, get_language()), time.monotonic() + WAIT_SECONDS

    def collect() -> Found | None:
        try:
            return future.result(timeout=max(0.0, end - time.monotonic()))
        except NotInTime:
            # Not begun is taken back, so that a silent database holds two threads and no queue.
            future.cancel()
            return None

    return collect


def _on_a_thread(read: Callable[[], Found], language: str | None) -> Found | None:
    # No request begins or ends here, which is when Django looks whether a kept connection is still good.
    connections[STORE].close_if_unusable_or_obsolete()
    with override(language):  # a language holds for one thread
        return tolerant(read)

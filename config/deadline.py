"""A client-side deadline for PostgreSQL: for all addresses of a connect together, and for a server that accepts and then says nothing."""

import select
import threading
import time

import psycopg2
from psycopg2 import extensions

from config.databases import CONNECT_SECONDS

STATEMENT_SECONDS = 2.7
BREAKER_SECONDS = 1.0
# For a statement of a request to a database that was silent at last: enough for an answer, and no thread waits long for nothing.
SUSPECT_SECONDS = 0.5

# Address → monotonic time until which a new connect fails at once; without it a request pays for the silence twice,
# once in the health check of its kept connection and once in the reconnect.
_silent_until: dict[str, float] = {}
_lock = threading.Lock()


def _silent(connection) -> psycopg2.OperationalError:
    _silent_until[connection.dsn] = time.monotonic() + BREAKER_SECONDS
    return psycopg2.OperationalError("the database did not answer in time")


def _refuse_while_silent(connection) -> None:
    """After a silence one connect at a time tries whether it is over; all others fail at once, so that a crowd takes one thread."""
    with _lock:
        until, now = _silent_until.get(connection.dsn, 0), time.monotonic()
        if now < until:
            raise psycopg2.OperationalError("the database did not answer a moment ago")
        if until:
            _silent_until[connection.dsn] = now + CONNECT_SECONDS


def waiter(statement_seconds: float | None):
    """A psycopg2 wait callback; `statement_seconds` None waits for statements without end (commands). Raises OperationalError."""

    def wait(connection) -> None:
        seconds = statement_seconds
        if connection.status == extensions.STATUS_SETUP:
            _refuse_while_silent(connection)
            seconds = CONNECT_SECONDS
        elif statement_seconds is not None and connection.dsn in _silent_until:
            seconds = SUSPECT_SECONDS
        if not _answered(connection, seconds):
            raise _silent(connection)

    return wait


def _answered(connection, seconds: float | None) -> bool:
    """Wait until the database has said its piece; False when the time is up. An error of its own is an answer, too, and goes on."""
    deadline, answered = None if seconds is None else time.monotonic() + seconds, True
    try:
        while answered and (state := connection.poll()) != extensions.POLL_OK:
            answered = _ready(connection, state, None if deadline is None else deadline - time.monotonic())
    finally:
        if answered:
            _silent_until.pop(connection.dsn, None)
    return answered


def _ready(connection, state: int, seconds: float | None) -> bool:
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
    return bool((seconds is None or seconds > 0) and poller.poll(None if seconds is None else seconds * 1000))


def install(*, server: bool) -> None:
    """Set the callback for every psycopg2 connection of this process."""
    extensions.set_wait_callback(waiter(STATEMENT_SECONDS if server else None))

"""A client-side deadline for PostgreSQL: for all addresses of a connect together, and for a server that accepts and then says nothing."""

import select
import time

import psycopg2
from psycopg2 import extensions

from config.databases import CONNECT_SECONDS

STATEMENT_SECONDS = 2.7
BREAKER_SECONDS = 1.0

# Address → monotonic time until which a new connect fails at once; without it a request pays for the silence twice,
# once in the health check of its kept connection and once in the reconnect.
_silent_until: dict[str, float] = {}


def _silent(connection) -> psycopg2.OperationalError:
    _silent_until[connection.dsn] = time.monotonic() + BREAKER_SECONDS
    return psycopg2.OperationalError("the database did not answer in time")


def waiter(statement_seconds: float | None):
    """A psycopg2 wait callback; `statement_seconds` None waits for statements without end (commands). Raises OperationalError."""

    def wait(connection) -> None:
        connecting = connection.status == extensions.STATUS_SETUP
        if connecting and time.monotonic() < _silent_until.get(connection.dsn, 0):
            raise psycopg2.OperationalError("the database did not answer a moment ago")
        seconds = CONNECT_SECONDS if connecting else statement_seconds
        deadline = None if seconds is None else time.monotonic() + seconds
        while (state := connection.poll()) != extensions.POLL_OK:
            poller = select.poll()
            poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
            left = None if deadline is None else deadline - time.monotonic()
            if (left is not None and left <= 0) or not poller.poll(None if left is None else left * 1000):
                raise _silent(connection)

    return wait


def install(*, server: bool) -> None:
    """Set the callback for every psycopg2 connection of this process."""
    extensions.set_wait_callback(waiter(STATEMENT_SECONDS if server else None))

"""Counters that hold under parallel calls: one row a key in the primary, counted up by one statement."""

import hashlib
import hmac

from django.conf import settings
from django.db import connections

from config.databases import PRIMARY

NOW = {"postgresql": "extract(epoch from clock_timestamp())::float8", "sqlite": "((julianday('now') - 2440587.5) * 86400.0)"}
# The window opens with its first event and ends by the database's clock, so that processes with other clocks count the same.
COUNT = """INSERT INTO access_tally (key, count, until) VALUES (%(key)s, %(by)s, {now} + %(seconds)s)
ON CONFLICT (key) DO UPDATE SET
count = CASE WHEN access_tally.until <= {now} THEN excluded.count ELSE access_tally.count + excluded.count END,
until = CASE WHEN access_tally.until <= {now} THEN excluded.until ELSE access_tally.until END
RETURNING count, until - {now}"""
TAKE_BACK = "UPDATE access_tally SET count = count - 1 WHERE key = %(key)s AND count > 0 AND until > {now}"
FORGET = "DELETE FROM access_tally WHERE key = %(key)s"
# Two who sweep at once take different rows, so that neither waits for the other.
PURGE = "DELETE FROM access_tally WHERE key IN (SELECT key FROM access_tally WHERE until < {now} LIMIT 100 {skip})"
SKIP = {"postgresql": "FOR UPDATE SKIP LOCKED", "sqlite": ""}


def key_of(*parts: str) -> str:
    """A key for what is counted: 64 hexadecimal digits, from which nobody can tell a name or an address."""
    return hmac.digest(settings.SECRET_KEY.encode(), "\x00".join(parts).encode("utf-8", "replace"), hashlib.sha256).hex()


def _run(statement: str, **values):
    connection = connections[PRIMARY]
    with connection.cursor() as cursor:
        cursor.execute(statement.format(now=NOW[connection.vendor], skip=SKIP[connection.vendor]), values)
        return cursor.fetchone() if cursor.description else None


def count(key: str, *, seconds: float, by: int = 1) -> tuple[int, float]:
    """Count `by` events under a key: (events in its window with these, seconds until the window ends). Raises DatabaseError."""
    counted, left = _run(COUNT, key=key, by=by, seconds=float(seconds))
    if counted == by:
        _run(PURGE)  # a window has just begun, which is seldom enough to sweep up behind others
    return counted, max(0.0, left)


def take_back(key: str) -> None:
    """One event of a window that is still open did not count after all."""
    _run(TAKE_BACK, key=key)


def forget(key: str) -> None:
    _run(FORGET, key=key)

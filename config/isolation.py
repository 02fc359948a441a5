"""The fence between the two databases, at every statement and at each process's first connection.

A router only advises: `using("default")` on a pinned model is accepted unless something refuses it. The fence reads the statement
itself, so it holds for managers, bulk calls, deletes, raw cursors and data migrations alike.
"""

import os
import re
import threading
from functools import cache, lru_cache

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, OperationalError, connections

from config.databases import PRIMARY, STORE
from config.router import PINNED_APPS

NAME = r'(?:"?\w+"?\.)?"?\w+"?'
# Searched for anywhere: a write may stand behind a comment, in a WITH, or after a semicolon.
WRITE = re.compile(
    r"\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|MERGE\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|COPY)(?:\s+ONLY)?"
    rf"\s+({NAME}(?:\s*,\s*{NAME})*)",
    re.I,
)
HARMLESS = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE|ROLLBACK|COMMIT|BEGIN|SET|SHOW|PRAGMA|EXPLAIN)\b", re.I)
PG_IDENTITY = """SELECT system_identifier::text, current_database(), (SELECT oid::text FROM pg_database WHERE datname = current_database())
FROM pg_control_system()"""


# A longer text is read each time, so that what is kept stays small.
KEPT_LENGTH = 8192


class WrongStore(RuntimeError):
    """A statement would write a table through the alias that does not hold it."""


class SameStore(OperationalError):
    """Both URLs lead to one database; the draft store takes no writes until they do not."""


# None until both databases were asked; then whether they turned out to be one.
_verdict: dict[str, bool | None] = {"same": None}
# Asking opens the other connection, which would ask again.
_asking = threading.local()


@cache
def _tables() -> tuple[frozenset[str], frozenset[str]]:
    every = {model._meta.db_table: model._meta.app_label for model in apps.get_models(include_auto_created=True)}
    pinned = frozenset(table for table, label in every.items() if label in PINNED_APPS)
    return pinned, frozenset(every) - pinned


@lru_cache(maxsize=1024)
def _reading_of(sql: str) -> tuple[frozenset[str], bool]:
    """The names that a statement writes to, and whether it can do no more than read. Only its text decides, and texts come again."""
    written = WRITE.findall(sql)
    return frozenset(re.findall(r"\w+", " ".join(written))), not written and HARMLESS.match(sql) is not None


def fence(execute, sql, params, many, context):
    """Execute wrapper. Raises WrongStore for a write through the wrong alias, SameStore for any draft-store write when both are one."""
    alias = context["connection"].alias
    pinned, others = _tables()
    forbidden = pinned if alias == PRIMARY else others
    written, harmless = _reading_of(sql) if len(sql) <= KEPT_LENGTH else _reading_of.__wrapped__(sql)
    for table in forbidden & written:
        raise WrongStore(f"{table} is not kept behind the alias {alias!r}; let the router choose.")
    if alias == STORE and not harmless and _are_one(ask=settings.SERVER):
        raise SameStore("SELF_SERVICE_DATABASE_URL and DATABASE_URL lead to the same database.")
    return execute(sql, params, many, context)


def identity(connection) -> tuple[str, ...]:
    """Who a database says it is: engine and, on PostgreSQL, cluster identifier, name and oid; on SQLite, device and inode.

    Equal values mean the same store, whatever the URLs say. Raises DatabaseError when it cannot be asked.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(PG_IDENTITY)
            return ("postgresql", *cursor.fetchone())
        cursor.execute("PRAGMA database_list")
        status = os.stat(cursor.fetchall()[0][2])
        return "sqlite", str(status.st_dev), str(status.st_ino)


def _ask_both() -> bool | None:
    try:
        return identity(connections[PRIMARY]) == identity(connections[STORE])
    except (DatabaseError, InterfaceError):
        return None


def _are_one(*, ask: bool) -> bool:
    """Whether both were found to be one database. `ask`: ask now, if nobody has found both of them awake so far."""
    if ask and _verdict["same"] is None and not settings.INSTALLATION.shared and not getattr(_asking, "now", False):
        _asking.now = True
        try:
            _verdict["same"] = _ask_both()
        finally:
            _asking.now = False
    return bool(_verdict["same"])


def guard_connection(sender, connection, **kwargs) -> None:
    """On each new connection: put up the fence; a command asks at the first that finds both databases awake whether they are one.

    A server asks at its first write in the draft store: what reads one side, or signs in, must not wait for the other that is silent.
    """
    if connection.alias not in (PRIMARY, STORE):
        return
    if fence not in connection.execute_wrappers:
        connection.execute_wrappers.append(fence)
    if not settings.SERVER:
        refuse_one_database()


def refuse_one_database() -> None:
    """Ask both databases whether they are one. Raises ImproperlyConfigured when they are; one that is silent is not asked."""
    if _are_one(ask=True):
        _verdict["same"] = None
        raise ImproperlyConfigured(
            "SELF_SERVICE_DATABASE_URL and DATABASE_URL lead to the same database under two names; nothing was done."
        )

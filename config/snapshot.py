"""One moment of a database, for reading only: what is looked at stands still, and nothing can be written meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction
from django.db.transaction import TransactionManagementError


@contextmanager
def snapshot(alias: str) -> Iterator[None]:
    """Every query inside sees the same moment, and no lock is held that a verb would wait for.

    Raises TransactionManagementError inside a transaction, which has begun to see things already.
    """
    connection = connections[alias]
    if connection.in_atomic_block:
        raise TransactionManagementError("A snapshot begins outside every transaction.")
    look = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    with look(alias):
        yield


@contextmanager
def _on_postgresql(alias: str) -> Iterator[None]:
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


@contextmanager
def _on_sqlite(alias: str) -> Iterator[None]:
    """Deferred, where `atomic` would be IMMEDIATE here and keep every writer out for as long as it takes."""
    with connections[alias].cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
            cursor.execute("PRAGMA query_only = OFF")

"""The draft store's clock, which decides about every time that counts."""

from datetime import UTC, datetime

from django.db import connections
from django.db.models import DateTimeField, Func

from config.databases import STORE


def database_now(alias: str = STORE) -> datetime:
    """The draft store's clock, read afresh; inside a lock it is later than every wait for that lock."""
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0].astimezone(UTC)
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0])


class ClockNow(Func):
    """The same within a query: for a row that is read under a lock taken before, so that no statement is spent on the clock alone."""

    output_field = DateTimeField()

    def as_postgresql(self, compiler, connection, **context):
        return "clock_timestamp()", []

    def as_sqlite(self, compiler, connection, **context):
        return "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')", []

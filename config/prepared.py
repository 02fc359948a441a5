"""Questions that verbs ask at each call: their SQL is built once, and the database is asked anew each time with other values.

Building SQL from a queryset with its joins takes Django several times as long as PostgreSQL takes to answer it.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError

from config.databases import STORE

# Values that no question holds as a constant; the place of each in the parameters is where the value of a call goes.
MARKS: dict[type, Callable[[int], Any]] = {
    uuid.UUID: lambda number: uuid.UUID(int=0x5EAF_00D5_0000_4000_8000_0000_0000_0000 + number),
    int: lambda number: 2_147_480_001 + number,
    str: lambda number: f"value {number} of a prepared question",
    datetime: lambda number: datetime(1, 1, 2, 3, 4, 5, 678_000 + number, UTC),
}


class Prepared:
    """`build`: values → queryset of model instances on the draft store. All that varies in it must be among the values.

    `kinds`: the type of each value; None equals nothing, as in SQL. Calling it asks, and answers a list. Objects are as the queryset
    itself would give them.
    """

    def __init__(self, build: Callable[..., QuerySet], *kinds: type) -> None:
        self._build, self._kinds = build, kinds

    def __call__(self, *values) -> list:
        connection = connections[STORE]
        # Kept with the connection, so that it ends with it and no two threads share one.
        kept = connection.__dict__.setdefault("prepared_questions", {})
        if self not in kept:
            kept[self] = Question(connection, self._build, self._kinds)
        return kept[self].ask(values)

    def first(self, *values):
        return next(iter(self(*values)), None)


class Question:
    """One question in the words of one connection."""

    def __init__(self, connection, build: Callable[..., QuerySet], kinds: Sequence[type]) -> None:
        marks = [MARKS[kind](number) for number, kind in enumerate(kinds)]
        queryset = build(*marks)
        self._connection, self._locks = connection, queryset.query.select_for_update
        self._refuse_outside()
        self._compiler = queryset.query.get_compiler(using=STORE)
        self._sql, self._parameters = self._compiler.as_sql()
        self._adapted = [self._adapter(kind) for kind in kinds]
        self._places = [self._places_of(adapt(mark)) for adapt, mark in zip(self._adapted, marks, strict=True)]
        klass = self._compiler.klass_info
        self._model, columns = klass["model"], klass["select_fields"]
        self._columns = slice(columns[0], columns[-1] + 1)
        self._names = [column[0].target.attname for column in self._compiler.select[self._columns]]
        self._related = get_related_populators(klass, self._compiler.select, STORE)

    def _adapter(self, kind: type) -> Callable[[Any], Any]:
        if kind is uuid.UUID and not self._connection.features.has_native_uuid_field:
            return lambda value: value.hex
        return self._connection.ops.adapt_datetimefield_value if kind is datetime else lambda value: value

    def _places_of(self, mark: object) -> list[int]:
        places = [place for place, given in enumerate(self._parameters) if type(given) is type(mark) and given == mark]
        if not places:
            raise ValueError("A value of a prepared question stands nowhere in it.")
        return places

    def _refuse_outside(self) -> None:
        if self._locks and not self._connection.in_atomic_block:
            raise TransactionManagementError("A row is locked inside a transaction.")

    def ask(self, values: Sequence) -> list:
        self._refuse_outside()
        parameters = list(self._parameters)
        for adapt, places, value in zip(self._adapted, self._places, values, strict=True):
            for place in places:
                parameters[place] = None if value is None else adapt(value)
        with self._connection.cursor() as cursor:
            cursor.execute(self._sql, tuple(parameters))
            return [self._object(row) for row in self._compiler.results_iter([cursor.fetchall()])]

    def _object(self, row: Sequence):
        found = self._model.from_db(STORE, self._names, row[self._columns])
        for related in self._related:
            related.populate(row, found)
        for name, place in self._compiler.annotation_col_map.items():
            setattr(found, name, row[place])
        return found

"""Lists of what somebody sees in one of several ways: an index has the first rows of each way in order, and no index has all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db import connections
from django.db.models import OuterRef, Q, QuerySet, Subquery

# Of more values their rows are common in the list, and it is walked from its beginning.
MOST_VALUES = 100


class Unnested(Subquery):
    """What a subquery of one column finds, a row for each. On PostgreSQL."""

    template = "unnest(ARRAY(%(subquery)s))"
    set_returning = True


@dataclass(frozen=True)
class Ways:
    """Rows whose foreign key `column` is one of `values`, and rows for which one of `others` holds."""

    column: str
    values: tuple
    others: tuple[Q, ...] = ()

    @property
    def condition(self) -> Q:
        return reduce(or_, self.others, Q(**{f"{self.column}__in": self.values}))

    def first(self, rows: QuerySet, most: int) -> QuerySet:
        """The first of the ordered `rows` that are seen: they are among the first of each way."""
        if not 1 <= len(self.values) <= MOST_VALUES or connections[rows.db].vendor != "postgresql":
            return rows.filter(self.condition)[:most]
        first, *more = self._keys(rows, most)
        return rows.filter(pk__in=first.union(*more, all=True) if more else first)[:most]

    def _keys(self, rows: QuerySet, most: int) -> Iterator[QuerySet]:
        """Of the first rows of each value, in one question however many values, and of each of the other ways."""
        named = rows.model._meta.get_field(self.column).related_model.objects.filter(pk__in=self.values)
        of_one = rows.filter(**{self.column: OuterRef("pk")}).values("pk")[:most]
        yield named.annotate(key=Unnested(of_one)).values_list("key")
        yield from (rows.filter(other).values_list("pk")[:most] for other in self.others)

"""Keyset pages: a page begins after a row, told by what orders the list. Any number of rows may share a time; nothing is counted."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Field, Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from config.api import wrong_parameter
from config.cursor import Cursor, read_cursor, written
from config.refusals import Refused
from config.ways import Ways

CURSOR, SIZE = "cursor", "page_size"


def read_value(field: Field, text: str) -> object:
    """Raises ValueError, ValidationError for what `written` does not write of such a column."""
    value = datetime.fromisoformat(text) if isinstance(field, DateTimeField) else field.to_python(text)
    if written(value) != text or (isinstance(value, datetime) and value.tzinfo is None):
        raise ValueError("not as a page writes it")
    return value


class KeysetPagination(BasePagination):
    """`ordering`: names of columns without nulls, all up or all down, which together name one row. `ways`: None where all rows are seen."""

    page_size, max_page_size = 50, 200
    ordering = ("-created_at", "-id")
    ways: Ways | None = None

    def get_page_size(self, request) -> int:
        given = request.query_params.get(SIZE, str(self.page_size))
        if not (given.isascii() and given.isdigit()) or len(given) > 6 or int(given) < 1:
            raise Refused(wrong_parameter(SIZE, f"page_size is a number from 1 to {self.max_page_size}.", code="invalid_page_size"))
        return min(int(given), self.max_page_size)

    def paginate_queryset(self, queryset: QuerySet, request, view=None) -> list[Model]:
        """Raises Refused for a size or a cursor that is none."""
        size, self._url = self.get_page_size(request), request.build_absolute_uri()
        self._names = [name.removeprefix("-") for name in self.ordering]
        try:
            self._cursor = read_cursor(request.query_params[CURSOR]) if CURSOR in request.query_params else None
            found = self._from_there(queryset)
            rows = list(self.ways.first(found, size + 1) if self.ways else found[: size + 1])
        except (ValueError, ValidationError):
            raise Refused(wrong_parameter(CURSOR, "Take the cursor from `next` or `previous` of a page.", code="invalid_cursor")) from None
        self._more, self._rows = len(rows) > size, rows[:size]
        if self._backwards:
            self._rows.reverse()
        return self._rows

    @property
    def _backwards(self) -> bool:
        return self._cursor is not None and self._cursor.back

    def _from_there(self, queryset: QuerySet) -> QuerySet:
        down = self.ordering[0].startswith("-") != self._backwards
        queryset = queryset.order_by(*[f"-{name}" if down else name for name in self._names])
        if self._cursor is None:
            return queryset
        values, compared = self._values(queryset.model), "lt" if down else "gt"
        # The first condition follows from the second; an index reads it as where to begin.
        return queryset.filter(Q(**{f"{self._names[0]}__{compared}e": values[0]}), self._beyond(values, compared))

    def _values(self, model: type[Model]) -> list:
        """Of the row that the cursor names. Raises ValueError, ValidationError."""
        fields = [model._meta.get_field(name) for name in self._names]
        return [read_value(field, text) for field, text in zip(fields, self._cursor.values, strict=True)]

    def _beyond(self, values: list, compared: str) -> Q:
        """Rows on the far side of these values, compared name after name."""
        *before, last = zip(self._names, values, strict=True)
        found = Q(**{f"{last[0]}__{compared}": last[1]})
        for name, value in reversed(before):
            found = Q(**{f"{name}__{compared}": value}) | Q(**{name: value}) & found
        return found

    def get_paginated_response(self, data: list) -> Response:
        """{next, previous, results}; a link is null where nothing follows."""
        there_is_next = self._backwards or self._more
        there_is_previous = self._more if self._backwards else self._cursor is not None
        following = self._link(-1, back=False) if there_is_next else None
        return Response({"next": following, "previous": self._link(0, back=True) if there_is_previous else None, "results": data})

    def _link(self, place: int, *, back: bool) -> str | None:
        if not self._rows:  # the rows around the cursor are gone; the list begins anew
            return remove_query_param(self._url, CURSOR)
        values = tuple(written(getattr(self._rows[place], name)) for name in self._names)
        return replace_query_param(self._url, CURSOR, str(Cursor(back, values)))

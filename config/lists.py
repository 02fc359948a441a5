"""Lists of the API: keyset pages in a stable order, and filters that say what would be right. Nothing is counted."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.response import Response

from config.api import parameter_reasons, wrong_parameter
from config.keyset import CURSOR, SIZE, KeysetPagination
from config.refusals import Reason, reasons_of
from config.ways import Ways


@dataclass(frozen=True)
class Filter:
    """One parameter of a list. `narrow`: (rows, text, actor) → rows, or ValueError with a sentence; the schema tells the rest."""

    says: str
    narrow: Callable[[QuerySet, str, object], QuerySet]
    words: tuple[str, ...] = ()
    format: str = ""


Filters = dict[str, Filter]


def page(view, queryset, serializer_class, *, ordering: tuple[str, ...] = KeysetPagination.ordering, ways: Ways | None = None) -> Response:
    """One keyset page of a queryset, all of it or what is seen in some `ways`: {next, previous, results}."""
    paginator = KeysetPagination()
    paginator.ordering, paginator.ways = ordering, ways
    rows = paginator.paginate_queryset(queryset, view.request, view=view)
    return paginator.get_paginated_response(serializer_class(rows, many=True).data)


def filtered(request, queryset: QuerySet, filters: Filters, *, actor) -> tuple[QuerySet, list[Reason]]:
    """The queryset with every filter that was given, and a reason for each parameter of the list that is wrong."""
    wrong = parameter_reasons(request, *filters, CURSOR, SIZE)
    _, odd = reasons_of(lambda: KeysetPagination().get_page_size(request))
    refused = {reason.parameter for reason in wrong}
    for name in [name for name in filters if name in request.query_params and name not in refused]:
        try:
            queryset = filters[name].narrow(queryset, request.query_params[name], actor)
        except ValueError as error:
            wrong.append(wrong_parameter(name, str(error)))
    return queryset, wrong + odd


# --- the filters there are ----------------------------------------------------------------------------------------------------


def by(says: str, lookup: str) -> Filter:
    """Compares a text; one that nothing has finds nothing."""
    return Filter(says, lambda rows, text, _: rows.filter(**{lookup: text}))


def by_word(says: str, words: dict[str, object], narrow: Callable[[QuerySet, object], QuerySet]) -> Filter:
    """Takes one of the words; `narrow` is given what the word stands for."""

    def checked(rows: QuerySet, text: str, actor) -> QuerySet:
        if text not in words:
            raise ValueError(f"It is one of: {', '.join(words)}.")
        return narrow(rows, words[text])

    return Filter(says, checked, words=tuple(words))


def by_id(says: str, lookup: str) -> Filter:
    return Filter(says, lambda rows, text, _: rows.filter(**{lookup: id_of(text)}), format="uuid")


def by_moment(says: str, narrow: Callable[[QuerySet, datetime], QuerySet]) -> Filter:
    return Filter(says, lambda rows, text, _: narrow(rows, moment_of(text)), format="date-time")


def id_of(text: str) -> uuid.UUID:
    """Raises ValueError with a sentence for what is no id."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ValueError("It is an id as the API gives it: a UUID.") from None


def moment_of(text: str) -> datetime:
    """A date and time with its offset (RFC 3339). Raises ValueError with a sentence."""
    wrong = ValueError("It is a time with its offset, such as 2026-11-30T20:00:00Z.")
    try:
        found = parse_datetime(text) if text.isascii() else None
    except ValueError:
        raise wrong from None
    # The ends of the calendar have no room for an offset.
    if found is None or found.tzinfo is None or not 1 < found.year < 9999:
        raise wrong
    return found

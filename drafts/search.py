"""Search in plans by the beginnings of words. On PostgreSQL with the index that a migration makes, on SQLite by looking at every row."""

import re

from django.db import connections
from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, Value

from config.databases import STORE
from drafts.models import CoveragePlan, Partner

WORDS = 8
# A common word finds so many plans at the desk, not all of them.
MOST = 1000
# A word that so many of the newest plans have is common: a page of a list is full before many rows are looked at.
NEWEST, COMMON = 400, 8
NUMBERED = re.compile(r"([A-Za-z]+)-([0-9]+)")
# What to_tsquery would read as an operator, or as the end of a quoted word.
UNSEARCHABLE = re.compile(r"[^\w.@/#-]+")


class Vector(Func):
    """Word for word the expression of the index, in drafts/migrations, of whichever plans a query is about."""

    template = "to_tsvector('simple', %(expressions)s)"
    arg_joiner = " || ' ' || "


class Words(Func):
    template = "to_tsquery('simple', %(expressions)s)"


class Found(Func):
    template = "%(expressions)s"
    arg_joiner = " @@ "
    output_field = BooleanField()


def looked_up(text: str) -> tuple[list, list]:
    """For a list at the desk: ids of the plans that `plans` finds, and of the partners whose slug begins so; up to MOST of each.

    As parts of the one question, joined by OR, they would keep each other's index from it: a common word took a minute in a long table.
    """
    try:
        return list(plans(CoveragePlan.objects.all(), text).values_list("pk", flat=True)[:MOST]), partners(text)
    except ValueError:
        return [], partners(text)


def partners(text: str) -> list:
    return list(Partner.objects.filter(slug__startswith=text).values_list("pk", flat=True)[:MOST])


def is_common(text: str) -> bool:
    """How rare a word is PostgreSQL cannot tell: it takes each for one that a fiftieth of all plans have. False for what is no word."""
    newest = CoveragePlan.objects.order_by("-created_at", "-pk").values("pk")[:NEWEST]
    try:
        return plans(CoveragePlan.objects.filter(pk__in=newest), text)[:COMMON].count() == COMMON
    except ValueError:
        return False


def narrowed(rows: QuerySet, column: str, text: str) -> QuerySet:
    """Rows of a list whose plan, in this column, is found. Raises ValueError as `plans` does.

    Looked up first by their index, if they are few: a walk through the list would go to its end for a word that nothing has.
    """
    found = plans(CoveragePlan.objects.all(), text)
    if not is_common(text):
        few = list(found.values_list("pk", flat=True)[: MOST + 1])
        found = few if len(few) <= MOST else found
    return rows.filter(**{f"{column}__in": found})


def plans(found: QuerySet[CoveragePlan], text: str) -> QuerySet[CoveragePlan]:
    """Plans whose name or external reference has a word that begins with each word of the text. Raises ValueError for no or too many."""
    words = [word for word in UNSEARCHABLE.sub(" ", text).split() if re.search(r"\w", word)]
    if not 1 <= len(words) <= WORDS or len(text) > 200:
        raise ValueError(f"It is 1 to {WORDS} words, 200 characters at most.")
    if connections[STORE].vendor == "postgresql":
        query = " & ".join(_beginning(word) for word in words)
        return found.filter(Found(Vector(F("name"), F("external_reference"), output_field=TextField()), Words(Value(query))))
    for word in words:
        found = found.filter(Q(name__icontains=word) | Q(external_reference__icontains=word))
    return found


def _beginning(word: str) -> str:
    """In the language of to_tsquery. Of `ledg-17`, which is two words to PostgreSQL, only the number may go on.

    Else it would look up everything that begins with `ledg`, often all there is.
    """
    numbered = NUMBERED.fullmatch(word)
    return f"'{numbered[1]}' <-> '-{numbered[2]}':*" if numbered else f"'{word}':*"

"""Search in plans by the beginnings of words. On PostgreSQL with the index that a migration makes, on SQLite by looking at every row."""

import re

from django.db import connections
from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, Value

from config.databases import STORE
from drafts.models import CoveragePlan, Partner

WORDS = 8
# A common word finds so many plans at the desk, not all of them.
MOST = 1000
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
    partners = list(Partner.objects.filter(slug__startswith=text).values_list("pk", flat=True)[:MOST])
    try:
        return list(plans(CoveragePlan.objects.all(), text).values_list("pk", flat=True)[:MOST]), partners
    except ValueError:
        return [], partners


def plans(found: QuerySet[CoveragePlan], text: str) -> QuerySet[CoveragePlan]:
    """Plans whose name or external reference has a word that begins with each word of the text. Raises ValueError for no or too many."""
    words = [word for word in UNSEARCHABLE.sub(" ", text).split() if re.search(r"\w", word)]
    if not 1 <= len(words) <= WORDS or len(text) > 200:
        raise ValueError(f"It is 1 to {WORDS} words, 200 characters at most.")
    if connections[STORE].vendor == "postgresql":
        query = " & ".join(f"'{word}':*" for word in words)
        return found.filter(Found(Vector(F("name"), F("external_reference"), output_field=TextField()), Words(Value(query))))
    for word in words:
        found = found.filter(Q(name__icontains=word) | Q(external_reference__icontains=word))
    return found

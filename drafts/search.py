"""Search in plans by the beginnings of words. On PostgreSQL with the index that a migration makes, on SQLite by looking at every row."""

import re

from django.db import connections
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from config.databases import STORE
from drafts.models import CoveragePlan, Partner

WORDS = 8
# A common word finds so many plans at the desk, not all of them.
MOST = 1000
# What to_tsquery would read as an operator, or as the end of a quoted word.
UNSEARCHABLE = re.compile(r"[^\w.@/#-]+")
# Word for word the expression of the index, in drafts/migrations.
VECTOR = "to_tsvector('simple', drafts_coverageplan.name || ' ' || drafts_coverageplan.external_reference)"


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
        return found.filter(RawSQL(f"{VECTOR} @@ to_tsquery('simple', %s)", [query], output_field=BooleanField()))  # noqa: S611  a constant
    for word in words:
        found = found.filter(Q(name__icontains=word) | Q(external_reference__icontains=word))
    return found

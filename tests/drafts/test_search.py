"""Search by the beginnings of words, on PostgreSQL by its index, on SQLite without."""

from contextlib import suppress

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from drafts import search
from drafts.models import CoveragePlan
from tests.conftest import run_python
from tests.factories import make_partner, make_plan, make_user

PLANS = {"LEDG-17": "Ledger export, monthly", "host-request-9": "Opérations console", "TICKET/77#a": "Ledger import"}


@pytest.fixture
def found(both_stores):
    owner = make_user("owner")
    partner = make_partner(owners=(owner,))
    for reference, name in PLANS.items():
        make_plan(owner, partner, name=name, external_reference=reference)
    return lambda text: sorted(search.plans(CoveragePlan.objects.all(), text).values_list("external_reference", flat=True))


@pytest.mark.parametrize(
    ("text", "references"),
    [("ledger", ["LEDG-17", "TICKET/77#a"]), ("led exp", ["LEDG-17"]), ("LEDG-17", ["LEDG-17"]), ("ledg-1", ["LEDG-17"]),
     ("host-request-9", ["host-request-9"]), ("opérations", ["host-request-9"]), ("nothing", []), ("ledger & nothing", []),
     ("TICKET/77#a", ["TICKET/77#a"])],
)  # fmt: skip
def test_every_word_must_begin_a_word_of_name_or_reference(found, text, references):
    assert found(text) == references


@pytest.mark.parametrize("text", ["'", "a' | 'b", "!ledger", "ledger:*", "(", "\\", "a <-> b", "%", "_", "'':*"])
def test_H07_operators_of_the_search_language_are_words_or_nothing(found, text):
    with suppress(ValueError):
        assert isinstance(found(text), list)


@pytest.mark.parametrize("text", ["", " ", "-", "a b c d e f g h i", "x" * 201])
def test_no_word_and_too_many_are_refused(found, text):
    with pytest.raises(ValueError, match="1 to 8 words"):
        found(text)


@pytest.mark.parametrize(("newest", "common", "most"), [(400, 8, 1000), (400, 1, 1000), (1, 1, 1000), (400, 8, 0)])
@pytest.mark.parametrize("text", ["ledger", "opérations", "LEDG-1", "ledg-2", "nothing"])
def test_common_and_rare_words_find_the_same(found, text, newest, common, most, monkeypatch):
    monkeypatch.setattr(search, "NEWEST", newest)
    monkeypatch.setattr(search, "COMMON", common)
    monkeypatch.setattr(search, "MOST", most)
    listed = search.narrowed(CoveragePlan.objects.all(), "pk", text).values_list("external_reference", flat=True)

    assert sorted(listed) == found(text)


def test_word_of_many_of_the_newest_plans_is_common(found, monkeypatch):
    monkeypatch.setattr(search, "COMMON", 2)
    assert {text: search.is_common(text) for text in ("ledger", "export", "nothing", "-")} == {
        "ledger": True, "export": False, "nothing": False, "-": False,
    }  # fmt: skip
    monkeypatch.setattr(search, "NEWEST", 1)
    assert not search.is_common("ledger")


def test_rare_words_are_looked_up_before_the_list_is_walked(found):
    with CaptureQueriesContext(connections["self_service"]) as asked:
        assert list(search.narrowed(CoveragePlan.objects.order_by("-created_at"), "pk", "export"))
    assert ["tsquery" in query["sql"] for query in asked.captured_queries] == [True, True, False]


def test_the_index_answers(found):
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "plan_search" in search.plans(CoveragePlan.objects.all(), "ledger").explain()


ON_SQLITE = """
import django
django.setup()
from drafts import search
from drafts.models import CoveragePlan
from tests.factories import make_partner, make_plan, make_user
owner = make_user("owner")
partner = make_partner(owners=(owner,))
for reference, name in {plans!r}.items():
    make_plan(owner, partner, name=name, external_reference=reference)
print([search.plans(CoveragePlan.objects.all(), text).count() for text in ("ledger", "led exp", "ledg-17", "nothing", "%")[:4]])
"""


def test_search_on_sqlite_too(sqlite_installation):
    code = ON_SQLITE.replace("{plans!r}", repr(PLANS))
    done = run_python(code, env=sqlite_installation.env | {"DJANGO_SETTINGS_MODULE": "config.settings"})

    assert done.stdout.strip() == "[2, 1, 1, 0]", done.stderr

"""A page of what is seen in several ways: the same rows in the same order as a walk through everything, however they are found."""

import pytest
from django.db import connections
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from config import ways
from config.ways import Ways
from drafts import search
from drafts.models import CoveragePlan
from tests.calls import Caller
from tests.factories import make_partner, make_plan, make_user
from tests.reviews.test_lists import ids

pytestmark = pytest.mark.usefixtures("both_stores")
EVERY = CoveragePlan.objects.order_by("-created_at", "-pk")


@pytest.fixture
def owner():
    return make_user("owner")


@pytest.fixture
def partners(owner):
    """Three, whose plans were made in turns; each second one is about claims. Those of the last are all older."""
    found = [make_partner(slug, owners=(owner,)) for slug in ("one", "two", "old")]
    for number in range(4):
        make_plan(owner, found[2], name=f"Claims {number}")
    for number in range(6):
        for partner in found[:2]:
            make_plan(owner, partner, name=f"{'Claims' if number % 2 else 'Payments'} {number}")
    return found


@pytest.mark.parametrize("most", [0, 1, 2, 100])
def test_first_rows_are_those_of_a_walk_through_everything(partners, most, monkeypatch):
    monkeypatch.setattr(ways, "MOST_VALUES", most)
    one, two, old = (partner.pk for partner in partners)
    claims = search.plans(EVERY, "claims")
    named = Q(pk=EVERY.filter(partner=old).last().pk)

    several = [Ways("partner", (one, old)), Ways("partner", (two,), (named, Q(pk__in=[])))]
    for found in (*several, Ways("partner", (), (named,)), Ways("partner", ())):
        for rows in (EVERY, claims, EVERY.reverse(), EVERY.filter(name__endswith="4")):
            also = named.children[0][1] if found.others else None
            expected = [plan for plan in rows.all() if plan.partner_id in found.values or plan.pk == also]
            assert [list(found.first(rows, count)) for count in (1, 2, 5, 50)] == [expected[:count] for count in (1, 2, 5, 50)]


def test_one_question_looks_at_no_more_of_each_value_than_a_page_holds(partners):
    with CaptureQueriesContext(connections["self_service"]) as asked:
        assert len(Ways("partner", tuple(partner.pk for partner in partners)).first(EVERY, 3)) == 3

    (question,) = asked.captured_queries
    assert (question["sql"].count("unnest(ARRAY("), question["sql"].count("LIMIT 3")) == (1, 2)


@pytest.mark.parametrize("narrowed", [{}, {"q": "claims"}, {"state": "draft"}, {"q": "claims", "partner": "two"}])
def test_pages_of_several_partners_are_complete_there_and_back(owner, partners, narrowed):
    caller = Caller(owner)
    whole = ids(caller.get("plans/", page_size=200, **narrowed))
    pages, answer = [], caller.get("plans/", page_size=3, **narrowed)
    while True:
        pages.append(ids(answer))
        if not answer.json()["next"]:
            break
        answer = caller.client.get(answer.json()["next"])
    back = []
    while answer.json()["previous"]:
        answer = caller.client.get(answer.json()["previous"])
        back.insert(0, ids(answer))

    assert len(whole) == {"": 16, "q": 10, "state": 16, "q partner": 3}[" ".join(narrowed)]
    assert [one for page in pages for one in page] == whole
    assert back == pages[:-1]

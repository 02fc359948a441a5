"""The list of review requests by API: filters with the state as of now, what waits on a reviewer, and what is the caller's to see."""

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from reviews import decisions
from reviews.models import DeploymentReviewRequest, State
from tests.calls import Caller, codes
from tests.factories import Story, actor, confirm_all, make_partner, make_plan, make_user

pytestmark = pytest.mark.usefixtures("both_stores")


@pytest.fixture
def story():
    return Story()


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


def test_waiting_on_me_is_what_a_reviewer_can_still_vote_on(story):
    review_request = story.in_review()
    release, security, owner = Caller(story.release), Caller(story.security), Caller(story.owner)

    assert [ids(caller.get("review-requests/", waiting_on_me="true")) for caller in (release, owner)] == [[str(review_request.pk)], []]
    story.vote(story.release, review_request)
    assert [len(ids(caller.get("review-requests/", waiting_on_me="true"))) for caller in (release, security)] == [0, 1]
    answer = owner.get("review-requests/", waiting_on_me="false")
    assert (answer.status_code, codes(answer), answer.json()["errors"][0]["parameter"]) == (400, ["invalid"], "waiting_on_me")


def test_updated_since_tells_what_was_written_and_what_lapsed(story):
    review_request = story.in_review()
    owner = Caller(story.owner)
    row = owner.get(f"review-requests/{review_request.pk}/").json()

    assert ids(owner.get("review-requests/", updated_since=row["updated_at"])) == [row["id"]]
    assert ids(owner.get("review-requests/", updated_since="2098-01-01T00:00:00+02:00")) == []
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE reviews_deploymentreviewrequest SET updated_at = now() - interval '9 days', expires_at = now() - interval '1 day'"
        )
    day = DeploymentReviewRequest.objects.annotate(now=Now()).get().now
    assert len(ids(owner.get("review-requests/", updated_since=f"{day:%Y-%m-%d}T00:00:00Z"))) in (0, 1)
    assert ids(owner.get("review-requests/", updated_since="2026-01-01T00:00:00Z", state="expired")) == [row["id"]]


@pytest.mark.parametrize("text", ["yesterday", "2026-11-30", "2026-11-30T20:00:00", "0001-01-01T00:00:00+14:00",
                                  "9999-12-31T23:59:59-14:00",
                                  "2026-13-01T00:00:00Z", "\u0662026-11-30T20:00:00Z", ""])  # fmt: skip
def test_updated_since_is_a_time_with_its_offset(story, text):
    for path in ("review-requests/", "plans/"):
        answer = Caller(story.owner).get(path, updated_since=text)
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "updated_since")


def test_A05_search_finds_only_what_the_caller_may_see(story):
    review_request = story.open()
    other = make_user("other")
    make_plan(other, make_partner("elsewhere", owners=(other,)), name="Operations elsewhere")

    assert ids(Caller(story.owner).get("review-requests/", q="operations")) == [str(review_request.pk)]
    assert len(ids(Caller(story.owner).get("plans/", q="operations"))) == 1
    assert ids(Caller(other).get("review-requests/", q="operations")) == []
    assert ids(Caller(story.owner).get("review-requests/", q="nothing")) == []
    assert Caller(story.owner).get("review-requests/", q="'").status_code == 400


def test_pages_are_stable_complete_and_count_nothing(story):
    plans = [make_plan(story.owner, story.partner) for _ in range(7)]
    made = [decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug="production") for plan in plans]
    owner = Caller(story.owner)

    seen, path = [], "/api/v1/review-requests/?page_size=2&state=draft&partner=northstar_controls"
    with CaptureQueriesContext(connections["self_service"]) as asked:
        while path:
            page = owner.client.get(path).json()
            seen, path = seen + [row["id"] for row in page["results"]], page["next"]

    assert seen == [str(one.pk) for one in sorted(made, key=lambda one: (one.created_at, one.pk), reverse=True)]
    assert not [query["sql"] for query in asked if "COUNT(" in query["sql"].upper()]


def test_page_size_is_capped(story):
    confirm_all(story.owner, story.open())

    assert Caller(story.owner).get("review-requests/", page_size="100000").status_code == 200
    with CaptureQueriesContext(connections["self_service"]) as asked:
        Caller(story.owner).get("review-requests/", page_size="100000")
    assert any("LIMIT 201" in query["sql"] for query in asked)


def test_state_is_as_of_now_whatever_is_stored(story):
    review_request, owner = story.in_review(), Caller(story.owner)
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reviews_deploymentreviewrequest SET expires_at = now() - interval '1 second'")

    found = {state: ids(owner.get("review-requests/", state=state)) for state in State.values}

    assert found == {state: [str(review_request.pk)] if state == "expired" else [] for state in State.values}
    assert owner.get(f"review-requests/{review_request.pk}/").json()["state"] == "expired"

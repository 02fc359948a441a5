"""When a confirmation stops counting, and with it the approval that rests on it."""

from datetime import UTC, datetime, timedelta

import pytest

from reviews import aging, decisions, explain, packet
from reviews.aging import Statement
from reviews.models import ReviewPolicy
from reviews.record import database_now
from tests.factories import CONFIRMATION_FIELDS, Story, actor, confirm_all
from tests.invariants import refused

DAY = 86400
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FAR = NOW + timedelta(days=400)


def days_ago(number: int) -> str:
    return (datetime.now(UTC) - timedelta(days=number)).date().isoformat()


def rehearsed(story: Story, number: int) -> None:
    """The rollback confirmation of the story's open request, with a rehearsal so many days ago."""
    fields = CONFIRMATION_FIELDS["rollback"] | {"rehearsed_on": days_ago(number)}
    review_request = story.plan.review_requests.get()
    decisions.confirm(actor(story.owner), review_request.pk, "rollback", fields=fields, valid_until="2099-01-01")


@pytest.mark.parametrize(
    ("statement", "rulings", "end"),
    [
        (Statement("sla", FAR, NOW), [{}], NOW + timedelta(hours=72)),
        (Statement("sla", NOW + timedelta(hours=1, microseconds=7), NOW), [{}], NOW + timedelta(hours=1)),
        (Statement("sla", FAR, NOW - timedelta(hours=20)), [{"maximum_ages": {"sla": DAY}}], NOW + timedelta(hours=4)),
        (Statement("sla", FAR, NOW - timedelta(hours=20)), [{"maximum_ages": {"owner": DAY}}], NOW + timedelta(hours=72)),
        (Statement("sla", FAR, NOW), [{}, {"approval_seconds": DAY}], NOW + timedelta(days=1)),
    ],
)
def test_F17_an_approval_ends_with_the_first_of_lifetime_confirmation_and_age(statement, rulings, end):
    policies = [ReviewPolicy(**{"approval_seconds": 72 * 3600, "maximum_ages": {}, **ruling}) for ruling in rulings]
    assert aging.approval_end({statement.kind: statement}, policies, decided_at=NOW) == end


@pytest.mark.parametrize("fields", [{}, {"rehearsed_on": ""}, {"rehearsed_on": "yesterday"}, {"rehearsed_on": None}])
def test_a_rehearsal_without_a_day_is_older_than_anything_counts(fields):
    packet_value = {"confirmations": {"rollback": {"fields": fields, "confirmed_at": "2026-11-24T12:00Z", "valid_until": "2099-01-01"}}}
    assert aging.of_packet(packet_value)["rollback"].dated == aging.NEVER


@pytest.mark.parametrize("window", ["", "2026-11-24T12:00Z", "from now on", "2026-11-24T12:00Z/tomorrow", None])
def test_a_window_that_is_none_is_over(window):
    said = {"fields": {"change_window": window}, "confirmed_at": "2026-11-24T12:00Z", "valid_until": "2099-01-01"}
    assert aging.of_packet({"confirmations": {"environment": said}})["environment"].window == (aging.NEVER, aging.NEVER)


# --- in the verbs -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_stores")
def test_a_rehearsal_that_is_too_old_does_not_count_whenever_it_was_confirmed():
    story = Story(maximum_ages={"rollback": 30 * DAY, "sla": DAY})
    review_request = story.open()
    confirm_all(story.owner, review_request)
    rehearsed(story, 31)

    refusal = refused(lambda: decisions.request_review(actor(story.owner), review_request.pk), "confirmation_too_old", status=409)

    assert [reason.pointer for reason in refusal.reasons] == ["/confirmations/rollback"]
    assert refusal.reasons[0].detail == "The rollback confirmation does not count: the policy lets its rehearsal be 30 days old at most."
    rehearsed(story, 29)
    assert decisions.request_review(actor(story.owner), review_request.pk).state == "review_requested"


@pytest.mark.usefixtures("both_stores")
def test_an_approval_ends_when_the_rehearsal_it_rests_on_is_too_old():
    story = Story(maximum_ages={"rollback": 2 * DAY})
    review_request = story.open()
    confirm_all(story.owner, review_request)
    rehearsed(story, 1)
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    story.vote(story.release, review_request)

    approved = story.vote(story.security, review_request)

    assert approved.expires_at == datetime.fromisoformat(days_ago(1)).replace(tzinfo=UTC) + timedelta(days=2)


@pytest.mark.usefixtures("both_stores")
def test_a_confirmation_that_grows_too_old_in_review_is_refused_at_the_vote_and_is_what_is_missing_next():
    story = Story(maximum_ages={"sla": 3600})
    review_request = story.in_review()
    later = database_now() + timedelta(hours=2)

    found = explain.in_review_reasons(review_request, now=later)

    assert [reason.code for reason in found] == ["confirmation_too_old", "approval_missing", "approval_missing"]
    assert found[0].clear_by == "owner, by recalling it and confirming anew"
    approved = packet.intact_value(review_request)
    assert explain.approval_reasons(review_request, approved, now=later) == found[:1]


@pytest.mark.usefixtures("both_stores")
def test_a_confirmation_that_nobody_requires_still_has_to_be_in_date():
    story = Story(required_confirmations=["owner"])
    review_request = story.open()
    confirm_all(story.owner, review_request)
    far = database_now() + timedelta(days=365 * 100)
    ruling = story.environment.policies.get()

    found = explain.review_reasons(review_request, ruling, requester_id=story.owner.pk, now=far)

    assert {reason.code for reason in found} == {"confirmation_out_of_date"}
    assert len(found) == 5

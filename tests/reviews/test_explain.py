"""What is missing, in a fixed order, with who can clear it."""

import pytest
from django.db import connections

from access.models import User
from reviews import decisions, explain
from reviews.models import DeploymentReviewRequest
from reviews.record import database_now
from tests.factories import Story, actor, confirm_all, make_environment, make_user
from tests.reviews.machine.cast import away, lapsed

pytestmark = pytest.mark.usefixtures("both_stores")


def missing(review_request: DeploymentReviewRequest) -> list[tuple[str, str]]:
    found = DeploymentReviewRequest.objects.get(pk=review_request.pk)
    return [(reason.code, reason.clear_by) for reason in explain.missing(found, now=database_now())]


def test_a_fresh_draft_misses_its_confirmations_in_the_order_of_the_policy():
    story = Story()
    review_request = story.open()
    found = explain.missing(review_request, now=database_now())
    assert [reason.pointer for reason in found] == [
        f"/confirmations/{kind}" for kind in ("owner", "environment", "sla", "rollback", "support")
    ]
    assert {reason.clear_by for reason in found} == {"owner"}


def test_a_confirmed_draft_misses_the_request_for_review():
    story = Story()
    review_request = story.open()
    confirm_all(story.owner, review_request)
    assert missing(review_request) == [("review_not_requested", "owner")]


def test_in_review_each_open_seat_names_who_can_fill_it():
    story = Story()
    make_user("release2", groups=("release",))
    review_request = story.in_review()
    assert missing(review_request) == [("approval_missing", "release, release2"), ("approval_missing", "security")]
    story.vote(story.release, review_request)
    assert missing(review_request) == [("approval_missing", "security")]


def test_who_had_a_hand_in_it_or_has_approved_is_not_named():
    story = Story(rules=[{"name": "release", "group": "release", "quorum": 2}])
    story.owner.groups.set(story.release.groups.all())
    make_user("release2", groups=("release",))
    review_request = story.in_review()
    assert missing(review_request) == [("approval_missing", "release, release2")] * 2
    story.vote(story.release, review_request)
    assert missing(review_request) == [("approval_missing", "release2")]


def test_nobody_left_is_for_an_operator():
    story = Story()
    review_request = story.in_review()
    User.objects.filter(pk=story.security.pk).update(is_active=False)
    assert missing(review_request)[1] == ("approval_missing", "an operator")


@pytest.mark.parametrize("end", ["rejected", "withdrawn", "revoked", "expired", "approved"])
def test_what_has_ended_needs_a_new_request(end):
    story = Story(review_seconds=0 if end == "expired" else 3600)
    if end == "approved":
        assert missing(story.approved()) == []
        return
    if end == "expired":
        review_request = lapsed(story.in_review())
    elif end == "rejected":
        review_request = story.vote(story.release, story.in_review(), "reject")
    elif end == "withdrawn":
        review_request = decisions.withdraw(actor(story.owner), story.open().pk, comment="no")
    else:
        review_request = decisions.revoke(actor(story.owner), story.approved().pk, comment="no")
    assert missing(review_request) == [(f"request_{end}", "owner")]


def test_changes_requested_is_explained_like_a_draft():
    story = Story()
    review_request = story.vote(story.release, story.in_review(), "request_changes")
    assert missing(review_request) == [("review_not_requested", "owner")]


def test_an_environment_without_a_sound_policy_is_for_an_operator():
    story = Story()
    review_request = story.open()
    confirm_all(story.owner, review_request)
    make_environment(rules=[])
    assert missing(review_request) == [("policy_missing", "an operator, with `manage.py set_policy`")]


def test_a_policy_may_ask_for_fewer_confirmations():
    story = Story(required_confirmations=["sla"])
    review_request = story.open()
    assert [reason.pointer for reason in explain.missing(review_request, now=database_now())] == ["/confirmations/sla"]


@pytest.mark.parametrize("in_review", [True, False])
def test_F03_a_primary_that_is_away_is_a_reason_and_not_an_error(in_review):
    story = Story()
    review_request = story.in_review() if in_review else story.open()
    with connections["default"].execute_wrapper(away):
        assert [code for code, _ in missing(review_request)] == ["primary_unavailable"]

"""What follows from a change of state: the states of plans and moves, and expiries."""

import pytest

from drafts.coverage import append_move, edit_plan
from drafts.models import CoveragePlan, ExpansionMove
from reviews import decisions
from reviews.models import DeploymentReviewRequest, State
from tests.clock import lapse
from tests.factories import Story, actor, confirm_all, make_environment
from tests.invariants import EDGES, assert_consistent, refused
from tests.reviews.machine.cast import MOVE, lapsed

pytestmark = pytest.mark.usefixtures("both_stores")
ONE = [{"name": "release", "group": "release", "quorum": 1}]


def states(story: Story) -> tuple[str, list[str]]:
    """The state of the plan and of its moves, by the database clock."""
    moves = ExpansionMove.objects.as_of_now().filter(plan=story.plan).order_by("number")
    return CoveragePlan.objects.as_of_now().get(pk=story.plan.pk).state_now, [move.state_now for move in moves]


def test_the_machine_of_the_model_is_the_table_of_the_contract():
    found = set()
    for transition in DeploymentReviewRequest._meta.get_field("state").get_all_transitions(DeploymentReviewRequest):
        found.add((str(transition.source), str(transition.target)))
    assert found == EDGES - {("", "draft")}
    assert {str(state) for state in State} == {after for _, after in EDGES}


def test_plan_and_moves_follow_every_verb():
    story = Story()
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    assert states(story) == ("draft", ["draft"])
    review_request = story.in_review()
    assert states(story) == ("review_requested", ["review_requested"])
    decisions.recall(actor(story.owner), review_request.pk)
    assert states(story) == ("draft", ["draft"])
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    story.vote(story.release, review_request, "request_changes")
    assert states(story) == ("draft", ["draft"])
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    story.vote(story.release, review_request)
    story.vote(story.security, review_request)
    assert states(story) == ("approved", ["approved"])
    decisions.expand(actor(story.owner), story.plan.pk)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    assert states(story) == ("draft", ["approved", "draft"])
    decisions.revoke(actor(story.owner), review_request.pk, comment="stop")
    assert states(story) == ("draft", ["draft", "draft"])


@pytest.mark.parametrize("choice", ["reject", "request_changes"])
def test_a_vote_that_ends_the_review_frees_the_plan(choice):
    story = Story()
    story.vote(story.release, story.in_review(), choice)
    assert states(story)[0] == "draft"
    assert edit_plan(actor(story.owner), story.plan.pk, fields={"name": "Better"}).name == "Better"


def test_a_plan_in_review_for_one_environment_is_closed_although_another_approved_it():
    story = Story()
    make_environment("staging", rules=ONE)
    approved = story.approved()
    staging = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")
    confirm_all(story.owner, staging)
    staging = decisions.request_review(actor(story.owner), staging.pk)
    assert states(story)[0] == "review_requested"
    refused(lambda: decisions.expand(actor(story.owner), story.plan.pk), "plan_review_requested", status=409)
    story.vote(story.release, staging, "reject")
    assert states(story)[0] == "approved"
    decisions.revoke(actor(story.owner), approved.pk, comment="stop")
    assert states(story)[0] == "draft"
    assert_consistent()


def test_a_plan_whose_bytes_differ_from_the_approved_packet_is_a_draft():
    story = Story()
    story.approved()
    decisions.expand(actor(story.owner), story.plan.pk)
    edit_plan(actor(story.owner), story.plan.pk, fields={"name": "Changed"})
    second = story.in_review()
    decisions.recall(actor(story.owner), second.pk)
    assert states(story)[0] == "draft"
    edit_plan(actor(story.owner), story.plan.pk, fields={"name": story.plan.name})
    second = decisions.request_review(actor(story.owner), second.pk)
    decisions.withdraw(actor(story.owner), second.pk, comment="the old one will do")
    assert states(story)[0] == "approved"


def test_W14_a_lapsed_review_frees_plan_and_moves_although_nothing_was_written():
    story = Story(review_seconds=0)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    lapsed(story.in_review())
    assert states(story) == ("draft", ["draft"])
    assert append_move(actor(story.owner), story.plan.pk, fields=MOVE).number == 2


def test_W14_a_lapsed_approval_frees_plan_and_moves_although_nothing_was_written():
    story = Story(approval_seconds=1)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    review_request = story.approved()
    lapsed(review_request)
    assert states(story) == ("draft", ["draft"])
    assert DeploymentReviewRequest.objects.get().state == "approved"
    assert DeploymentReviewRequest.objects.as_of_now().filter(state_now="approved").count() == 0
    assert DeploymentReviewRequest.objects.as_of_now().filter(state_now="expired").count() == 1


def test_W14_an_approval_that_has_expired_is_not_superseded_and_its_expiry_is_written_by_the_next_open():
    story = Story(approval_seconds=1)
    old = lapsed(story.approved())
    new = story.in_review()
    assert DeploymentReviewRequest.objects.get(pk=old.pk).state == "expired"
    story.vote(story.release, new)
    story.vote(story.security, new)
    assert old.events.filter(verb="supersede").count() == 0
    assert old.events.filter(verb="expire").count() == 1
    assert_consistent()


def test_W14_request_review_writes_the_expiry_of_an_approval_that_ended_meanwhile():
    story = Story(approval_seconds=1)
    old = story.approved()
    new = story.open()
    confirm_all(story.owner, new)
    lapsed(old)
    decisions.request_review(actor(story.owner), new.pk)
    assert DeploymentReviewRequest.objects.get(pk=old.pk).state == "expired"
    assert_consistent()


def test_state_at_and_as_of_now_agree_at_the_end_itself():
    """Expired at T+0, in Python as in SQL."""
    story = Story()
    review_request = story.in_review()
    assert review_request.state_at(review_request.expires_at) == "expired"
    for state in ("draft", "withdrawn", "rejected", "revoked", "expired"):
        ended = DeploymentReviewRequest(state=state, expires_at=None)
        assert ended.state_at(review_request.expires_at) == state


def test_what_has_lapsed_holds_no_plan_when_it_is_set_anew():
    """Nobody has written that expiry: it is of another environment than the request that is given up."""
    story = Story()
    approved = story.approved()
    make_environment("staging", rules=[{"name": "release", "group": "release", "quorum": 1}])
    other = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")
    lapse(approved)
    decisions.withdraw(actor(story.owner), other.pk, comment="no")
    plan = CoveragePlan.objects.get(pk=story.plan.pk)
    assert (plan.state, plan.review_until, plan.approved_until) == ("draft", None, None)


def test_opening_writes_what_has_lapsed_and_then_alone_sets_the_plan_anew():
    story = Story()
    lapse(story.approved())
    story.open()
    plan = CoveragePlan.objects.get(pk=story.plan.pk)
    assert (plan.state, plan.review_until, plan.approved_until) == ("draft", None, None)


def test_opening_another_request_leaves_a_plan_that_was_expanded_a_draft():
    story = Story()
    approved = story.approved()
    decisions.expand(actor(story.owner), approved.plan_id)
    make_environment("staging", rules=[{"name": "release", "group": "release", "quorum": 1}])
    decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")
    assert CoveragePlan.objects.get(pk=story.plan.pk).state == "draft"


def test_a_packet_of_an_older_revision_holds_nothing():
    """The end of a review is that of its newest packet, and a move that it alone holds is in review."""
    story = Story()
    review_request = story.in_review()
    decisions.recall(actor(story.owner), review_request.pk)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    again = decisions.request_review(actor(story.owner), review_request.pk)
    move = story.plan.moves.get()
    assert (move.state, move.review_until) == ("review_requested", again.expires_at)

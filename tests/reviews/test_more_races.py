"""More races on real PostgreSQL (R02, R03, R08, R12): approve against everything that could take it back, and the A-B-A of facts.md."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
from django.db import connections
from django.db.models.functions import Now
from django_otp.plugins.otp_totp.models import TOTPDevice

from access import second_factor
from config.refusals import Refused
from drafts.coverage import append_move, edit_plan
from reviews import decisions, organisation, policies
from reviews.lifecycle import expire
from reviews.models import Decision, DeploymentReviewRequest, Event, Packet, Vote
from tests.barrier import at_once, refusals, won
from tests.clock import unguarded
from tests.factories import actor, make_user
from tests.invariants import assert_consistent
from tests.reviews.machine.cast import MOVE
from tests.reviews.test_races import ONE, Arena
from tests.rounds import rounds

pytestmark = pytest.mark.usefixtures("both_stores_committed")
ROUNDS = rounds(8)
CLEAN = {403, 409, 412}


def stored(review_request) -> DeploymentReviewRequest:
    return DeploymentReviewRequest.objects.get(pk=review_request.pk)


def clean(answers: list) -> list[Refused]:
    """The refusals, each with words and a status that says whose move it is. Anything else that was raised fails the test."""
    won(answers)
    for refusal in refusals(answers):
        assert refusal.status in CLEAN
        assert all(reason.detail for reason in refusal.reasons)
    return refusals(answers)


def in_turn(number: int, *calls):
    """Who starts first changes from round to round."""
    return calls if number % 2 else tuple(reversed(calls))


def test_R02_approve_against_the_command_that_writes_expiries():
    """The end falls into the race: approved in time and then expired by its own end, or expired; never approved after it."""
    arena = Arena(rules=ONE)
    for number in range(ROUNDS):
        asked = arena.fresh()
        with unguarded():
            DeploymentReviewRequest.objects.filter(pk=asked.pk).update(expires_at=Now() + timedelta(milliseconds=5 + number % 20))
        answers = at_once(*in_turn(number, arena.voting(arena.release, asked), partial(expire, asked.pk, wait=True)))
        found, end = stored(asked), Event.objects.filter(review_request=asked, to_state="approved", from_state="review_requested")
        assert (found.state == "approved") == end.exists() == Decision.objects.filter(pk=asked.pk).exists()
        assert found.state in ("approved", "expired", "review_requested")
        assert all(refusal.codes == ["state_expired"] for refusal in clean(answers))
    assert_consistent()


def test_R02_approve_against_a_new_policy():
    """Approved first, then revoked by what is accepted; or held to both policies; in no case half of each."""
    arena = Arena(rules=ONE)
    one, other = (actor(make_user(name, groups=("operators",))) for name in ("operator", "operator2"))
    due = count(86400)  # what asks for the same as before is no proposal

    def proposed(rules: list) -> partial:
        made = policies.propose_policy(one, arena.environment, rules=rules, required_confirmations=[], due_seconds=next(due))
        return partial(policies.accept_policy, other, made.pk, digest=made.digest)

    two = [*ONE, {"name": "security", "group": "security", "quorum": 1}]
    for number in range(ROUNDS):
        asked = arena.fresh()
        rules = two if number % 4 < 2 else ONE
        clean(at_once(*in_turn(number, arena.voting(arena.release, asked), proposed(rules))))
        found = stored(asked)
        assert (found.state in ("approved", "revoked")) == Decision.objects.filter(pk=asked.pk).exists()
        assert found.policy_id == asked.policy_id
        assert found.state != "approved" or rules == ONE
        proposed(ONE)()
    assert_consistent()


def test_R02_approve_against_removal_from_the_group():
    """Removed first: refused. Removed later: the vote stands. One group, one vote that decides."""
    arena = Arena(rules=ONE)
    group = arena.release.groups.get()
    for number in range(ROUNDS):
        asked = arena.fresh()
        answers = at_once(*in_turn(number, arena.voting(arena.release, asked), arena.release.groups.clear))
        lost = clean(answers)
        assert (stored(asked).state == "approved") == (not lost)
        assert all(refusal.codes == ["not_a_reviewer"] for refusal in lost)
        arena.release.groups.add(group)
    assert_consistent()


def test_R02_approve_against_a_reset_of_the_second_factor():
    """Reset first: refused, whatever the session says. Reset later: the vote stands, and says that there was one."""
    arena = Arena(rules=ONE, second_factor=True)
    for number in range(ROUNDS):
        asked = arena.fresh()
        app = TOTPDevice.objects.create(user=arena.release, name="app")
        who = replace(actor(arena.release, channel="admin"), app=app.pk)
        vote = partial(decisions.vote, who, asked.pk, choice="approve", digest=asked.digest)
        lost = clean(at_once(*in_turn(number, vote, partial(second_factor.reset, arena.release))))
        assert (stored(asked).state == "approved") == (not lost)
        assert all(refusal.codes == ["second_factor_missing"] for refusal in lost)
        assert list(asked.votes.values_list("second_factor", flat=True)) == [True] * (not lost)
    assert_consistent()


def test_R02_approve_against_deactivation():
    arena = Arena(rules=ONE)
    people = type(arena.release).objects.filter(pk=arena.release.pk)
    for number in range(ROUNDS):
        asked = arena.fresh()
        lost = clean(at_once(*in_turn(number, arena.voting(arena.release, asked), partial(people.update, is_active=False))))
        assert (stored(asked).state == "approved") == (not lost)
        people.update(is_active=True)
    assert_consistent()


@pytest.mark.parametrize("edit", ["edit_plan", "append_move", "confirm", "edit_subject"])
def test_R02_approve_against_an_edit_of_what_is_under_review(edit):
    """No edit gets in: what is approved is what was put up."""
    arena = Arena(rules=ONE)
    confirmation = {"fields": {"team": "x", "channel": "x", "escalation": "x"}, "valid_until": "2099-01-01T00:00:00Z"}
    for number in range(ROUNDS):
        asked = arena.fresh()
        owner = actor(arena.owner)
        calls = {
            "edit_plan": partial(edit_plan, owner, asked.plan_id, fields={"name": "Another"}),
            "append_move": partial(append_move, owner, asked.plan_id, fields=MOVE),
            "confirm": partial(decisions.confirm, owner, asked.pk, "support", **confirmation),
            "edit_subject": partial(decisions.edit_subject, owner, asked.pk, subject=[]),
        }
        answers = at_once(*in_turn(number, arena.voting(arena.release, asked), calls[edit]))
        assert len(clean(answers)) == 1
        assert stored(asked).state == "approved"
    assert_consistent()


def test_R08_a_second_tab_of_the_same_reviewer_with_another_choice():
    arena = Arena(rules=ONE)
    for number in range(ROUNDS):
        asked = arena.fresh()
        calls = in_turn(number, arena.voting(arena.release, asked), arena.voting(arena.release, asked, "reject"))
        answers = at_once(*calls)
        assert len(won(answers)) == len(clean(answers)) == 1
        assert Vote.objects.filter(review_request=asked).count() == 1
    assert_consistent()


def test_R02_two_revocations_and_the_clock():
    arena = Arena(rules=ONE)
    for number in range(ROUNDS):
        asked = arena.fresh()
        arena.voting(arena.release, asked)()
        stops = [partial(decisions.revoke, actor(who), asked.pk, comment="stop") for who in (arena.owner, arena.release)]
        answers = at_once(*in_turn(number, *stops))
        assert len(won(answers)) == 1
        assert [refusal.codes for refusal in clean(answers)] == [["state_revoked"]]
    assert_consistent()


def test_R02_two_environments_of_one_plan_at_once():
    """Two requests, two locks, one plan: each is decided, and the plan follows both."""
    arena = Arena(rules=ONE)
    from_staging = decisions.open_request
    organisation.set_environment(organisation.COMMAND_LINE, "staging", name="Staging", protected=True)
    staging = type(arena.environment).objects.get(slug="staging")
    policies.propose_policy(organisation.COMMAND_LINE, staging, rules=ONE, required_confirmations=[])
    for number in range(ROUNDS):
        one = arena.fresh()
        other = from_staging(actor(arena.owner), plan_id=one.plan_id, environment_slug="staging")
        other = decisions.request_review(actor(arena.owner), other.pk)
        answers = at_once(*in_turn(number, arena.voting(arena.release, one), arena.voting(arena.release, other)))
        assert [answer.state for answer in won(answers)] == ["approved", "approved"]
        assert stored(one).plan.state == "approved"
    assert_consistent()


def test_R03_the_A_B_A_of_a_packet_is_refused():
    """In review, changes requested, another packet in review: the vote of the first packet finds the state it expects, and is refused."""
    arena = Arena(rules=ONE)
    for _ in range(ROUNDS):
        first = arena.fresh()
        late = arena.voting(arena.release, first)
        arena.voting(arena.reviewers[1], first, "request_changes")()
        edit_plan(actor(arena.owner), first.plan_id, fields={"name": "Packet B"})
        second = decisions.request_review(actor(arena.owner), first.pk)
        answers = at_once(late, late)
        assert {tuple(refusal.codes) for refusal in clean(answers)} == {("stale_packet",)}
        assert (stored(first).state, second.revision, Packet.objects.filter(review_request=first).count()) == ("review_requested", 2, 2)
    assert not Decision.objects.exists()
    assert_consistent()


def test_R12_a_decision_reads_where_it_writes():
    """Every statement of the deciding vote on the draft store runs inside its one transaction."""
    arena = Arena(rules=ONE)
    asked = arena.fresh()
    outside = []

    def watch(execute, sql, params, many, context):
        if not context["connection"].in_atomic_block:
            outside.append(sql)
        return execute(sql, params, many, context)

    with connections["self_service"].execute_wrapper(watch):
        arena.voting(arena.release, asked)()
    # What is answered is read afresh after the commit.
    assert [sql for sql in outside if not sql.startswith("SELECT")] == []
    assert len(outside) <= 1

"""F03 without HTTP: what an actor who was checked already can do while the primary is away, and what has to wait for it."""

from collections.abc import Callable

import pytest
from django.db import connections

from access.actors import Actor
from config.refusals import Refused
from drafts.coverage import append_move, create_plan, edit_plan
from readiness.gate import gate
from reviews import decisions
from reviews.models import DeploymentReviewRequest, Packet, State, Vote
from tests.factories import CONFIRMATION_FIELDS, PLAN_FIELDS, VALID_UNTIL, Story, actor, confirm_all
from tests.faults.proxy import Proxy
from tests.invariants import assert_consistent, fingerprint

MOVE = {"gate_type": "manual_override_gate", "system_scope": "operations_console", "authority_context": "duty manager", "corrects": None}


@pytest.fixture
def story(primary):
    return Story()


@pytest.fixture
def owner(story) -> Actor:
    """Checked while the primary was there."""
    return actor(story.owner)


def state(review_request: DeploymentReviewRequest) -> str:
    return DeploymentReviewRequest.objects.get(pk=review_request.pk).state


def test_F03_plans_are_drafted_while_the_primary_is_away(story, owner, primary):
    primary.refuse()

    plan = create_plan(owner, partner_slug=story.partner.slug, fields={**PLAN_FIELDS, "external_reference": "host-request-alone"})
    edit_plan(owner, plan.pk, fields={"name": "Renamed"})
    move = append_move(owner, plan.pk, fields=MOVE)

    assert (plan.moves.get().number, move.number) == (1, 1)


def test_F03_requests_are_opened_confirmed_and_withdrawn_while_the_primary_is_away(story, owner, primary):
    primary.refuse()

    opened = decisions.open_request(owner, plan_id=story.plan.pk, environment_slug="production")
    for kind, fields in CONFIRMATION_FIELDS.items():
        decisions.confirm(owner, opened.pk, kind, fields=fields, valid_until=VALID_UNTIL, evidence_url="https://evidence.example.org/1")
    decisions.comment(owner, opened.pk, comment="waiting")
    decisions.withdraw(owner, opened.pk, comment="another day")

    assert (state(opened), opened.confirmations.count()) == (State.WITHDRAWN, 5)
    primary.pass_on()
    assert_consistent()


def test_F03_recall_works_while_the_primary_is_away(story, owner, primary):
    review_request = story.in_review()
    primary.refuse()

    decisions.recall(owner, review_request.pk)

    assert state(review_request) == State.DRAFT


def test_F03_owner_revokes_while_the_primary_is_away(story, owner, primary):
    review_request = story.approved()
    primary.refuse()

    decisions.revoke(owner, review_request.pk, comment="stop")

    assert state(review_request) == State.REVOKED


def test_F03_gate_answers_while_the_primary_is_away_and_stays_shut(story, primary):
    story.approved()
    assert gate(story.plan, story.environment).may_launch is True

    primary.refuse()
    found = gate(story.plan, story.environment)

    assert (found.may_launch, found.verdict) == (False, "allow")
    assert {blocker.code for blocker in found.blockers} == {"readiness_unknown"}
    assert found.receipt is not None

    primary.pass_on()
    assert gate(story.plan, story.environment).may_launch is True


def unavailable(call: Callable, proxy: Proxy) -> None:
    """The call is refused for the primary alone while it is away, changes nothing, and is done when it is back."""
    before = fingerprint()
    proxy.refuse()
    with pytest.raises(Refused) as caught:
        call()
    assert (caught.value.status, caught.value.codes) == (503, ["primary_unavailable"])
    proxy.pass_on()
    connections["default"].close()  # a server looks at each request whether its connections still are
    assert fingerprint() == before
    call()


def test_F03_request_review_waits_for_the_primary(story, owner, primary):
    review_request = story.open()
    confirm_all(story.owner, review_request)

    unavailable(lambda: decisions.request_review(owner, review_request.pk), primary)

    assert (state(review_request), Packet.objects.count()) == (State.REVIEW_REQUESTED, 1)


@pytest.mark.parametrize("choice", ["approve", "request_changes", "reject"])
def test_F03_votes_wait_for_the_primary(story, primary, choice):
    review_request = story.in_review()
    reviewer = actor(story.release, channel="admin")
    said = {"choice": choice, "digest": review_request.digest, "comment": "seen"}

    unavailable(lambda: decisions.vote(reviewer, review_request.pk, **said), primary)

    assert Vote.objects.count() == 1
    assert_consistent()

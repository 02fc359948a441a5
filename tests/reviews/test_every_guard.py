"""W15: whatever a verb asks inside its transaction, made to raise, stops the verb. What it asks is found by looking, not from a list."""

import gc
import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.db import connections

from drafts import coverage
from drafts.coverage import append_move, delete_plan, edit_plan
from receipts import envelope
from reviews import decisions, opening
from reviews.models import Decision, DeploymentReviewRequest, Event, Packet, Vote
from tests.factories import PLAN_FIELDS, make_plan
from tests.reviews.machine.cast import MOVE, Cast, confirm, undone

pytestmark = pytest.mark.usefixtures("both_stores")
PROJECT = Path(__file__).resolve().parent.parent.parent
ROOMS = tuple(str(PROJECT / room) + "/" for room in ("access", "config", "drafts", "receipts", "reviews"))
# What stands between Django and the line to the database, for each statement, a ROLLBACK too: no guard of a verb.
OF_THE_LINE = ("config/isolation.py", "config/deadline.py")


def last_vote(cast: Cast, choice: str) -> Callable:
    asked = cast.in_review()
    cast.vote(cast.release, asked)
    conditions = ["only at night"] if choice == "approve_with_conditions" else None
    said = {"choice": choice, "digest": asked.digest, "comment": "seen", "conditions": conditions}
    return partial(decisions.vote, cast.actor("security"), asked.pk, **said)


def successor(cast: Cast) -> Callable:
    ended = cast.withdrawn()
    who = cast.actor("requester")
    return partial(decisions.open_request, who, plan_id=cast.plan.pk, environment_slug="production", predecessor_id=ended.pk)


def superseding(cast: Cast) -> Callable:
    """The approval that takes the place of another."""
    cast.approved()
    return last_vote(cast, "approve")


# verb → ways in which it succeeds: each makes what is needed and hands back the call.
WAYS = {
    "open_request": [successor],
    "edit_subject": [lambda cast: partial(decisions.edit_subject, cast.actor("owner"), cast.confirmed().pk, subject=[])],
    "confirm": [lambda cast: partial(confirm, cast.actor("owner"), cast.confirmed().pk)],
    "name_person": [
        lambda cast: partial(decisions.name_person, cast.actor("owner"), cast.open().pk, "sla", username=cast.people["viewer"].username)
    ],
    "request_review": [lambda cast: partial(decisions.request_review, cast.actor("owner"), cast.confirmed().pk)],
    "recall": [lambda cast: partial(decisions.recall, cast.actor("owner"), cast.in_review().pk)],
    "withdraw": [lambda cast: partial(decisions.withdraw, cast.actor("owner"), cast.in_review().pk, comment="no")],
    "comment": [lambda cast: partial(decisions.comment, cast.actor("viewer"), cast.in_review().pk, comment="well")],
    "revoke": [lambda cast: partial(decisions.revoke, cast.actor("owner"), cast.approved().pk, comment="no")],
    "expand": [lambda cast: partial(decisions.expand, cast.actor("owner"), cast.approved().plan_id)],
    "vote": [
        superseding,
        lambda cast: last_vote(cast, "approve_with_conditions"),
        lambda cast: last_vote(cast, "request_changes"),
        lambda cast: last_vote(cast, "reject"),
    ],
    "create_plan": [
        lambda cast: partial(
            coverage.create_plan, cast.actor("owner"), partner_slug=cast.partner.slug, fields={**PLAN_FIELDS, "external_reference": "new"}
        )
    ],
    "edit_plan": [lambda cast: partial(edit_plan, cast.actor("owner"), cast.plan.pk, fields={"name": "Another"})],
    "append_move": [lambda cast: partial(append_move, cast.actor("owner"), cast.plan.pk, fields=MOVE)],
    "delete_plan": [lambda cast: partial(delete_plan, cast.actor("owner"), make_plan(cast.owner, cast.partner).pk)],
}
# Its call needs a receipt of another installation; tests/reviews/test_staging.py makes those.
ELSEWHERE = {"hand_in_staging"}


def verbs() -> set[str]:
    """All that `@retried` wraps."""
    rooms = (decisions, opening, coverage)
    wrapper = decisions.vote.__code__
    return {name for room in rooms for name, thing in vars(room).items() if getattr(thing, "__code__", None) is wrapper}


def test_every_verb_has_its_ways_here():
    assert verbs() == set(WAYS) | ELSEWHERE


def asked_by(call: Callable) -> list[types.CodeType]:
    """The code of each function of ours that runs inside the verb's transaction, in order."""
    connection = connections["self_service"]
    outside, found = len(connection.savepoint_ids) + 1, {}  # `undone` holds one of its own

    def look(frame, event, _):
        code, inside = frame.f_code, len(connection.savepoint_ids) > outside
        if event == "call" and inside and code.co_filename.startswith(ROOMS) and not code.co_filename.endswith(OF_THE_LINE):
            found.setdefault(code)

    def looked_at():
        sys.setprofile(look)
        try:
            call()
        finally:
            sys.setprofile(None)

    undone(looked_at)
    return list(found)


def functions_of(codes: list[types.CodeType]) -> list[types.FunctionType]:
    """The functions with these codes. One inside another is left out: what holds it is among them."""
    wanted = {id(code) for code in codes if not code.co_freevars and "<locals>" not in code.co_qualname}
    return [thing for thing in gc.get_objects() if type(thing) is types.FunctionType and id(thing.__code__) in wanted]


def _broken(*_, **__):
    1 / 0  # says so by names that every module has


def standing() -> list:
    rows = [list(model.objects.order_by("pk").values_list("pk")) for model in (Vote, Event, Decision, Packet)]
    return [*rows, list(DeploymentReviewRequest.objects.order_by("pk").values_list("pk", "state", "revision", "digest", "version"))]


@pytest.mark.parametrize(("verb", "number"), [(verb, number) for verb, ways in WAYS.items() for number in range(len(ways))])
def test_W15_whatever_a_verb_asks_stops_it_when_it_raises(verb, number):
    call = WAYS[verb][number](Cast())
    guards = functions_of(asked_by(call))
    assert len(guards) > 5
    before = standing()
    for guard in guards:
        code, guard.__code__ = guard.__code__, _broken.__code__
        try:
            went = _goes_through(call)
        finally:
            guard.__code__ = code
        assert not went, f"{verb} goes on although {guard.__module__}.{guard.__qualname__} raises"
        # Else nothing would go through any more, and the rest of this test would say nothing.
        assert not connections["self_service"].needs_rollback
        assert standing() == before
    assert _goes_through(call)


def _goes_through(call: Callable) -> bool:
    try:
        undone(call)
    except Exception:
        return False
    return True


def test_what_no_verb_asks_is_not_found():
    assert envelope.payload.__code__ not in asked_by(WAYS["recall"][0](Cast()))

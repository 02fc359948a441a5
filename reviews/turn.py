"""A verb's turn on one request: the lock, what is found under it, and the event it leaves."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery

from access.actors import Actor
from config.clock import ClockNow
from config.databases import STORE
from config.refusals import Reason, not_found, recorded, refuse_if
from drafts.coverage import Version, owner_names, owner_reasons, version_reasons
from drafts.custody import comment_text
from drafts.models import CoveragePlan
from reviews.lifecycle import carry
from reviews.models import ActingRole, DeploymentReviewRequest, Event, ReviewPolicy, State
from reviews.record import write_event
from reviews.rights import visible_requests

COMMENT_LENGTH = 2000
_NEWEST = Event.objects.filter(review_request=OuterRef("pk")).order_by("-number")
# Read with the request's row, which is locked by then: a statement of its own for each would be two more for every verb.
UNDER_THE_LOCK = {
    "now": ClockNow(),
    "last_number": Subquery(_NEWEST.values("number")[:1]),
    "last_sha256": Subquery(_NEWEST.values("sha256")[:1]),
    "in_force": ReviewPolicy.objects.in_force_as_json(OuterRef("environment")),
}


@dataclass
class Turn:
    """One verb's turn on a locked request: who, what, when by the database clock, the state it found, and its newest event."""

    actor: Actor
    verb: str
    review_request: DeploymentReviewRequest
    now: datetime
    state: str
    role: str = ""
    rules: list[str] = field(default_factory=list)
    last: tuple[int, str] | None = None

    def act_as_reviewer(self, groups: frozenset[str]) -> None:
        """`groups`: those of the policies that the actor is in; their rules are named in the event."""
        self.role = ActingRole.REVIEWER
        rules = [rule for ruling in self.review_request.rulings for rule in ruling.rules]
        self.rules = list(dict.fromkeys(str(rule["name"]) for rule in rules if rule["group"] in groups))

    def save(self, **said) -> Event:
        """Store the request one version on, with its event. The event first: the database lets no state change without it."""
        review_request = self.review_request
        review_request.version += 1
        review_request.updated_at = self.now
        event = self.event(**said)
        review_request.save(update_fields=review_request.MUTABLE)
        return event

    def event(self, **said) -> Event:
        review_request = self.review_request
        states = {"from_state": self.state, "to_state": review_request.state, "role": self.role}
        if self.rules:
            said["detail"] = {**said.get("detail", {}), "rules": self.rules}
        standing = {"revision": review_request.revision, "digest": review_request.digest}
        written = write_event(self.actor, self.verb, review_request, at=self.now, after=self.last, **(states | standing | said))
        self.last = (written.number, written.sha256)
        return written

    def carry(self) -> None:
        """Plan and moves follow, under the plan's lock."""
        carry(
            CoveragePlan.objects.using(STORE).select_for_update(of=("self",)).select_related("partner").get(pk=self.review_request.plan_id)
        )


@contextmanager
def taking_turn(actor: Actor, verb: str, request_id: uuid.UUID, *, role: str = "", seen: bool = True) -> Iterator[Turn]:
    """Lock a request for one verb. `seen` False leaves the question who may see it to the verb, which asks the group.

    `role`: in which the actor acts, where the verb's guards let nobody else pass; other verbs set it on the turn.
    """
    with recorded(actor, verb), transaction.atomic(using=STORE):
        if seen and not visible_requests(actor).filter(pk=request_id).exists():
            raise not_found("review request")
        # First the bare row: a join would show related rows as they were before the wait for the lock.
        if not DeploymentReviewRequest.objects.using(STORE).select_for_update().filter(pk=request_id).values("pk").first():
            raise not_found("review request")
        found = DeploymentReviewRequest.objects.select_related("plan__partner", "environment", "policy").annotate(**UNDER_THE_LOCK)
        review_request = found.get(pk=request_id)
        now, last = review_request.now, (review_request.last_number or 0, review_request.last_sha256 or "")
        yield Turn(actor, verb, review_request, now, review_request.state_at(now), role, last=last)
        # Every verb asks call_reasons itself; one that forgot it must not go through.
        refuse_if(list(actor.unfit.reasons))


def state_reasons(turn: Turn, *allowed: str) -> list[Reason]:
    if turn.state in allowed:
        return []
    words = " or ".join(State(state).label.lower() for state in allowed)
    detail = f"This review request is {State(turn.state).label.lower()}; this can be done only while it is {words}."
    return [Reason(f"state_{turn.state}", detail, clear_by=owner_names(turn.review_request.plan.partner_id))]


def text_reasons(text: object, *, pointer: str, required: bool, length: int, check=comment_text) -> list[Reason]:
    if not isinstance(text, str):
        return [Reason("invalid_type", "This must be a text.", pointer=pointer, status=400)]
    if required and not text.strip():
        return [Reason("required", "Say why, in a comment.", pointer=pointer, status=400)]
    if len(text) > length:
        return [Reason("max_length", f"This may have {length} characters at most.", pointer=pointer, status=400)]
    try:
        check(text)
    except ValidationError as error:
        return [Reason(error.code, error.messages[0], pointer=pointer, status=400)]
    return []


def comment_reasons(comment: object, *, required: bool = True) -> list[Reason]:
    return text_reasons(comment, pointer="/comment", required=required, length=COMMENT_LENGTH)


def owner_turn_reasons(turn: Turn, version: Version, *, scope: str) -> list[Reason]:
    review_request = turn.review_request
    return owner_reasons(turn.actor, review_request.plan.partner, scope=scope) + version_reasons(review_request.version, version)


def seen_request(request_id: uuid.UUID) -> DeploymentReviewRequest:
    """A request as it is stored now, read afresh; for the answer to a verb."""
    return DeploymentReviewRequest.objects.as_of_now().select_related("plan__partner", "environment", "policy").get(pk=request_id)

"""A verb's turn on one request: the lock, what is found under it, and the event it leaves."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery

from access.actors import Actor, call_reasons
from config.clock import ClockNow
from config.databases import STORE
from config.prepared import Prepared
from config.refusals import Reason, not_found, recorded, refuse_if
from drafts.coverage import Version, lock, owner_names, owner_reasons, version_reasons
from drafts.custody import comment_text
from drafts.models import Membership, Role
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


def _own_role(user_id: int) -> Subquery:
    return Subquery(Membership.objects.filter(partner=OuterRef("plan__partner"), user_id=user_id).values("role")[:1])


REQUESTS = DeploymentReviewRequest.objects.select_related("plan__partner", "environment", "policy")
# Of the bare row: a join would show related rows as they were before the wait for the lock.
_locked = Prepared(lambda pk: DeploymentReviewRequest.objects.using(STORE).select_for_update().filter(pk=pk).only("pk"), uuid.UUID)
_locked_by_member = Prepared(
    lambda pk, user_id: (
        DeploymentReviewRequest.objects.using(STORE)
        .select_for_update(of=("self",))
        .filter(pk=pk, plan__partner__memberships__user_id=user_id)
        .only("pk")
    ),
    uuid.UUID,
    int,
)
_under_the_lock = Prepared(
    lambda pk, user_id: REQUESTS.annotate(own_role=_own_role(user_id), **UNDER_THE_LOCK).filter(pk=pk), uuid.UUID, int
)
_as_of_now = Prepared(lambda pk: REQUESTS.as_of_now().filter(pk=pk), uuid.UUID)


@dataclass
class Turn:
    """One verb's turn on a locked request: who, what, when by the database clock, the state it found, and its newest event.

    `owns`: the actor is an owner of its partner, asked under the lock.
    """

    actor: Actor
    verb: str
    review_request: DeploymentReviewRequest
    now: datetime
    state: str
    role: str = ""
    rules: list[str] = field(default_factory=list)
    second_factor: bool = False
    last: tuple[int, str] | None = None
    owns: bool = False

    def act_as_reviewer(self, groups: frozenset[str], *, second_factor: bool = False) -> None:
        """`groups`: those of the policies that the actor is in; their rules are named in the event, and whether the sign-in took a code."""
        self.role, self.second_factor = ActingRole.REVIEWER, second_factor
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
        if self.second_factor:
            said["detail"] = {**said.get("detail", {}), "second_factor": True}
        standing = {"revision": review_request.revision, "digest": review_request.digest}
        written = write_event(self.actor, self.verb, review_request, at=self.now, after=self.last, **(states | standing | said))
        self.last = (written.number, written.sha256)
        return written

    def carry(self) -> None:
        """Plan and moves follow, under the plan's lock."""
        carry(lock(self.review_request.plan_id))


@contextmanager
def taking_turn(actor: Actor, verb: str, request_id: uuid.UUID, *, role: str = "", seen: bool = True) -> Iterator[Turn]:
    """Lock a request for one verb. `seen` False leaves the question who may see it to the verb, which asks the group.

    `role`: in which the actor acts, where the verb's guards let nobody else pass; other verbs set it on the turn.
    """
    with recorded(actor, verb, about=request_id), transaction.atomic(using=STORE):
        if not (_lock_seen(actor, request_id) if seen else _locked.first(request_id)):
            raise not_found("review request")
        review_request = _under_the_lock.first(request_id, actor.user_id)
        now, last = review_request.now, (review_request.last_number or 0, review_request.last_sha256 or "")
        owns = review_request.own_role == Role.OWNER and actor.covers(review_request.plan.partner.slug)
        yield Turn(actor, verb, review_request, now, review_request.state_at(now), role, last=last, owns=owns)
        # Every verb asks call_reasons itself; one that forgot it must not go through.
        refuse_if(list(actor.unfit.reasons))


def _lock_seen(actor: Actor, request_id: uuid.UUID) -> DeploymentReviewRequest | None:
    """Lock the row of a request that the actor may see; who may not does not wait for its lock either. Most are members of its partner."""
    if actor.partners is None and (found := _locked_by_member.first(request_id, actor.user_id)):
        return found
    return _locked.first(request_id) if visible_requests(actor).filter(pk=request_id).exists() else None


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


def said_reasons(turn: Turn, comment: object) -> list[Reason]:
    """A comment changes no version, so a second click would say it twice."""
    newest = Event.objects.filter(review_request=turn.review_request, number=turn.last[0]).values_list("verb", "actor_id", "comment")
    if newest.first() != ("comment", turn.actor.user_id, comment):
        return []
    return [Reason("said_already", "You have just said this; it stands in the timeline.", clear_by="nobody: there is nothing left to do")]


def owner_turn_reasons(turn: Turn, version: Version, *, scope: str) -> list[Reason]:
    review_request = turn.review_request
    rights = call_reasons(turn.actor, scope) if turn.owns else owner_reasons(turn.actor, review_request.plan.partner, scope=scope)
    return rights + version_reasons(review_request.version, version)


def seen_request(request_id: uuid.UUID) -> DeploymentReviewRequest:
    """A request as it is stored now, read afresh; for the answer to a verb."""
    return _as_of_now.first(request_id)

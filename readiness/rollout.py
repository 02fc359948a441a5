"""The four rollout gates of a review request, asked live: draft coverage, security review, staging validation, production deployment."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.actors import Actor
from config.refusals import Reason
from drafts.coverage import visible_plans
from readiness.gate import gate
from reviews import explain, packet, reading, staging
from reviews.models import DeploymentReviewRequest
from reviews.record import database_now
from reviews.rights import visible_requests

LISTED = 20
BOUNDARY = ("gate_type", "system_scope", "authority_context", "external_reference")
MET, NOT_MET, NOT_NEEDED = "met", "not_met", "not_needed"


@dataclass(frozen=True)
class GateState:
    """One gate of one request. `detail`: a sentence; `clear_by`: who can clear it where it is not met."""

    state: str
    detail: str
    clear_by: str = ""


@dataclass(frozen=True)
class Progress:
    """A request and its four gates, in the order of the page. `owned`: its plan is among those that the actor may open."""

    review_request: DeploymentReviewRequest
    state: str
    owned: bool
    gates: tuple[GateState, GateState, GateState, GateState]


@dataclass(frozen=True)
class Board:
    """Requests, newest first, and the gates of one of them. `after`: the last listed, where older ones follow."""

    listed: list[DeploymentReviewRequest]
    after: uuid.UUID | None
    shown: Progress | None


def live(actor: Actor, *, chosen: uuid.UUID | None = None, after: uuid.UUID | None = None) -> Board:
    """The newest requests that the actor may see, or those older than `after`, and the gates of the chosen one or the first.

    Each carries its state as of now. Raises DatabaseError or Refused when a database is away.
    """
    now, visible = database_now(), visible_requests(actor).order_by("-created_at", "-pk")
    older = Q() if after is None else _older_than(visible.filter(pk=after).first())
    found = list(visible.filter(older)[: LISTED + 1])
    listed, more = found[:LISTED], len(found) > LISTED
    one = visible.filter(pk=chosen).first() if chosen else next(iter(listed), None)
    return Board(listed, listed[-1].pk if more else None, _progress(one, now=now, owned=_openable(actor, one)) if one else None)


def _openable(actor: Actor, review_request: DeploymentReviewRequest) -> bool:
    return visible_plans(actor).filter(pk=review_request.plan_id).exists()


def _older_than(last: DeploymentReviewRequest | None) -> Q:
    """Nothing is older than a request that the actor may not see."""
    if last is None:
        return Q(pk__in=[])
    return Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)


def _progress(review_request: DeploymentReviewRequest, *, now: datetime, owned: bool) -> Progress:
    gates = (coverage(review_request), review(review_request, now), validation(review_request, now), deployment(review_request))
    return Progress(review_request, review_request.state_at(now), owned, gates)


def _not_met(reasons: list[Reason]) -> GateState:
    """The first reason is what to do next; the others are counted."""
    first, more = reasons[0], len(reasons) - 1
    return GateState(NOT_MET, f"{first.detail} " + _("And %(number)d more.") % {"number": more} if more else first.detail, first.clear_by)


def coverage(review_request: DeploymentReviewRequest) -> GateState:
    plan, moves = review_request.plan, review_request.plan.moves.count()
    empty = [_(reading.PLAN_LABELS[name]).lower() for name in BOUNDARY if not getattr(plan, name)]
    if empty:
        return GateState(NOT_MET, _("The plan lacks %(fields)s.") % {"fields": ", ".join(empty)}, _("an owner of the partner"))
    said = _("All five boundary fields are saved, with %(moves)s.") % {"moves": _moves(moves)}
    frozen = review_request.packets.filter(revision=review_request.revision).only("moves_count").first()
    if frozen is None:
        return GateState(MET, said)
    froze = _("Revision %(number)d froze %(moves)s.") % {"number": frozen.revision, "moves": _moves(frozen.moves_count)}
    return GateState(MET, f"{said} {froze}")


def _moves(count: int) -> str:
    return ngettext("%(number)d move", "%(number)d moves", count) % {"number": count} if count else _("no moves")


def review(review_request: DeploymentReviewRequest, now: datetime) -> GateState:
    """Seats are asked for while a review runs; before and after it, what the way there is missing."""
    missing = explain.missing(review_request, now=now)
    if missing:
        return _not_met(missing)
    return GateState(MET, _("Every seat of revision %(number)d is filled.") % {"number": review_request.revision})


def validation(review_request: DeploymentReviewRequest, now: datetime) -> GateState:
    standing = staging.state(review_request, now)
    if standing.met is None:
        return GateState(NOT_NEEDED, standing.reasons[0].detail)
    return GateState(MET, _("Staging approved every subject, and its receipt verifies.")) if standing.met else _not_met(standing.reasons)


def deployment(review_request: DeploymentReviewRequest) -> GateState:
    """The gate's own answer for this plan and environment; another request of the plan may be the one that answers."""
    subjects = sorted(packet.subject_words(review_request.subject))
    answer = gate(review_request.plan, review_request.environment, subject=subjects[0] if subjects else None)
    if answer.request != str(review_request.pk):
        other = _("Another review request of this plan answers for this environment.")
        return GateState(NOT_MET, other, _("nobody; look at the other one"))
    if not answer.may_launch:
        return _not_met(answer.blockers)
    conditions = " " + _("Its conditions: %(conditions)s.") % {"conditions": "; ".join(answer.conditions)} if answer.conditions else ""
    return GateState(MET, _("The gate says that it may launch.") + conditions)

"""The owners' pages that show: all plans, one plan, one review request, its timeline."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from access.actors import Actor
from access.pages import page, page_actor
from config.methods import require_safe
from drafts import coverage_map
from drafts.coverage import owns, visible_plans
from drafts.models import CoveragePlan, ExpansionMove, PlanState
from drafts.views import MOVES_SHOWN
from receipts.models import Receipt, Verdict
from reviews import freezes, guide, happened, home, reading, tasks
from reviews.guide import Next, Standing
from reviews.models import OPEN_STATES, DeploymentReviewRequest, Environment, Event, State
from reviews.record import database_now
from reviews.rights import visible_requests

# --- all plans ----------------------------------------------------------------------------------------------------------------------


@require_safe
@login_required
def plans(request) -> HttpResponse:
    shown = home.shown(page_actor(request), request.GET, now=database_now())
    return page(request, "reviews/plans.html", shown, status=shown["form"].status)


# --- one plan -----------------------------------------------------------------------------------------------------------------------


@require_safe
@login_required
def plan(request, plan_id: uuid.UUID) -> HttpResponse:
    actor, now = page_actor(request), database_now()
    found = get_object_or_404(visible_plans(actor), pk=plan_id)
    may_write = owns(actor, found.partner_id)
    requests = list(visible_requests(actor).filter(plan=found).prefetch_related("confirmations").order_by("-created_at"))
    open_first = sorted(requests, key=lambda one: one.state_at(now) not in OPEN_STATES)
    current = [one for one in open_first if one.state_at(now) in (*OPEN_STATES, State.APPROVED)]
    standings = [guide.standing(one, now=now, may_write=may_write, user_id=actor.user_id) for one in current]
    editable, moves = may_write and found.state_now == PlanState.DRAFT, ExpansionMove.objects.filter(plan=found).count()
    shown = {
        "plan": found,
        "word": _(PlanState(found.state_now).label),
        "boundary": [(_("Partner"), found.partner.name), (_("External reference"), found.external_reference)],
        **_coverage(found, moves),
        "standings": standings,
        "opening": [tasks.opening_task(found, may_write=may_write)],
        "ended": [(one, one.state_at(now), _(State(one.state_at(now)).label)) for one in requests if one not in current],
        "free": _free_environments(current),
        "next": _plan_next(found, standings, may_write=may_write),
        "may_write": may_write,
        "editable": editable,
        "tasks": tasks.plan_tasks(found, moves, editable=editable),
        "ahead": _ahead(found, current, now),
        "lines": happened.lines(_newest_events(requests)),
    }
    return page(request, "reviews/plan.html", shown)


def _newest_events(requests: list[DeploymentReviewRequest]) -> list[Event]:
    found = Event.objects.filter(review_request__in=requests).select_related("review_request__environment")
    return list(found.order_by("-at", "-number")[:10])


def _coverage(plan: CoveragePlan, moves: int) -> dict:
    """Path and moves as map and table, the newest moves where there are many."""
    newest = ExpansionMove.objects.as_of_now().filter(plan=plan).order_by("-number")[:MOVES_SHOWN]
    parts = coverage_map.parts(plan, reversed(newest))
    return {"parts": parts, "map": coverage_map.drawn(parts), "hidden": max(0, moves - MOVES_SHOWN)}


def _free_environments(current: list[DeploymentReviewRequest]) -> list[Environment]:
    """Environments for which no request of this plan is open."""
    taken = [one.environment_id for one in current if one.state in OPEN_STATES]
    return list(Environment.objects.exclude(pk__in=taken).order_by("slug"))


def _plan_next(plan: CoveragePlan, standings: list[Standing], *, may_write: bool) -> Next:
    """Of the newest open request; else open one; else nothing, where one is approved."""
    if standings:
        return standings[0].next
    if plan.archived:
        return Next(_("The plan is archived."), reverse("delete_plan", args=[plan.pk]) if may_write else "", _("Bring it back"))
    url = reverse("new_request", args=[plan.pk]) if may_write else ""
    return Next(_("No review has been asked for: choose an environment and open a review request."), url, _("Open a review request"))


def _ahead(plan: CoveragePlan, current: list[DeploymentReviewRequest], now) -> int:
    """How many changes the draft is ahead of the newest approved packet; 0 where none is approved."""
    approved = [one for one in current if one.state_at(now) == State.APPROVED]
    return guide.changes_ahead(plan, approved[0]) if approved else 0


# --- one review request -------------------------------------------------------------------------------------------------------------


def visible_request(actor: Actor, plan_id: uuid.UUID, request_id: uuid.UUID) -> DeploymentReviewRequest:
    """A request among the actor's own plans; reviewers have the desk, where they see the frozen packet."""
    own = visible_requests(actor).filter(plan__in=visible_plans(actor).values("pk"))
    return get_object_or_404(own, pk=request_id, plan_id=plan_id)


@require_safe
@login_required
def review_request(request, plan_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    actor, now = page_actor(request), database_now()
    found = visible_request(actor, plan_id, request_id)
    may_write = owns(actor, found.plan.partner_id)
    standing = guide.standing(found, now=now, may_write=may_write, user_id=actor.user_id)
    shown = {
        "standing": standing,
        "review_request": found,
        "subjects": reading.subject_lines(found.subject),
        "policy": reading.ruling_sentences(found) if not standing.editable else [],
        "votes": list(found.votes.filter(revision=found.revision)),
        "asked": guide.asked_people(found, now=now) if standing.state == State.REVIEW_REQUESTED else [],
        "receipt": receipt_of(found),
        "ahead": guide.changes_ahead(found.plan, found) if standing.state == State.APPROVED else 0,
        "may_write": may_write,
        "may_take_back": may_write or actor.user_id == found.requested_by_id,
        "may_cross": _may_cross(actor, found, now),
        "may_revoke": may_write or actor.user_id == found.requested_by_id or actor.reads_all,
    }
    return page(request, "reviews/request.html", shown)


def _may_cross(actor: Actor, review_request: DeploymentReviewRequest, now) -> bool:
    asked = actor.user_id == review_request.requested_by_id
    return asked and any(freezes.names(freeze, actor.user_id) for freeze in freezes.not_over(review_request.environment, now))


def receipt_of(review_request: DeploymentReviewRequest) -> dict | None:
    """What a person reads of a decision's receipt; None before there is one."""
    receipt = Receipt.objects.filter(request_id=review_request.pk).first()
    if receipt is None:
        return None
    facts = {name: getattr(receipt, name) for name in ("pk", "verdict", "kid", "commitment_id", "issued_at", "expires_at")}
    return facts | {"word": Verdict(receipt.verdict).label, "conditions": review_request.decision.conditions}


@require_safe
@login_required
def timeline(request, plan_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    found = visible_request(page_actor(request), plan_id, request_id)
    return page(
        request, "reviews/timeline.html", {"review_request": found, "lines": happened.lines(list(found.events.order_by("-number")))}
    )

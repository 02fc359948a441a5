"""Where the signed-in owner's newest work is on the way from scope to review, deploy and continue."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from access.actors import Actor
from drafts.coverage import memberships
from drafts.models import CoveragePlan, PlanState, Role
from reviews import guide
from reviews.models import OPEN_STATES, DeploymentReviewRequest, State
from reviews.record import database_now

SCOPE, REVIEW, DEPLOY, CONTINUE = "scope", "review", "deploy", "continue"


@dataclass(frozen=True)
class Work:
    """The plan that was worked on last, the step that it is at, and what to do next."""

    step: str
    plan: CoveragePlan
    next: str


def newest_work(actor: Actor) -> Work | None:
    """Of the partners that the actor owns; None when they own nothing yet. A handful of statements, however much there is."""
    mine = memberships(actor).filter(role=Role.OWNER).values("partner")
    plans = CoveragePlan.objects.as_of_now().filter(partner__in=mine, archived=False)
    plan = plans.order_by("-updated_at").first()
    touched = _newest_request(plan__in=plans.values("pk"))
    if plan is None:
        return None
    if touched is not None and touched.updated_at > plan.updated_at:
        plan = plans.get(pk=touched.plan_id)
    review_request = _newest_request(plan=plan)
    step = _step(plan, review_request)
    return Work(step, plan, _next(step, review_request))


def _newest_request(**which) -> DeploymentReviewRequest | None:
    requests = DeploymentReviewRequest.objects.as_of_now().filter(**which).select_related("environment", "policy")
    return requests.order_by("-updated_at").first()


def _step(plan: CoveragePlan, review_request: DeploymentReviewRequest | None) -> str:
    if review_request is None:
        return SCOPE
    if review_request.state_now in OPEN_STATES:
        return REVIEW
    # An approved plan that is a draft again is being expanded.
    return DEPLOY if review_request.state_now == State.APPROVED and plan.state_now == PlanState.APPROVED else CONTINUE


def _next(step: str, review_request: DeploymentReviewRequest | None) -> str:
    if step == DEPLOY:
        return _("Roll it out while the approval is in date")
    if step == CONTINUE and review_request.state_now == State.APPROVED:
        return _("Append moves, then open a new review request")
    now = database_now()
    so_far = guide.progress(review_request, guide.ruling_of(review_request), now=now) if review_request else None
    return guide.cheap_next(review_request, so_far, now=now).sentence

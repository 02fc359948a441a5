"""Opening a review request: what it is about, what it continues, and storing it as the only open one of its plan and environment."""

import uuid
from datetime import datetime

from django.db import IntegrityError

from access.actors import Actor, call_reasons
from config.databases import STORE
from config.prepared import Prepared
from config.refusals import Reason, Refused
from drafts.coverage import owner_names, owner_reasons, seen_plan_of
from drafts.models import CoveragePlan
from reviews.models import OPEN_STATES, Confirmation, DeploymentReviewRequest, Environment

_environments = Prepared(lambda slug: Environment.objects.filter(slug=slug), str)
_open_now = Prepared(
    lambda plan_id, environment_id: DeploymentReviewRequest.objects.filter(
        plan_id=plan_id, environment_id=environment_id, state__in=OPEN_STATES
    ).only("pk"),
    uuid.UUID,
    uuid.UUID,
)


def plan_and_environment(
    actor: Actor, plan_id: uuid.UUID | None, slug: str | None, *, wrong: list[Reason]
) -> tuple[CoveragePlan, Environment]:
    """Both, or Refused with everything that can be said without them; `wrong`: what is wrong with the rest of the call."""
    plan, environment = seen_plan_of(actor, plan_id), _environments.first(slug)
    unknown = [
        Reason(f"unknown_{name}", f"There is no such {name} for you.", clear_by="an operator", pointer=f"/{name}", status=400)
        for name, found in (("plan", plan), ("environment", environment))
        if found is None
    ]
    if unknown:
        rights = owner_reasons(actor, plan.partner, scope="draft") if plan else call_reasons(actor, "draft")
        raise Refused(*rights, *unknown, *wrong)
    return plan, environment


def predecessor_of(plan: CoveragePlan, predecessor_id: uuid.UUID | None, *, now: datetime) -> DeploymentReviewRequest | None:
    if predecessor_id is None:
        return None
    found = plan.review_requests.using(STORE).select_for_update().filter(pk=predecessor_id).first()
    if found is None or found.state_at(now) in OPEN_STATES:
        detail = "A predecessor is an ended or approved review request of the same plan."
        raise Refused(Reason("unknown_predecessor", detail, pointer="/predecessor", status=400))
    return found


def open_reasons(plan: CoveragePlan, environment: Environment) -> list[Reason]:
    found = {}
    if plan.archived:
        found["plan_archived"] = "The plan is archived."
    if _open_now(plan.pk, environment.pk):
        found["open_request_exists"] = f"There is an open review request of this plan for {environment.slug} already."
    owners = owner_names(plan.partner_id) if found else ""
    return [Reason(code, detail, clear_by=owners) for code, detail in found.items()]


def insert_open(review_request: DeploymentReviewRequest) -> None:
    """Under the plan's lock, so that only raw SQL could have been faster; the refusal takes the whole transaction back."""
    try:
        review_request.save(force_insert=True)
    except IntegrityError:
        raise Refused(Reason("open_request_exists", "An open review request of this plan was made a moment ago.")) from None


def propose_again(predecessor: DeploymentReviewRequest | None, review_request: DeploymentReviewRequest) -> None:
    """Copy the predecessor's confirmations as unconfirmed: somebody has to say them again."""
    if predecessor is not None:
        Confirmation.objects.bulk_create(
            Confirmation(
                review_request=review_request,
                kind=old.kind,
                fields=old.fields,
                evidence_url=old.evidence_url,
                evidence_sha256=old.evidence_sha256,
            )
            for old in predecessor.confirmations.all()
            if old.is_stated
        )

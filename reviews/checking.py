"""The owners' pages of putting up: everything that would be frozen, the request for review, and what happens next."""

import uuid
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect

from access.actors import Actor
from access.pages import counts, page, page_actor
from config.methods import require_safe
from config.refusals import Reason, Refused
from drafts.coverage import owner_reasons
from reviews import decisions, explain, guide, packet, reading, since
from reviews.forms import RequestReviewForm
from reviews.models import DeploymentReviewRequest, ReviewPolicy, State
from reviews.record import database_now
from reviews.steps import form_page, posted, to_request
from reviews.tasks import EDITABLE
from reviews.views import visible_request


@form_page
@login_required
@counts("request_review")
def check_answers(request, plan_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    """Everything that would be frozen now; POST freezes it and puts it before the reviewers."""
    actor = page_actor(request)
    review_request = visible_request(actor, plan_id, request_id)
    as_shown = {"version": review_request.version, "plan_version": review_request.plan.version}
    form = RequestReviewForm(posted(request), initial=as_shown)
    if form.is_bound and form.attempt(lambda said: decisions.request_review(actor, request_id, **said)):
        return redirect("sent", plan_id, request_id)
    editable = review_request.state_now in EDITABLE
    ruling = explain.newest_policy(review_request.environment) if editable else review_request.policy
    value = _value(review_request, ruling, editable=editable)
    shown = {
        "form": form,
        "review_request": review_request,
        "reading": reading.read(value) if value else None,
        "difference": since.difference_for(actor, review_request, value, find=since.submission_base) if editable else None,
        "policy": reading.policy_sentences(ruling) if ruling else [],
        "ends": _ends(ruling) if editable and ruling else None,
        "reasons": _review_reasons(review_request, ruling, actor) if editable else [],
        "editable": editable,
        "may_write": not owner_reasons(actor, review_request.plan.partner, scope="request"),
    }
    return page(request, "reviews/check_answers.html", shown, status=form.status)


def _ends(ruling: ReviewPolicy) -> dict:
    """When a review that is requested now would be due, and when it would lapse."""
    now = database_now()
    return {"due": now + timedelta(seconds=ruling.due_seconds), "lapses": now + timedelta(seconds=ruling.review_seconds)}


def _value(review_request: DeploymentReviewRequest, ruling: ReviewPolicy | None, *, editable: bool) -> dict | None:
    """The very packet that would be frozen now, or the frozen one; None without a policy, which belongs into it."""
    if ruling is None:
        return None
    if editable:
        return packet.build(review_request, revision=review_request.revision + 1, policy=ruling)
    return packet.value_of(packet.current(review_request))


def _review_reasons(review_request: DeploymentReviewRequest, ruling: ReviewPolicy | None, actor: Actor) -> list[Reason]:
    """What stands between this draft and its review; the primary being away is one more reason."""
    try:
        return explain.review_reasons(review_request, ruling, requester_id=actor.user_id, now=database_now())
    except Refused as refusal:
        return list(refusal.reasons)


@require_safe
@login_required
def sent(request, plan_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    """What happens next, and who was told; once it is decided or taken back, the request's own page says more."""
    review_request = visible_request(page_actor(request), plan_id, request_id)
    if review_request.state_now != State.REVIEW_REQUESTED:
        return to_request(review_request)
    return page(request, "reviews/sent.html", {"review_request": review_request, **guide.told(review_request)})

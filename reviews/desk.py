"""The reviewers' desk: what every page about a review request shares, the decision page, and stopping what was approved."""

import uuid
from collections.abc import Callable

from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from access.actors import Actor
from access.pages import counts
from config.admin import desk_actor
from config.refusals import Reason, Refused, recorded
from reviews import decisions, packet, preview, since
from reviews.forms import DecideForm
from reviews.models import DeploymentReviewRequest, State, Vote
from reviews.rights import visible_requests
from reviews.steps import STEPS, take

PACKET = "admin:reviews_deploymentreviewrequest_change"
TEMPLATES = "admin/reviews/deploymentreviewrequest"
NOT_AT_THE_DESK = Reason("not_at_the_desk", "Only reviewers, auditors and operators work at the desk.", clear_by="an operator", status=403)


def desk_page(request, template: str, review_request: DeploymentReviewRequest, shown: dict, *, status: int = 200) -> HttpResponse:
    about = {"review_request": review_request, "word": _(State(review_request.state_now).label), "opts": DeploymentReviewRequest._meta}
    response = render(request, f"{TEMPLATES}/{template}.html", {**admin.site.each_context(request), **about, **shown}, status=status)
    if status == 503:
        response["Retry-After"] = "2"
    return response


def counted(view: Callable) -> Callable:
    """Around a page of the desk that does something: who has no seat there is refused before the verb can count it."""

    def inner(request, object_id: uuid.UUID, name: str) -> HttpResponse:
        if request.method == "POST" and request.user.is_authenticated and not admin.site.has_permission(request):
            with recorded(desk_actor(request), name):
                raise Refused(NOT_AT_THE_DESK)
        return view(request, object_id, name=name)

    return inner


def seen(request, object_id: uuid.UUID) -> DeploymentReviewRequest:
    """What this person may see; everything else is 404."""
    return get_object_or_404(visible_requests(desk_actor(request)), pk=object_id)


# --- the decision -------------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@counts("vote", who=desk_actor)
def decide_page(request, object_id: uuid.UUID, name: str = "vote") -> HttpResponse:
    """The one door for votes. The verb is asked before anything is looked up, so that it sees every attempt."""
    actor = desk_actor(request)
    form = DecideForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.attempt(lambda said: decisions.vote(actor, object_id, **said)):
        messages.success(request, _did(form.outcome, form.chosen))
        return redirect(PACKET, object_id)
    review_request = seen(request, object_id)
    try:
        choices = preview.options(actor, review_request)
    except Refused as refusal:
        choices, absent = [], list(refusal.reasons)
    else:
        absent = preview.absent(choices)
    value = packet.value_of(packet.current(review_request)) if review_request.revision else None
    shown = {
        "title": _("Decide on %(request)s") % {"request": review_request},
        "form": form,
        "options": choices,
        "absent": [] if form.reasons else absent,
        "open": not absent,
        "too_old": any(reason.code == "session_too_old" for reason in [*form.reasons, *absent]),
        "no_code": any(reason.code == "second_factor_missing" for reason in [*form.reasons, *absent]),
        "digest": (form["digest"].value() or "") if form.is_bound else review_request.digest,
        "own_vote": own_vote(actor, review_request),
        "difference": since.difference_for(actor, review_request, value),
    }
    return desk_page(request, "decide", review_request, shown, status=form.status)


def own_vote(actor: Actor, review_request: DeploymentReviewRequest) -> Vote | None:
    """What this person said last on the revision that stands; so that a second click reads that the first one counted."""
    said = review_request.votes.filter(revision=review_request.revision, user_id=actor.user_id)
    return said.order_by("-cast_at").first()


def _did(review_request: DeploymentReviewRequest, choice: str) -> str:
    if review_request.state_now == State.REVIEW_REQUESTED:
        return _("Your approval is recorded. Another approval is still needed.")
    return {
        State.APPROVED: _("Approved: every seat is filled and the receipt is signed."),
        State.CHANGES_REQUESTED: _("Changes are requested; the owner has it again."),
        State.REJECTED: _("Rejected."),
    }[review_request.state_now]


# --- comment, revoke ----------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@counts("", who=desk_actor)
def step_page(request, object_id: uuid.UUID, name: str) -> HttpResponse:
    step, review_request = STEPS[name], seen(request, object_id)
    form = take(request, desk_actor(request), step, review_request)
    if form.outcome:
        return redirect(PACKET, object_id)
    shown = {"title": _(step.title), "step": step, "form": form, "possible": review_request.state_now in step.allowed}
    return desk_page(request, "step", review_request, shown, status=form.status)

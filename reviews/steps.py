"""The owners' pages that do something to a review request: each shows what will happen, and its POST calls one verb."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_POST

from access.actors import Actor
from access.pages import counts, page, page_actor
from config.forms import VersionForm
from drafts.coverage import owner_reasons, visible_plans
from reviews import decisions, freezes, guide, reading, staging
from reviews.forms import CommentForm, OpenRequestForm, StagingForm, SubjectForm
from reviews.models import OPEN_STATES, DeploymentReviewRequest, Environment, State
from reviews.record import database_now
from reviews.rights import visible_requests
from reviews.tasks import EDITABLE
from reviews.views import visible_request

form_page = require_http_methods(["GET", "HEAD", "POST"])


def posted(request):
    return request.POST if request.method == "POST" else None


def to_request(review_request: DeploymentReviewRequest) -> HttpResponse:
    return redirect("review_request", review_request.plan_id, review_request.pk)


# --- open ---------------------------------------------------------------------------------------------------------------------------


@form_page
@login_required
@counts("open")
def new_request(request, plan_id: uuid.UUID) -> HttpResponse:
    actor = page_actor(request)
    plan = get_object_or_404(visible_plans(actor), pk=plan_id)
    earlier = [one for one in visible_requests(actor).filter(plan=plan).order_by("-created_at") if one.state_now not in OPEN_STATES]
    proposed = {name: request.GET[name] for name in ("environment", "predecessor") if name in request.GET}
    form = OpenRequestForm(posted(request), initial=proposed, environments=Environment.objects.order_by("slug"), predecessors=earlier)
    if form.is_bound and form.attempt(
        lambda said: decisions.open_request(
            actor,
            plan_id=plan_id,
            environment_slug=said["environment"],
            subject=said["subject"],
            predecessor_id=said["predecessor"],
        )
    ):
        messages.success(request, _("The review request is open. Now its confirmations, one at a time."))
        return redirect(guide.after_confirming(form.outcome, now=database_now()))
    shown = {"form": form, "plan": plan, "reasons": owner_reasons(actor, plan.partner, scope="draft")}
    return page(request, "reviews/new_request.html", shown, status=form.status)


@require_POST
@login_required
@counts("expand")
def expand(request, plan_id: uuid.UUID) -> HttpResponse:
    actor = page_actor(request)
    plan = get_object_or_404(visible_plans(actor), pk=plan_id)
    form = VersionForm(request.POST)
    if form.attempt(lambda said: decisions.expand(actor, plan_id, version=said["version"])):
        messages.success(
            request, _("The plan is a draft again: append moves, then open a new review request. What was approved stays approved.")
        )
        return redirect("plan", plan_id)
    return page(request, "reviews/refused.html", {"form": form, "plan": plan, "title": _("Expand this plan")}, status=form.status)


# --- subject -------------------------------------------------------------------------------------------------------------------------


@form_page
@login_required
@counts("edit_subject")
def subject(request, plan_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    actor = page_actor(request)
    review_request = visible_request(actor, plan_id, request_id)
    form = SubjectForm(posted(request), initial=_subject_as_it_is(review_request))
    if form.is_bound and form.attempt(
        lambda said: decisions.edit_subject(actor, request_id, subject=said["subject"], version=said["version"])
    ):
        messages.success(request, _("The subject is saved."))
        return to_request(review_request)
    shown = {
        "form": form,
        "review_request": review_request,
        "subjects": reading.subject_lines(review_request.subject),
        "reasons": owner_reasons(actor, review_request.plan.partner, scope="draft"),
        "editable": review_request.state_now in EDITABLE,
    }
    return page(request, "reviews/subject.html", shown, status=form.status)


def _subject_as_it_is(review_request: DeploymentReviewRequest) -> dict:
    (name, digest) = reading.subject_lines(review_request.subject)[0] if len(review_request.subject) == 1 else ("", "")
    return {"version": review_request.version, "subject_name": name, "subject_digest": digest}


# --- staging validation ---------------------------------------------------------------------------------------------------------------


@form_page
@login_required
@counts("hand_in_staging")
def staging_validation(request, plan_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    """Whether the request is validated in staging, and why not; POST hands in a receipt."""
    actor = page_actor(request)
    review_request = visible_request(actor, plan_id, request_id)
    form = StagingForm(posted(request), initial={"version": review_request.version})
    if form.is_bound and form.attempt(lambda said: decisions.hand_in_staging(actor, request_id, **said)):
        messages.success(request, _("The receipt of staging is kept with this review request."))
        return redirect("staging", plan_id, request_id)
    shown = {
        "form": form,
        "review_request": review_request,
        "standing": staging.state(review_request, database_now()),
        "subjects": reading.subject_lines(review_request.subject),
        "reasons": owner_reasons(actor, review_request.plan.partner, scope="draft"),
        "possible": review_request.state_now in staging.TAKEN_IN,
    }
    return page(request, "reviews/staging.html", shown, status=form.status)


# --- recall, withdraw, comment, revoke ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A verb on its own page: what it is called, what it will do, and what it did."""

    title: str
    will: str
    button: str
    did: str
    form: type[VersionForm]
    verb: Callable
    allowed: tuple[str, ...] = ()
    danger: bool = False


STEPS = {
    "recall": Step(
        gettext_noop("Recall this review request"),
        gettext_noop(
            "It goes back to draft so that you can change the plan, the subject and the confirmations. Votes given so far do not "
            "carry over; the next review is a new revision."
        ),
        gettext_noop("Recall it"),
        gettext_noop("The review request is a draft again."),
        VersionForm,
        decisions.recall,
        (State.REVIEW_REQUESTED,),
    ),
    "withdraw": Step(
        gettext_noop("Withdraw this review request"),
        gettext_noop("It ends for good. To go on later, open a new review request that continues from this one."),
        gettext_noop("Withdraw it for good"),
        gettext_noop("The review request is withdrawn."),
        CommentForm,
        decisions.withdraw,
        OPEN_STATES,
        danger=True,
    ),
    "revoke": Step(
        gettext_noop("Revoke this approval"),
        gettext_noop(
            "The gate shuts at once and the approval ends for good. A receipt that somebody holds stays as it was signed, so tell "
            "those who check receipts without asking the gate."
        ),
        gettext_noop("Revoke it for good"),
        gettext_noop("The approval is revoked and the gate is shut."),
        CommentForm,
        decisions.revoke,
        (State.APPROVED,),
        danger=True,
    ),
    "cross-freeze": Step(
        gettext_noop("Cross a freeze"),
        gettext_noop(
            "The gate of this revision is no longer shut by the freezes, now or to come, that name you. Nothing else opens: say why "
            "it cannot wait. A new revision has to cross again."
        ),
        gettext_noop("Cross the freeze"),
        gettext_noop("The freeze is crossed; your comment is in the timeline."),
        CommentForm,
        freezes.cross_freeze,
        (State.REVIEW_REQUESTED, State.APPROVED),
        danger=True,
    ),
    "comment": Step(
        gettext_noop("Comment on this review request"),
        gettext_noop("Your comment goes into the timeline, where everybody who may see this review request reads it. It changes no state."),
        gettext_noop("Add comment"),
        gettext_noop("Your comment is in the timeline."),
        CommentForm,
        decisions.comment,
        tuple(State),
    ),
}


def take(request, actor: Actor, step: Step, review_request: DeploymentReviewRequest) -> VersionForm:
    """The step's form; on POST its `outcome` is set when the verb was done, and a message says so."""
    form = step.form(posted(request), initial={"version": review_request.version})
    if form.is_bound and form.attempt(lambda said: step.verb(actor, review_request.pk, **said)):
        messages.success(request, _(step.did))
    return form


@form_page
@login_required
@counts("")
def step_page(request, plan_id: uuid.UUID, request_id: uuid.UUID, name: str) -> HttpResponse:
    actor, step = page_actor(request), STEPS[name]
    review_request = visible_request(actor, plan_id, request_id)
    form = take(request, actor, step, review_request)
    if form.outcome:
        return to_request(review_request)
    possible = review_request.state_now in step.allowed
    shown = {"form": form, "step": step, "title": _(step.title), "review_request": review_request, "possible": possible}
    return page(request, "reviews/step.html", shown, status=form.status)

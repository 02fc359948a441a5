"""The owners' pages of one confirmation: the sentence, its form, and who else may give it."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from access.actors import Actor
from access.pages import counts, page, page_actor
from drafts.coverage import owns
from reviews import confirmations, decisions, guide
from reviews.confirm_forms import ConfirmationForm, PersonForm, as_typed
from reviews.models import DeploymentReviewRequest, Kind
from reviews.record import database_now
from reviews.rights import confirmer_reasons
from reviews.steps import form_page, posted, to_request
from reviews.tasks import EDITABLE
from reviews.views import visible_request

# Two forms on one page need ids of their own.
PERSON_ID = "person_%s"


@form_page
@login_required
@counts("confirm")
def confirmation(request, plan_id: uuid.UUID, request_id: uuid.UUID, kind: str) -> HttpResponse:
    if kind not in Kind.values:
        raise Http404
    actor = page_actor(request)
    review_request = visible_request(actor, plan_id, request_id)
    form = ConfirmationForm(posted(request), kind=kind, initial=_confirmation_as_it_is(review_request, kind))
    if form.is_bound and form.attempt(lambda said: decisions.confirm(actor, request_id, kind, **said)):
        messages.success(request, _("The %(kind)s confirmation is given in your name.") % {"kind": _(Kind(kind).label)})
        if owns(actor, review_request.plan.partner_id):
            return redirect(guide.after_confirming(review_request, now=database_now()))
        return to_request(review_request)
    return _confirmation_page(
        request, actor, review_request, kind, form, PersonForm(initial={"version": review_request.version}, auto_id=PERSON_ID)
    )


@require_POST
@login_required
@counts("name_person")
def name_person(request, plan_id: uuid.UUID, request_id: uuid.UUID, kind: str) -> HttpResponse:
    """Name who is to confirm one kind, from the form below that confirmation."""
    if kind not in Kind.values:
        raise Http404
    actor = page_actor(request)
    review_request = visible_request(actor, plan_id, request_id)
    person = PersonForm(request.POST, auto_id=PERSON_ID)
    if person.attempt(lambda said: decisions.name_person(actor, request_id, kind, **said)):
        named = person.outcome.named
        messages.success(
            request,
            _("%(name)s is named and can confirm this now.") % {"name": named} if named else _("Nobody is named for this any more."),
        )
        return redirect("confirmation", plan_id, request_id, kind)
    form = ConfirmationForm(kind=kind, initial=_confirmation_as_it_is(review_request, kind))
    return _confirmation_page(request, actor, review_request, kind, form, person)


def _confirmation_page(
    request, actor: Actor, review_request: DeploymentReviewRequest, kind: str, form: ConfirmationForm, person: PersonForm
) -> HttpResponse:
    found = review_request.confirmations.filter(kind=kind).first()
    shown = {
        "form": form,
        "person": person,
        "named": found.named if found else "",
        "review_request": review_request,
        "kind": kind,
        "title": _(Kind(kind).label),
        "statement": _(confirmations.STATEMENTS[Kind(kind)]),
        "place": _place(review_request, kind),
        "reasons": confirmer_reasons(actor, review_request, kind),
        "editable": review_request.state_now in EDITABLE,
        "may_name": owns(actor, review_request.plan.partner_id),
    }
    return page(request, "reviews/confirmation.html", shown, status=person.status if person.is_bound else form.status)


def _place(review_request: DeploymentReviewRequest, kind: str) -> tuple[int, int] | None:
    """The number of this confirmation, and of how many; None for one that nobody asks for."""
    shown = guide.progress(review_request, guide.ruling_of(review_request), now=database_now()).shown
    return (shown.index(kind) + 1, len(shown)) if kind in shown else None


def _confirmation_as_it_is(review_request: DeploymentReviewRequest, kind: str) -> dict:
    version = {"version": review_request.version}
    found = review_request.confirmations.filter(kind=kind).first()
    if found is None or not found.is_stated:
        return version
    until = {"valid_until": f"{found.valid_until:%Y-%m-%d}"} if found.valid_until else {}
    return version | as_typed(found.fields) | until | {"evidence_url": found.evidence_url, "evidence_sha256": found.evidence_sha256}

"""The operators' pages in admin: each shows what will happen to what, and its POST calls one verb."""

import uuid

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from access.actors import OPERATORS, Actor
from config.admin import desk_actor
from config.forms import StrictForm
from reviews import freezes, reading, webhooks
from reviews.forms import FreezeForm, ReasonForm
from reviews.models import Channel, Environment, FreezeWindow, OutboxMessage

FREEZES = "admin:reviews_freezewindow_changelist"
OUTBOX = "admin:reviews_outboxmessage_changelist"


def operator(request) -> Actor:
    """Who is at the desk, if an operator; the verb asks again, of the primary."""
    actor = desk_actor(request)
    if OPERATORS not in actor.groups:
        raise PermissionDenied
    return actor


def operator_page(request, shown: dict, *, form, back: str, back_word: str) -> HttpResponse:
    about = {"form": form, "back": reverse(back), "back_word": back_word}
    response = render(request, "admin/reviews/operator.html", {**admin.site.each_context(request), **about, **shown}, status=form.status)
    if response.status_code == 503:
        response["Retry-After"] = "2"
    return response


# --- freezes --------------------------------------------------------------------------------------------------------------------------


def may_freeze(request) -> list[Environment]:
    """The environments that this person may freeze."""
    return list(Environment.objects.order_by("slug")) if OPERATORS in desk_actor(request).groups else []


@require_http_methods(["GET", "HEAD", "POST"])
def freeze_page(request, slug: str) -> HttpResponse:
    actor, environment = operator(request), get_object_or_404(Environment, slug=slug)
    form = FreezeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.attempt(lambda said: freezes.freeze(actor, environment, **said)):
        messages.success(request, f"{environment.name} is frozen for that time.")
        return redirect(FREEZES)
    shown = {
        "title": f"Freeze {environment.name}",
        "will": ["The gate of every plan for this environment is shut from the one time to the other. Reviews go on."],
        "button": "Freeze it",
    }
    return operator_page(request, shown, form=form, back=FREEZES, back_word="Freeze windows")


@require_http_methods(["GET", "HEAD", "POST"])
def end_freeze_page(request, object_id: uuid.UUID) -> HttpResponse:
    actor = operator(request)
    found = get_object_or_404(FreezeWindow.objects.select_related("environment"), pk=object_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.attempt(lambda said: freezes.end_freeze(actor, object_id, **said)):
        messages.success(request, "The freeze is over.")
        return redirect(FREEZES)
    shown = {
        "title": f"End the freeze of {found.environment.name}",
        "will": [
            f"From {reading.minute(found.starts_at)} to {reading.minute(found.ends_at)}: {found.reason}",
            "It ends at once, and no longer shuts the gate of any plan.",
        ],
        "button": "End it",
        "danger": True,
    }
    return operator_page(request, shown, form=form, back=FREEZES, back_word="Freeze windows")


# --- webhooks -------------------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def send_again_page(request, object_id: uuid.UUID) -> HttpResponse:
    actor = operator(request)
    to_webhooks = OutboxMessage.objects.filter(channel=Channel.WEBHOOK).select_related("endpoint", "review_request__plan")
    found = get_object_or_404(to_webhooks, pk=object_id)
    form = StrictForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.attempt(lambda _: webhooks.send_again(actor, object_id)):
        messages.success(request, "It is delivered again shortly.")
        return redirect(OUTBOX)
    shown = {
        "title": f"Send again to {found.endpoint.host}",
        "will": [
            f"{found.kind}, of {found.review_request.plan.name}. So far: {found.get_status_display().lower()}, attempts: {found.attempts}.",
            "It is delivered once more, under the same webhook-id, so that a receiver who has it already can tell.",
        ],
        "absent": webhooks.again_reasons(found) if not form.is_bound else [],
        "button": "Send it again",
    }
    return operator_page(request, shown, form=form, back=OUTBOX, back_word="Outbox")

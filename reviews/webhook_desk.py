"""The operators' pages about webhooks: add, rotate, disable, enable. A secret is shown once, right after it was made."""

import uuid

from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from config.forms import StrictForm
from reviews import webhooks
from reviews.models import WebhookEndpoint
from reviews.operators import form_page, operator, operator_page, posted
from reviews.organisation_forms import RotateForm, WebhookForm

WEBHOOKS = "admin:reviews_webhookendpoint_changelist"
SHOWN_ONCE = gettext_noop("It is shown this once. Receivers check signatures with it; an operator with the shell can show it again.")
WILL = {
    "rotate": gettext_noop(
        "It gets a new secret. The old one signs beside it for a day, so that the receiver can change. Once more ends the old one."
    ),
    "disable": gettext_noop("Nothing is sent to it until it is enabled again. What waits goes on waiting."),
    "enable": gettext_noop("Transitions are told to it again, and what waited is delivered."),
}
TITLES = {
    "rotate": gettext_noop("Rotate %(host)s"),
    "disable": gettext_noop("Disable %(host)s"),
    "enable": gettext_noop("Enable %(host)s"),
}
BUTTONS = {"rotate": gettext_noop("Rotate it"), "disable": gettext_noop("Disable it"), "enable": gettext_noop("Enable it")}
DID = {"disable": gettext_noop("%(host)s is disabled."), "enable": gettext_noop("%(host)s is enabled.")}


@form_page
def new_webhook(request) -> HttpResponse:
    actor, form = operator(request, "add_webhook"), WebhookForm(posted(request))
    shown = {
        "title": _("Add a webhook"),
        "will": [_("Every transition is told to this address, signed, from now on. Addresses in private networks are refused.")],
        "absent": webhooks.off_reasons() if not form.is_bound else [],
        "button": _("Add it"),
    }
    if form.is_bound and form.attempt(lambda _said: webhooks.add(actor, **form.said)):
        shown, form = _with_secret(shown, form.outcome), WebhookForm()
    return operator_page(request, shown, form=form, back=WEBHOOKS, back_word=_("Webhook endpoints"))


def _with_secret(shown: dict, endpoint: WebhookEndpoint) -> dict:
    title = _("Secret of %(host)s") % {"host": endpoint.host}
    made = {"made": webhooks.shown_secret(endpoint), "made_title": title, "made_hint": _(SHOWN_ONCE)}
    return shown | made


def _change(request, object_id: uuid.UUID, word: str) -> HttpResponse:
    actor = operator(request, f"{word}_webhook")
    found = get_object_or_404(WebhookEndpoint, pk=object_id)
    form, verb = _form(request, found, word), getattr(webhooks, word)
    shown = {
        "title": _(TITLES[word]) % {"host": found.host},
        "will": [_(WILL[word])],
        "button": _(BUTTONS[word]),
        "danger": word != "enable",
    }
    if form.is_bound and form.attempt(lambda said: verb(actor, object_id, **said)):
        if word != "rotate":
            messages.success(request, _(DID[word]) % {"host": found.host})
            return redirect(WEBHOOKS)
        shown, form = _with_secret(shown, form.outcome), RotateForm(initial={"generation": form.outcome.generation})
    return operator_page(request, shown, form=form, back=WEBHOOKS, back_word=_("Webhook endpoints"))


def _form(request, found: WebhookEndpoint, word: str) -> StrictForm:
    if word == "rotate":
        return RotateForm(posted(request), initial={"generation": found.generation})
    return StrictForm(posted(request))


def rotate(request, object_id: uuid.UUID) -> HttpResponse:
    return _change(request, object_id, "rotate")


def disable(request, object_id: uuid.UUID) -> HttpResponse:
    return _change(request, object_id, "disable")


def enable(request, object_id: uuid.UUID) -> HttpResponse:
    return _change(request, object_id, "enable")


PAGES = [
    ("organisation/webhooks/new/", new_webhook, "new_webhook"),
    ("organisation/webhooks/<uuid:object_id>/rotate/", form_page(rotate), "rotate_webhook"),
    ("organisation/webhooks/<uuid:object_id>/disable/", form_page(disable), "disable_webhook"),
    ("organisation/webhooks/<uuid:object_id>/enable/", form_page(enable), "enable_webhook"),
]
admin.site.pages += PAGES

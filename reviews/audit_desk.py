"""The auditor's view: search over requests and events, and one request as a packet for printing."""

import uuid
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from config.admin import UNSEARCHABLE, desk_actor
from config.forms import StrictForm, labelled
from config.methods import require_safe
from receipts.models import Receipt
from reviews import audit, happened, reading
from reviews.desk import desk_page, seen
from reviews.forms import MomentField
from reviews.happened import ALL_VERBS
from reviews.models import State
from reviews.packet_desk import packet_shown
from reviews.record import database_now

REQUESTS, EVENTS = "requests", "events"
ORDERED_BY = {REQUESTS: "created_at", EVENTS: "at"}
# A packet on paper has no further pages to turn; of a longer history `manage.py export --request` makes a file.
MOST_EVENTS = 1000
VERBS = [("", gettext_noop("Anything")), *sorted(ALL_VERBS.items(), key=lambda each: each[1])]
LOOK_FOR = [(REQUESTS, gettext_noop("Review requests")), (EVENTS, gettext_noop("Events"))]


# --- search -----------------------------------------------------------------------------------------------------------------------------


class SearchForm(StrictForm):
    """Every field may be empty: then it is the newest of all. What is sent is in the address, so that it can be kept."""

    optional = ()
    of = forms.ChoiceField(label=gettext_lazy("Look for"), choices=labelled(LOOK_FOR), required=False)
    words = forms.CharField(
        label=gettext_lazy("Plan name or reference"), help_text=gettext_lazy("The beginnings of words."), required=False, max_length=200
    )
    partner = forms.CharField(label=gettext_lazy("Partner"), help_text=gettext_lazy("Its slug."), required=False, max_length=64)
    person = forms.CharField(
        label=gettext_lazy("Username"), help_text=gettext_lazy("Of somebody who did something."), required=False, max_length=64
    )
    verb = forms.ChoiceField(label=gettext_lazy("What was done"), choices=labelled(VERBS), required=False)
    digest = forms.RegexField(
        label=gettext_lazy("Digest of a packet"),
        help_text=format_lazy(gettext_lazy("Its first {number} hexadecimal digits, or more."), number=audit.SHORTEST_DIGEST),
        regex=rf"\A[0-9a-f]{{{audit.SHORTEST_DIGEST},64}}\Z",
        required=False,
        error_messages={
            "invalid": format_lazy(gettext_lazy("Give {number} to 64 hexadecimal digits, in small letters."), number=audit.SHORTEST_DIGEST)
        },
    )
    commitment = forms.CharField(
        label=gettext_lazy("Commitment"), help_text=gettext_lazy("rdc1_…, as a receipt has it."), required=False, max_length=64
    )
    request_id = forms.UUIDField(
        label=gettext_lazy("Review request"), help_text=gettext_lazy("Its id, as a receipt has it."), required=False
    )
    since = MomentField(label=gettext_lazy("From"), help_text=gettext_lazy("A day or a time, such as 2026-11-01."), required=False)
    until = MomentField(label=gettext_lazy("To"), help_text=gettext_lazy("A day means its end, in UTC."), required=False)
    after = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)

    def clean(self) -> dict:
        cleaned = super().clean()
        if any(UNSEARCHABLE.search(value) for value in cleaned.values() if isinstance(value, str)):
            raise forms.ValidationError(_("A search takes no quotes and no control characters."), code="invalid")
        return cleaned

    def clean_after(self):
        try:
            return audit.read_place(self.cleaned_data["after"]) if self.cleaned_data["after"] else None
        except ValueError:
            raise forms.ValidationError("after is what the link to the next page gives.", code="invalid") from None


@require_safe
def search_page(request) -> HttpResponse:
    if not desk_actor(request).reads_all:
        raise PermissionDenied
    form = SearchForm(request.GET)
    shown = {"title": _("Search the record"), "form": form}
    if form.is_valid():
        shown |= _found(dict(form.cleaned_data))
    return render(request, "admin/reviews/search.html", {**admin.site.each_context(request), **shown}, status=form.status)


def _found(given: dict) -> dict:
    of, after = given.pop("of") or REQUESTS, given.pop("after")
    question = audit.Question(**{name: value for name, value in given.items() if value})
    ask = audit.requests if of == REQUESTS else audit.events
    rows, place = audit.page(ask(question), ORDERED_BY[of], after)
    asked = {name: reading.as_typed(value) for name, value in given.items() if value} | {"of": of}
    following = urlencode(asked | {"after": place}) if place else ""
    if of == EVENTS:
        return {"of": of, "lines": happened.lines(rows), "following": following}
    return {"of": of, "rows": [(row, _(State(row.state_now).label)) for row in rows], "following": following}


# --- print ------------------------------------------------------------------------------------------------------------------------------


@require_safe
def print_page(request, object_id: uuid.UUID) -> HttpResponse:
    """Everything of one request on paper: a cover, then every section open; page numbers come from the stylesheet."""
    actor, review_request, now = desk_actor(request), seen(request, object_id), database_now()
    events = list(review_request.events.order_by("number")[: MOST_EVENTS + 1])
    shown = packet_shown(actor, review_request, now=now) | {
        "title": _("Packet of %(request)s") % {"request": review_request},
        "lines": happened.lines(events[:MOST_EVENTS]),
        "longer": len(events) > MOST_EVENTS,
        "signed": Receipt.objects.filter(request_id=review_request.pk).first(),
        "verify_at": f"{settings.RECEIPT_ISSUER}/verify",
        "printed_at": now,
        "printed_by": actor.username,
    }
    return desk_page(request, "print", review_request, shown)


PAGES = [("search/", search_page, "audit_search")]
admin.site.pages += PAGES

"""The operators' page that pins a staging installation: whose receipts count as staging's."""

from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from access.actors import Actor
from reviews import reading, staging
from reviews.models import Environment, StagingPin
from reviews.operators import form_page, operator, operator_page, posted
from reviews.organisation_forms import PinForm

PINS = "admin:reviews_stagingpin_changelist"
WILL = [
    gettext_noop(
        "Receipts of this installation for the environment staging count as staging validation from now on, if one of these keys "
        "signed them."
    ),
    gettext_noop(
        "The newest pin rules, and is asked about receipts that were handed in before, too. Earlier pins stay on record. "
        "It leaves an event in your name."
    ),
]


@form_page
def pin_staging(request) -> HttpResponse:
    actor, places = operator(request, "pin_staging"), list(Environment.objects.exclude(slug=staging.STAGING).order_by("slug"))
    form = PinForm(posted(request), environments=places)
    if form.is_bound and form.attempt(lambda said: _pin(actor, **said)):
        pinned = {"issuer": form.outcome.issuer, "keys": ", ".join(key["kid"] for key in form.outcome.jwks["keys"])}
        messages.success(request, _("Receipts of %(issuer)s count as staging's from now on. Keys: %(keys)s") % pinned)
        return redirect(PINS)
    shown = {
        "title": _("Pin a staging installation"),
        "will": [_(sentence) for sentence in WILL],
        "preview_title": _("What counts now"),
        "preview": _what_counts(places),
        "button": _("Pin it"),
    }
    return operator_page(request, shown, form=form, back=PINS, back_word=_("Staging pins"))


def _pin(actor: Actor, *, issuer: str, environment: str, key_set: str) -> StagingPin:
    return staging.pin(actor, issuer=issuer, environment=environment, jwks=key_set.encode("utf-8", "replace"))


def _what_counts(places: list[Environment]) -> list[str]:
    pins = staging.newest_pins()
    found = [(place.name, max(filter(None, map(pins.get, ("", place.slug))), key=lambda pin: pin.pk, default=None)) for place in places]
    return [_counting_words(name, pin) for name, pin in found]


def _counting_words(name: str, pin: StagingPin | None) -> str:
    if pin is None:
        return _("%(name)s: nothing is pinned") % {"name": name}
    said = {"name": name, "issuer": pin.issuer, "time": reading.minute(pin.created_at)}
    return _("%(name)s: %(issuer)s, since %(time)s") % said


admin.site.pages += [("organisation/staging/pin/", pin_staging, "pin_staging")]

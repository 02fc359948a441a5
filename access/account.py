"""What a person sets up for themselves: mail, API tokens and a second factor."""

import uuid
from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from access import limits, second_factor
from access.forms import WRONG_CODE, CodeForm, MailForm, NewTokenForm, SetUpForm, TimeZoneForm
from access.models import ApiToken, User
from access.pages import page
from access.tokens import create_token, revoke_token

form_page = require_http_methods(["GET", "HEAD", "POST"])
SHOWN = 100


# --- mail ---------------------------------------------------------------------------------------------------------------------------


@form_page
@login_required
def mail(request) -> HttpResponse:
    """What the person wants to hear of. The address itself is an operator's to set, with `manage.py set_person --email`."""
    form = MailForm(request.POST if request.method == "POST" else None, initial={"mail": request.user.mail})
    if form.is_bound and form.is_valid():
        User.objects.filter(pk=request.user.pk).update(mail=form.cleaned_data["mail"])
        messages.success(request, _("Your choice is saved."))
        return redirect("mail")
    return page(request, "access/mail.html", {"form": form, "address": request.user.email}, status=form.status, section="account")


@form_page
@login_required
def time_zone(request) -> HttpResponse:
    """In which zone the person reads times."""
    form = TimeZoneForm(request.POST if request.method == "POST" else None, initial={"time_zone": request.user.time_zone})
    if form.is_bound and form.is_valid():
        User.objects.filter(pk=request.user.pk).update(time_zone=form.cleaned_data["time_zone"])
        messages.success(request, _("Times are said in this zone from now on."))
        return redirect("time_zone")
    return page(request, "access/time_zone.html", {"form": form}, status=form.status, section="account")


# --- tokens -------------------------------------------------------------------------------------------------------------------------


@form_page
@login_required
def tokens(request) -> HttpResponse:
    """The person's own tokens; POST makes one and shows it this once."""
    form = NewTokenForm(request.POST if request.method == "POST" else None)
    made = _made(request.user, form.cleaned_data) if form.is_bound and form.is_valid() else ""
    own = ApiToken.objects.filter(user=request.user).order_by("-created")[:SHOWN]
    shown = {"form": NewTokenForm() if made else form, "made": made, "tokens": [(token, _standing(token)) for token in own]}
    return page(request, "access/tokens.html", shown, status=form.status, section="account")


def _made(user, said: dict) -> str:
    lifetime = timedelta(days=said["days"])
    return create_token(
        user, scopes=said["scopes"], partners=said["partners"], name=said["name"], lifetime=lifetime, created_by=user.get_username()
    )


def _standing(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return gettext_noop("revoked")
    return gettext_noop("expired") if token.expiry is not None and token.expiry <= timezone.now() else "active"


@form_page
@login_required
def revoke(request, public_id: uuid.UUID) -> HttpResponse:
    """What revoking would do; POST does it."""
    token = get_object_or_404(ApiToken, public_id=public_id, user=request.user)
    if request.method == "POST":
        revoke_token(token, by=request.user.get_username())
        messages.success(request, _("The token is revoked: its next call is refused."))
        return redirect("tokens")
    return page(request, "access/revoke_token.html", {"token": token, "standing": _standing(token)}, section="account")


# --- second factor ------------------------------------------------------------------------------------------------------------------


@form_page
@login_required
def second_factor_page(request) -> HttpResponse:
    """Set up the app, or say that it is set up and how to replace it."""
    if second_factor.device_of(request.user) is not None:
        return _replace(request)
    form = SetUpForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and _set_up(request, form):
        messages.success(request, _("Your second factor is set up. From now on you are asked for a code when you sign in."))
        return redirect("second_factor")
    prepared = second_factor.prepare(request.user)
    # Made by the library out of our own text: no part of it came from outside.
    shown = {"form": form, "secret": second_factor.secret_text(prepared), "qr": mark_safe(second_factor.qr_svg(prepared))}  # noqa: S308
    return page(request, "access/second_factor_set_up.html", shown, status=form.status, section="account")


def _set_up(request, form: SetUpForm) -> bool:
    name = request.user.get_username()
    if (seconds := limits.try_to_sign_in(name, request)) is not None:
        form.add_error("password", _("Too many tries. Wait %(number)d seconds.") % {"number": limits.whole_seconds(seconds)})
        form.refused_with = 429
    elif not request.user.check_password(form.cleaned_data["password"]):
        form.add_error("password", _("This is not your password."))
    elif not second_factor.confirm(request.user, form.cleaned_data["code"]):
        form.add_error("code", f"{WRONG_CODE} " + _("The app's clock must be right."))
    else:
        limits.signed_in(name, request)
        request.session.cycle_key()
        second_factor.mark_verified(request.session, request.user)
    return not form.errors


def _replace(request) -> HttpResponse:
    """Take the app out of use, with a code of its; somebody who has lost it asks an operator."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        if second_factor.is_right(request.user, form.cleaned_data["code"]):
            second_factor.reset(request.user)
            second_factor.forget_verified(request.session)
            messages.success(request, _("The app is out of use. Set up another one now."))
            return redirect("second_factor")
        form.add_error("code", WRONG_CODE)
    return page(request, "access/second_factor.html", {"form": form}, status=form.status, section="account")

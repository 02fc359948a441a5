"""The operators' pages about partners, people, tokens and environments. Each shows what will happen; its POST calls one verb."""

import secrets
import uuid

from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from access import second_factor
from access.actors import Actor, group_names
from access.models import ApiToken, User
from config.forms import StrictForm
from config.refusals import Reason, refuse_if
from drafts.models import Partner, Role
from reviews import organisation
from reviews.models import Environment
from reviews.operators import form_page, operator, operator_page, posted
from reviews.organisation_forms import (
    ActiveForm,
    EnvironmentForm,
    GroupsForm,
    MailForm,
    MembershipForm,
    NewEnvironmentForm,
    PartnerForm,
    PersonForm,
)

PARTNERS, MEMBERSHIPS = "admin:drafts_partner_changelist", "admin:drafts_membership_changelist"
PEOPLE, TOKENS = "admin:access_user_changelist", "admin:access_apitoken_changelist"
ENVIRONMENTS = "admin:reviews_environment_changelist"
LEAVES = gettext_noop("It leaves an event in your name.")


def done(request, words: str, back: str) -> HttpResponse:
    messages.success(request, words)
    return redirect(back)


# --- partners ---------------------------------------------------------------------------------------------------------------------------


@form_page
def new_partner(request) -> HttpResponse:
    actor, form = operator(request, "set_partner"), PartnerForm(posted(request))
    if form.is_bound and form.attempt(lambda said: organisation.add_partner(actor, said["partner"], name=said["name"])):
        return done(request, _("The partner is there. Now give it an owner."), MEMBERSHIPS)
    will = [
        _("A partner is the organisation whose paths are covered. Nobody sees its plans until you make somebody owner or viewer."),
        _(LEAVES),
    ]
    shown = {"title": _("Add a partner"), "will": will, "button": _("Add it")}
    return operator_page(request, shown, form=form, back=PARTNERS, back_word=_("Partners"))


@form_page
def set_membership(request) -> HttpResponse:
    actor = operator(request, "set_membership")
    proposed = {name: request.GET[name] for name in ("partner", "username") if name in request.GET}
    form = MembershipForm(posted(request), initial=proposed)
    if form.is_bound and form.attempt(lambda said: _membership(actor, **said)):
        return done(request, _membership_words(*form.outcome), MEMBERSHIPS)
    will = [
        _("What somebody may do for a partner from now on. Somebody has one role for a partner; another one takes its place."),
        _(LEAVES),
    ]
    shown = {"title": _("Set a membership"), "will": will, "button": _("Set it")}
    return operator_page(request, shown, form=form, back=MEMBERSHIPS, back_word=_("Memberships"))


def _membership(actor: Actor, *, partner: str, username: str, role: str | None) -> tuple[User, Partner, str | None]:
    place, user = Partner.objects.filter(slug=partner).first(), User.objects.filter(username=username).first()
    unknown = [] if place else [Reason("unknown_partner", "There is no such partner.", pointer="/partner", status=400)]
    unknown += [] if user else [Reason("unknown_person", "There is nobody of this name.", pointer="/username", status=400)]
    refuse_if(unknown)
    organisation.set_membership(actor, user, place, role=role)
    return user, place, role


def _membership_words(user: User, place: Partner, role: str | None) -> str:
    said = {"name": user, "partner": place.slug, "role": _(Role(role).label) if role else ""}
    return (_("%(name)s is %(role)s of %(partner)s.") if role else _("%(name)s has no part in %(partner)s any more.")) % said


# --- people -----------------------------------------------------------------------------------------------------------------------------


@form_page
def new_person(request) -> HttpResponse:
    """The first password is made here and shown this once."""
    actor, form = operator(request, "add_person"), PersonForm(posted(request))
    password = secrets.token_urlsafe(15)
    shown = {
        "title": _("Add a person"),
        "will": [_("They can sign in at once, and see nothing until they have a group or a partner."), _(LEAVES)],
        "button": _("Add them"),
    }
    if form.is_bound and form.attempt(
        lambda said: organisation.add_person(actor, said["username"], password=password, machine=said["kind"] == "machine")
    ):
        if form.outcome.machine:
            return done(request, _("The job is there. Make it a token with manage.py create_token."), PEOPLE)
        hint = _("It is shown this once. They change it under “Your account”.")
        shown |= {"made": password, "made_title": _("First password of %(name)s") % {"name": form.outcome}, "made_hint": hint}
        form = PersonForm()
    return operator_page(request, shown, form=form, back=PEOPLE, back_word=_("Users"))


def _person(user_id: int) -> User:
    return get_object_or_404(User, pk=user_id)


@form_page
def groups(request, user_id: int) -> HttpResponse:
    actor, user = operator(request, "set_groups"), _person(user_id)
    theirs, known = sorted(group_names(user)), organisation.known_groups()
    form = GroupsForm(posted(request), known=known, initial={"groups": theirs, "shown": theirs})
    if form.is_bound and form.attempt(lambda _said: organisation.set_groups(actor, user, **form.change) or True):
        return done(request, _("The groups of %(name)s are as you ticked them.") % {"name": user}, PEOPLE)
    shown = {
        "title": _("Groups of %(name)s") % {"name": user},
        "will": [
            _("Who is in a group that a policy names reviews. Auditors read all; operators do, too, and set things up."),
            _("Who leaves a group: their votes on what is not decided yet no longer count.") + f" {_(LEAVES)}",
        ],
        "absent": organisation.own_hand_reasons(actor, user),
        "button": _("Set the groups"),
    }
    return operator_page(request, shown, form=form, back=PEOPLE, back_word=_("Users"))


def _own(actor: Actor, user: User, detail: str) -> list[Reason]:
    return [Reason("own_account", detail, clear_by="another operator")] if actor.user_id == user.pk else []


@form_page
def mail(request, user_id: int) -> HttpResponse:
    actor, user = operator(request, "set_email"), _person(user_id)
    form = MailForm(posted(request), initial={"email": user.email})
    if form.is_bound and form.attempt(lambda said: organisation.set_email(actor, user, said["email"]) or True):
        return done(request, _("The address of %(name)s is set.") % {"name": user}, PEOPLE)
    will = [
        _("Where reminders and decisions are sent. What they want to hear of is their own choice. The event does not hold the address.")
    ]
    shown = {"title": _("Mail address of %(name)s") % {"name": user}, "will": will, "button": _("Set it")}
    return operator_page(request, shown, form=form, back=PEOPLE, back_word=_("Users"))


@form_page
def activity(request, user_id: int) -> HttpResponse:
    """Switch somebody off, or on again: whichever they are not."""
    actor, user = operator(request, "set_active"), _person(user_id)
    to, title, button = (
        ("off", _("Switch %(name)s off"), _("Switch off")) if user.is_active else ("on", _("Switch %(name)s on"), _("Switch on"))
    )
    form = ActiveForm(posted(request), initial={"to": to})
    if form.is_bound and form.attempt(lambda said: organisation.set_active(actor, user, active=said["to"] == "on") or True):
        did = _("%(name)s is switched off.") if form.cleaned_data["to"] == "off" else _("%(name)s is switched on.")
        return done(request, did % {"name": user}, PEOPLE)
    off = _("They cannot sign in, their sessions and tokens end at once, and their votes on what is not decided yet no longer count.")
    on = _("They can sign in again, with the groups and partners that they have.")
    shown = {
        "title": title % {"name": user},
        "will": [off if to == "off" else on, _("What they did stays in the record.") + f" {_(LEAVES)}"],
        "absent": _own(actor, user, "Nobody switches their own account off or on."),
        "button": button,
        "danger": to == "off",
    }
    return operator_page(request, shown, form=form, back=PEOPLE, back_word=_("Users"))


@form_page
def forget_second_factor(request, user_id: int) -> HttpResponse:
    actor, user = operator(request, "reset_second_factor"), _person(user_id)
    form = StrictForm(posted(request))
    if form.is_bound and form.attempt(lambda _said: organisation.reset_second_factor(actor, user) + 1):
        return done(request, _("The second factor of %(name)s is forgotten.") % {"name": user}, PEOPLE)
    has = second_factor.device_of(user) is not None
    shown = {
        "title": _("Second factor of %(name)s") % {"name": user},
        "will": [
            _("They have set up an app.") if has else _("They have set up no app."),
            _("Do this for somebody who has lost theirs, once you know that it is they who ask. They set up another one.")
            + f" {_(LEAVES)}",
        ],
        "absent": [] if has or form.is_bound else [Reason("no_second_factor", "There is nothing to forget.", clear_by="nobody")],
        "button": _("Forget it"),
        "danger": True,
    }
    return operator_page(request, shown, form=form, back=PEOPLE, back_word=_("Users"))


@form_page
def end_token(request, public_id: uuid.UUID) -> HttpResponse:
    actor = operator(request, "end_token")
    token = get_object_or_404(ApiToken.objects.select_related("user"), public_id=public_id)
    form = StrictForm(posted(request))
    if form.is_bound and form.attempt(lambda _said: organisation.end_token(actor, token) or True):
        return done(request, _("The token is revoked: its next call is refused."), TOKENS)
    held = {"token": token, "scopes": ", ".join(token.scopes)}
    shown = {
        "title": _("Revoke a token of %(name)s") % {"name": token.user},
        "will": [_("%(token)s, with the scopes %(scopes)s. Its next call is refused.") % held + f" {_(LEAVES)}"],
        "absent": organisation.token_reasons(token) if not form.is_bound else [],
        "button": _("Revoke it"),
        "danger": True,
    }
    return operator_page(request, shown, form=form, back=TOKENS, back_word=_("Api tokens"))


# --- environments -----------------------------------------------------------------------------------------------------------------------


@form_page
def new_environment(request) -> HttpResponse:
    actor, form = operator(request, "set_environment"), NewEnvironmentForm(posted(request))
    if form.is_bound and form.attempt(lambda said: _add_environment(actor, said)):
        return done(request, _("The environment is there. Now propose its policy."), "admin:reviews_reviewpolicy_changelist")
    will = [_("Where rollouts would go. Nothing can be reviewed for it until it has a policy."), _(LEAVES)]
    shown = {"title": _("Add an environment"), "will": will, "button": _("Add it")}
    return operator_page(request, shown, form=form, back=ENVIRONMENTS, back_word=_("Environments"))


def _add_environment(actor: Actor, said: dict) -> Environment:
    """The verb would change one that is there, which is another page's."""
    taken = Environment.objects.filter(slug=said["environment"]).exists()
    refuse_if([Reason("name_taken", "There is such an environment.", pointer="/environment", status=400)] if taken else [])
    return organisation.set_environment(actor, said["environment"], name=said["name"], protected=said["protected"])


@form_page
def environment(request, slug: str) -> HttpResponse:
    actor, found = operator(request, "set_environment"), get_object_or_404(Environment, slug=slug)
    form = EnvironmentForm(posted(request), initial={"name": found.name, "protected": "yes" if found.protected else "no"})
    if form.is_bound and form.attempt(lambda said: organisation.set_environment(actor, slug, **said)):
        return done(request, _("%(name)s is as you said.") % {"name": form.outcome.name}, ENVIRONMENTS)
    shown = {
        "title": _("Change %(name)s") % {"name": found.name},
        "will": [_("Its slug, %(slug)s, stays.") % {"slug": slug} + f" {_(LEAVES)}"],
        "button": _("Change it"),
    }
    return operator_page(request, shown, form=form, back=ENVIRONMENTS, back_word=_("Environments"))


PAGES = [
    ("organisation/partners/new/", new_partner, "new_partner"),
    ("organisation/memberships/set/", set_membership, "set_membership"),
    ("organisation/people/new/", new_person, "new_person"),
    ("organisation/people/<int:user_id>/groups/", groups, "set_groups"),
    ("organisation/people/<int:user_id>/mail/", mail, "set_email"),
    ("organisation/people/<int:user_id>/active/", activity, "set_active"),
    ("organisation/people/<int:user_id>/second-factor/", forget_second_factor, "reset_second_factor"),
    ("organisation/tokens/<uuid:public_id>/revoke/", end_token, "end_token"),
    ("organisation/environments/new/", new_environment, "new_environment"),
    ("organisation/environments/<slug:slug>/", environment, "set_environment"),
]
admin.site.pages += PAGES

"""The operators' pages in admin: each shows what will happen to what, and its POST calls one verb."""

import uuid

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from access.actors import OPERATORS, Actor
from config.admin import desk_actor
from config.forms import StrictForm
from config.refusals import recorded, refuse_if
from reviews import explain, freezes, policies, reading, webhooks
from reviews.forms import FreezeForm, ProposeForm, ReasonForm, SettleForm
from reviews.models import Channel, Environment, FreezeWindow, OutboxMessage, Outcome, PolicyOutcome, ReviewPolicy
from reviews.policies import Failing
from reviews.record import database_now
from reviews.rights import operator_reasons

POLICIES = "admin:reviews_reviewpolicy_changelist"
FREEZES = "admin:reviews_freezewindow_changelist"
OUTBOX = "admin:reviews_outboxmessage_changelist"


form_page = require_http_methods(["GET", "HEAD", "POST"])


def operator(request, verb: str) -> Actor:
    """Who is at the desk, if an operator; the verb asks again, of the primary. An attempt of anybody else is counted as the verb would."""
    actor = desk_actor(request)
    if OPERATORS in actor.groups:
        return actor
    if request.method == "POST":
        with recorded(actor, verb):
            refuse_if(operator_reasons(actor))
    raise PermissionDenied


def posted(request):
    return request.POST if request.method == "POST" else None


def operator_page(request, shown: dict, *, form, back: str, back_word: str) -> HttpResponse:
    """`back`: the name of the list that it is about."""
    about = {"form": form, "back": reverse(back), "back_word": back_word}
    response = render(request, "admin/reviews/operator.html", {**admin.site.each_context(request), **about, **shown}, status=form.status)
    if response.status_code == 503:
        response["Retry-After"] = "2"
    return response


# --- freezes --------------------------------------------------------------------------------------------------------------------------


def may_write_about(request) -> list[Environment]:
    """The environments that this person may freeze, and propose policies for."""
    return list(Environment.objects.order_by("slug")) if OPERATORS in desk_actor(request).groups else []


@form_page
def freeze_page(request, slug: str) -> HttpResponse:
    actor, environment = operator(request, "freeze"), get_object_or_404(Environment, slug=slug)
    form = FreezeForm(posted(request))
    if form.is_bound and form.attempt(lambda said: freezes.freeze(actor, environment, **said)):
        messages.success(request, _("%(name)s is frozen for that time.") % {"name": environment.name})
        return redirect(FREEZES)
    shown = {
        "title": _("Freeze %(name)s") % {"name": environment.name},
        "will": [_("The gate of every plan for this environment is shut from the one time to the other. Reviews go on.")],
        "button": _("Freeze it"),
    }
    return operator_page(request, shown, form=form, back=FREEZES, back_word=_("Freeze windows"))


@form_page
def end_freeze_page(request, object_id: uuid.UUID) -> HttpResponse:
    actor = operator(request, "end_freeze")
    found = get_object_or_404(FreezeWindow.objects.select_related("environment"), pk=object_id)
    form = ReasonForm(posted(request))
    if form.is_bound and form.attempt(lambda said: freezes.end_freeze(actor, object_id, **said)):
        messages.success(request, _("The freeze is over."))
        return redirect(FREEZES)
    lasts = {"begin": reading.minute(found.starts_at), "end": reading.minute(found.ends_at), "reason": found.reason}
    shown = {
        "title": _("End the freeze of %(name)s") % {"name": found.environment.name},
        "will": [_("From %(begin)s to %(end)s: %(reason)s") % lasts, _("It ends at once, and no longer shuts the gate of any plan.")],
        "button": _("End it"),
        "danger": True,
    }
    return operator_page(request, shown, form=form, back=FREEZES, back_word=_("Freeze windows"))


# --- webhooks -------------------------------------------------------------------------------------------------------------------------


@form_page
def send_again_page(request, object_id: uuid.UUID) -> HttpResponse:
    actor = operator(request, "send_again")
    to_webhooks = OutboxMessage.objects.filter(channel=Channel.WEBHOOK).select_related("endpoint", "review_request__plan")
    found = get_object_or_404(to_webhooks, pk=object_id)
    form = StrictForm(posted(request))
    if form.is_bound and form.attempt(lambda _said: webhooks.send_again(actor, object_id)):
        messages.success(request, _("It is delivered again shortly."))
        return redirect(OUTBOX)
    so_far = {"kind": found.kind, "plan": found.review_request.plan.name, "attempts": found.attempts}
    so_far["status"] = _(found.get_status_display()).lower()
    shown = {
        "title": _("Send again to %(host)s") % {"host": found.endpoint.host},
        "will": [
            _("%(kind)s, of %(plan)s. So far: %(status)s, attempts: %(attempts)d.") % so_far,
            _("It is delivered once more, under the same webhook-id, so that a receiver who has it already can tell."),
        ],
        "absent": webhooks.again_reasons(found) if not form.is_bound else [],
        "button": _("Send it again"),
    }
    return operator_page(request, shown, form=form, back=OUTBOX, back_word=_("Outbox"))


# --- policies -------------------------------------------------------------------------------------------------------------------------


@form_page
def propose_page(request, slug: str) -> HttpResponse:
    actor, environment = operator(request, "propose_policy"), get_object_or_404(Environment, slug=slug)
    form = ProposeForm(posted(request), initial=_as_it_is(explain.newest_policy(environment)))
    if form.is_bound and form.attempt(lambda _said: policies.propose_policy(actor, environment, **form.said)):
        in_force = PolicyOutcome.objects.filter(policy=form.outcome).exists()
        messages.success(request, _("It is in force.") if in_force else _("It is proposed, and waits for another operator."))
        return redirect(POLICIES)
    will = _("The first version takes effect at once.") if explain.newest_policy(environment) is None else _(LATER)
    shown = {"title": _("Propose a policy for %(name)s") % {"name": environment.name}, "will": [will], "button": _("Propose it")}
    return operator_page(request, shown, form=form, back=POLICIES, back_word=_("Review policies"))


LATER = gettext_noop("Nothing changes until another operator accepts it. The form starts with what is in force now.")


def _as_it_is(ruling: ReviewPolicy | None) -> dict:
    if ruling is None:
        return {"due_hours": 48, "review_hours": 336, "approval_hours": 72}
    days = {kind: f"{kind} {-(-seconds // 86400)}" for kind, seconds in ruling.maximum_ages.items()}
    return {
        "rules": "\n".join(f"{rule['name']} {rule['group']} {rule['quorum']}" for rule in ruling.rules),
        "required_confirmations": "\n".join(days.get(kind, kind) for kind in ruling.required_confirmations),
        "session_minutes": ruling.session_seconds and -(-ruling.session_seconds // 60),
        "second_factor": "asked" if ruling.second_factor else "not_asked",
        "conditions": "allowed" if ruling.conditions_allowed else "not_allowed",
        **{f"{name}_hours": -(-getattr(ruling, f"{name}_seconds") // 3600) for name in ("due", "review", "approval")},
    }


@form_page
def settle_page(request, object_id: uuid.UUID) -> HttpResponse:
    """What acceptance will do to which approvals; POST accepts, or declines."""
    actor = operator(request, "accept_policy")
    proposal = get_object_or_404(ReviewPolicy.objects.select_related("environment"), pk=object_id)
    form = SettleForm(posted(request), initial={"digest": proposal.digest})
    if form.is_bound and form.attempt(lambda said: _settle(actor, proposal, **said)):
        messages.success(request, _settled(proposal, form.outcome))
        return redirect(POLICIES)
    now = database_now()
    revoked = policies.failing(policies.standing(proposal.environment, now=now), proposal, now=now)
    shown = {
        "title": _("Version %(number)d for %(name)s") % {"number": proposal.version, "name": proposal.environment.name},
        "will": [
            _("Proposed by %(name)s. It would ask:") % {"name": proposal.proposed_by},
            *reading.policy_sentences(proposal),
            _("What is in review then has to satisfy both this version and the one that its packet names."),
        ],
        "preview_title": _("Approvals that accepting it revokes"),
        "preview": [_would_revoke(each) for each in revoked] or [_("None: every approval in date satisfies it, too.")],
        "absent": policies.settled_reasons(proposal) if not form.is_bound else [],
        "button": _("Send this answer"),
        "danger": bool(revoked),
    }
    return operator_page(request, shown, form=form, back=POLICIES, back_word=_("Review policies"))


def _would_revoke(failing: Failing) -> str:
    return f"{failing.review_request}: {' '.join(reason.detail for reason in failing.reasons)}"


def _settle(actor: Actor, proposal: ReviewPolicy, *, digest: str, answer: str, comment: str) -> tuple[str, int]:
    """What became of the proposal, and how many approvals that revoked."""
    if answer == "decline":
        return policies.decline_policy(actor, proposal.pk, comment=comment).outcome, 0
    return Outcome.ACCEPTED, len(policies.accept_policy(actor, proposal.pk, digest=digest))


def _settled(proposal: ReviewPolicy, outcome: tuple[str, int]) -> str:
    word, revoked = outcome
    if word != Outcome.ACCEPTED:
        return _("Version %(number)d is %(outcome)s.") % {"number": proposal.version, "outcome": _(Outcome(word).label).lower()}
    return _("Version %(number)d is in force. Approvals revoked: %(revoked)d.") % {"number": proposal.version, "revoked": revoked}

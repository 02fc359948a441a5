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
from config.refusals import recorded, refuse_if
from reviews import explain, freezes, policies, reading, webhooks
from reviews.forms import FreezeForm, ProposeForm, ReasonForm, SettleForm
from reviews.models import Channel, Environment, FreezeWindow, OutboxMessage, PolicyOutcome, ReviewPolicy
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
        messages.success(request, f"{environment.name} is frozen for that time.")
        return redirect(FREEZES)
    shown = {
        "title": f"Freeze {environment.name}",
        "will": ["The gate of every plan for this environment is shut from the one time to the other. Reviews go on."],
        "button": "Freeze it",
    }
    return operator_page(request, shown, form=form, back=FREEZES, back_word="Freeze windows")


@form_page
def end_freeze_page(request, object_id: uuid.UUID) -> HttpResponse:
    actor = operator(request, "end_freeze")
    found = get_object_or_404(FreezeWindow.objects.select_related("environment"), pk=object_id)
    form = ReasonForm(posted(request))
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


@form_page
def send_again_page(request, object_id: uuid.UUID) -> HttpResponse:
    actor = operator(request, "send_again")
    to_webhooks = OutboxMessage.objects.filter(channel=Channel.WEBHOOK).select_related("endpoint", "review_request__plan")
    found = get_object_or_404(to_webhooks, pk=object_id)
    form = StrictForm(posted(request))
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


# --- policies -------------------------------------------------------------------------------------------------------------------------


@form_page
def propose_page(request, slug: str) -> HttpResponse:
    actor, environment = operator(request, "propose_policy"), get_object_or_404(Environment, slug=slug)
    form = ProposeForm(posted(request), initial=_as_it_is(explain.newest_policy(environment)))
    if form.is_bound and form.attempt(lambda _: policies.propose_policy(actor, environment, **form.said)):
        in_force = PolicyOutcome.objects.filter(policy=form.outcome).exists()
        messages.success(request, "It is in force." if in_force else "It is proposed, and waits for another operator.")
        return redirect(POLICIES)
    will = "The first version takes effect at once." if explain.newest_policy(environment) is None else LATER
    shown = {"title": f"Propose a policy for {environment.name}", "will": [will], "button": "Propose it"}
    return operator_page(request, shown, form=form, back=POLICIES, back_word="Review policies")


LATER = "Nothing changes until another operator accepts it. The form starts with what is in force now."


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
    proposal = get_object_or_404(ReviewPolicy.objects.select_related("environment"), pk=object_id, outcome__isnull=True)
    form = SettleForm(posted(request), initial={"digest": proposal.digest})
    if form.is_bound and form.attempt(lambda said: _settle(actor, proposal, **said)):
        messages.success(request, form.outcome)
        return redirect(POLICIES)
    now = database_now()
    revoked = policies.failing(policies.standing(proposal.environment, now=now), proposal, now=now)
    shown = {
        "title": f"Version {proposal.version} for {proposal.environment.name}",
        "will": [f"Proposed by {proposal.proposed_by}. It would ask:", *reading.policy_sentences(proposal), IN_REVIEW],
        "preview_title": "Approvals that accepting it revokes",
        "preview": [_would_revoke(each) for each in revoked] or ["None: every approval in date satisfies it, too."],
        "button": "Send this answer",
        "danger": bool(revoked),
    }
    return operator_page(request, shown, form=form, back=POLICIES, back_word="Review policies")


IN_REVIEW = "What is in review then has to satisfy both this version and the one that its packet names."


def _would_revoke(failing: Failing) -> str:
    return f"{failing.review_request}: {' '.join(reason.detail for reason in failing.reasons)}"


def _settle(actor: Actor, proposal: ReviewPolicy, *, digest: str, answer: str, comment: str) -> str:
    if answer == "decline":
        return f"Version {proposal.version} is {policies.decline_policy(actor, proposal.pk, comment=comment).outcome}."
    revoked = policies.accept_policy(actor, proposal.pk, digest=digest)
    return f"Version {proposal.version} is in force. Approvals revoked: {len(revoked)}."

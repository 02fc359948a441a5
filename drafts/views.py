"""The owners' pages that write a plan, and its boundary object. The plan's own page is in reviews, which knows what became of it."""

import json
import uuid

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from access.actors import Actor
from access.pages import counts, page, page_actor
from config.forms import VersionForm
from config.methods import require_safe
from drafts import coverage, coverage_map
from drafts.boundary import boundary_object
from drafts.forms import GATE_TYPES, EditPlanForm, MoveForm, NewPlanForm
from drafts.models import CoveragePlan, ExpansionMove, Role

MOVES_SHOWN = 100
form_page = require_http_methods(["GET", "HEAD", "POST"])


def visible_plan(actor: Actor, plan_id: uuid.UUID) -> CoveragePlan:
    return get_object_or_404(coverage.visible_plans(actor), pk=plan_id)


def moves_of(plan: CoveragePlan) -> list[ExpansionMove]:
    return list(ExpansionMove.objects.as_of_now().filter(plan=plan).order_by("number"))


@form_page
@login_required
def new_plan(request) -> HttpResponse:
    actor = page_actor(request)
    mine = coverage.visible_partners(actor).filter(memberships__in=coverage.memberships(actor).filter(role=Role.OWNER)).order_by("name")
    form = NewPlanForm(request.POST if request.method == "POST" else None, partners=mine)
    if form.is_bound and form.attempt(lambda said: coverage.create_plan(actor, partner_slug=said.pop("partner"), fields=said)):
        messages.success(request, _("The plan is saved as a draft."))
        return redirect("plan", form.outcome.pk)
    return page(request, "drafts/new_plan.html", {"form": form, "partners": mine, "gate_types": GATE_TYPES}, status=form.status)


@form_page
@login_required
@counts("edit_plan")
def edit_plan(request, plan_id: uuid.UUID) -> HttpResponse:
    actor = page_actor(request)
    plan = visible_plan(actor, plan_id)
    form = EditPlanForm(request.POST if request.method == "POST" else None, initial=_as_it_is(plan))
    if form.is_bound and form.attempt(lambda said: coverage.edit_plan(actor, plan_id, version=said.pop("version"), fields=said)):
        messages.success(request, _("The plan is changed."))
        return redirect("plan", plan_id)
    shown = {"form": form, "plan": plan, "gate_types": GATE_TYPES, "reasons": _edit_reasons(actor, plan)}
    return page(request, "drafts/edit_plan.html", shown, status=form.status)


def _as_it_is(plan: CoveragePlan) -> dict:
    return {name: getattr(plan, name) for name in EditPlanForm.base_fields}


def _edit_reasons(actor: Actor, plan: CoveragePlan) -> list:
    """Why the form would be refused, said before it is filled in."""
    return coverage.owner_reasons(actor, plan.partner, scope="draft") + coverage.edit_reasons(plan)


@form_page
@login_required
@counts("append_move")
def new_move(request, plan_id: uuid.UUID) -> HttpResponse:
    actor = page_actor(request)
    plan = visible_plan(actor, plan_id)
    moves = moves_of(plan)
    form = MoveForm(request.POST if request.method == "POST" else None, moves=moves, initial={"version": plan.version})
    if form.is_bound and form.attempt(lambda said: coverage.append_move(actor, plan_id, version=said.pop("version"), fields=said)):
        messages.success(request, _("Move %(number)d is appended.") % {"number": form.outcome.number})
        return redirect("plan", plan_id)
    parts = coverage_map.parts(plan, moves[-MOVES_SHOWN:])
    shown = {"form": form, "plan": plan, "parts": parts, "gate_types": GATE_TYPES, "reasons": _edit_reasons(actor, plan)}
    return page(request, "drafts/new_move.html", shown, status=form.status)


@require_safe
@login_required
def boundary_object_page(request, plan_id: uuid.UUID) -> HttpResponse:
    plan = visible_plan(page_actor(request), plan_id)
    drafted = boundary_object(plan, moves_of(plan), base_url=settings.RECEIPT_ISSUER)
    text = json.dumps(drafted, indent=2, ensure_ascii=False)
    context = drafted["api_access"]
    access = [(name, url) for name, url in context.items() if name.endswith("_url")]
    shown = {"plan": plan, "text": text, "access": access, "headers": context["headers"]}
    return page(request, "drafts/boundary_object.html", shown)


@form_page
@login_required
@counts("delete_plan")
def delete_plan(request, plan_id: uuid.UUID) -> HttpResponse:
    """What deleting and archiving would do; POST deletes."""
    actor = page_actor(request)
    plan = visible_plan(actor, plan_id)
    form = VersionForm(request.POST if request.method == "POST" else None, initial={"version": plan.version})
    if form.is_bound and form.attempt(lambda said: coverage.delete_plan(actor, plan_id, version=said["version"])):
        messages.success(request, _("The plan is deleted."))
        return redirect("plans")
    return _delete_page(request, plan, form)


def _delete_page(request, plan: CoveragePlan, form: VersionForm) -> HttpResponse:
    shown = {"form": form, "plan": plan, "reasons": coverage.owner_reasons(page_actor(request), plan.partner, scope="draft")}
    return page(request, "drafts/delete_plan.html", shown, status=form.status)


@require_POST
@login_required
@counts("edit_plan")
def archive_plan(request, plan_id: uuid.UUID) -> HttpResponse:
    """Archive a plan, or bring an archived one back."""
    actor = page_actor(request)
    plan = visible_plan(actor, plan_id)
    form = VersionForm(request.POST)
    fields = {"archived": not plan.archived}
    if form.attempt(lambda said: coverage.edit_plan(actor, plan_id, version=said["version"], fields=fields)):
        messages.success(request, _("The plan is archived.") if form.outcome.archived else _("The plan is back among your plans."))
        return redirect("plan", plan_id)
    return _delete_page(request, plan, form)

"""The API of partners, plans and moves."""

import uuid

from django.conf import settings
from rest_framework.response import Response

from access.api import ApiView
from config.api import PAGE_PARAMETERS, NoInput, expected_version, invalid, page, parameters, validated, versioned
from config.refusals import not_found, recorded, refuse_if
from drafts import coverage
from drafts.boundary import boundary_object
from drafts.models import CoveragePlan, PlanState
from drafts.serializers import MoveInput, MoveOutput, PartnerOutput, PlanChange, PlanInput, PlanOutput


class PlanView(ApiView):
    """Views below one plan."""

    def plan(self, plan_id: uuid.UUID) -> CoveragePlan:
        found = coverage.visible_plans(self.actor).filter(pk=plan_id).first()
        if found is None:
            raise not_found("plan")
        return found

    def writable(self, plan_id: uuid.UUID, verb: str) -> CoveragePlan:
        """The plan, if the actor may write it: 404 and 403 come before every question about the call itself."""
        plan = self.plan(plan_id)
        with recorded(self.actor, verb):
            refuse_if(coverage.owner_reasons(self.actor, plan.partner, scope="draft"))
        return plan


class Partners(ApiView):
    def get(self, request):
        self.demand("read")
        parameters(request, *PAGE_PARAMETERS)
        return page(self, coverage.visible_partners(self.actor), PartnerOutput)


class Plans(ApiView):
    def get(self, request):
        self.demand("read")
        given = parameters(request, "partner", "state", "archived", *PAGE_PARAMETERS)
        return page(self, _filtered(coverage.visible_plans(self.actor), given), PlanOutput)

    def post(self, request):
        self.demand("draft")
        parameters(request)
        fields = validated(PlanInput, request)
        plan = coverage.create_plan(self.actor, partner_slug=fields.pop("partner"), fields=fields)
        return versioned(PlanOutput(plan).data, plan.version, status=201, Location=f"/api/v1/plans/{plan.pk}/")


def _filtered(plans, given: dict):
    if "\x00" in "".join(given.values()):
        raise invalid("null_character", "A parameter holds a null character.")
    if "partner" in given:
        plans = plans.filter(partner__slug=given["partner"])
    if "state" in given:
        if given["state"] not in PlanState.values:
            raise invalid("unknown_state", f"state is one of: {', '.join(PlanState.values)}.")
        plans = plans.filter(state_now=given["state"])
    if "archived" in given:
        if given["archived"] not in ("true", "false"):
            raise invalid("invalid", "archived is true or false.")
        plans = plans.filter(archived=given["archived"] == "true")
    return plans


class Plan(PlanView):
    def get(self, request, plan_id):
        plan = self.plan(plan_id)
        self.demand("read")
        parameters(request)
        return versioned(PlanOutput(plan).data, plan.version)

    def patch(self, request, plan_id):
        plan = self.writable(plan_id, "edit_plan")
        version = expected_version(request, plan.version)
        parameters(request)
        changed = coverage.edit_plan(self.actor, plan_id, fields=validated(PlanChange, request, partial=True), version=version)
        return versioned(PlanOutput(changed).data, changed.version)

    def delete(self, request, plan_id):
        plan = self.writable(plan_id, "delete_plan")
        version = expected_version(request, plan.version)
        parameters(request)
        validated(NoInput, request)
        coverage.delete_plan(self.actor, plan_id, version=version)
        return Response(status=204)


class Moves(PlanView):
    def get(self, request, plan_id):
        plan = self.plan(plan_id)
        self.demand("read")
        parameters(request, *PAGE_PARAMETERS)
        return page(self, plan.moves.as_of_now(), MoveOutput, ordering=("number",))

    def post(self, request, plan_id):
        plan = self.writable(plan_id, "append_move")
        version = expected_version(request, plan.version) if "HTTP_IF_MATCH" in request.META else None
        parameters(request)
        move = coverage.append_move(self.actor, plan_id, fields=validated(MoveInput, request), version=version)
        return Response(MoveOutput(move).data, status=201)


class BoundaryObject(PlanView):
    def get(self, request, plan_id):
        plan = self.plan(plan_id)
        self.demand("read")
        parameters(request)
        return versioned(boundary_object(plan, list(plan.moves.all()), base_url=settings.RECEIPT_ISSUER), plan.version)

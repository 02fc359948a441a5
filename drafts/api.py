"""The API of partners, plans and moves."""

import json
import uuid
from collections.abc import Callable

from django.conf import settings
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from access.api import ApiView, keepers
from config.api import read_body, versioned
from config.lists import Filter, by, by_moment, by_word
from config.refusals import not_found
from config.told import changes, does, lists, reads
from drafts import coverage, search
from drafts.boundary import boundary_object
from drafts.idempotency import Answer, Keyed, once
from drafts.models import CoveragePlan, PlanState
from drafts.serializers import BoundaryObjectOutput, MoveInput, MoveOutput, PartnerOutput, PlanChange, PlanInput, PlanOutput

ANSWERED = ("ETag", "Location")


def kept_once(view: ApiView, key: str, act: Callable[[], Response]) -> Response:
    """One POST under its idempotency key; what was answered before is answered again, and says so."""
    request = view.request
    body, unreadable = read_body(request)
    if unreadable:
        return act()  # the verb refuses it with everything else
    precondition = request.META.get("HTTP_IF_MATCH", "")
    said = "\n".join([request.method, request.get_full_path(), precondition, json.dumps(body, sort_keys=True)]).encode()
    answer = once(Keyed(view.actor, f"{request.method} {request.path}", key, said), lambda: _answer(act()))
    replayed = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    return Response(json.loads(answer.body), status=answer.status, headers=answer.headers | replayed)


def _answer(response: Response) -> Answer:
    headers = {name: response[name] for name in ANSWERED if name in response}
    return Answer(response.status_code, JSONRenderer().render(response.data).decode(), headers)


keepers.append(kept_once)
FLAG = {"true": True, "false": False}
STATES = {state: state for state in PlanState.values}


class PlanView(ApiView):
    """Views below one plan."""

    def plan(self, plan_id: uuid.UUID) -> CoveragePlan:
        found = coverage.visible_plans(self.actor).filter(pk=plan_id).first()
        if found is None:
            raise not_found("plan")
        return found


class Partners(ApiView):
    @lists("partners_list", "The partners that you see", PartnerOutput)
    def get(self, request):
        return self.listing(coverage.visible_partners(self.actor), PartnerOutput)


class Plans(ApiView):
    filters = {
        "partner": by("Slug of the partner.", "partner__slug"),
        "state": by_word("State as of now.", STATES, lambda plans, state: plans.in_state(state)),
        "archived": by_word("Whether it is archived.", FLAG, lambda plans, archived: plans.filter(archived=archived)),
        "updated_since": by_moment("Changed at this time or later.", lambda plans, when: plans.filter(updated_at__gte=when)),
        "q": Filter("Words that begin so in the name or the external reference.", lambda rows, text, _: search.narrowed(rows, "pk", text)),
    }

    @lists("plans_list", "The plans that you see, newest first", PlanOutput)
    def get(self, request):
        return self.listing(coverage.SEEN, PlanOutput, ways=coverage.plan_ways(self.actor))

    @does("plan_create", "Save a new plan", PlanOutput, body=PlanInput, status=201, versioned=True)
    def post(self, request):
        call = self.call(PlanInput)
        plan = coverage.create_plan(call.actor, partner_slug=call.said.pop("partner", None), fields=call.said)
        return versioned(PlanOutput(plan).data, plan.version, status=201, Location=f"/api/v1/plans/{plan.pk}/")


class Plan(PlanView):
    @reads("plan_read", "One plan", PlanOutput, versioned=True)
    def get(self, request, plan_id):
        plan = self.plan(plan_id)
        self.read()
        return versioned(PlanOutput(plan).data, plan.version)

    @changes("plan_change", "Change a plan that is a draft", PlanOutput, body=PlanChange, partial=True)
    def patch(self, request, plan_id):
        call = self.call(PlanChange, precondition=True, partial=True)
        changed = coverage.edit_plan(call.actor, plan_id, fields=call.said, version=call.version)
        return versioned(PlanOutput(changed).data, changed.version)

    @does("plan_delete", "Delete a plan that has no moves and no request", status=204, precondition=True)
    def delete(self, request, plan_id):
        call = self.call(precondition=True)
        coverage.delete_plan(call.actor, plan_id, version=call.version)
        return Response(status=204)


class Moves(PlanView):
    @lists("moves_list", "The moves of a plan, in order", MoveOutput)
    def get(self, request, plan_id):
        return self.listing(self.plan(plan_id).moves.as_of_now(), MoveOutput, ordering=("number",))

    @does("move_append", "Append a move", MoveOutput, body=MoveInput, status=201, precondition=False)
    def post(self, request, plan_id):
        call = self.call(MoveInput, precondition=False)
        move = coverage.append_move(call.actor, plan_id, fields=call.said, version=call.version)
        return Response(MoveOutput(move).data, status=201)


class BoundaryObject(PlanView):
    @reads("boundary_object_read", "The draft boundary object, with its access context", BoundaryObjectOutput, versioned=True)
    def get(self, request, plan_id):
        plan = self.plan(plan_id)
        self.read()
        return versioned(boundary_object(plan, list(plan.moves.all()), base_url=settings.RECEIPT_ISSUER), plan.version)

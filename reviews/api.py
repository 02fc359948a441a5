"""The API of review requests: the owner's verbs and reading. No route here votes; that door is in admin."""

import json
import uuid
from datetime import timedelta

from rest_framework.response import Response

from access.api import ApiView, scope_reason
from config.api import PAGE_PARAMETERS, NoInput, expected_version, invalid, page, parameters, validated, versioned
from config.refusals import Reason, Refused, not_found, recorded, refuse_if
from drafts.api import PlanView
from drafts.coverage import owner_reasons
from drafts.serializers import PlanOutput
from receipts.canonical import b64url
from receipts.models import Receipt
from reviews import decisions, explain, packet, staging
from reviews.confirmations import utc_text
from reviews.models import DeploymentReviewRequest, Environment, Kind, State
from reviews.record import database_now
from reviews.rights import confirmer_reasons, requester_reasons, visible_requests
from reviews.serializers import (
    CommentInput,
    ConfirmationInput,
    ConfirmationOutput,
    EnvironmentOutput,
    EventOutput,
    OpenInput,
    PersonInput,
    RequestOutput,
    StagingInput,
    StagingOutput,
    SubjectInput,
)

DEFAULT_VALIDITY = timedelta(days=30)


class Environments(ApiView):
    def get(self, request):
        self.demand("read")
        parameters(request, *PAGE_PARAMETERS)
        return page(self, Environment.objects.prefetch_related("policies"), EnvironmentOutput)


class Expand(PlanView):
    def post(self, request, plan_id):
        plan = self.writable(plan_id, "expand")
        version = expected_version(request, plan.version)
        parameters(request)
        validated(NoInput, request)
        expanded = decisions.expand(self.actor, plan_id, version=version)
        return versioned(PlanOutput(expanded).data, expanded.version)


class RequestView(ApiView):
    """Views below one review request."""

    def review_request(self, request_id: uuid.UUID) -> DeploymentReviewRequest:
        found = visible_requests(self.actor).filter(pk=request_id).first()
        if found is None:
            raise not_found("review request")
        return found

    def readable(self, request_id: uuid.UUID, *allowed: str) -> DeploymentReviewRequest:
        found = self.review_request(request_id)
        self.demand("read")
        parameters(self.request, *allowed)
        return found

    def owned(self, request_id: uuid.UUID, verb: str, *, scope: str) -> int:
        """The version to write: 404 and 403, then 428 and 412, come before every question about the body."""
        found = self.review_request(request_id)
        return self._version(found, verb, owner_reasons(self.actor, found.plan.partner, scope=scope))

    def _version(self, found: DeploymentReviewRequest, verb: str, reasons: list[Reason]) -> int:
        with recorded(self.actor, verb):
            refuse_if(reasons)
        version = expected_version(self.request, found.version)
        parameters(self.request)
        return version


def answer(review_request: DeploymentReviewRequest, *, status: int = 200, **headers) -> Response:
    return versioned(RequestOutput(review_request).data, review_request.version, status=status, **headers)


class Requests(ApiView):
    def get(self, request):
        self.demand("read")
        given = parameters(request, "plan", "environment", "partner", "state", *PAGE_PARAMETERS)
        return page(self, _filtered(visible_requests(self.actor), given), RequestOutput)

    def post(self, request):
        self.demand("draft")
        parameters(request)
        said = validated(OpenInput, request)
        opened = decisions.open_request(
            self.actor,
            plan_id=said["plan"],
            environment_slug=said["environment"],
            subject=said.get("subject"),
            predecessor_id=said.get("predecessor"),
        )
        return answer(opened, status=201, Location=f"/api/v1/review-requests/{opened.pk}/")


def plan_parameter(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise invalid("invalid", "plan is the id of a plan.") from None


def _filtered(requests, given: dict):
    if "\x00" in "".join(given.values()):
        raise invalid("null_character", "A parameter holds a null character.")
    if "plan" in given:
        requests = requests.filter(plan_id=plan_parameter(given["plan"]))
    if "environment" in given:
        requests = requests.filter(environment__slug=given["environment"])
    if "partner" in given:
        requests = requests.filter(plan__partner__slug=given["partner"])
    if "state" in given:
        if given["state"] not in State.values:
            raise invalid("unknown_state", f"state is one of: {', '.join(State.values)}.")
        requests = requests.filter(state_now=given["state"])
    return requests


class Request(RequestView):
    def get(self, request, request_id):
        return answer(self.readable(request_id))

    def patch(self, request, request_id):
        version = self.owned(request_id, "edit_subject", scope="draft")
        said = validated(SubjectInput, request)
        if "subject" not in said:
            return answer(self.review_request(request_id))
        return answer(decisions.edit_subject(self.actor, request_id, subject=said["subject"], version=version))


class Confirmations(RequestView):
    def get(self, request, request_id):
        found = self.readable(request_id)
        rows = ConfirmationOutput(found.confirmations.order_by("kind"), many=True).data
        return versioned({"next": None, "previous": None, "results": rows}, found.version)


class Confirmation(RequestView):
    def get(self, request, request_id, kind):
        found = self.readable(request_id)
        confirmation = found.confirmations.filter(kind=kind).first()
        if confirmation is None:
            raise not_found("confirmation")
        return versioned(ConfirmationOutput(confirmation).data, found.version)

    def put(self, request, request_id, kind):
        found = self.review_request(request_id)
        if kind not in Kind.values:
            raise not_found("confirmation")
        version = self._version(found, "confirm", confirmer_reasons(self.actor, found, kind))
        said = {"valid_until": utc_text(database_now() + DEFAULT_VALIDITY), **validated(ConfirmationInput, request)}
        confirmation = decisions.confirm(self.actor, request_id, kind, version=version, **said)
        return versioned(ConfirmationOutput(confirmation).data, version + 1)


class Person(RequestView):
    """Who is named for one confirmation."""

    def put(self, request, request_id, kind):
        version = self._turn(request_id, kind)
        return self._named(request_id, kind, validated(PersonInput, request)["username"], version=version)

    def delete(self, request, request_id, kind):
        version = self._turn(request_id, kind)
        validated(NoInput, request)
        return self._named(request_id, kind, "", version=version)

    def _turn(self, request_id: uuid.UUID, kind: str) -> int:
        self.review_request(request_id)
        if kind not in Kind.values:
            raise not_found("confirmation")
        return self.owned(request_id, "name_person", scope="draft")

    def _named(self, request_id: uuid.UUID, kind: str, username: str, *, version: int) -> Response:
        confirmation = decisions.name_person(self.actor, request_id, kind, username=username, version=version)
        return versioned(ConfirmationOutput(confirmation).data, version + 1)


class StagingValidation(RequestView):
    def get(self, request, request_id):
        return self._standing(self.readable(request_id))

    def put(self, request, request_id):
        version = self.owned(request_id, "hand_in_staging", scope="draft")
        # The parser has refused duplicate keys and NaN, so the text written anew says what was sent.
        text = json.dumps(validated(StagingInput, request)["receipt"], ensure_ascii=False)
        decisions.hand_in_staging(self.actor, request_id, receipt_text=text, version=version)
        return self._standing(self.review_request(request_id))

    def _standing(self, found: DeploymentReviewRequest) -> Response:
        return versioned(StagingOutput(staging.state(found, database_now())).data, found.version)


class RequestReview(RequestView):
    def post(self, request, request_id):
        version = self.owned(request_id, "request_review", scope="request")
        validated(NoInput, request)
        return answer(decisions.request_review(self.actor, request_id, version=version))


class Recall(RequestView):
    def post(self, request, request_id):
        found = self.review_request(request_id)
        version = self._version(found, "recall", requester_reasons(self.actor, found) + self._scope())
        validated(NoInput, request)
        return answer(decisions.recall(self.actor, request_id, version=version))

    def _scope(self) -> list[Reason]:
        return [] if self.actor.may("request") else [scope_reason(("request",))]


class SaidVerb(RequestView):
    """A verb of decisions that takes a comment; rights beyond the scope are the verb's own question."""

    verb = ""

    def post(self, request, request_id):
        found = self.review_request(request_id)
        with recorded(self.actor, self.verb):
            self.demand("request")
            refuse_if(self.rights(found))
        version = expected_version(request, found.version)
        parameters(request)
        said = validated(CommentInput, request)
        return answer(getattr(decisions, self.verb)(self.actor, request_id, comment=said["comment"], version=version))

    def rights(self, found: DeploymentReviewRequest) -> list[Reason]:
        return []


class Withdraw(SaidVerb):
    verb = "withdraw"

    def rights(self, found):
        return requester_reasons(self.actor, found)


class Revoke(SaidVerb):
    verb = "revoke"


class Comment(SaidVerb):
    verb = "comment"


# --- reading ------------------------------------------------------------------------------------------------------------------


class FrozenPacket(RequestView):
    def get(self, request, request_id):
        found = self.readable(request_id)
        frozen = found.packets.filter(revision=found.revision).first()
        if frozen is None:
            raise Refused(Reason("no_packet", "Nothing is frozen yet; a review request freezes the packet.", status=404))
        said = {"revision": frozen.revision, "digest": frozen.digest, "commitment_id": frozen.commitment_id, "frozen_at": frozen.frozen_at}
        secret = {"section_digests": frozen.section_digests, "salt": b64url(bytes(frozen.salt)), "packet": packet.value_of(frozen)}
        return versioned(said | secret, found.version)


class Timeline(RequestView):
    def get(self, request, request_id):
        found = self.readable(request_id, *PAGE_PARAMETERS)
        return page(self, found.events.all(), EventOutput, ordering=("number",))


class Missing(RequestView):
    def get(self, request, request_id):
        found = self.readable(request_id)
        missing = [reason.as_error() for reason in explain.missing(found, now=database_now())]
        return versioned({"state": found.state_now, "missing": missing, "next": missing[0] if missing else None}, found.version)


class Receipts(RequestView):
    def get(self, request, request_id):
        found = self.readable(request_id)
        receipt = Receipt.objects.filter(request_id=found.pk).first()
        if receipt is None:
            raise Refused(Reason("no_receipt", "There is no receipt; a decision leaves one.", status=404))
        return Response(receipt.envelope)

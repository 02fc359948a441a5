"""The API of review requests: the owner's verbs and reading. No route here votes; that door is in admin."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db.models import Prefetch, QuerySet
from rest_framework.response import Response

from access.actors import Actor
from access.api import ApiView
from config.api import versioned
from config.lists import Filter, by, by_id, by_moment, by_word
from config.refusals import not_found
from config.told import changes, does, lists, reads
from drafts import search
from drafts.serializers import PlanOutput
from reviews import decisions, staging
from reviews.confirmations import utc_text
from reviews.models import Confirmation as ConfirmationRow
from reviews.models import DeploymentReviewRequest, Environment, ReviewPolicy, State
from reviews.record import database_now
from reviews.rights import ALL_REQUESTS, in_state, request_ways, updated_since, visible_requests, waiting_on
from reviews.serializers import (
    CommentInput,
    ConfirmationInput,
    ConfirmationOutput,
    ConfirmationsOutput,
    EnvironmentOutput,
    NoteInput,
    OpenInput,
    PersonInput,
    RequestDetailOutput,
    RequestOutput,
    StagingInput,
    StagingOutput,
    SubjectInput,
)

IN_FORCE = Prefetch("policies", ReviewPolicy.objects.accepted())
DEFAULT_VALIDITY = timedelta(days=30)


class Environments(ApiView):
    @lists("environments_list", "Environments, each with its newest policy", EnvironmentOutput)
    def get(self, request):
        return self.listing(Environment.objects.prefetch_related(IN_FORCE), EnvironmentOutput)


class Expand(ApiView):
    @changes("plan_expand", "Take an approved plan to draft, so that moves can be appended", PlanOutput)
    def post(self, request, plan_id):
        call = self.call(precondition=True)
        expanded = decisions.expand(call.actor, plan_id, version=call.version)
        return versioned(PlanOutput(expanded).data, expanded.version)


class RequestView(ApiView):
    """Views below one review request."""

    def review_request(self, request_id: uuid.UUID) -> DeploymentReviewRequest:
        found = visible_requests(self.actor).filter(pk=request_id).first()
        if found is None:
            raise not_found("review request")
        return found

    def stated(self, confirmation: ConfirmationRow) -> Response:
        return versioned(ConfirmationOutput(confirmation).data, confirmation.review_request.version)

    def readable(self, request_id: uuid.UUID, *allowed: str) -> DeploymentReviewRequest:
        found = self.review_request(request_id)
        self.read(*allowed)
        return found


def answer(review_request: DeploymentReviewRequest, *, status: int = 200, **headers) -> Response:
    return versioned(RequestDetailOutput(review_request).data, review_request.version, status=status, **headers)


def _waiting_on_me(requests: QuerySet, text: str, actor: Actor) -> QuerySet:
    if text != "true":
        raise ValueError("It is true, or left out.")
    return waiting_on(actor, requests)


def _about_plans(requests: QuerySet, text: str, actor: Actor) -> QuerySet:
    return search.narrowed(requests, "plan", text)


class Requests(ApiView):
    filters = {
        "plan": by_id("Id of the plan.", "plan_id"),
        "environment": by("Slug of the environment.", "environment__slug"),
        "partner": by("Slug of the partner.", "partner__slug"),
        "state": by_word("State as of now.", {state: state for state in State.values}, in_state),
        "updated_since": by_moment("Changed, or ended by itself, at this time or later.", updated_since),
        "waiting_on_me": Filter("`true`: in review, and waiting for a vote of yours.", _waiting_on_me, words=("true",)),
        "q": Filter("Words that begin so in the plan's name or external reference.", _about_plans),
    }

    @lists("review_requests_list", "The review requests that you see, newest first", RequestOutput)
    def get(self, request):
        return self.listing(ALL_REQUESTS, RequestOutput, ways=request_ways(self.actor))

    @does("review_request_open", "Put a plan up for an environment", RequestDetailOutput, body=OpenInput, status=201, versioned=True)
    def post(self, request):
        call = self.call(OpenInput)
        opened = decisions.open_request(
            call.actor,
            plan_id=call.said.get("plan"),
            environment_slug=call.said.get("environment"),
            subject=call.said.get("subject"),
            predecessor_id=call.said.get("predecessor"),
        )
        return answer(opened, status=201, Location=f"/api/v1/review-requests/{opened.pk}/")


class Request(RequestView):
    @reads("review_request_read", "One review request", RequestDetailOutput, versioned=True)
    def get(self, request, request_id):
        return answer(self.readable(request_id))

    @changes("review_request_change", "Say what would be deployed", RequestDetailOutput, body=SubjectInput)
    def patch(self, request, request_id):
        call = self.call(SubjectInput, precondition=True)
        return answer(decisions.edit_subject(call.actor, request_id, version=call.version, **call.said))


class Confirmations(RequestView):
    @reads("confirmations_list", "The confirmations of a review request", ConfirmationsOutput, versioned=True)
    def get(self, request, request_id):
        found = self.readable(request_id)
        rows = ConfirmationOutput(found.confirmations.order_by("kind"), many=True).data
        return versioned({"next": None, "previous": None, "results": rows}, found.version)


class Confirmation(RequestView):
    @reads("confirmation_read", "One confirmation", ConfirmationOutput, versioned=True)
    def get(self, request, request_id, kind):
        found = self.review_request(request_id)
        confirmation = found.confirmations.filter(kind=kind).first()
        if confirmation is None:
            raise not_found("confirmation")
        self.read()
        return versioned(ConfirmationOutput(confirmation).data, found.version)

    @does(
        "confirmation_state",
        "Confirm one kind, now, as the token's user",
        ConfirmationOutput,
        body=ConfirmationInput,
        precondition=True,
        versioned=True,
    )
    def put(self, request, request_id, kind):
        call = self.call(ConfirmationInput, precondition=True)
        said = {"fields": None, "valid_until": utc_text(database_now() + DEFAULT_VALIDITY), **call.said}
        return self.stated(decisions.confirm(call.actor, request_id, kind, version=call.version, **said))


class Person(RequestView):
    """Who is named for one confirmation."""

    @changes("confirmation_name", "Name who may confirm one kind", ConfirmationOutput, body=PersonInput)
    def put(self, request, request_id, kind):
        call = self.call(PersonInput, precondition=True)
        username = call.said.get("username")
        return self.stated(decisions.name_person(call.actor, request_id, kind, username=username, version=call.version))

    @changes("confirmation_unname", "Take that back", ConfirmationOutput)
    def delete(self, request, request_id, kind):
        call = self.call(precondition=True)
        return self.stated(decisions.name_person(call.actor, request_id, kind, username="", version=call.version))


class StagingValidation(RequestView):
    @reads("staging_read", "Whether it is validated in staging, now", StagingOutput, versioned=True)
    def get(self, request, request_id):
        return self._standing(self.readable(request_id))

    @does(
        "staging_hand_in",
        "Hand in a receipt of the staging installation",
        StagingOutput,
        body=StagingInput,
        precondition=True,
        versioned=True,
    )
    def put(self, request, request_id):
        call = self.call(StagingInput, precondition=True)
        # The parser has refused duplicate keys and NaN, so the text written anew says what was sent.
        text = json.dumps(call.said.get("receipt"), ensure_ascii=False)
        decisions.hand_in_staging(call.actor, request_id, receipt_text=text, version=call.version)
        return self._standing(self.review_request(request_id))

    def _standing(self, found: DeploymentReviewRequest) -> Response:
        return versioned(StagingOutput(staging.state(found, database_now())).data, found.version)


class RequestReview(RequestView):
    @changes("review_request_request_review", "Freeze the packet and request its review", RequestDetailOutput, body=NoteInput)
    def post(self, request, request_id):
        call = self.call(NoteInput, precondition=True)
        return answer(decisions.request_review(call.actor, request_id, comment=call.said.get("comment", ""), version=call.version))


class Recall(RequestView):
    @changes("review_request_recall", "Take it back to draft", RequestDetailOutput)
    def post(self, request, request_id):
        call = self.call(precondition=True)
        return answer(decisions.recall(call.actor, request_id, version=call.version))


class SaidVerb(RequestView):
    """A verb of decisions that takes a comment."""

    def say(self, verb: Callable, request_id: uuid.UUID) -> Response:
        call = self.call(CommentInput, precondition=True)
        return answer(verb(call.actor, request_id, comment=call.said.get("comment"), version=call.version))


class Withdraw(SaidVerb):
    @changes("review_request_withdraw", "Give it up for good, saying why", RequestDetailOutput, body=CommentInput)
    def post(self, request, request_id):
        return self.say(decisions.withdraw, request_id)


class Revoke(SaidVerb):
    @changes("review_request_revoke", "Stop an approved rollout, saying why", RequestDetailOutput, body=CommentInput)
    def post(self, request, request_id):
        return self.say(decisions.revoke, request_id)


class Comment(SaidVerb):
    @changes("review_request_comment", "Say something on it", RequestDetailOutput, body=CommentInput)
    def post(self, request, request_id):
        return self.say(decisions.comment, request_id)

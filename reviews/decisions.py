"""One function per verb, behind admin, page, API and command alike.

Each: lock, look again at state, digest, rights and guards, then transition, save, event, carry; or Refused with every reason, which
leaves nothing but a row in Denial.
"""

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from access import people
from access.actors import OPERATORS, Actor, call_reasons
from config.databases import STORE
from config.refusals import Reason, Refused, not_found, reasons_of, recorded, refuse_if
from config.retrying import retried
from drafts.coverage import Version, lock, locked_plan, owner_names, owner_reasons, seen_plan, version_reasons
from drafts.models import CoveragePlan, PlanState
from receipts import status
from receipts.models import Why
from reviews import confirmations, explain, outbox, packet, staging
from reviews.ballot import cast, hand_out, vote_reasons
from reviews.lifecycle import carry, expire_due
from reviews.models import (
    APPROVING,
    OPEN_STATES,
    ActingRole,
    Choice,
    Confirmation,
    DeploymentReviewRequest,
    Kind,
    Packet,
    StagingValidation,
    State,
)
from reviews.opening import insert_open, open_reasons, plan_and_environment, predecessor_of, propose_again
from reviews.record import NO_EVENT, database_now, write_event
from reviews.rights import onlooking_role, owning_role, requester_reasons
from reviews.turn import Turn, comment_reasons, owner_turn_reasons, said_reasons, seen_request, state_reasons, taking_turn
from reviews.verdict import count, stop, usable_signer

AS_IT_IS = object()

# --- owners: open, confirm, request review -------------------------------------------------------------------------------------


@retried
def open_request(
    actor: Actor, *, plan_id: uuid.UUID, environment_slug: str, subject: list | None = None, predecessor_id: uuid.UUID | None = None
) -> DeploymentReviewRequest:
    """Put a saved plan up for an environment.

    `predecessor_id`: an ended or approved request of the plan; its confirmations are proposed again, unconfirmed.
    """
    with recorded(actor, "open"), transaction.atomic(using=STORE):
        subjects, wrong = reasons_of(lambda: packet.clean_subjects([] if subject is None else subject))
        plan, environment = plan_and_environment(actor, plan_id, environment_slug, wrong=wrong)
        now = database_now()
        lapsed = expire_due(plan_id=plan.pk, environment_id=environment.pk, now=now)
        predecessor, unknown = reasons_of(lambda: predecessor_of(plan, predecessor_id, now=now))
        plan = locked_plan(actor, plan.pk)
        refuse_if(owner_reasons(actor, plan.partner, scope="draft") + wrong + unknown + open_reasons(plan, environment))
        review_request = DeploymentReviewRequest(
            plan=plan,
            partner=plan.partner,
            environment=environment,
            subject=subjects,
            predecessor=predecessor,
            opened_by_id=actor.user_id,
            opened_by=actor.username,
        )
        insert_open(review_request)
        propose_again(predecessor, review_request)
        write_event(actor, "open", review_request, at=now, after=NO_EVENT, to_state=State.DRAFT, role=ActingRole.OWNER)
        if lapsed:  # a new draft alone changes nothing of what its plan rests on
            carry(plan)
        return seen_request(review_request.pk)


@retried
def edit_subject(actor: Actor, request_id: uuid.UUID, *, subject: object = AS_IT_IS, version: Version = None) -> DeploymentReviewRequest:
    """Say what would be deployed; in draft and changes_requested."""
    with taking_turn(actor, "edit_subject", request_id, role=ActingRole.OWNER) as turn:
        subjects, wrong = reasons_of(lambda: None if subject is AS_IT_IS else packet.clean_subjects(subject))
        reasons = owner_turn_reasons(turn, version, scope="draft") + wrong
        refuse_if(reasons + state_reasons(turn, State.DRAFT, State.CHANGES_REQUESTED))
        if subjects is not None:
            turn.review_request.subject = subjects
            turn.save()
    return seen_request(request_id)


@retried
def confirm(
    actor: Actor,
    request_id: uuid.UUID,
    kind: str,
    *,
    fields: object,
    valid_until: object,
    evidence_url: object = None,
    evidence_sha256: object = None,
    version: Version = None,
) -> Confirmation:
    """State one of the five confirmations, or state it anew. The person is the actor, the time is the database's."""
    with taking_turn(actor, "confirm", request_id) as turn:
        if kind not in Kind.values:
            raise not_found("confirmation")
        evidence = {"valid_until": valid_until, "evidence_url": evidence_url, "evidence_sha256": evidence_sha256}
        said, wrong = reasons_of(lambda: _statement(kind, fields, now=turn.now, **evidence))
        found = confirmations.row_of(turn.review_request, kind)
        rights = _confirmer_reasons(turn, found) + version_reasons(turn.review_request.version, version)
        refuse_if(rights + wrong + state_reasons(turn, State.DRAFT, State.CHANGES_REQUESTED))
        turn.role = ActingRole.OWNER if turn.owns else ActingRole.NAMED_PERSON
        said |= {"confirmed_by_id": actor.user_id, "confirmed_by": actor.username, "confirmed_at": turn.now}
        confirmation = confirmations.put(found or Confirmation(review_request=turn.review_request, kind=kind), said)
        turn.save(detail={"kind": kind})
        return confirmation


def _confirmer_reasons(turn: Turn, found: Confirmation | None) -> list[Reason]:
    """An owner confirms, or the person named for this kind."""
    named = found is not None and found.named_id == turn.actor.user_id and turn.actor.covers(turn.review_request.plan.partner.slug)
    if named or turn.owns:
        return call_reasons(turn.actor, "draft")
    return owner_reasons(turn.actor, turn.review_request.plan.partner, scope="draft")


@retried
def name_person(actor: Actor, request_id: uuid.UUID, kind: str, *, username: object, version: Version = None) -> Confirmation:
    """Say who is to confirm one kind, beside the owners; an empty name takes that back. What is confirmed already stands until restated."""
    with taking_turn(actor, "name_person", request_id, role=ActingRole.OWNER) as turn:
        if kind not in Kind.values:
            raise not_found("confirmation")
        person, wrong = reasons_of(lambda: _person(username))
        found = confirmations.row_of(turn.review_request, kind)
        if username == "" and (found is None or found.named_id is None):
            wrong.append(Reason("nobody_named", "Nobody is named for this confirmation.", pointer="/username"))
        reasons = owner_turn_reasons(turn, version, scope="draft") + wrong
        refuse_if(reasons + state_reasons(turn, State.DRAFT, State.CHANGES_REQUESTED))
        said = dict(zip(("named_id", "named"), person, strict=True))
        confirmation = confirmations.put(found or Confirmation(review_request=turn.review_request, kind=kind, fields={}), said)
        turn.save(detail={"kind": kind, "named": said["named"]})
        return confirmation


def _person(username: object) -> tuple[int | None, str]:
    if username == "":
        return None, ""
    found = people.person(username) if isinstance(username, str) and len(username) <= 64 else None
    if found is None:
        detail = "There is no active person of this username. A machine confirms nothing."
        raise Refused(Reason("unknown_person", detail, clear_by="an operator", pointer="/username", status=400))
    return found


def _statement(kind: str, fields: object, *, now: datetime, **evidence) -> dict:
    typed, wrong = reasons_of(lambda: {"fields": confirmations.clean_fields(kind, fields)})
    proof, weak = reasons_of(lambda: confirmations.clean_evidence(**evidence))
    said, wrong = (typed or {}) | (proof or {}), wrong + weak
    if "valid_until" in said and said["valid_until"] <= now:
        wrong.append(Reason("in_past", "valid_until: This time is over.", pointer="/valid_until", status=400))
    refuse_if(wrong)
    return said


@retried
def hand_in_staging(actor: Actor, request_id: uuid.UUID, *, receipt_text: str, version: Version = None) -> StagingValidation:
    """Hand in a receipt of the staging installation, as the text of its envelope. Whether it still counts is asked at each reading."""
    with taking_turn(actor, "hand_in_staging", request_id, role=ActingRole.OWNER) as turn:
        reasons = owner_turn_reasons(turn, version, scope="draft") + state_reasons(turn, *staging.TAKEN_IN)
        refuse_if(reasons + staging.hand_in_reasons(turn.review_request, receipt_text, now=turn.now))
        validation = staging.keep(actor, turn.review_request, receipt_text, now=turn.now)
        turn.save(detail={"payload_sha256": validation.payload_sha256, "kid": validation.kid})
        return validation


@retried
def request_review(
    actor: Actor, request_id: uuid.UUID, *, comment: str = "", version: Version = None, plan_version: Version = None
) -> DeploymentReviewRequest:
    """Freeze the packet of a new revision and put it before the reviewers. `plan_version`: the plan that the owner was shown.

    `comment`: a note to the reviewers, which stands in the event.
    """
    with taking_turn(actor, "request_review", request_id, role=ActingRole.OWNER) as turn:
        review_request, now = turn.review_request, turn.now
        reasons = owner_turn_reasons(turn, version, scope="request")
        ended = state_reasons(turn, State.DRAFT, State.CHANGES_REQUESTED)
        # A reviewer sees the request and not the plan, whose lock would answer 404 where they simply may not.
        if ended or any(reason.status == 403 for reason in reasons):
            raise Refused(*reasons, *ended)
        expire_due(plan_id=review_request.plan_id, environment_id=review_request.environment_id, now=now)
        plan = review_request.plan = lock(review_request.plan_id)
        ruling, written = review_request.newest_policy, packet.written(review_request)
        unready, away = reasons_of(lambda: explain.review_reasons(review_request, ruling, requester_id=actor.user_id, now=now, of=written))
        noted = comment_reasons(comment, required=False)
        refuse_if(reasons + version_reasons(plan.version, plan_version) + noted + (unready or away))
        frozen = packet.freeze(review_request, revision=review_request.revision + 1, policy=ruling, now=now, of=written)
        _put_up(review_request, frozen, ruling, actor=actor, now=now)
        turn.save(comment=comment)
        outbox.ask(review_request, now=now)
        carry(plan)
    return seen_request(request_id)


def _put_up(review_request: DeploymentReviewRequest, frozen: Packet, ruling, *, actor: Actor, now: datetime) -> None:
    review_request.request_review()
    review_request.revision, review_request.digest, review_request.commitment_id = frozen.revision, frozen.digest, frozen.commitment_id
    review_request.policy = ruling
    review_request.requested_by_id, review_request.requested_by, review_request.requested_at = actor.user_id, actor.username, now
    review_request.due_at = now + timedelta(seconds=ruling.due_seconds)
    review_request.expires_at = now + timedelta(seconds=ruling.review_seconds)


# --- owners: take back, give up, say something, go on --------------------------------------------------------------------------


@retried
def recall(actor: Actor, request_id: uuid.UUID, *, version: Version = None) -> DeploymentReviewRequest:
    """Take a request out of review, back to draft. Votes do not carry over."""
    with taking_turn(actor, "recall", request_id) as turn:
        refuse_if(_requester_reasons(turn, version) + state_reasons(turn, State.REVIEW_REQUESTED))
        turn.role = owning_role(actor, turn.review_request)
        turn.review_request.recall()
        turn.review_request.due_at = turn.review_request.expires_at = None
        turn.save()
        turn.carry()
    return seen_request(request_id)


@retried
def withdraw(actor: Actor, request_id: uuid.UUID, *, comment: str, version: Version = None) -> DeploymentReviewRequest:
    """Give a request up for good, saying why."""
    with taking_turn(actor, "withdraw", request_id) as turn:
        reasons = _requester_reasons(turn, version) + comment_reasons(comment)
        refuse_if(reasons + state_reasons(turn, *OPEN_STATES))
        turn.role = owning_role(actor, turn.review_request)
        turn.review_request.withdraw()
        turn.save(comment=comment)
        turn.carry()
    return seen_request(request_id)


def _requester_reasons(turn: Turn, version: Version) -> list[Reason]:
    rights = requester_reasons(turn.actor, turn.review_request) + call_reasons(turn.actor, "request")
    return rights + version_reasons(turn.review_request.version, version)


@retried
def comment(actor: Actor, request_id: uuid.UUID, *, comment: str, version: Version = None) -> DeploymentReviewRequest:
    """Say something on a request; whoever may see it, in any state."""
    with taking_turn(actor, "comment", request_id) as turn:
        reasons = call_reasons(actor, "request") + version_reasons(turn.review_request.version, version)
        refuse_if(reasons + comment_reasons(comment) + said_reasons(turn, comment))
        turn.role = onlooking_role(actor, turn.review_request)
        turn.event(comment=comment, to_state=turn.state)
    return seen_request(request_id)


@retried
def revoke(actor: Actor, request_id: uuid.UUID, *, comment: str, version: Version = None) -> DeploymentReviewRequest:
    """Stop an approved rollout: any one reviewer, requester, owner or operator. No conflict rule: stopping is cheaper than starting."""
    with taking_turn(actor, "revoke", request_id) as turn:
        rights, away = reasons_of(lambda: _revoker_reasons(turn))
        reasons = (rights or away) + call_reasons(actor, "request") + version_reasons(turn.review_request.version, version)
        refuse_if(reasons + comment_reasons(comment) + state_reasons(turn, State.APPROVED))
        turn.review_request.revoke()
        turn.save(comment=comment)
        outbox.post([outbox.decision(turn.review_request, outbox.Kind.REVOKED, now=turn.now)])
        turn.carry()
        status.revoke([request_id], reason=Why.REVOKED, at=turn.now)
    return seen_request(request_id)


def _revoker_reasons(turn: Turn) -> list[Reason]:
    review_request, actor = turn.review_request, turn.actor
    if not requester_reasons(actor, review_request):
        turn.role = owning_role(actor, review_request)
        return []
    named = (review_request.groups_asked if review_request.policy else frozenset()) | {OPERATORS}
    groups, _ = people.reviewers(named, only=[actor.user_id])
    if theirs := groups.get(actor.user_id):
        turn.role = ActingRole.OPERATOR
        if theirs - {OPERATORS}:
            turn.act_as_reviewer(theirs)
        return []
    detail = f"Only the requester, an owner, an operator or a member of {' or '.join(sorted(named - {OPERATORS}))} can revoke this."
    return [Reason("may_not_revoke", detail, clear_by=owner_names(review_request.plan.partner_id), status=403)]


@retried
def expand(actor: Actor, plan_id: uuid.UUID, *, version: Version = None) -> CoveragePlan:
    """Take an approved plan to draft, so that moves can be appended. Approvals stand on their frozen packets."""
    with recorded(actor, "expand"), transaction.atomic(using=STORE):
        plan = locked_plan(actor, plan_id)
        reasons = owner_reasons(actor, plan.partner, scope="draft") + version_reasons(plan.version, version)
        if plan.state_now != PlanState.APPROVED:
            detail = (
                "Only an approved plan is expanded; this one is in review."
                if plan.state_now == PlanState.REVIEW_REQUESTED
                else "The plan is a draft already."
            )
            reasons.append(Reason(f"plan_{plan.state_now}", detail, clear_by=owner_names(plan.partner_id)))
        refuse_if(reasons)
        carry(plan, expanding=True)
        states = {"from_state": PlanState.APPROVED, "to_state": PlanState.DRAFT}
        write_event(actor, "expand", None, at=database_now(), role=ActingRole.OWNER, detail={"plan": str(plan.pk)}, **states)
        return seen_plan(plan.pk)


# --- reviewers ------------------------------------------------------------------------------------------------------------------


@retried
def vote(
    actor: Actor, request_id: uuid.UUID, *, choice: str, digest: str, comment: str = "", conditions: list[str] | None = None
) -> DeploymentReviewRequest:
    """One reviewer's word on one packet digest; decides when every seat is filled. Only from the decision page in admin."""
    with taking_turn(actor, choice if choice in Choice.values else "vote", request_id, seen=False) as turn:
        conditions = conditions or []
        ballot = hand_out(turn)
        refuse_if(vote_reasons(turn, ballot, choice=choice, digest=digest, comment=comment, conditions=conditions))
        turn.act_as_reviewer(ballot.groups[actor.user_id], second_factor=ballot.proved)
        key = usable_signer() if choice in APPROVING else None
        vote_cast = cast(turn, ballot, choice=choice, comment=comment, conditions=conditions)
        if choice in APPROVING:
            ballot.approvals.append(vote_cast)
            count(turn, ballot, key=key, comment=comment)
        else:
            stop(turn, ballot, choice=choice, comment=comment)
    return seen_request(request_id)

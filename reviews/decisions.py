"""One function per verb, behind admin, page, API and command alike.

Each: lock, look again at state, digest, rights and guards, then transition, save, event, carry; or Refused with every reason, which
leaves nothing but a row in Denial.
"""

import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from access import people
from access.actors import OPERATORS, Actor
from config.databases import STORE
from config.refusals import Reason, Refused, not_found, recorded, refuse_if
from drafts.coverage import locked_plan, owner_names, owner_reasons, seen_plan, version_reasons, visible_plans
from drafts.models import CoveragePlan, PlanState
from reviews import confirmations, explain, packet, staging
from reviews.ballot import cast, hand_out, vote_reasons
from reviews.lifecycle import carry, expire_due
from reviews.models import (
    APPROVING,
    OPEN_STATES,
    ActingRole,
    Choice,
    Confirmation,
    DeploymentReviewRequest,
    Environment,
    Kind,
    Packet,
    StagingValidation,
    State,
)
from reviews.record import database_now, write_event
from reviews.rights import confirmer_reasons, confirming_role, onlooking_role, owning_role, requester_reasons, scope_reasons
from reviews.turn import Turn, comment_reasons, owner_turn_reasons, seen_request, state_reasons, taking_turn
from reviews.verdict import count, stop, usable_signer

# --- owners: open, confirm, request review -------------------------------------------------------------------------------------


def open_request(
    actor: Actor, *, plan_id: uuid.UUID, environment_slug: str, subject: list | None = None, predecessor_id: uuid.UUID | None = None
) -> DeploymentReviewRequest:
    """Put a saved plan up for an environment.

    `predecessor_id`: an ended or approved request of the plan; its confirmations are proposed again, unconfirmed.
    """
    with recorded(actor, "open"), transaction.atomic(using=STORE):
        plan, environment = _plan_and_environment(actor, plan_id, environment_slug)
        subjects = packet.clean_subjects([] if subject is None else subject)
        now = database_now()
        expire_due(plan_id=plan.pk, environment_id=environment.pk, now=now)
        predecessor = _predecessor(plan, predecessor_id, now=now)
        plan = locked_plan(actor, plan.pk)
        refuse_if(_open_reasons(plan, environment))
        review_request = DeploymentReviewRequest(
            plan=plan,
            environment=environment,
            subject=subjects,
            predecessor=predecessor,
            opened_by_id=actor.user_id,
            opened_by=actor.username,
        )
        _insert_open(review_request)
        _propose_again(predecessor, review_request)
        write_event(actor, "open", review_request, at=now, to_state=State.DRAFT, role=ActingRole.OWNER)
        carry(plan)
        return seen_request(review_request.pk)


def _plan_and_environment(actor: Actor, plan_id: uuid.UUID, slug: str) -> tuple[CoveragePlan, Environment]:
    plan, environment = visible_plans(actor).filter(pk=plan_id).first(), Environment.objects.filter(slug=slug).first()
    if plan is not None:
        refuse_if(owner_reasons(actor, plan.partner, scope="draft"))
    unknown = [
        Reason(f"unknown_{name}", f"There is no such {name} for you.", clear_by="an operator", pointer=f"/{name}", status=400)
        for name, found in (("plan", plan), ("environment", environment))
        if found is None
    ]
    refuse_if(unknown)
    return plan, environment


def _predecessor(plan: CoveragePlan, predecessor_id: uuid.UUID | None, *, now: datetime) -> DeploymentReviewRequest | None:
    if predecessor_id is None:
        return None
    found = plan.review_requests.using(STORE).select_for_update().filter(pk=predecessor_id).first()
    if found is None or found.state_at(now) in OPEN_STATES:
        detail = "A predecessor is an ended or approved review request of the same plan."
        raise Refused(Reason("unknown_predecessor", detail, pointer="/predecessor", status=400))
    return found


def _open_reasons(plan: CoveragePlan, environment: Environment) -> list[Reason]:
    owners = owner_names(plan.partner_id)
    reasons = [Reason("plan_archived", "The plan is archived.", clear_by=owners)] if plan.archived else []
    if plan.review_requests.filter(environment=environment, state__in=OPEN_STATES).exists():
        detail = f"There is an open review request of this plan for {environment.slug} already."
        reasons.append(Reason("open_request_exists", detail, clear_by=owners))
    return reasons


def _insert_open(review_request: DeploymentReviewRequest) -> None:
    try:
        with transaction.atomic(using=STORE):
            review_request.save(force_insert=True)
    except IntegrityError:
        raise Refused(Reason("open_request_exists", "An open review request of this plan was made a moment ago.")) from None


def _propose_again(predecessor: DeploymentReviewRequest | None, review_request: DeploymentReviewRequest) -> None:
    """Copy the predecessor's confirmations as unconfirmed: somebody has to say them again."""
    if predecessor is not None:
        Confirmation.objects.bulk_create(
            Confirmation(review_request=review_request, kind=old.kind, fields=old.fields, evidence_url=old.evidence_url)
            for old in predecessor.confirmations.all()
            if old.is_stated
        )


def edit_subject(actor: Actor, request_id: uuid.UUID, *, subject: object, version: int | None = None) -> DeploymentReviewRequest:
    """Say what would be deployed; in draft and changes_requested."""
    with taking_turn(actor, "edit_subject", request_id, role=ActingRole.OWNER) as turn:
        refuse_if(owner_turn_reasons(turn, version, scope="draft") + state_reasons(turn, State.DRAFT, State.CHANGES_REQUESTED))
        turn.review_request.subject = packet.clean_subjects(subject)
        turn.save()
    return seen_request(request_id)


def confirm(
    actor: Actor,
    request_id: uuid.UUID,
    kind: str,
    *,
    fields: object,
    valid_until: object,
    evidence_url: object = None,
    evidence_sha256: object = None,
    version: int | None = None,
) -> Confirmation:
    """State one of the five confirmations, or state it anew. The person is the actor, the time is the database's."""
    with taking_turn(actor, "confirm", request_id) as turn:
        rights = confirmer_reasons(actor, turn.review_request, kind) + version_reasons(turn.review_request.version, version)
        refuse_if(rights + state_reasons(turn, State.DRAFT, State.CHANGES_REQUESTED))
        turn.role = confirming_role(actor, turn.review_request)
        said = _statement(kind, fields, now=turn.now, valid_until=valid_until, evidence_url=evidence_url, evidence_sha256=evidence_sha256)
        said |= {"confirmed_by_id": actor.user_id, "confirmed_by": actor.username, "confirmed_at": turn.now}
        confirmation, _ = Confirmation.objects.update_or_create(review_request=turn.review_request, kind=kind, defaults=said)
        turn.save(detail={"kind": kind})
        return confirmation


def name_person(actor: Actor, request_id: uuid.UUID, kind: str, *, username: object, version: int | None = None) -> Confirmation:
    """Say who is to confirm one kind, beside the owners; an empty name takes that back. What is confirmed already stands until restated."""
    with taking_turn(actor, "name_person", request_id, role=ActingRole.OWNER) as turn:
        refuse_if(owner_turn_reasons(turn, version, scope="draft") + state_reasons(turn, State.DRAFT, State.CHANGES_REQUESTED))
        if kind not in Kind.values:
            raise not_found("confirmation")
        named_id, named = _person(username)
        found = turn.review_request.confirmations.filter(kind=kind).first()
        if named_id is None and (found is None or found.named_id is None):
            raise Refused(Reason("nobody_named", "Nobody is named for this confirmation.", pointer="/username"))
        said = {"named_id": named_id, "named": named}
        confirmation, _ = Confirmation.objects.update_or_create(
            review_request=turn.review_request, kind=kind, defaults=said, create_defaults={"fields": {}, **said}
        )
        turn.save(detail={"kind": kind, "named": named})
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
    if kind not in Kind.values:
        raise not_found("confirmation")
    wrong: list[Reason] = []
    said: dict = {}
    for clean in (lambda: {"fields": confirmations.clean_fields(kind, fields)}, lambda: confirmations.clean_evidence(**evidence)):
        try:
            said |= clean()
        except Refused as refusal:
            wrong += refusal.reasons
    if "valid_until" in said and said["valid_until"] <= now:
        wrong.append(Reason("in_past", "valid_until: This time is over.", pointer="/valid_until", status=400))
    refuse_if(wrong)
    return said


def hand_in_staging(actor: Actor, request_id: uuid.UUID, *, receipt_text: str, version: int | None = None) -> StagingValidation:
    """Hand in a receipt of the staging installation, as the text of its envelope. Whether it still counts is asked at each reading."""
    with taking_turn(actor, "hand_in_staging", request_id, role=ActingRole.OWNER) as turn:
        reasons = owner_turn_reasons(turn, version, scope="draft") + state_reasons(turn, *staging.TAKEN_IN)
        refuse_if(reasons + staging.hand_in_reasons(turn.review_request, receipt_text, now=turn.now))
        validation = staging.keep(actor, turn.review_request, receipt_text, now=turn.now)
        turn.save(detail={"payload_sha256": validation.payload_sha256, "kid": validation.kid})
        return validation


def request_review(
    actor: Actor, request_id: uuid.UUID, *, version: int | None = None, plan_version: int | None = None
) -> DeploymentReviewRequest:
    """Freeze the packet of a new revision and put it before the reviewers. `plan_version`: the plan that the owner was shown."""
    with taking_turn(actor, "request_review", request_id, role=ActingRole.OWNER) as turn:
        review_request, now = turn.review_request, turn.now
        refuse_if(owner_turn_reasons(turn, version, scope="request"))
        refuse_if(state_reasons(turn, State.DRAFT, State.CHANGES_REQUESTED))
        expire_due(plan_id=review_request.plan_id, environment_id=review_request.environment_id, now=now)
        plan = locked_plan(actor, review_request.plan_id)
        refuse_if(version_reasons(plan.version, plan_version))
        review_request.plan = plan
        ruling = explain.newest_policy(review_request.environment)
        refuse_if(explain.review_reasons(review_request, ruling, requester_id=actor.user_id, now=now))
        frozen = packet.freeze(review_request, revision=review_request.revision + 1, policy=ruling, now=now)
        _put_up(review_request, frozen, ruling, actor=actor, now=now)
        turn.save()
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


def recall(actor: Actor, request_id: uuid.UUID, *, version: int | None = None) -> DeploymentReviewRequest:
    """Take a request out of review, back to draft. Votes do not carry over."""
    with taking_turn(actor, "recall", request_id) as turn:
        refuse_if(_requester_reasons(turn, version) + state_reasons(turn, State.REVIEW_REQUESTED))
        turn.role = owning_role(actor, turn.review_request)
        turn.review_request.recall()
        turn.review_request.due_at = turn.review_request.expires_at = None
        turn.save()
        turn.carry()
    return seen_request(request_id)


def withdraw(actor: Actor, request_id: uuid.UUID, *, comment: str, version: int | None = None) -> DeploymentReviewRequest:
    """Give a request up for good, saying why."""
    with taking_turn(actor, "withdraw", request_id) as turn:
        reasons = _requester_reasons(turn, version) + comment_reasons(comment)
        refuse_if(reasons + state_reasons(turn, *OPEN_STATES))
        turn.role = owning_role(actor, turn.review_request)
        turn.review_request.withdraw()
        turn.save(comment=comment)
        turn.carry()
    return seen_request(request_id)


def _requester_reasons(turn: Turn, version: int | None) -> list[Reason]:
    rights = requester_reasons(turn.actor, turn.review_request) + scope_reasons(turn.actor, "request")
    return rights + version_reasons(turn.review_request.version, version)


def comment(actor: Actor, request_id: uuid.UUID, *, comment: str, version: int | None = None) -> DeploymentReviewRequest:
    """Say something on a request; whoever may see it, in any state."""
    with taking_turn(actor, "comment", request_id) as turn:
        reasons = scope_reasons(actor, "request") + version_reasons(turn.review_request.version, version)
        refuse_if(reasons + comment_reasons(comment))
        turn.role = onlooking_role(actor, turn.review_request)
        turn.event(comment=comment, to_state=turn.state)
    return seen_request(request_id)


def revoke(actor: Actor, request_id: uuid.UUID, *, comment: str, version: int | None = None) -> DeploymentReviewRequest:
    """Stop an approved rollout: any one reviewer, requester, owner or operator. No conflict rule: stopping is cheaper than starting."""
    with taking_turn(actor, "revoke", request_id) as turn:
        reasons = _revoker_reasons(turn) + scope_reasons(actor, "request") + version_reasons(turn.review_request.version, version)
        refuse_if(reasons + comment_reasons(comment) + state_reasons(turn, State.APPROVED))
        turn.review_request.revoke()
        turn.save(comment=comment)
        turn.carry()
    return seen_request(request_id)


def _revoker_reasons(turn: Turn) -> list[Reason]:
    review_request, actor = turn.review_request, turn.actor
    if not requester_reasons(actor, review_request):
        turn.role = owning_role(actor, review_request)
        return []
    named = (review_request.policy.groups if review_request.policy else frozenset()) | {OPERATORS}
    groups, _ = people.reviewers(named, only=[actor.user_id])
    if theirs := groups.get(actor.user_id):
        turn.role = ActingRole.OPERATOR
        if theirs - {OPERATORS}:
            turn.act_as_reviewer(theirs)
        return []
    detail = f"Only the requester, an owner, an operator or a member of {' or '.join(sorted(named - {OPERATORS}))} can revoke this."
    return [Reason("may_not_revoke", detail, clear_by=owner_names(review_request.plan.partner_id), status=403)]


def expand(actor: Actor, plan_id: uuid.UUID, *, version: int | None = None) -> CoveragePlan:
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


def vote(
    actor: Actor, request_id: uuid.UUID, *, choice: str, digest: str, comment: str = "", conditions: list[str] | None = None
) -> DeploymentReviewRequest:
    """One reviewer's word on one packet digest; decides when every seat is filled. Only from the decision page in admin."""
    with taking_turn(actor, choice if choice in Choice.values else "vote", request_id, seen=False) as turn:
        conditions = conditions or []
        ballot = hand_out(turn)
        refuse_if(vote_reasons(turn, ballot, choice=choice, digest=digest, comment=comment, conditions=conditions))
        turn.act_as_reviewer(ballot.groups[actor.user_id])
        key = usable_signer() if choice in APPROVING else None
        vote_cast = cast(turn, choice=choice, comment=comment, conditions=conditions)
        if choice in APPROVING:
            ballot.approvals.append(vote_cast)
            count(turn, ballot, key=key, comment=comment)
        else:
            stop(turn, ballot, choice=choice, comment=comment)
    return seen_request(request_id)

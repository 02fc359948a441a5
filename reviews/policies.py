"""Versions of a policy: one operator proposes, another accepts, and approvals that no longer satisfy what was accepted are revoked."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from access import people
from access.actors import Actor
from config.databases import STORE
from config.refusals import Reason, Refused, not_found, recorded, refuse_if
from config.retrying import retried
from drafts.models import CoveragePlan
from receipts import status
from receipts.models import Why
from reviews import aging, explain, outbox, packet, policy, reading
from reviews.lifecycle import carry
from reviews.models import (
    OPEN_STATES,
    ActingRole,
    DeploymentReviewRequest,
    Environment,
    Kind,
    Outcome,
    PolicyOutcome,
    ReviewPolicy,
    State,
)
from reviews.organisation import rule_name_reasons
from reviews.record import database_now, write_event
from reviews.rights import operator_reasons, operators
from reviews.turn import Turn, comment_reasons

LONGEST_SECONDS = 3650 * 86400
TIGHTENED = "policy_tightened"


# --- propose --------------------------------------------------------------------------------------------------------------------------


def input_reasons(rules: object, required: list[str], ages: dict[str, int], times: dict[str, int]) -> list[Reason]:
    """`ages`: kind → seconds; `times`: everything else that is given in seconds."""
    reasons = []
    if not policy.is_sound(rules):
        detail = f"A policy has 1 to {policy.MOST} rules, and each quorum is from 1 to {policy.MOST}."
        reasons.append(Reason("no_rules", detail, pointer="/rules", status=400))
    else:
        reasons += rule_name_reasons(rules)
    if unknown := sorted(set(required) - set(Kind.values)):
        detail = f"There is no confirmation {unknown[0]}."
        reasons.append(Reason("unknown_confirmation", detail, pointer="/required_confirmations", status=400))
    if idle := sorted(set(ages) - set(required)):
        detail = f"The maximum age of {idle[0]} is for no required confirmation."
        reasons.append(Reason("unknown_confirmation", detail, pointer="/required_confirmations", status=400))
    for name, seconds in (times | {f"The maximum age of {kind}": age for kind, age in ages.items()}).items():
        if not 1 <= seconds <= LONGEST_SECONDS:
            reasons.append(Reason("out_of_range", f"{name} is from one second to ten years.", pointer=f"/{name}", status=400))
    return reasons


@retried
def propose_policy(
    actor: Actor,
    environment: Environment,
    *,
    rules: list[dict],
    required_confirmations: list[str],
    due_seconds: int = 2 * 86400,
    review_seconds: int = 14 * 86400,
    approval_seconds: int = 72 * 3600,
    conditions_allowed: bool = True,
    maximum_ages: dict[str, int] | None = None,
    session_seconds: int | None = None,
    second_factor: bool = False,
) -> ReviewPolicy:
    """Store the environment's next version. Its first takes effect at once; a later one waits for another operator.

    `rules`: {name, group, quorum}; `maximum_ages`: kind → seconds; times in seconds.
    """
    times = {"due_seconds": due_seconds, "review_seconds": review_seconds, "approval_seconds": approval_seconds}
    times |= {} if session_seconds is None else {"session_seconds": session_seconds}
    made = ReviewPolicy(
        environment=environment,
        rules=rules,
        required_confirmations=required_confirmations,
        conditions_allowed=conditions_allowed,
        maximum_ages=maximum_ages or {},
        second_factor=second_factor,
        proposed_by_id=actor.user_id or None,
        proposed_by=actor.username,
        **times,
    )
    wrong = input_reasons(rules, required_confirmations, made.maximum_ages, times)
    with recorded(actor, "propose_policy"), transaction.atomic(using=STORE):
        return _proposed(actor, made, wrong)


def _proposed(actor: Actor, made: ReviewPolicy, wrong: list[Reason]) -> ReviewPolicy:
    environment = made.environment
    Environment.objects.using(STORE).select_for_update().get(pk=environment.pk)
    is_first = not environment.policies.accepted().exists()
    # Before there is a policy there may be no operator yet: the first is for whoever sets the installation up.
    rights = [] if is_first and actor.user_id == 0 else operator_reasons(actor)
    refuse_if(rights + wrong + _open_reasons(environment) + ([] if wrong else _same_reasons(made)))
    last = environment.policies.order_by("-version").first()
    made.version = last.version + 1 if last else 1
    made.digest, now = made.computed_digest(), database_now()
    write_event(actor, "set_policy" if is_first else "propose_policy", None, at=now, detail=_detail(made))
    made.save(force_insert=True)
    if is_first:
        _settle(actor, made, Outcome.ACCEPTED, now=now)
    return made


def _same_reasons(made: ReviewPolicy) -> list[Reason]:
    """A second click on the form of a first version would leave a proposal that asks nothing new."""
    in_force = ReviewPolicy.objects.in_force(made.environment_id).first()
    if in_force is None or in_force.document() | {"version": made.version} != made.document():
        return []
    return [Reason("policy_in_force", f"Version {in_force.version} is in force and asks the same.", clear_by="nobody; it is so already")]


def _detail(ruling: ReviewPolicy) -> dict:
    return {"environment": ruling.environment.slug, "version": ruling.version, "policy_digest": ruling.digest}


def _settle(actor: Actor, ruling: ReviewPolicy, outcome: str, *, now: datetime, comment: str = "") -> PolicyOutcome:
    who = {"settled_by_id": actor.user_id or None, "settled_by": actor.username}
    return PolicyOutcome.objects.create(policy=ruling, outcome=outcome, comment=comment, settled_at=now, **who)


def proposal_of(environment: Environment) -> ReviewPolicy | None:
    """The version that waits for another operator; one at a time."""
    return environment.policies.filter(outcome__isnull=True).select_related("environment").first()


def _open_reasons(environment: Environment) -> list[Reason]:
    waiting = proposal_of(environment)
    if waiting is None:
        return []
    detail = f"Version {waiting.version} waits already; it is accepted, declined or withdrawn first."
    return [Reason("proposal_open", detail, clear_by=f"{waiting.proposed_by}, by withdrawing it; or {operators()}")]


# --- what acceptance would do ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failing:
    """An approval that a new version would revoke, and why."""

    review_request: DeploymentReviewRequest
    reasons: list[Reason]


def standing(environment: Environment, *, now: datetime):
    """Approvals in date, whose packets a new version is held against."""
    approved = DeploymentReviewRequest.objects.select_related("plan__partner", "environment", "policy", "decision")
    return approved.filter(environment=environment, state=State.APPROVED, expires_at__gt=now).order_by("pk")


def failing(requests: Iterable[DeploymentReviewRequest], newer: ReviewPolicy, *, now: datetime) -> list[Failing]:
    """Which of these approvals do not satisfy a new version. What asks for no more seats than before takes none away."""
    in_force = ReviewPolicy.objects.in_force(newer.environment_id).first()
    groups, _ = people.reviewers(newer.groups)
    found = [Failing(each, _failing_reasons(each, newer, in_force, groups, now=now)) for each in requests]
    return [each for each in found if each.reasons]


def _failing_reasons(review_request, newer: ReviewPolicy, in_force: ReviewPolicy | None, groups: people.Groups, *, now) -> list[Reason]:
    decision = review_request.decision
    try:
        statements = aging.of_packet(packet.intact_value(review_request))
    except Refused as refusal:
        return list(refusal.reasons)
    reasons = explain.confirmation_reasons(statements, [newer], now=now, clear_by=lambda: "")
    if not any(_asks_no_more(newer, older) for older in (in_force, review_request.policy) if older is not None):
        reasons += _seat_reasons(review_request, newer, groups)
    if decision.conditions and not newer.conditions_allowed:
        reasons.append(Reason("conditions_not_allowed", "It was approved with conditions, which the policy does not allow."))
    if (end := aging.approval_end(statements, [newer], decided_at=decision.decided_at)) < review_request.expires_at and not reasons:
        reasons.append(Reason("lasts_too_long", f"Its receipt says that it lasts until later than {reading.minute(end)}."))
    return reasons


def _asks_no_more(newer: ReviewPolicy, older: ReviewPolicy) -> bool:
    return seats_by_group(newer) <= seats_by_group(older) and newer.second_factor <= older.second_factor


def seats_by_group(ruling: ReviewPolicy) -> Counter:
    return Counter(str(seat["group"]) for seat in policy.seats(ruling.rules))


def _seat_reasons(review_request: DeploymentReviewRequest, newer: ReviewPolicy, groups: people.Groups) -> list[Reason]:
    """The seats of a new version that those who approved do not fill."""
    approvers = policy.Approvers(groups, explain.approvals_of(review_request)).counted(second_factor=newer.second_factor)
    names = sorted({str(rule["name"]) for rule in policy.open_seats(newer.rules, approvers)})
    how = " with a second factor" if newer.second_factor else ""
    return [Reason("approval_missing", f"An approval for {name}{how} is missing.") for name in names]


# --- accept, decline, withdraw ----------------------------------------------------------------------------------------------------------


@retried
def accept_policy(actor: Actor, policy_id: uuid.UUID, *, digest: str) -> list[Failing]:
    """Put a proposed version in force, quoting its digest; returns the approvals that it revoked.

    Locked before it is looked at: every open or approved request of the environment, then the environment, so that nobody is approved
    under the old version alone while the new one comes into force; then the plans of what is revoked.
    """
    with recorded(actor, "accept_policy"), transaction.atomic(using=STORE):
        proposal = _proposal(policy_id)
        reasons = operator_reasons(actor) + _own_reasons(actor, proposal) + _digest_reasons(proposal, digest)
        _lock_requests(proposal.environment)
        Environment.objects.using(STORE).select_for_update().get(pk=proposal.environment_id)
        _lock_requests(proposal.environment)
        now = database_now()
        refuse_if(reasons + settled_reasons(proposal))
        ended = failing(standing(proposal.environment, now=now), proposal, now=now)
        plans = _locked_plans(ended)
        write_event(actor, "accept_policy", None, at=now, detail=_detail(proposal) | {"revokes": len(ended)})
        _settle(actor, proposal, Outcome.ACCEPTED, now=now)
        for each in ended:
            _revoke(actor, each, proposal, now=now)
        outbox.post([outbox.decision(each.review_request, outbox.Kind.REVOKED, now=now) for each in ended])
        for plan in plans:
            carry(plan)
        if ended:
            status.revoke([each.review_request.pk for each in ended], reason=Why.POLICY_TIGHTENED, at=now)
    return ended


def _proposal(policy_id: uuid.UUID) -> ReviewPolicy:
    found = ReviewPolicy.objects.select_related("environment").filter(pk=policy_id).first()
    if found is None:
        raise not_found("policy version")
    return found


def _own_reasons(actor: Actor, proposal: ReviewPolicy) -> list[Reason]:
    if actor.user_id != proposal.proposed_by_id:
        return []
    return [Reason("own_proposal", "Nobody accepts what they proposed.", clear_by=f"another operator of {operators()}", status=403)]


def _digest_reasons(proposal: ReviewPolicy, digest: str) -> list[Reason]:
    if digest == proposal.digest and proposal.is_intact:
        return []
    if not digest:
        return [Reason("digest_missing", "Say by its digest which version you have read.", clear_by="the operator", status=428)]
    return [Reason("stale_policy", "This is not the version that you have read.", clear_by="the operator", status=412)]


def settled_reasons(proposal: ReviewPolicy) -> list[Reason]:
    outcome = PolicyOutcome.objects.filter(policy=proposal).first()
    if outcome is None:
        return []
    detail = f"Version {proposal.version} is {outcome.outcome} already."
    return [Reason(f"proposal_{outcome.outcome}", detail, clear_by="nobody; propose another version")]


def _lock_requests(environment: Environment) -> None:
    rows = DeploymentReviewRequest.objects.using(STORE).select_for_update().filter(environment=environment)
    list(rows.filter(state__in=[*OPEN_STATES, State.APPROVED]).order_by("pk").values("pk"))


def _locked_plans(ended: list[Failing]) -> list[CoveragePlan]:
    plans = CoveragePlan.objects.using(STORE).select_for_update(of=("self",)).select_related("partner")
    return list(plans.filter(pk__in={each.review_request.plan_id for each in ended}).order_by("pk"))


def _revoke(actor: Actor, ended: Failing, newer: ReviewPolicy, *, now: datetime) -> None:
    review_request = ended.review_request
    review_request.revoke()
    detail = {"cause": TIGHTENED, "policy": newer.reference, "reasons": [reason.code for reason in ended.reasons]}
    comment = f"Version {newer.version} of the policy was accepted. " + " ".join(reason.detail for reason in ended.reasons)
    Turn(actor, "revoke", review_request, now, State.APPROVED, ActingRole.OPERATOR).save(detail=detail, comment=comment)


@retried
def decline_policy(actor: Actor, policy_id: uuid.UUID, *, comment: str) -> PolicyOutcome:
    """Say no to a proposed version, or take back one's own; with a comment either way."""
    with recorded(actor, "decline_policy"), transaction.atomic(using=STORE):
        proposal = _proposal(policy_id)
        reasons = operator_reasons(actor) + comment_reasons(comment)
        Environment.objects.using(STORE).select_for_update().get(pk=proposal.environment_id)
        refuse_if(reasons + settled_reasons(proposal))
        own, now = actor.user_id == proposal.proposed_by_id, database_now()
        write_event(actor, "withdraw_policy" if own else "decline_policy", None, at=now, comment=comment, detail=_detail(proposal))
        return _settle(actor, proposal, Outcome.WITHDRAWN if own else Outcome.DECLINED, now=now, comment=comment)

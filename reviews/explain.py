"""What is missing, in words, with who can clear it; the first reason is what to do next. Pages, API and refusals all ask here."""

from datetime import datetime

from access import people
from config.refusals import Reason, Refused
from drafts.coverage import owner_names
from reviews import confirmations, packet, policy
from reviews.models import APPROVING, Confirmation, DeploymentReviewRequest, Environment, Kind, ReviewPolicy, State
from reviews.rights import people_in

ENDED = {State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.REVOKED}
REQUIRED_BY_DEFAULT = tuple(Kind.values)


def newest_policy(environment: Environment) -> ReviewPolicy | None:
    return environment.policies.order_by("-version").first()


def confirmation_reasons(found: dict[str, Confirmation], required: list[str], *, now: datetime, clear_by: str) -> list[Reason]:
    """One reason for each required confirmation that is not confirmed, or has ended. The person named clears it, else `clear_by`."""
    reasons = []
    for kind in required:
        confirmation = found.get(kind)
        if confirmations.is_in_date(confirmation, now):
            continue
        ended = confirmation is not None and confirmation.confirmed_at is not None
        code, state = ("confirmation_out_of_date", "is out of date") if ended else ("confirmation_missing", "is missing")
        who = (confirmation.named if confirmation else "") or clear_by
        reasons.append(Reason(code, f"The {kind} confirmation {state}.", clear_by=who, pointer=f"/confirmations/{kind}"))
    return reasons


def policy_reasons(environment: Environment, ruling: ReviewPolicy | None, *, hands: set[int]) -> list[Reason]:
    """Why the environment's policy could not be satisfied. `hands`: user ids that may not vote on this packet."""
    operator = "an operator, with `manage.py set_policy`"
    if ruling is None or not policy.is_sound(ruling.rules):
        return [Reason("policy_missing", f"The environment {environment.slug} has no policy with at least one rule.", clear_by=operator)]
    groups, _ = people.reviewers(ruling.groups)
    eligible = {user_id: theirs for user_id, theirs in groups.items() if user_id not in hands}
    empty = policy.open_seats(ruling.rules, eligible)
    if not empty:
        return []
    detail = f"Not enough eligible people to fill {policy.in_words(ruling.rules)}: nobody is left for {_seats_in_words(empty)}."
    return [Reason("seats_not_fillable", detail, clear_by="an operator, who can add people to the group")]


def _seats_in_words(seats: list) -> str:
    return ", ".join(sorted({str(rule["name"]) for rule in seats}))


def review_reasons(
    review_request: DeploymentReviewRequest, ruling: ReviewPolicy | None, *, requester_id: int, now: datetime
) -> list[Reason]:
    """All that stands between a draft and its review."""
    plan = review_request.plan
    owners = owner_names(plan.partner_id)
    found = {confirmation.kind: confirmation for confirmation in review_request.confirmations.all()}
    required = ruling.required_confirmations if ruling else REQUIRED_BY_DEFAULT
    confirmers = {confirmation.confirmed_by_id for confirmation in found.values() if confirmation.confirmed_at}
    hands = {requester_id} | confirmers | set(packet.authors_of(review_request))
    archived = [Reason("plan_archived", "The plan is archived.", clear_by=owners)] if plan.archived else []
    return (
        archived
        + confirmation_reasons(found, required, now=now, clear_by=owners)
        + policy_reasons(review_request.environment, ruling, hands=hands)
    )


def seat_reasons(review_request: DeploymentReviewRequest) -> list[Reason]:
    """The seats still open in a running review, and who by name can fill them."""
    ruling, frozen = review_request.policy, packet.current(review_request)
    if damaged := packet.damage_reasons(frozen, review_request.digest):
        return damaged
    groups, names = people.reviewers(ruling.groups)
    votes = review_request.votes.filter(revision=review_request.revision, choice__in=APPROVING)
    approvers = set(votes.values_list("user_id", flat=True))
    hands = people_in(packet.value_of(frozen)) | {review_request.requested_by_id}
    counted = {user_id: theirs for user_id, theirs in groups.items() if user_id in approvers}
    free = {user_id: theirs for user_id, theirs in groups.items() if user_id not in approvers | hands}
    return [
        Reason(
            "approval_missing",
            f"An approval for {rule['name']} is missing.",
            clear_by=", ".join(sorted(names[user_id] for user_id, theirs in free.items() if rule["group"] in theirs)[:5]) or "an operator",
        )
        for rule in policy.open_seats(ruling.rules, counted)
    ]


def missing(review_request: DeploymentReviewRequest, *, now: datetime) -> list[Reason]:
    """What is missing on the way to approval, in order; empty once approved. The primary being away is a reason, not an error."""
    state = review_request.state_at(now)
    owners = owner_names(review_request.plan.partner_id)
    if state == State.APPROVED:
        return []
    if state in ENDED:
        return [Reason(f"request_{state}", f"This review request is {state}; open a new one.", clear_by=owners)]
    try:
        if state == State.REVIEW_REQUESTED:
            return seat_reasons(review_request)
        ruling = newest_policy(review_request.environment)
        reasons = review_reasons(review_request, ruling, requester_id=0, now=now)
    except Refused as refusal:
        return list(refusal.reasons)
    return reasons or [Reason("review_not_requested", "Everything is confirmed; request the review.", clear_by=owners)]

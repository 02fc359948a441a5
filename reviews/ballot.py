"""The ballot: everything that must hold before a vote is stored, and storing it."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, FilteredRelation, Q, QuerySet

from access import people
from access.actors import Actor
from config.prepared import Prepared
from config.refusals import Reason, Refused, not_found, refuse_if
from drafts.custody import plain_text
from reviews import explain, packet, policy, reading
from reviews.models import APPROVING, Choice, DeploymentReviewRequest, Packet, State, Vote
from reviews.rights import conflict_reasons, group_reasons, visible_requests
from reviews.turn import Turn, comment_reasons, state_reasons, text_reasons

CONDITION_LENGTH, MAX_CONDITIONS = 300, 20
# Between the primary, whose clock a sign-in has, and the draft store, whose clock decides; more blocks the readiness gate.
CLOCKS_APART = timedelta(minutes=1)


@dataclass
class Ballot:
    """What a vote is weighed against: the frozen packet and its value, the approvals of its revision, and who is in which group now.

    `proved`: who votes has signed in with a second factor, which is in use still.
    """

    frozen: Packet
    packet: dict
    approvals: list[Vote]
    groups: people.Groups
    proved: bool

    @property
    def counted(self) -> list[Vote]:
        """The approvals of those who are still active members."""
        return [vote for vote in self.approvals if vote.user_id in self.groups]

    @property
    def approvers(self) -> policy.Approvers:
        return policy.Approvers(self.groups, {vote.user_id: vote.second_factor for vote in self.approvals})


def hand_out(turn: Turn) -> Ballot:
    """The ballot of a locked request. Raises Refused 404 for who may not see the request, 409 where nothing sound was put up."""
    review_request, actor = turn.review_request, turn.actor
    if review_request.policy is None:
        _refuse_unseen(turn)
        raise Refused(*state_reasons(turn, State.REVIEW_REQUESTED))
    frozen, approvals = packet_and_approvals(review_request)
    asked = {vote.user_id for vote in approvals} | {actor.user_id}
    groups, proved = people.voters(review_request.groups_asked, only=asked, app=actor.app)
    if actor.user_id not in groups:
        _refuse_unseen(turn)
    refuse_if([packet.DAMAGED] if frozen is None else [])
    refuse_if(packet.damage_reasons(frozen, review_request.digest))
    if (
        not all(ruling.is_intact for ruling in review_request.rulings)
        or packet.value_of(frozen)["policy"] != review_request.policy.reference
    ):
        raise Refused(
            Reason("policy_damaged", "The policy is not the one that the packet names; nothing can be decided.", clear_by="an operator")
        )
    return Ballot(frozen, packet.value_of(frozen), approvals, groups, actor.user_id in proved)


def _refuse_unseen(turn: Turn) -> None:
    if not visible_requests(turn.actor).filter(pk=turn.review_request.pk).exists():
        raise not_found("review request")


def _joined(request_id: uuid.UUID, revision: int) -> QuerySet[Packet]:
    of_it = Q(review_request__votes__revision=revision, review_request__votes__choice__in=APPROVING)
    joined = Packet.objects.filter(review_request_id=request_id, revision=revision).annotate(
        approval=FilteredRelation("review_request__votes", condition=of_it),
        approver=F("approval__user_id"),
        asks_for=F("approval__conditions"),
        with_code=F("approval__second_factor"),
    )
    return joined.order_by("approval__cast_at")


_packets_with_approvals = Prepared(_joined, uuid.UUID, int)


def packet_and_approvals(review_request: DeploymentReviewRequest) -> tuple[Packet | None, list[Vote]]:
    """The packet of the newest revision and the approvals that it has, oldest first; one statement, because a vote has twenty."""
    rows = _packets_with_approvals(review_request.pk, review_request.revision)
    approvals = [
        Vote(user_id=row.approver, conditions=row.asks_for, second_factor=row.with_code) for row in rows if row.approver is not None
    ]
    return (rows[0] if rows else None), approvals


def vote_reasons(turn: Turn, ballot: Ballot, *, choice: str, digest: str, comment: str, conditions: list[str]) -> list[Reason]:
    review_request, actor = turn.review_request, turn.actor
    reasons = _door_reasons(actor) + _session_reasons(turn) + _second_factor_reasons(review_request, ballot)
    reasons += group_reasons(review_request, ballot.groups.get(actor.user_id, frozenset()))
    reasons += conflict_reasons(review_request, ballot.packet, actor.user_id)
    reasons += _digest_reasons(review_request, digest) + state_reasons(turn, State.REVIEW_REQUESTED)
    if choice not in Choice.values:
        return [*reasons, Reason("unknown_choice", f"Choose one of: {', '.join(Choice.values)}.", pointer="/choice", status=400)]
    reasons += comment_reasons(comment, required=choice in (Choice.REQUEST_CHANGES, Choice.REJECT))
    reasons += _condition_reasons(review_request, choice, conditions)
    return reasons + (_approval_reasons(turn, ballot) if choice in APPROVING else [])


def _door_reasons(actor: Actor) -> list[Reason]:
    if actor.channel == "admin" and actor.scopes is None:
        return []
    return [
        Reason("votes_only_in_admin", "Votes are cast on the decision page in admin and nowhere else.", clear_by="the reviewer", status=403)
    ]


def _session_reasons(turn: Turn) -> list[Reason]:
    """How old a sign-in may be is the strictest policy's word. One of which nothing is known, or that is yet to come, is too old."""
    limits = [ruling.session_seconds for ruling in turn.review_request.rulings if ruling.session_seconds]
    signed_in_at = turn.actor.signed_in_at
    if not limits or (signed_in_at and -CLOCKS_APART <= turn.now - signed_in_at <= timedelta(seconds=min(limits))):
        return []
    detail = f"The policy asks that you have signed in within the last {reading.duration(min(limits))}. Sign in again, then decide."
    return [Reason("session_too_old", detail, clear_by="you, by signing in again", status=403)]


def _second_factor_reasons(review_request: DeploymentReviewRequest, ballot: Ballot) -> list[Reason]:
    """If either policy asks for a second factor, the sign-in took a code of an app that is in use still."""
    if ballot.proved or not any(ruling.second_factor for ruling in review_request.rulings):
        return []
    detail = "The policy asks for a sign-in with a second factor. Set up an authenticator app, or sign in again with its code, then decide."
    return [Reason("second_factor_missing", detail, clear_by="you, under Your account, Second factor", status=403)]


def _digest_reasons(review_request: DeploymentReviewRequest, digest: str) -> list[Reason]:
    if not digest:
        return [Reason("digest_missing", "A vote quotes the digest of the packet it is about.", clear_by="the reviewer", status=428)]
    if digest != review_request.digest:
        detail = f"The packet has changed since you read it: revision {review_request.revision} is under review now. Read it, then decide."
        return [Reason("stale_packet", detail, clear_by="the reviewer", status=412)]
    return []


def _condition_reasons(review_request: DeploymentReviewRequest, choice: str, conditions: list[str]) -> list[Reason]:
    if choice != Choice.CONSTRAIN:
        return (
            [Reason("unexpected", "Only an approval with conditions has conditions.", pointer="/conditions", status=400)]
            if conditions
            else []
        )
    if not all(ruling.conditions_allowed for ruling in review_request.rulings):
        return [Reason("conditions_not_allowed", "The policy allows no conditions.", clear_by="an operator")]
    if not isinstance(conditions, list) or not 1 <= len(conditions) <= MAX_CONDITIONS:
        return [Reason("required", f"Name 1 to {MAX_CONDITIONS} conditions.", pointer="/conditions", status=400)]
    checked = [
        text_reasons(condition, pointer=f"/conditions/{number}", required=True, length=CONDITION_LENGTH, check=plain_text)
        for number, condition in enumerate(conditions)
    ]
    return [reason for reasons in checked for reason in reasons]


def _approval_reasons(turn: Turn, ballot: Ballot) -> list[Reason]:
    """What stops an approval alone: what keeps the packet from any, and a second approval of the same person."""
    reasons = explain.approval_reasons(turn.review_request, ballot.packet, now=turn.now)
    if any(vote.user_id == turn.actor.user_id for vote in ballot.approvals):
        reasons.append(Reason("already_approved", "You have approved this revision already.", clear_by="another reviewer"))
    return reasons


def cast(turn: Turn, ballot: Ballot, *, choice: str, comment: str, conditions: list[str]) -> Vote:
    review_request, actor = turn.review_request, turn.actor
    return Vote.objects.create(
        review_request=review_request,
        revision=review_request.revision,
        digest=review_request.digest,
        user_id=actor.user_id,
        username=actor.username,
        choice=choice,
        conditions=conditions,
        comment=comment,
        second_factor=ballot.proved,
        cast_at=turn.now,
    )

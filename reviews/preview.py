"""What each choice of a reviewer would do now, asked of the very rules that the vote itself asks, without a lock and writing nothing."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from access.actors import Actor
from config.refusals import Reason, Refused
from reviews import explain, policy
from reviews.ballot import Ballot, hand_out, vote_reasons
from reviews.models import APPROVING, Choice, DeploymentReviewRequest
from reviews.record import database_now
from reviews.turn import Turn
from reviews.verdict import usable_signer

FILLER = "-"


@dataclass(frozen=True)
class Option:
    """One choice: what it will do, or why this person cannot take it now."""

    choice: str
    label: str
    will: str
    reasons: list[Reason]


def options(actor: Actor, review_request: DeploymentReviewRequest) -> list[Option]:
    """Every choice with its consequence and its reasons; conditions are left out where the policy allows none. Raises Refused 404, 409."""
    turn = Turn(actor, "preview", review_request, now := database_now(), review_request.state_at(now))
    ballot = hand_out(turn)
    allowed = [
        choice for choice in Choice if choice != Choice.CONSTRAIN or all(ruling.conditions_allowed for ruling in review_request.rulings)
    ]
    keyless = _key_reasons()
    return [_option(turn, ballot, choice, keyless if choice in APPROVING else []) for choice in allowed]


def _option(turn: Turn, ballot: Ballot, choice: Choice, keyless: list[Reason]) -> Option:
    conditions = [FILLER] if choice == Choice.CONSTRAIN else []
    reasons = vote_reasons(turn, ballot, choice=choice, digest=turn.review_request.digest, comment=FILLER, conditions=conditions)
    return Option(choice.value, _(choice.label), _will(turn, ballot, choice), reasons + keyless)


def _key_reasons() -> list[Reason]:
    try:
        usable_signer()
    except Refused as refusal:
        return list(refusal.reasons)
    return []


def _will(turn: Turn, ballot: Ballot, choice: Choice) -> str:
    if choice == Choice.REQUEST_CHANGES:
        return _("The review stops and goes back to the owner, who can change things and ask again. Votes given so far do not carry over.")
    if choice == Choice.REJECT:
        return _("The review ends for good, and a receipt with the verdict reject is signed.")
    will = _approval_will(turn, ballot)
    return f"{will} " + _("The receipt carries your conditions.") if choice == Choice.CONSTRAIN else will


def _approval_will(turn: Turn, ballot: Ballot) -> str:
    now, own = ballot.approvers, turn.actor.user_id
    after = policy.Approvers({own: frozenset(), **now.groups}, {**now.proved, own: ballot.proved})
    left = explain.open_seats(turn.review_request.rulings, after)
    if left:
        names = _(" and ").join(name for name, _groups in left)
        return _("Your approval fills a seat. Still needed after it: %(names)s. Nothing opens until then.") % {"names": names}
    return _("Yours is the last approval needed: the request is approved at once, its receipt is signed, and the gate can open.")


def absent(choices: list[Option]) -> list[Reason]:
    """Why this person cannot decide at all: what stands in the way of every choice; empty when some choice is open."""
    if any(not option.reasons for option in choices):
        return []
    shared = [reason for reason in choices[0].reasons if all(reason in option.reasons for option in choices)] if choices else []
    return shared or [reason for option in choices for reason in option.reasons]

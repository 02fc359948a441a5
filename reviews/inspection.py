"""What the desk checks of a review request for its reader: each check with its result in a word, and every reason with who can clear it."""

from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from config.refusals import Reason, reasons_of
from reviews import explain, packet, policy, reading, staging
from reviews.models import DeploymentReviewRequest, State

PACKET, CONFIRMATIONS, APPROVALS = gettext_noop("Frozen packet"), gettext_noop("Confirmations"), gettext_noop("Approvals")
STAGING, LAUNCH = gettext_noop("Staging validation"), gettext_noop("Launch time")
# Where a reason of `explain.missing` is shown; what is not here is about the confirmations.
SHOWN_UNDER = {
    "approval_missing": APPROVALS,
    "primary_unavailable": APPROVALS,
    "outside_change_window": LAUNCH,
    "freeze_window": LAUNCH,
}


@dataclass(frozen=True)
class Check:
    """`state` is the word of the stylesheet: pass, todo, block, later."""

    title: str
    state: str
    word: str
    said: str = ""
    reasons: list[Reason] = field(default_factory=list)


def inspect(review_request: DeploymentReviewRequest, value: dict | None, *, now: datetime) -> list[Check]:
    """The checks that matter in its state: in review what keeps it from approval, approved what keeps it from launch.

    `value`: of its newest packet, None where that is damaged.
    """
    state = review_request.state_at(now)
    whole = _check(PACKET, [] if value else [packet.DAMAGED], _("Its stored bytes hash to the digest that votes quote."))
    if value is None or state not in (State.REVIEW_REQUESTED, State.APPROVED):
        return [whole]
    found: dict[str, list[Reason]] = {}
    for reason in _reasons(review_request, value, state, now):
        found.setdefault(SHOWN_UNDER.get(reason.code, CONFIRMATIONS), []).append(reason)
    given = _check(CONFIRMATIONS, found.get(CONFIRMATIONS, []), _("All that are required are given, in date and young enough."))
    if state == State.REVIEW_REQUESTED:
        return [whole, given, _approvals(review_request, found.get(APPROVALS, [])), _validated(review_request, now)]
    launch = _check(LAUNCH, found.get(LAUNCH, []), _("The change window is open and no freeze is under way."))
    return [whole, given, _validated(review_request, now), launch]


def _reasons(review_request: DeploymentReviewRequest, value: dict, state: str, now: datetime) -> list[Reason]:
    if state == State.APPROVED:
        return explain.launch_reasons(review_request, value, now=now)
    seats, away = reasons_of(lambda: explain.seat_reasons(review_request, value))
    return explain.approval_reasons(review_request, value, now=now) + (seats or []) + away


def _check(title: str, reasons: list[Reason], said: str) -> Check:
    return Check(_(title), "block", _("Not met"), reasons=reasons) if reasons else Check(_(title), "pass", _("Met"), said)


def _approvals(review_request: DeploymentReviewRequest, reasons: list[Reason]) -> Check:
    if not reasons:
        return Check(_(APPROVALS), "pass", _("Met"))
    asked = _(" and ").join(policy.in_words(ruling.rules) for ruling in review_request.rulings[-1:])
    return Check(_(APPROVALS), "todo", _("Waiting"), _("Asked for: %(rules)s.") % {"rules": asked}, reasons)


def _validated(review_request: DeploymentReviewRequest, now: datetime) -> Check:
    standing = staging.state(review_request, now)
    if standing.met:
        said = {"issuer": standing.issuer, "time": reading.minute(standing.expires_at)}
        return Check(_(STAGING), "pass", _("Met"), _("Signed by %(issuer)s; it ends at %(time)s.") % said)
    if standing.met is None:
        return Check(_(STAGING), "not_applicable", _("Not needed"), standing.reasons[0].detail)
    apart = _("It is a rollout gate of its own and keeps nobody from approving.")
    return Check(_(STAGING), "later", _("Not validated"), apart, standing.reasons)

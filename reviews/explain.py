"""What is missing, in words, with who can clear it; the first reason is what to do next. Pages, API and refusals all ask here."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache

from access import people
from config.refusals import Reason, Refused
from drafts.coverage import owner_names
from reviews import aging, freezes, packet, policy, reading
from reviews.aging import Statement, Statements
from reviews.models import APPROVING, DeploymentReviewRequest, Environment, FreezeWindow, Kind, ReviewPolicy, State
from reviews.rights import operators, people_in

ENDED = {State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.REVOKED}
REQUIRED_BY_DEFAULT = tuple(Kind.values)


def newest_policy(environment: Environment) -> ReviewPolicy | None:
    """The one in force: the newest that was accepted."""
    return ReviewPolicy.objects.in_force(environment).first()


def confirmation_reasons(
    statements: Statements, rulings: list[ReviewPolicy], *, now: datetime, clear_by: Callable[[], str], named: dict[str, str] | None = None
) -> list[Reason]:
    """One reason for each confirmation that is required and not given, has ended, or is older than one of the policies lets it be.

    `named`: kind → the person named for it, who clears it; else `clear_by` says who, asked only where there is something to clear.
    """
    required = [kind for ruling in rulings for kind in ruling.required_confirmations] if rulings else REQUIRED_BY_DEFAULT
    reasons = []
    for kind in dict.fromkeys([*required, *statements]):
        if problem := _confirmation_problem(kind, statements.get(kind), rulings, now=now):
            code, detail = problem
            who = (named or {}).get(kind) or clear_by()
            reasons.append(Reason(code, detail, clear_by=who, pointer=f"/confirmations/{kind}"))
    return reasons


def _confirmation_problem(kind: str, statement: Statement | None, rulings: list[ReviewPolicy], *, now: datetime) -> tuple[str, str] | None:
    if statement is None:
        return "confirmation_missing", f"The {kind} confirmation is missing."
    if statement.valid_until <= now:
        return "confirmation_out_of_date", f"The {kind} confirmation is out of date."
    for ruling in rulings:
        if (end := aging.too_old_at(statement, ruling)) is not None and end <= now:
            what = "its rehearsal" if kind == Kind.ROLLBACK else "it"
            age = reading.duration(ruling.maximum_ages[kind])
            return "confirmation_too_old", f"The {kind} confirmation does not count: the policy lets {what} be {age} old at most."
    return None


def policy_reasons(environment: Environment, ruling: ReviewPolicy | None, *, hands: set[int]) -> list[Reason]:
    """Why the environment's policy could not be satisfied. `hands`: user ids that may not vote on this packet."""
    if ruling is None or not policy.is_sound(ruling.rules):
        detail = f"The environment {environment.slug} has no policy with at least one rule."
        return [Reason("policy_missing", detail, clear_by=f"{operators()}, with `manage.py set_policy`")]
    groups, _ = people.reviewers(ruling.groups)
    eligible = {user_id: theirs for user_id, theirs in groups.items() if user_id not in hands}
    empty = policy.open_seats(ruling.rules, eligible)
    if not empty:
        return []
    detail = f"Not enough eligible people to fill {policy.in_words(ruling.rules)}: nobody is left for {_seats_in_words(empty)}."
    return [Reason("seats_not_fillable", detail, clear_by=f"{operators()}, who can add people to the group")]


def _seats_in_words(seats: list) -> str:
    return ", ".join(sorted({str(rule["name"]) for rule in seats}))


def review_reasons(
    review_request: DeploymentReviewRequest,
    ruling: ReviewPolicy | None,
    *,
    requester_id: int,
    now: datetime,
    of: packet.Written | None = None,
) -> list[Reason]:
    """All that stands between a draft and its review. `of`: what is written in it, where that has been read already."""
    plan, of = review_request.plan, of or packet.written(review_request)
    rows = of.confirmations
    named = {row.kind: row.named for row in rows if row.named}
    confirmers = {row.confirmed_by_id for row in rows if row.confirmed_at}
    hands = {requester_id} | confirmers | set(of.authors)

    @cache
    def owners() -> str:
        return owner_names(plan.partner_id)

    archived = [Reason("plan_archived", "The plan is archived.", clear_by=owners())] if plan.archived else []
    return (
        archived
        + confirmation_reasons(aging.of_rows(rows), [ruling] if ruling else [], now=now, clear_by=owners, named=named)
        + policy_reasons(review_request.environment, ruling, hands=hands)
    )


def approval_reasons(review_request: DeploymentReviewRequest, approved: dict, *, now: datetime) -> list[Reason]:
    """What keeps a frozen packet from any approval, whoever gives it. `approved`: the packet's value."""

    def clear_by() -> str:
        return f"{owner_names(review_request.plan.partner_id)}, by recalling it and confirming anew"

    reasons = confirmation_reasons(aging.of_packet(approved), review_request.rulings, now=now, clear_by=clear_by)
    return reasons + _waited_reasons(review_request, now=now, clear_by=clear_by)


def _waited_reasons(review_request: DeploymentReviewRequest, *, now: datetime, clear_by: Callable[[], str]) -> list[Reason]:
    """A version that came into force since may let a review wait for less long than the pinned one, which set its end."""
    return [
        Reason(
            "waited_too_long", f"The policy in force lets a review wait for {reading.duration(ruling.review_seconds)}.", clear_by=clear_by()
        )
        for ruling in review_request.rulings[1:]
        if review_request.requested_at + timedelta(seconds=ruling.review_seconds) <= now
    ]


def seat_reasons(review_request: DeploymentReviewRequest, approved: dict) -> list[Reason]:
    """The seats still open in a running review, and who by name can fill them. `approved`: the packet's value."""
    groups, names = people.reviewers(review_request.groups_asked)
    approvers = policy.Approvers(groups, approvals_of(review_request))
    hands = people_in(approved) | {review_request.requested_by_id}
    free = {user_id: theirs for user_id, theirs in groups.items() if user_id not in {*approvers.proved, *hands}}

    def who(group: str) -> str:
        return ", ".join(sorted(names[user_id] for user_id, theirs in free.items() if group in theirs)[:5]) or operators()

    left = open_seats(review_request.rulings, approvers)
    missing = [Reason("approval_missing", f"An approval for {name} is missing.", clear_by=who(group)) for name, group in left]
    return missing + (_unproved_reasons(review_request, approvers, names) if left else [])


def approvals_of(review_request: DeploymentReviewRequest) -> dict[int, bool]:
    """User id → whether with a second factor, of the approvals of the newest revision."""
    votes = review_request.votes.filter(revision=review_request.revision, choice__in=APPROVING)
    return dict(votes.values_list("user_id", "second_factor"))


def _unproved_reasons(review_request: DeploymentReviewRequest, approvers: policy.Approvers, names: dict[int, str]) -> list[Reason]:
    """Approvals from before a version came into force that asks for a second factor. Nobody approves a revision twice."""
    asked = any(ruling.second_factor for ruling in review_request.rulings)
    unproved = sorted(names[user_id] for user_id, proved in approvers.proved.items() if asked and not proved and user_id in names)
    if not unproved:
        return []
    detail = f"The policy in force asks for a second factor, and {' and '.join(unproved)} approved without one: that does not count."
    clear_by = f"another reviewer; or {owner_names(review_request.plan.partner_id)}, by recalling it and requesting review anew"
    return [Reason("approved_without_second_factor", detail, clear_by=clear_by)]


def load_rulings(review_requests: Iterable[DeploymentReviewRequest]) -> None:
    """What `rulings` says, for many requests with their policies: one statement for all."""
    environments = {each.environment_id for each in review_requests}
    accepted = ReviewPolicy.objects.accepted().filter(environment__in=environments).order_by("version")
    in_force = {ruling.environment_id: ruling for ruling in accepted}
    for each in review_requests:
        newer = in_force.get(each.environment_id)
        each.rulings = [each.policy] if newer in (None, each.policy) else [each.policy, newer]


def open_seats(rulings: list[ReviewPolicy], approvers: policy.Approvers) -> list[tuple[str, str]]:
    """(rule, group) of each seat that is open under any of the policies; one that two of them ask for is one."""
    left: list[tuple[str, str]] = []
    for ruling in rulings:
        counted = approvers.counted(second_factor=ruling.second_factor)
        seats = Counter((str(rule["name"]), str(rule["group"])) for rule in policy.open_seats(ruling.rules, counted))
        left += list((seats - Counter(left)).elements())
    return left


def in_review_reasons(review_request: DeploymentReviewRequest, *, now: datetime) -> list[Reason]:
    """What is missing to an approval of what is under review: first what no vote can mend, then the open seats."""
    try:
        approved = packet.intact_value(review_request)
        return approval_reasons(review_request, approved, now=now) + seat_reasons(review_request, approved)
    except Refused as refusal:
        return list(refusal.reasons)


# --- launch -------------------------------------------------------------------------------------------------------------------------


def launch_reasons(review_request: DeploymentReviewRequest, approved: dict, *, now: datetime) -> list[Reason]:
    """What shuts the gate of an approval that stands. `approved`: the packet's value."""
    statements = aging.of_packet(approved)

    def clear_by() -> str:
        return f"{owner_names(review_request.plan.partner_id)}, with a new review request"

    return [
        *confirmation_reasons(statements, [review_request.policy], now=now, clear_by=clear_by),
        *window_reasons(statements, now=now, clear_by=clear_by),
        *freeze_reasons(review_request.environment, review_request, now=now),
    ]


def window_reasons(statements: Statements, *, now: datetime, clear_by: Callable[[], str]) -> list[Reason]:
    """The change window of the environment confirmation is when the rollout may be launched."""
    window = statements[Kind.ENVIRONMENT].window if Kind.ENVIRONMENT in statements else None
    if window is None or window[0] <= now < window[1]:
        return []
    opens, closes = window
    if now < opens:
        detail = f"The change window opens at {reading.minute(opens)} and closes at {reading.minute(closes)}."
        return [Reason("outside_change_window", detail, clear_by=f"nobody: it opens by itself at {reading.minute(opens)}")]
    detail = f"The change window closed at {reading.minute(closes)}."
    return [Reason("outside_change_window", detail, clear_by=f"{clear_by()} that names another window")]


def freeze_reasons(environment: Environment, review_request: DeploymentReviewRequest | None, *, now: datetime) -> list[Reason]:
    """Each freeze of the environment that is under way and that this request does not cross."""
    return [
        Reason("freeze_window", _freeze_detail(environment, freeze), clear_by=_freeze_clear_by(freeze, review_request))
        for freeze in freezes.under_way(environment, now)
        if review_request is None or not freezes.is_crossed(freeze, review_request)
    ]


def _freeze_detail(environment: Environment, freeze: FreezeWindow) -> str:
    return f"{environment.slug} is frozen until {reading.minute(freeze.ends_at)}: {freeze.reason}"


def _freeze_clear_by(freeze: FreezeWindow, review_request: DeploymentReviewRequest | None) -> str:
    by_operator = f"{freeze.frozen_by} or another operator, who can end it"
    if review_request is not None and freezes.names(freeze, review_request.requested_by_id):
        return f"{review_request.requested_by}, who may cross it with a comment; {by_operator}"
    return by_operator


# --- what is missing next -------------------------------------------------------------------------------------------------------------


def missing(review_request: DeploymentReviewRequest, *, now: datetime) -> list[Reason]:
    """What is missing on the way to launch, in a fixed order, as far as the review can tell. The primary being away is a reason, too."""
    state = review_request.state_at(now)
    owners = owner_names(review_request.plan.partner_id)
    if state in ENDED:
        return [Reason(f"request_{state}", f"This review request is {state}; open a new one.", clear_by=owners)]
    if state == State.REVIEW_REQUESTED:
        return in_review_reasons(review_request, now=now)
    try:
        if state == State.APPROVED:
            return launch_reasons(review_request, packet.intact_value(review_request), now=now)
        ruling = newest_policy(review_request.environment)
        reasons = review_reasons(review_request, ruling, requester_id=0, now=now)
    except Refused as refusal:
        return list(refusal.reasons)
    return reasons or [Reason("review_not_requested", "Everything is confirmed; request the review.", clear_by=owners)]

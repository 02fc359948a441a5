"""The owner's way through a plan: where each request stands, task by task, and the one thing to do next."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from config.refusals import Reason
from drafts.models import CoveragePlan
from reviews import confirmations, explain, onward
from reviews.models import OPEN_STATES, Confirmation, DeploymentReviewRequest, Kind, State

EDITABLE = (State.DRAFT, State.CHANGES_REQUESTED)


@dataclass(frozen=True)
class Task:
    """One line of a task list. `status`: the word that CSS colours; `word`: the word that people read."""

    title: str
    hint: str
    status: str
    word: str
    url: str = ""


@dataclass(frozen=True)
class Next:
    """What is missing next: one sentence, and where to do it."""

    sentence: str
    url: str = ""
    link: str = ""
    clear_by: str = ""


@dataclass(frozen=True)
class Standing:
    """A review request as its owner sees it now."""

    review_request: DeploymentReviewRequest
    state: str
    word: str
    confirmed: str
    tasks: list[Task]
    next: Next
    conditions: list[str]

    @property
    def editable(self) -> bool:
        return self.state in EDITABLE

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


def page_of(name: str, review_request: DeploymentReviewRequest, **more) -> str:
    return reverse(name, kwargs={"plan_id": review_request.plan_id, "request_id": review_request.pk, **more})


def standing(review_request: DeploymentReviewRequest, *, now: datetime, may_write: bool, user_id: int | None = None) -> Standing:
    """Reads the request's confirmations, and who could vote. `user_id`: who looks, and may confirm what they are named for."""
    state = review_request.state_at(now)
    found = {confirmation.kind: confirmation for confirmation in review_request.confirmations.all()}
    required = _required(review_request)
    done = [kind for kind in required if confirmations.is_in_date(found.get(kind), now)]
    writable = may_write and state in EDITABLE
    theirs = {kind for kind, confirmation in found.items() if user_id and confirmation.named_id == user_id and state in EDITABLE}
    tasks = [_confirmation_task(review_request, kind, found.get(kind), now=now, writable=writable or kind in theirs) for kind in required]
    ready = len(done) == len(required)
    tasks.append(_request_task(review_request, state, ready=ready, writable=writable))
    missing = explain.missing(review_request, now=now)
    return Standing(
        review_request,
        state,
        State(state).label,
        f"{len(done)} of {len(required)} confirmations",
        tasks,
        _next(review_request, missing, may_write=may_write, theirs=theirs),
        _conditions(review_request),
    )


def _conditions(review_request: DeploymentReviewRequest) -> list[str]:
    """All that its approval carries."""
    decision = getattr(review_request, "decision", None)
    return decision.conditions if decision else []


def _required(review_request: DeploymentReviewRequest) -> list[str]:
    """Kinds in the order of the form pages; those of the pinned policy while a packet stands."""
    ruling = review_request.policy if review_request.state not in EDITABLE else None
    ruling = ruling or explain.newest_policy(review_request.environment)
    named = ruling.required_confirmations if ruling else explain.REQUIRED_BY_DEFAULT
    return [kind for kind in Kind.values if kind in named]


def _confirmation_task(
    review_request: DeploymentReviewRequest, kind: str, confirmation: Confirmation | None, *, now: datetime, writable: bool
) -> Task:
    status, word = _confirmation_status(confirmation, now)
    hint = confirmations.STATEMENTS[Kind(kind)]
    if confirmation and confirmation.named:
        hint = f"{hint} {confirmation.named} is named for it."
    if status == "done":
        hint = f"Confirmed by {confirmation.confirmed_by}, valid until {confirmation.valid_until:%-d %B %Y, %H:%M} UTC."
    return Task(f"Confirm: {Kind(kind).label}", hint, status, word, page_of("confirmation", review_request, kind=kind) if writable else "")


def _confirmation_status(confirmation: Confirmation | None, now: datetime) -> tuple[str, str]:
    if confirmation is None or not confirmation.is_stated:
        return "todo", "To do"
    if confirmation.confirmed_at is None:
        return "look", "Needs a new look"
    return ("done", "Completed") if confirmations.is_in_date(confirmation, now) else ("look", "Out of date")


def _request_task(review_request: DeploymentReviewRequest, state: str, *, ready: bool, writable: bool) -> Task:
    title, url = "Check your answers and request review", page_of("check_answers", review_request) if writable else ""
    if state not in EDITABLE:
        return Task(title, f"Revision {review_request.revision} was put up for review.", "done", "Completed")
    if not ready:
        return Task(title, "Look at everything that will go into the packet.", "later", "Cannot start yet: confirmations are missing", url)
    return Task(title, "What you see there is frozen and goes before the reviewers.", "todo", "To do", url)


# --- what is missing next -----------------------------------------------------------------------------------------------------------


def _next(review_request: DeploymentReviewRequest, missing: list[Reason], *, may_write: bool, theirs: set[str]) -> Next:
    """`theirs`: the confirmations that who looks was named for."""
    if not missing:
        return Next("Nothing is missing: this request is approved, and the gate believes its receipt while it is in date.")
    first = missing[0]
    own = first.pointer.removeprefix("/confirmations/") in theirs
    url, link = _where(review_request, first) if may_write or own else ("", "")
    return Next(first.detail, url, link, "" if url else first.clear_by)


def _where(review_request: DeploymentReviewRequest, reason: Reason) -> tuple[str, str]:
    """The page on which an owner can clear a reason, and the words of the link."""
    if review_request.state not in EDITABLE:
        return _where_once_frozen(review_request, reason)
    if reason.pointer.startswith("/confirmations/"):
        kind = reason.pointer.rsplit("/", 1)[1]
        return page_of("confirmation", review_request, kind=kind), f"Fill in the {Kind(kind).label} confirmation"
    if reason.code == "review_not_requested":
        return page_of("check_answers", review_request), "Check your answers and request review"
    if reason.code == "plan_archived":
        return reverse("delete_plan", args=[review_request.plan_id]), "Bring the plan back"
    return "", ""


def _where_once_frozen(review_request: DeploymentReviewRequest, reason: Reason) -> tuple[str, str]:
    """In review it has to be recalled first; what is approved or ended is continued by another request."""
    if reason.code.startswith("request_") or review_request.state == State.APPROVED and reason.pointer.startswith("/confirmations/"):
        url = reverse("new_request", args=[review_request.plan_id])
        return f"{url}?environment={review_request.environment.slug}&predecessor={review_request.pk}", "Open a new review request"
    if review_request.state == State.REVIEW_REQUESTED and reason.pointer.startswith("/confirmations/"):
        return page_of("recall", review_request), "Recall it to confirm anew"
    return "", ""


def cheap_next(review_request: DeploymentReviewRequest | None, *, now: datetime) -> str:
    """The next step for a list of many: from the request's own rows, without asking who could vote."""
    if review_request is None:
        return "Open a review request"
    state = review_request.state_at(now)
    if state == State.REVIEW_REQUESTED:
        return "Wait for the reviewers"
    if state == State.APPROVED:
        return "Nothing: it is approved"
    if state not in EDITABLE:
        return "Open a new review request"
    confirmed = {found.kind for found in review_request.confirmations.all() if confirmations.is_in_date(found, now)}
    left = [kind for kind in _required(review_request) if kind not in confirmed]
    return f"Confirm: {Kind(left[0]).label}" if left else "Check your answers and request review"


# --- a plan against its packet ------------------------------------------------------------------------------------------------------


def changes_ahead(plan: CoveragePlan, review_request: DeploymentReviewRequest) -> int | None:
    """By how many changed fields and added moves the draft differs from the newest frozen packet; None where that cannot be read."""
    return onward.of_one(review_request).changes_ahead


def asked_people(review_request: DeploymentReviewRequest, *, now: datetime) -> list[str]:
    """Who is asked to review, rule by rule, in words."""
    return [f"{reason.detail} It can come from: {reason.clear_by}." for reason in explain.in_review_reasons(review_request, now=now)]

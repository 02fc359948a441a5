"""The owner's way through a plan: where each request stands, task by task, and the one thing to do next."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from config.refusals import Reason, Refused
from drafts.models import CoveragePlan
from reviews import explain, onward, outbox
from reviews.asked import asked
from reviews.models import OPEN_STATES, DeploymentReviewRequest, Kind, State
from reviews.tasks import EDITABLE, Progress, Task, confirmation_task, page_of, progress, request_task, ruling_of


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


def standing(review_request: DeploymentReviewRequest, *, now: datetime, may_write: bool, user_id: int | None = None) -> Standing:
    """Reads the request's confirmations, and who could vote. `user_id`: who looks, and may confirm what they are named for."""
    state = review_request.state_at(now)
    found = {confirmation.kind: confirmation for confirmation in review_request.confirmations.all()}
    so_far = progress(review_request, ruling_of(review_request), now=now)
    writable = may_write and state in EDITABLE
    theirs = {kind for kind, confirmation in found.items() if user_id and confirmation.named_id == user_id and state in EDITABLE}
    tasks = [
        confirmation_task(review_request, kind, found.get(kind), so_far.problems.get(kind), writable=writable or kind in theirs)
        for kind in so_far.shown
    ]
    tasks.append(request_task(review_request, state, left=so_far.left, writable=writable))
    missing = explain.missing(review_request, now=now)
    return Standing(
        review_request,
        state,
        _(State(state).label),
        so_far.words,
        tasks,
        _next(review_request, missing, may_write=may_write, theirs=theirs),
        _conditions(review_request),
    )


def _conditions(review_request: DeploymentReviewRequest) -> list[str]:
    """All that its approval carries."""
    decision = getattr(review_request, "decision", None)
    return decision.conditions if decision else []


# --- what is missing next -----------------------------------------------------------------------------------------------------------


def _next(review_request: DeploymentReviewRequest, missing: list[Reason], *, may_write: bool, theirs: set[str]) -> Next:
    """`theirs`: the confirmations that who looks was named for."""
    if not missing:
        return Next(_("Nothing is missing: this request is approved, and the gate believes its receipt while it is in date."))
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
        return page_of("confirmation", review_request, kind=kind), fill_in_words(kind)
    if reason.code == "review_not_requested":
        return page_of("check_answers", review_request), _("Check your answers and request review")
    if reason.code == "plan_archived":
        return reverse("delete_plan", args=[review_request.plan_id]), _("Bring the plan back")
    return "", ""


def _where_once_frozen(review_request: DeploymentReviewRequest, reason: Reason) -> tuple[str, str]:
    """In review it has to be recalled first; what is approved or ended is continued by another request."""
    if reason.code.startswith("request_") or review_request.state == State.APPROVED and reason.pointer.startswith("/confirmations/"):
        url = reverse("new_request", args=[review_request.plan_id])
        return f"{url}?environment={review_request.environment.slug}&predecessor={review_request.pk}", _("Open a new review request")
    if review_request.state == State.REVIEW_REQUESTED and reason.pointer.startswith("/confirmations/"):
        return page_of("recall", review_request), _("Recall it to confirm anew")
    return "", ""


def fill_in_words(kind: str) -> str:
    return _("Fill in the %(kind)s confirmation") % {"kind": _(Kind(kind).label)}


def cheap_next(review_request: DeploymentReviewRequest | None, so_far: Progress | None, *, now: datetime) -> Next:
    """The next step for a list of many: without asking who could vote. `so_far`: needed where it can be edited."""
    if review_request is None:
        return Next(_("Open a review request"))
    state = review_request.state_at(now)
    if state == State.REVIEW_REQUESTED:
        return Next(_("Wait for the reviewers"))
    if state == State.APPROVED:
        return Next(_("Nothing: it is approved"))
    if state not in EDITABLE:
        return Next(_("Open a new review request"))
    if so_far.left:
        return Next(fill_in_words(so_far.left[0]), page_of("confirmation", review_request, kind=so_far.left[0]))
    return Next(_("Check your answers and request review"), page_of("check_answers", review_request))


def after_confirming(review_request: DeploymentReviewRequest, *, now: datetime) -> str:
    """The page that an owner goes on to: the next confirmation that is missing, then the check of all answers."""
    left = progress(review_request, ruling_of(review_request), now=now).left
    return page_of("confirmation", review_request, kind=left[0]) if left else page_of("check_answers", review_request)


# --- a plan against its packet ------------------------------------------------------------------------------------------------------


def changes_ahead(plan: CoveragePlan, review_request: DeploymentReviewRequest) -> int | None:
    """By how many changed fields and added moves the draft differs from the newest frozen packet; None where that cannot be read."""
    return onward.of_one(review_request).changes_ahead


def asked_people(review_request: DeploymentReviewRequest, *, now: datetime) -> list[str]:
    """Who is asked to review, rule by rule, in words."""
    said = explain.in_review_reasons(review_request, now=now)
    return [f"{reason.detail} " + _("It can come from: %(names)s.") % {"names": reason.clear_by} for reason in said]


# --- once it is sent ------------------------------------------------------------------------------------------------------------------


def told(review_request: DeploymentReviewRequest) -> dict:
    """Who is asked for a vote, and when they are reminded. `able` is None while the primary does not answer."""
    try:
        able = sorted(asked([review_request])[review_request.pk].able.values())
    except Refused:
        able = None
    time = review_request.due_at - review_request.requested_at
    reminders = [review_request.requested_at + share * time for share in outbox.REMINDERS.values() if 0 < share < 1]
    return {"able": able, "mail": settings.MAIL_ON, "reminders": reminders}

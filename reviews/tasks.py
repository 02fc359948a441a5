"""The tasks of an owner: the boundary, the moves, each confirmation, the request for review; and what the state of each is in words."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.refusals import Reason
from drafts.models import CoveragePlan
from reviews import aging, confirmations, explain, reading
from reviews.models import Confirmation, DeploymentReviewRequest, Kind, ReviewPolicy, State

EDITABLE = (State.DRAFT, State.CHANGES_REQUESTED)


@dataclass(frozen=True)
class Task:
    """One line of a task list. `status`: the word that CSS colours; `word`: the word that people read."""

    title: str
    hint: str
    status: str
    word: str
    url: str = ""


def page_of(name: str, review_request: DeploymentReviewRequest, **more) -> str:
    return reverse(name, kwargs={"plan_id": review_request.plan_id, "request_id": review_request.pk, **more})


@dataclass(frozen=True)
class Progress:
    """How far the confirmations are. `shown`: the kinds in the order of their pages; `problems`: what keeps some of them from counting."""

    shown: list[str]
    problems: dict[str, Reason]

    @property
    def left(self) -> list[str]:
        return [kind for kind in self.shown if kind in self.problems]

    @property
    def words(self) -> str:
        return _("%(done)d of %(all)d confirmations") % {"done": len(self.shown) - len(self.left), "all": len(self.shown)}


def progress(review_request: DeploymentReviewRequest, ruling: ReviewPolicy | None, *, now: datetime) -> Progress:
    """`ruling`: the policy in force while it can be edited, the pinned one while a packet stands. Pure, given the request's rows."""
    statements = aging.of_rows(review_request.confirmations.all())
    reasons = explain.confirmation_reasons(statements, [ruling] if ruling else [], now=now, clear_by=str)
    named = [*(ruling.required_confirmations if ruling else explain.REQUIRED_BY_DEFAULT), *statements]
    return Progress([kind for kind in Kind.values if kind in named], {reason.pointer.rsplit("/", 1)[1]: reason for reason in reasons})


def ruling_of(review_request: DeploymentReviewRequest) -> ReviewPolicy | None:
    pinned = review_request.policy if review_request.state not in EDITABLE else None
    return pinned or explain.newest_policy(review_request.environment)


def confirmation_task(
    review_request: DeploymentReviewRequest, kind: str, confirmation: Confirmation | None, problem: Reason | None, *, writable: bool
) -> Task:
    status, word = _confirmation_status(confirmation, problem)
    hint = _(confirmations.STATEMENTS[Kind(kind)])
    if confirmation and confirmation.named:
        hint = f"{hint} " + _("%(name)s is named for it.") % {"name": confirmation.named}
    if status == "done":
        said = {"name": confirmation.confirmed_by, "time": reading.minute(confirmation.valid_until)}
        hint = _("Confirmed by %(name)s, valid until %(time)s.") % said
    elif status == "look":
        hint = (
            problem.detail if confirmation.confirmed_at else _("It is taken over from an earlier review: look at it and confirm it again.")
        )
    return Task(confirm_words(kind), hint, status, word, page_of("confirmation", review_request, kind=kind) if writable else "")


def confirm_words(kind: str) -> str:
    return _("Confirm: %(kind)s") % {"kind": _(Kind(kind).label)}


def _confirmation_status(confirmation: Confirmation | None, problem: Reason | None) -> tuple[str, str]:
    if confirmation is None or not confirmation.is_stated:
        return "todo", _("To do")
    return ("look", _("Needs a new look")) if problem else ("done", _("Completed"))


def request_task(review_request: DeploymentReviewRequest, state: str, *, left: list[str], writable: bool) -> Task:
    title = _("Check your answers and request review")
    if state not in EDITABLE:
        put_up = _("Revision %(number)d was put up for review.") % {"number": review_request.revision}
        return Task(title, put_up, "done", _("Completed"))
    if left:
        names = ", ".join(_(Kind(kind).label) for kind in left)
        return Task(title, _("First confirm: %(kinds)s.") % {"kinds": names}, "later", _("Cannot start yet"))
    frozen = _("What you see there is frozen and goes before the reviewers.")
    return Task(title, frozen, "todo", _("To do"), page_of("check_answers", review_request) if writable else "")


def plan_tasks(plan: CoveragePlan, moves: int, *, editable: bool) -> list[Task]:
    """What comes before any review: the boundary, which stands from the first saving on, and moves, which are optional."""
    counted = ngettext("%(number)d move is appended.", "%(number)d moves are appended.", moves) % {"number": moves}
    boundary = f"{plan.gate_type}, {plan.system_scope}"
    return [
        Task(_("Boundary of the path"), boundary, "done", _("Completed"), reverse("edit_plan", args=[plan.pk]) if editable else ""),
        Task(
            _("Expansion moves"),
            counted if moves else _("Optional: each adds coverage to the path."),
            "done" if moves else "optional",
            _("Completed") if moves else _("Optional"),
            reverse("new_move", args=[plan.pk]) if editable else "",
        ),
    ]


def opening_task(plan: CoveragePlan, *, may_write: bool) -> Task:
    """In the place of a review's tasks, while none is open."""
    hint = _("Choose the environment. Nothing is sent to reviewers yet.")
    return Task(_("Open a review request"), hint, "todo", _("To do"), reverse("new_request", args=[plan.pk]) if may_write else "")

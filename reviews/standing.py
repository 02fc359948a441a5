"""Do the stored states of plans and moves agree with their requests? `lifecycle.carried` says what they should be; nothing is written."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Case, Count, DateTimeField, Exists, F, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Now

from drafts.models import CoveragePlan, ExpansionMove, PlanState
from reviews.history import Finding
from reviews.lifecycle import carried
from reviews.models import Decision, DeploymentReviewRequest, Event, State

# A state that rests on an end says so: what is in review has one, what is approved has one of approval.
AT_ODDS = (
    Q(state=PlanState.REVIEW_REQUESTED, review_until=None)
    | Q(state=PlanState.APPROVED, approved_until=None)
    | Q(state=PlanState.APPROVED, review_until__isnull=False)
    | (Q(state=PlanState.DRAFT) & (Q(review_until__isnull=False) | Q(approved_until__isnull=False)))
)
TOUCHED = ~Q(state=PlanState.DRAFT) | Q(review_until__isnull=False) | Q(approved_until__isnull=False)
BATCH = 500


def plans_in_question() -> QuerySet[CoveragePlan]:
    """Plans that are no plain draft without a standing request; every other one is right as it is."""
    standing = DeploymentReviewRequest.objects.filter(
        plan=OuterRef("pk"), state__in=(State.REVIEW_REQUESTED, State.APPROVED), expires_at__gt=Now()
    )
    moves = ExpansionMove.objects.filter(TOUCHED, plan=OuterRef("pk"))
    return CoveragePlan.objects.as_of_now().select_related("partner").filter(TOUCHED | Exists(standing) | Exists(moves)).order_by("pk")


def plan_findings(plan: CoveragePlan, *, now: datetime) -> Iterator[Finding]:
    """Of one plan out of `plans_in_question`, as of now: what has lapsed since it was written is no mismatch."""
    should = carried(plan)
    if not _agrees(plan, should.plan, now) and not (_was_expanded(plan) and _agrees(plan, carried(plan, expanding=True).plan, now)):
        yield _differs(plan, f"The plan is stored as {plan.state_now!r}, and its requests make it {str(should.plan['state'])!r}.")
    if CoveragePlan.objects.filter(AT_ODDS, pk=plan.pk).exists():
        yield _differs(plan, f"The stored state {plan.state!r} does not fit the ends that it rests on.")
    numbers = list(_moves_that_differ(plan, should.moves).values_list("number", flat=True)[:20])
    if numbers:
        yield Finding(str(plan.pk), None, "move_state_differs", f"Moves {numbers} are stored in another state than their requests make.")


def _differs(plan: CoveragePlan, detail: str) -> Finding:
    return Finding(str(plan.pk), None, "plan_state_differs", detail)


def _agrees(plan: CoveragePlan, should: dict[str, object], now: datetime) -> bool:
    ends = {name: end if (end := getattr(plan, name)) and end > now else None for name in ("review_until", "approved_until")}
    return plan.state_now == should["state"] and all(ends[name] == should[name] for name in ends)


def _was_expanded(plan: CoveragePlan) -> bool:
    """Since the newest approval of it: then it is a draft although the approved packet holds these bytes."""
    newest = Decision.objects.filter(review_request__plan=plan).aggregate(at=Max("decided_at"))["at"]
    return bool(newest) and Event.objects.filter(review_request=None, verb="expand", detail__plan=str(plan.pk), at__gte=newest).exists()


def _moves_that_differ(plan: CoveragePlan, should: dict[str, Case]) -> QuerySet[ExpansionMove]:
    """By the expressions that the verb itself writes, compared where the rows are."""
    moves = ExpansionMove.objects.as_of_now().filter(plan=plan)
    for name in ("review_until", "approved_until"):
        in_date = Case(When(**{f"{name}__gt": Now()}, then=F(name)), default=Value(None, DateTimeField()), output_field=DateTimeField())
        moves = moves.annotate(**{f"{name}_now": in_date})
    moves = moves.annotate(**{f"{name}_due": expression for name, expression in should.items()})
    same = Q(state_now=F("state_due"))
    for name in ("review_until", "approved_until"):
        same &= Q(**{f"{name}_now": F(f"{name}_due")}) | Q(**{f"{name}_now": None, f"{name}_due": None})
    # NOT of a comparison with nothing is nothing, so the rows that agree are taken out by their keys.
    return moves.filter(AT_ODDS | ~Q(pk__in=moves.filter(same).values("pk"))).order_by("number")


def partner_findings() -> Iterator[Finding]:
    """Who may see a request goes by the partner that it holds, which is its plan's."""
    differing = DeploymentReviewRequest.objects.exclude(partner=F("plan__partner")).order_by("pk")
    for pk in differing.values_list("pk", flat=True).iterator(chunk_size=BATCH):
        yield Finding(str(pk), None, "partner_differs", "The request is stored as that of another partner than its plan.")


def numbering_findings() -> Iterator[Finding]:
    """Moves are numbered from 1 without a gap."""
    counted = ExpansionMove.objects.order_by().values("plan").annotate(count=Count("pk"), last=Max("number"))
    for row in counted.exclude(count=F("last")).iterator(chunk_size=BATCH):
        yield Finding(str(row["plan"]), None, "moves_missing", f"{row['count']} moves are there, and the last is number {row['last']}.")

"""What follows from a change of state: lapsed requests, and the states of plans and moves."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.functions import Now

from config.databases import STORE
from config.prepared import Prepared
from drafts.models import CoveragePlan, PlanState
from drafts.sections import moves_section, plan_section, section_digest
from reviews.models import LAPSING_STATES, DeploymentReviewRequest, Packet, State
from reviews.record import CLOCK, database_now, write_event

_lapsed = Prepared(
    lambda plan_id, environment_id, now: (
        DeploymentReviewRequest.objects.using(STORE)
        .select_for_update(of=("self",))
        .filter(plan_id=plan_id, environment_id=environment_id, state__in=LAPSING_STATES, expires_at__lte=now)
        .order_by("pk")
    ),
    uuid.UUID,
    uuid.UUID,
    datetime,
)


def expire_due(*, plan_id: uuid.UUID, environment_id: uuid.UUID, now: datetime) -> bool:
    """Write the expiries of one plan and environment that are due by the database clock: whether there were any.

    Inside the caller's transaction.
    """
    lapsed = _lapsed(plan_id, environment_id, now)
    for review_request in lapsed:
        _write_expiry(review_request, now=now)
    return bool(lapsed)


def _write_expiry(review_request: DeploymentReviewRequest, *, now: datetime) -> None:
    before = review_request.state
    review_request.expire()
    review_request.version += 1
    review_request.updated_at = now
    write_event(
        CLOCK, "expire", review_request, at=now, from_state=before, to_state=State.EXPIRED,
        revision=review_request.revision, digest=review_request.digest,
    )  # fmt: skip
    review_request.save(update_fields=review_request.MUTABLE)


def due_expiries(*, after: tuple[datetime, uuid.UUID] | None = None, most: int) -> list[tuple[datetime, uuid.UUID]]:
    """(end, id) of requests whose end has come and is not written yet, oldest end first, from the one `after` on."""
    due = DeploymentReviewRequest.objects.filter(state__in=LAPSING_STATES, expires_at__lte=Now())
    if after:
        due = due.filter(Q(expires_at__gt=after[0]) | Q(expires_at=after[0], pk__gt=after[1]))
    return list(due.order_by("expires_at", "pk").values_list("expires_at", "pk")[:most])


def expire(request_id: uuid.UUID, *, wait: bool) -> bool | None:
    """Write one expiry, in a transaction of its own: True if it was due, False if it no longer is.

    None: another process holds the request. `wait` False does not wait for it, so that many can run at once.
    """
    with transaction.atomic(using=STORE):
        row = DeploymentReviewRequest.objects.using(STORE).select_for_update(skip_locked=not wait).filter(pk=request_id)
        if not row.values("pk").first():
            return None
        review_request = DeploymentReviewRequest.objects.get(pk=request_id)
        now = database_now()
        if review_request.state not in LAPSING_STATES or review_request.expires_at > now:
            return False
        _write_expiry(review_request, now=now)
        plans = CoveragePlan.objects.using(STORE).select_for_update(of=("self",)).select_related("partner")
        carry(plans.get(pk=review_request.plan_id))
        return True


def _newest_in_date(plan_id: uuid.UUID) -> QuerySet[Packet]:
    in_date = Q(review_request__state__in=(State.REVIEW_REQUESTED, State.APPROVED), review_request__expires_at__gt=Now())
    newest = Q(revision=F("review_request__revision"))
    packets = Packet.objects.select_related("review_request").defer("body", "salt")
    return packets.filter(in_date & newest, review_request__plan_id=plan_id)


# The newest packets of a plan's requests that are in review or approved, in date.
_supporting_packets = Prepared(_newest_in_date, uuid.UUID)


def _latest(packets: list[Packet]) -> datetime | None:
    return max((packet.review_request.expires_at for packet in packets), default=None)


def _holds_these_bytes(packet: Packet, current: dict[str, str]) -> bool:
    return all(packet.section_digests.get(name) == digest for name, digest in current.items())


@dataclass(frozen=True)
class Carried:
    """What its requests make of a plan: values of its columns, and expressions for those of its moves, over their numbers."""

    plan: dict[str, object]
    moves: dict[str, Case]


def carried(plan: CoveragePlan, *, expanding: bool = False) -> Carried:
    """In review while any request of it is; else approved while an approved packet in date holds exactly these bytes; else draft.

    `expanding`: the owner takes the approved plan to draft, so that its bytes may change. Reads only.
    """
    packets = _supporting_packets(plan.pk)
    in_review = [packet for packet in packets if packet.review_request.state == State.REVIEW_REQUESTED]
    approved = [packet for packet in packets if packet.review_request.state == State.APPROVED]
    same = [] if expanding or not approved else _same_bytes(plan, approved)
    review_until, approved_until = _latest(in_review), _latest(same)
    state = PlanState.REVIEW_REQUESTED if review_until else PlanState.APPROVED if approved_until else PlanState.DRAFT
    return Carried(
        plan={"state": state, "review_until": review_until, "approved_until": approved_until},
        moves={
            "state": _state_by_number(in_review, approved),
            "review_until": _end_by_number(in_review),
            "approved_until": _end_by_number(approved),
        },
    )


def carry(plan: CoveragePlan, *, expanding: bool = False) -> None:
    """Set the states of a locked plan and its moves from its requests, in the transaction of the verb."""
    found = carried(plan, expanding=expanding)
    CoveragePlan.objects.filter(pk=plan.pk).update(**found.plan)
    plan.moves.update(**found.moves)


def _same_bytes(plan: CoveragePlan, approved: list[Packet]) -> list[Packet]:
    current = {"plan": section_digest(plan_section(plan)), "moves": section_digest(moves_section(list(plan.moves.all())))}
    return [packet for packet in approved if _holds_these_bytes(packet, current)]


def _end_by_number(packets: list[Packet]) -> Case:
    """A move rests on every packet that holds it; the packet that ends last counts."""
    by_end = sorted(packets, key=lambda packet: packet.review_request.expires_at, reverse=True)
    whens = [When(number__lte=packet.moves_count, then=Value(packet.review_request.expires_at, DateTimeField())) for packet in by_end]
    return Case(*whens, default=Value(None, DateTimeField()), output_field=DateTimeField())


def _state_by_number(in_review: list[Packet], approved: list[Packet]) -> Case:
    reach = [(in_review, PlanState.REVIEW_REQUESTED), (approved, PlanState.APPROVED)]
    whens = [When(number__lte=max(packet.moves_count for packet in packets), then=Value(state)) for packets, state in reach if packets]
    return Case(*whens, default=Value(PlanState.DRAFT))

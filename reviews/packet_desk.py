"""The packet at the desk: as it was frozen, with what changed, what is checked, and what happened. Looking leaves no trace."""

import uuid
from datetime import datetime

from django.http import HttpResponse
from django.utils.translation import gettext as _

from access.actors import Actor
from config.admin import desk_actor
from config.methods import require_safe
from config.refusals import Reason, Refused
from reviews import guide, happened, inspection, packet, preview, queue, reading, since
from reviews.desk import desk_page, seen
from reviews.models import DeploymentReviewRequest, Packet, State
from reviews.record import database_now
from reviews.turn import Turn, state_reasons
from reviews.views import receipt_of

# How many events a page shows; earlier ones are a page of their own.
EVENTS = 30


def frozen_packet(review_request: DeploymentReviewRequest) -> Packet | None:
    """None while nothing has been put up for review."""
    return packet.current(review_request) if review_request.revision else None


def packet_shown(actor: Actor, review_request: DeploymentReviewRequest, *, now: datetime) -> dict:
    """What the page and its print say of the packet, its decision, its checks and its votes."""
    frozen = frozen_packet(review_request)
    intact = frozen is None or packet.is_intact(frozen, review_request.digest)
    value = packet.value_of(frozen) if frozen and intact else None
    in_review = review_request.state_now == State.REVIEW_REQUESTED
    return {
        "frozen": frozen,
        "reading": reading.read(value) if value else None,
        "difference": since.difference_for(actor, review_request, value),
        "intact": intact,
        "ahead": guide.changes_ahead(review_request.plan, review_request) if value and not in_review else 0,
        "checks": inspection.inspect(review_request, value, now=now) if frozen else [],
        "policies": reading.ruling_boxes(review_request),
        "votes": list(review_request.votes.filter(revision=review_request.revision)),
        "receipt": receipt_of(review_request),
        "overdue": in_review and review_request.due_at <= now,
    }


@require_safe
def packet_page(request, object_id: uuid.UUID) -> HttpResponse:
    actor, review_request, now = desk_actor(request), seen(request, object_id), database_now()
    can_decide, absent = _may_decide(actor, review_request, now)
    lines, earlier = timeline_page(review_request)
    shown = packet_shown(actor, review_request, now=now) | {
        "title": str(review_request),
        "lines": lines,
        "earlier": earlier,
        "can_decide": can_decide,
        "absent": absent,
        "next_in_queue": queue.next_after(actor, review_request),
    }
    return desk_page(request, "packet", review_request, shown)


def _may_decide(actor: Actor, review_request: DeploymentReviewRequest, now: datetime) -> tuple[bool, list[Reason]]:
    """Whether there is a choice for this person, and if not, why. What is not in review is asked nothing more about each choice."""
    if review_request.state_now != State.REVIEW_REQUESTED:
        turn = Turn(actor, "preview", review_request, now, review_request.state_now)
        return False, state_reasons(turn, State.REVIEW_REQUESTED)
    try:
        reasons = preview.absent(preview.options(actor, review_request))
    except Refused as refusal:
        reasons = list(refusal.reasons)
    return not reasons, reasons


# --- the timeline -------------------------------------------------------------------------------------------------------------------


def timeline_page(review_request: DeploymentReviewRequest, *, before: int | None = None) -> tuple[list[happened.Line], int | None]:
    """The newest events, or those before a number, the newest first; and the number to go on before, None at the beginning."""
    events = review_request.events.order_by("-number")
    found = list((events if before is None else events.filter(number__lt=before))[: EVENTS + 1])
    return happened.lines(found[:EVENTS]), found[EVENTS - 1].number if len(found) > EVENTS else None


@require_safe
def timeline(request, object_id: uuid.UUID) -> HttpResponse:
    """Earlier events, page by page."""
    review_request = seen(request, object_id)
    lines, earlier = timeline_page(review_request, before=_number(request.GET.get("before")))
    return desk_page(request, "timeline", review_request, {"title": _("Timeline"), "lines": lines, "earlier": earlier})


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        detail = "before is the number of an event of this request."
        raise Refused(Reason("unknown_parameter", detail, parameter="before", status=400))
    return int(text)

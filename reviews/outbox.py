"""What a verb has to tell: rows written in its transaction, so that nothing is sent that did not commit. reviews/mailing.py sends them."""

from datetime import datetime

from django.db import models

from reviews.models import Channel, DeploymentReviewRequest, OutboxMessage


class Kind(models.TextChoices):
    """What a mail is about. The first four ask for a vote, the others tell of a decision."""

    ASKED = "asked", "Your review is asked for"
    HALF = "reminder_half", "A review is waiting: half of its time is over"
    LATE = "reminder_late", "A review is waiting: nine tenths of its time are over"
    ESCALATION = "escalation", "A review is overdue"
    APPROVED = "approved", "Approved"
    CONSTRAINED = "approved_with_conditions", "Approved with conditions"
    CHANGES = "changes_requested", "Changes requested"
    REJECTED = "rejected", "Rejected"
    REVOKED = "revoked", "Revoked"
    SUPERSEDED = "superseded", "Superseded by a newer approval"


# Kind → the share of the time from request to due date after which it is sent.
REMINDERS = {Kind.ASKED: 0.0, Kind.HALF: 0.5, Kind.LATE: 0.9, Kind.ESCALATION: 1.0}


def ask(review_request: DeploymentReviewRequest, *, now: datetime) -> None:
    """Ask for votes, remind twice, escalate once; whoever is asked when the time comes. One INSERT."""
    time = review_request.due_at - now
    post([_message(review_request, kind, at=now + share * time) for kind, share in REMINDERS.items()])


def decision(review_request: DeploymentReviewRequest, kind: Kind, *, now: datetime) -> OutboxMessage:
    """To the requester, of a decision; posted by the caller, with others in one statement."""
    who = {"recipient_id": review_request.requested_by_id, "recipient": review_request.requested_by}
    return _message(review_request, kind, at=now, **who)


def post(messages: list[OutboxMessage]) -> None:
    """One INSERT, inside the caller's transaction."""
    OutboxMessage.objects.bulk_create(messages)


def _message(review_request: DeploymentReviewRequest, kind: Kind, *, at: datetime, **who) -> OutboxMessage:
    about = {"channel": Channel.MAIL, "kind": kind, "review_request": review_request, "revision": review_request.revision}
    return OutboxMessage(**about, **who, planned_for=at, not_before=at)

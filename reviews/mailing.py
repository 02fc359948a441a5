"""Sending what the outbox holds: claimed for a while, asked once more whether it still holds, sent, settled. At least once, never early."""

import logging
import smtplib
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from access import people
from access.models import Mail
from config.clock import database_now
from config.databases import STORE
from reviews.asked import NOBODY, Asked, asked
from reviews.models import Channel, DeploymentReviewRequest, OutboxMessage, OutboxStatus, State
from reviews.outbox import REMINDERS, Kind, post

logger = logging.getLogger(__name__)
# Whoever claimed a message and died: after this time another process takes it.
LEASE = timedelta(minutes=5)
BACKOFF = [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8), timedelta(days=1)]
# Nobody needs to hear of it any more, for example after mail was switched on for the first time.
TOO_LATE = timedelta(days=7)
# ValueError: an address or a header that cannot be written.
SENDING_ERRORS = (smtplib.SMTPException, OSError, ValueError)


def claim(most: int) -> list[OutboxMessage]:
    """Due messages that nobody else has claimed, oldest first, kept from others for a while. Its transaction ends here."""
    with transaction.atomic(using=STORE):
        due = OutboxMessage.objects.using(STORE).select_for_update(skip_locked=True, of=("self",))
        waiting = due.filter(channel=Channel.MAIL, status=OutboxStatus.WAITING, not_before__lte=Now())
        ids = list(waiting.order_by("not_before", "pk").values_list("pk", flat=True)[:most])
        OutboxMessage.objects.filter(pk__in=ids).update(not_before=database_now() + LEASE, attempts=F("attempts") + 1)
    claimed = OutboxMessage.objects.filter(pk__in=ids).order_by("planned_for", "pk")
    return list(claimed.select_related("review_request__plan__partner", "review_request__environment", "review_request__policy"))


def settle(message: OutboxMessage, status: OutboxStatus, error: str = "") -> str:
    OutboxMessage.objects.filter(pk=message.pk).update(status=status, error=error, settled_at=Now())
    return status


def handle(message: OutboxMessage) -> str:
    """What became of a claimed message: a status, or `waiting` when it is tried again later. Raises Refused 503 without the primary."""
    if message.planned_for < database_now() - TOO_LATE:
        return settle(message, OutboxStatus.CANCELLED, "too_late")
    still = _still_asked(message) if message.kind in REMINDERS else NOBODY
    if message.recipient_id is None:
        return _address(message, still)
    if message.kind in REMINDERS and message.recipient_id not in _people(message, still):
        return settle(message, OutboxStatus.CANCELLED, "no_longer_asked")
    address, choice = people.mail_of(message.recipient_id)
    if choice == Mail.NONE or (choice == Mail.DECISIONS and message.kind in REMINDERS):
        return settle(message, OutboxStatus.CANCELLED, "not_wanted")
    return _send(message, address) if address else settle(message, OutboxStatus.CANCELLED, "no_address")


def _still_asked(message: OutboxMessage) -> Asked:
    """The state as of now is asked again: nobody is reminded of what is decided, recalled or over."""
    found = DeploymentReviewRequest.objects.as_of_now().select_related("policy").get(pk=message.review_request_id)
    if found.state_now != State.REVIEW_REQUESTED or found.revision != message.revision:
        return NOBODY
    return asked([found]).get(found.pk, NOBODY)


def _people(message: OutboxMessage, still: Asked) -> dict[int, str]:
    """An escalation goes to the whole group, a reminder to who can still approve."""
    return still.everybody if message.kind == Kind.ESCALATION else still.able


def _address(message: OutboxMessage, still: Asked) -> str:
    """One message for each person instead of this one, in one transaction."""
    names = _people(message, still)
    with transaction.atomic(using=STORE):
        row = OutboxMessage.objects.using(STORE).select_for_update().filter(pk=message.pk, status=OutboxStatus.WAITING).values("pk").first()
        if row is None:  # whoever claimed it after a long pause of ours has done it
            return OutboxStatus.ADDRESSED
        about = {name: getattr(message, name) for name in ("channel", "kind", "review_request", "revision", "planned_for")}
        now = database_now()
        post([OutboxMessage(**about, not_before=now, recipient_id=pk, recipient=name) for pk, name in names.items()])
        return settle(message, OutboxStatus.ADDRESSED if names else OutboxStatus.CANCELLED, "" if names else "no_longer_asked")


def _send(message: OutboxMessage, address: str) -> str:
    try:
        written(message, address).send()
    except SENDING_ERRORS as error:
        logger.warning("a message could not be sent: %s %s", message.pk, type(error).__name__)
        return _again(message, type(error).__name__[:32])
    return settle(message, OutboxStatus.SENT)


def _again(message: OutboxMessage, error: str) -> str:
    """Later, at growing distances; in the end not at all."""
    if message.attempts > len(BACKOFF):
        return settle(message, OutboxStatus.FAILED, error)
    OutboxMessage.objects.filter(pk=message.pk).update(not_before=database_now() + BACKOFF[message.attempts - 1], error=error)
    return OutboxStatus.WAITING


# --- what it says -------------------------------------------------------------------------------------------------------------------


def written(message: OutboxMessage, address: str) -> EmailMessage:
    """Plain text: what, of which plan, for which environment, and where to look. Nothing else of the packet.

    The Message-ID stays the same over all attempts, so that a mail that came twice can be seen to be one.
    """
    review_request, kind = message.review_request, Kind(message.kind)
    name = " ".join(f"{review_request.plan.name} to {review_request.environment.slug}".split())
    lines = [f"{kind.label}: {name}.", "", *_dates(review_request, kind), _link(review_request, kind), "", _why(kind)]
    host = urlsplit(settings.RECEIPT_ISSUER).hostname or "localhost"
    return EmailMessage(f"{kind.label}: {name}", "\n".join(lines), None, [address], headers={"Message-ID": f"<{message.pk}@{host}>"})


def _dates(review_request: DeploymentReviewRequest, kind: Kind) -> list[str]:
    return [f"Due: {_minute(review_request.due_at)} UTC.", ""] if kind in REMINDERS and review_request.due_at else []


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def _link(review_request: DeploymentReviewRequest, kind: Kind) -> str:
    if kind in REMINDERS:
        path = reverse("admin:reviews_deploymentreviewrequest_change", args=[review_request.pk])
    else:
        path = reverse("review_request", args=[review_request.plan_id, review_request.pk])
    return settings.RECEIPT_ISSUER.rstrip("/") + path


def _why(kind: Kind) -> str:
    reason = "you can review it" if kind in REMINDERS else "you requested the review"
    return f"You get this because {reason}. Choose what you want to hear of: {settings.RECEIPT_ISSUER.rstrip('/')}/accounts/mail/"

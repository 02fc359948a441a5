"""What a verb leaves behind: chained events, and denials."""

import hashlib
import logging
from datetime import UTC, datetime, timedelta

import rfc8785
from django.db import DatabaseError, connections, transaction
from django.db.models import F
from django.db.models.functions import Now

from access.actors import Actor
from config.databases import STORE
from config.refusals import Refused
from reviews.models import Denial, DeploymentReviewRequest, Event

logger = logging.getLogger(__name__)
DENIAL_WINDOW = timedelta(hours=1)
CLOCK = Actor(user_id=0, username="the clock", channel="clock")


def database_now() -> datetime:
    """The draft store's clock, read afresh; inside a lock it is later than every wait for that lock."""
    with connections[STORE].cursor() as cursor:
        if connections[STORE].vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0].astimezone(UTC)
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0])


def event_sha256(event: Event) -> str:
    """SHA-256, hex, of the event's canonical JSON (RFC 8785), the previous event's digest included."""
    names = ("verb", "actor_id", "actor", "channel", "token_id", "from_state", "to_state", "revision", "digest", "comment", "detail")
    said = {name: getattr(event, name) for name in (*names, "number", "previous_sha256")}
    request_id = str(event.review_request_id) if event.review_request_id else None
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(rfc8785.dumps({**said, "id": str(event.pk), "review_request": request_id, "at": at})).hexdigest()


def write_event(actor: Actor, verb: str, review_request: DeploymentReviewRequest | None, *, at: datetime, **said) -> Event:
    """Append one event; for a request, under its lock, so that numbers have no gaps. `said`: further fields of Event."""
    last = Event.objects.filter(review_request=review_request).order_by("-number").first() if review_request else None
    event = Event(
        review_request=review_request,
        number=last.number + 1 if last else 1,
        at=at,
        verb=verb,
        actor_id=actor.user_id or None,
        actor=actor.username,
        channel=actor.channel,
        token_id=actor.token_id,
        previous_sha256=last.sha256 if last else "",
        **said,
    )
    event.sha256 = event_sha256(event)
    event.save(force_insert=True)
    return event


def deny(actor: Actor, verb: str, refusal: Refused) -> None:
    """Count a refused attempt in its own transaction; the same actor, verb and reasons within an hour are one row."""
    who = {"actor_id": actor.user_id, "actor": actor.username, "channel": actor.channel, "token_id": actor.token_id}
    what = {"verb": verb, "reasons": ",".join(sorted(set(refusal.codes)))[:500]}
    try:
        with transaction.atomic(using=STORE):
            recent = Denial.objects.filter(**who, **what, first_at__gt=Now() - DENIAL_WINDOW)
            if not recent.update(count=F("count") + 1, last_at=Now()):
                Denial.objects.create(**who, **what)
    except DatabaseError:
        # The refusal stands in any case; with the draft store away there is nowhere to count it.
        logger.warning("a denial could not be counted: %s %s", verb, what["reasons"])

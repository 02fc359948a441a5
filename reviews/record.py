"""What a verb leaves behind: chained events, and denials."""

import hashlib
import logging
from datetime import UTC, datetime, timedelta

import rfc8785
from django.db import DatabaseError, connections, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError

from access.actors import OPERATORS, Actor
from config.clock import database_now
from config.databases import STORE
from config.refusals import Refused
from reviews.models import ActingRole, Denial, DeploymentReviewRequest, Event

__all__ = ["CLOCK", "database_now", "deny", "event_sha256", "take_turns", "write_event"]

logger = logging.getLogger(__name__)
DENIAL_WINDOW = timedelta(hours=1)
# Number and digest of the newest event where there is none.
NO_EVENT = (0, "")
CLOCK = Actor(user_id=0, username="the clock", channel="clock")
# Of an advisory lock on PostgreSQL: any number will do that nobody else takes in the draft store.
ORGANISATION_LOCK = 5_248_721_941


def event_sha256(event: Event) -> str:
    """SHA-256, hex, of the event's canonical JSON (RFC 8785), the previous event's digest included.

    `role` is a member only where it is set, so that events from before there were roles still fit their digest. Nothing is lost by
    that: a role taken out of an event, or put into one, changes the digest all the same.
    """
    names = ("verb", "actor_id", "actor", "channel", "token_id", "from_state", "to_state", "revision", "digest", "comment", "detail")
    said = {name: getattr(event, name) for name in (*names, "number", "previous_sha256")}
    said |= {"role": event.role} if event.role else {}
    request_id = str(event.review_request_id) if event.review_request_id else None
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(rfc8785.dumps({**said, "id": str(event.pk), "review_request": request_id, "at": at})).hexdigest()


def write_event(
    actor: Actor, verb: str, review_request: DeploymentReviewRequest | None, *, at: datetime, after: tuple[int, str] | None = None, **said
) -> Event:
    """Append one event to its chain; for a request, under its lock, so that numbers have no gaps. `said`: further fields of Event.

    `after`: number and digest of the chain's newest event, from who read them under that lock.
    Without a request it takes the lock of the organisation's chain, which comes after every row lock and before the log's head.
    """
    if after is None:
        after = _head(Event.objects.filter(review_request=review_request)) if review_request else _organisation_head()
    number, previous = after
    event = Event(
        review_request=review_request,
        number=number + 1,
        at=at,
        verb=verb,
        actor_id=actor.user_id or None,
        actor=actor.username,
        channel=actor.channel,
        token_id=actor.token_id,
        previous_sha256=previous,
        **{"role": _plain_role(actor), **said},
    )
    event.sha256 = event_sha256(event)
    event.save(force_insert=True)
    return event


def _plain_role(actor: Actor) -> str:
    """For a verb that says nothing of roles: the clock, or who runs the installation."""
    if actor is CLOCK:
        return ActingRole.CLOCK
    on_the_machine = actor.channel == "command" and not actor.user_id
    return ActingRole.OPERATOR if on_the_machine or OPERATORS in actor.groups else ""


def _head(chain: QuerySet[Event]) -> tuple[int, str]:
    """Number and digest of a chain's newest event; 0 and nothing before the first."""
    return chain.order_by("-number").values_list("number", "sha256").first() or NO_EVENT


def _organisation_head() -> tuple[int, str]:
    """The same for events without a request, under their lock."""
    connection = connections[STORE]
    if not connection.in_atomic_block:
        raise TransactionManagementError("An event is written inside its verb's transaction.")
    if connection.vendor == "postgresql":  # on SQLite one transaction writes at a time
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ORGANISATION_LOCK])
    number, sha256 = _head(Event.objects.filter(review_request=None))
    if number > 1:
        return number, sha256
    return number, first_link(list(Event.objects.filter(review_request=None).values_list("sha256", flat=True)))


def first_link(digests: list[str]) -> str:
    """What the organisation's second event quotes. Before these events were a chain each was number 1: of several, all are quoted."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest() if len(digests) > 1 else "".join(digests)


def take_turns(what: str) -> None:
    """Until the transaction ends, so that two at once do not do the same twice. SQLite's writers take turns anyway."""
    if connections[STORE].vendor == "postgresql":
        with connections[STORE].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [what])


def deny(actor: Actor, verb: str, refusal: Refused) -> None:
    """Count a refused attempt in its own transaction; the same actor, verb and reasons within an hour are one row."""
    who = {"actor_id": actor.user_id, "actor": actor.username, "channel": actor.channel, "token_id": actor.token_id}
    what = {"verb": verb, "reasons": ",".join(sorted(set(refusal.codes)))[:500]}
    try:
        with transaction.atomic(using=STORE):
            take_turns(f"denial of {who['actor_id']} for {verb}")
            recent = Denial.objects.filter(**who, **what, first_at__gt=Now() - DENIAL_WINDOW)
            if not recent.update(count=F("count") + 1, last_at=Now()):
                Denial.objects.create(**who, **what)
    except DatabaseError:
        # The refusal stands in any case; with the draft store away there is nowhere to count it.
        logger.warning("a denial could not be counted: %s %s", verb, what["reasons"])

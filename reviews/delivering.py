"""Delivering transitions to webhooks: claimed for a while, signed, sent, and each attempt logged. At least once, under one id."""

import json
import uuid
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from config.clock import database_now
from config.databases import STORE
from reviews import outward, signature, webhooks
from reviews.mailing import settle
from reviews.models import Channel, Decision, DeliveryAttempt, OutboxMessage, OutboxStatus, State, WebhookEndpoint
from reviews.record import CLOCK

# Whoever claimed messages and died: after this time another process takes them. Longer than a whole batch can take.
LEASE = timedelta(minutes=5)
MOST_AT_ONCE = 5
BACKOFF = [timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 3 * 3600, 8 * 3600, *[86400] * 4)]
# An endpoint to which nothing could be delivered for so long is disabled.
DISABLED_AFTER = timedelta(days=5)
AGENT = "readiness-webhooks"


def claim(most: int = MOST_AT_ONCE) -> list[OutboxMessage]:
    """Due messages to enabled webhooks that nobody else has claimed, oldest first. Its transaction ends here."""
    with transaction.atomic(using=STORE):
        due = OutboxMessage.objects.using(STORE).select_for_update(skip_locked=True, of=("self",))
        waiting = due.filter(channel=Channel.WEBHOOK, status=OutboxStatus.WAITING, not_before__lte=Now(), endpoint__enabled=True)
        ids = list(waiting.order_by("not_before", "pk").values_list("pk", flat=True)[: min(most, MOST_AT_ONCE)])
        OutboxMessage.objects.filter(pk__in=ids).update(not_before=database_now() + LEASE, attempts=F("attempts") + 1)
    claimed = OutboxMessage.objects.filter(pk__in=ids).order_by("planned_for", "pk")
    return list(claimed.select_related("endpoint", "event", "review_request__environment"))


def deliver(message: OutboxMessage, *, resolver: outward.Resolver = outward.looked_up) -> str:
    """One attempt on a claimed message, and what became of it: a status, or `waiting` when it is tried again later."""
    if not WebhookEndpoint.objects.filter(pk=message.endpoint_id, enabled=True).exists():
        return OutboxStatus.WAITING  # disabled since it was claimed; it is taken up when that ends
    now, body = database_now(), body_of(message)
    outcome = outward.post(message.endpoint.url, body, headers_of(message, body, now=now), guard=webhooks.guard(), resolver=resolver)
    return _keep(message, outcome)


def headers_of(message: OutboxMessage, body: bytes, *, now: datetime) -> dict[str, str]:
    """`webhook-id` stays the same over all attempts, so that a message that came twice can be seen to be one."""
    said = {"message_id": str(message.pk), "timestamp": int(now.timestamp()), "body": body}
    signed = [signature.signature(secret, **said) for secret in webhooks.secrets_of(message.endpoint, now=now)]
    standard = {"webhook-id": said["message_id"], "webhook-timestamp": str(said["timestamp"]), "webhook-signature": " ".join(signed)}
    return {"Content-Type": "application/json", "User-Agent": AGENT, **standard}


def body_of(message: OutboxMessage) -> bytes:
    """Made of what never changes, so it is the same at every attempt. No text that anybody wrote."""
    event, review_request = message.event, message.review_request
    data = {
        "request": str(review_request.pk),
        "plan": str(review_request.plan_id),
        "environment": review_request.environment.slug,
        "from": event.from_state or None,
        "to": event.to_state,
        "revision": event.revision,
        "verdict": _verdict(review_request.pk, event.to_state),
    }
    at = event.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": f"review_request.{event.to_state}", "timestamp": at, "data": data}, separators=(",", ":")).encode()


def _verdict(request_id: uuid.UUID, state: str) -> str | None:
    """Of the decision that this transition is."""
    if state not in (State.APPROVED, State.REJECTED):
        return None
    return Decision.objects.values_list("verdict", flat=True).get(pk=request_id)


def _keep(message: OutboxMessage, outcome: outward.Outcome) -> str:
    """The attempt, the message and the endpoint, in one transaction."""
    with transaction.atomic(using=STORE):
        DeliveryAttempt.objects.create(message=message, outcome=outcome.word, status=outcome.status, ms=outcome.ms)
        endpoint = WebhookEndpoint.objects.using(STORE).select_for_update().get(pk=message.endpoint_id)
        if outcome.delivered:
            WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since__isnull=False).update(failing_since=None)
            return settle(message, OutboxStatus.SENT)
        became = _again(message, outcome.word)
        _count_failure(endpoint, outcome, now=database_now())
        return became


def _count_failure(endpoint: WebhookEndpoint, outcome: outward.Outcome, *, now: datetime) -> None:
    since = endpoint.failing_since or now
    if endpoint.failing_since is None:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=now)
    if endpoint.enabled and (outcome.word == "gone" or now - since >= DISABLED_AFTER):
        webhooks.switch_off(CLOCK, endpoint, reason=webhooks.GONE if outcome.word == "gone" else webhooks.FAILING, now=now)


def _again(message: OutboxMessage, error: str) -> str:
    """Later, at growing distances; in the end not at all. Nothing is taken back that another process delivered meanwhile."""
    waiting = OutboxMessage.objects.filter(pk=message.pk, status=OutboxStatus.WAITING)
    if message.attempts > len(BACKOFF):
        waiting.update(status=OutboxStatus.FAILED, error=error, settled_at=Now())
        return OutboxStatus.FAILED
    waiting.update(not_before=database_now() + BACKOFF[message.attempts - 1], error=error)
    return OutboxStatus.WAITING

"""What operators do with webhooks: add, rotate, disable, enable, send again. Each change leaves its event first, then happens."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from access.actors import Actor
from config.databases import STORE
from config.payload import kind_in_link
from config.refusals import Reason, not_found, recorded, refuse_if
from drafts.models import Partner
from reviews import outward, signature
from reviews.models import Channel, OutboxMessage, OutboxStatus, State, WebhookEndpoint
from reviews.record import database_now, take_turns, write_event
from reviews.rights import operator_reasons

# For so long after a rotation the old secret signs beside the new one, so that receivers can change theirs without losing a message.
OVERLAP = timedelta(hours=24)
ROTATED_SINCE = Reason(
    "stale_version",
    "It has been rotated since you opened this page. The old secret still signs beside the new one, which can be shown again.",
    clear_by="an operator with the shell, with `manage.py webhook secret`",
    status=412,
)
TOLD_ALREADY = Reason(
    "webhook_exists",
    "This address is told of exactly this already. Its secret can be shown again; if it is disabled, enable it.",
    clear_by="an operator with the shell, with `manage.py webhook secret`",
)
BY_OPERATOR, FAILING, GONE = "by an operator", "failing", "gone"


def guard() -> outward.Guard:
    return outward.Guard(settings.WEBHOOK_ALLOW_HTTP, settings.WEBHOOK_ALLOWED_NETWORKS)


def secrets_of(endpoint: WebhookEndpoint, *, now: datetime) -> list[bytes]:
    """The secrets that sign now, the newest first."""
    old = endpoint.rotated_at is not None and now < endpoint.rotated_at + OVERLAP
    generations = [endpoint.generation, endpoint.generation - 1] if old else [endpoint.generation]
    return [signature.secret(settings.WEBHOOK_KEY, endpoint.pk, generation) for generation in generations]


def shown_secret(endpoint: WebhookEndpoint) -> str:
    return signature.shown(signature.secret(settings.WEBHOOK_KEY, endpoint.pk, endpoint.generation))


def off_reasons() -> list[Reason]:
    if settings.WEBHOOK_KEY:
        return []
    return [Reason("webhooks_off", "WEBHOOK_KEY is not set, so there are no webhooks.", clear_by="an operator", status=503)]


def add(actor: Actor, *, url: str, partner_slug: str | None = None, events: list[str] | None = None) -> WebhookEndpoint:
    """Tell transitions to an address from now on. `events`: the states that it wants to hear of, all when there are none."""
    with recorded(actor, "add_webhook"), transaction.atomic(using=STORE):
        wanted = sorted(set(events or []))
        partner = Partner.objects.filter(slug=partner_slug).first() if partner_slug else None
        take_turns("webhooks")
        same = WebhookEndpoint.objects.filter(url=url, partner=partner, events=wanted)
        refuse_if(operator_reasons(actor) + _input_reasons(url, partner_slug, partner, wanted) + off_reasons())
        # Said to operators alone: whom we tell is nobody else's to know.
        refuse_if([TOLD_ALREADY] if same.exists() else [])
        who = {"created_by_id": actor.user_id, "created_by": actor.username}
        made = WebhookEndpoint(url=url, partner=partner, events=wanted, **who)
        about = {"endpoint": str(made.pk), "host": made.host, "partner": partner_slug or None, "events": wanted}
        write_event(actor, "add_webhook", None, at=database_now(), detail=about)
        made.save(force_insert=True)
        return made


def _input_reasons(url: str, partner_slug: str | None, partner: Partner | None, events: list[str]) -> list[Reason]:
    fault = outward.url_fault(url, guard())
    reasons = [Reason("invalid", fault, pointer="/url", status=400)] if fault else []
    if not fault and kind_in_link(url):
        detail = "The address holds what looks like a credential. It needs none: deliveries are signed."
        reasons.append(Reason("payload_credential", detail, pointer="/url", status=400))
    if partner_slug and partner is None:
        reasons.append(Reason("unknown_partner", "There is no such partner.", pointer="/partner", status=400))
    if set(events) - set(State.values):
        reasons.append(Reason("unknown_event", f"An event is one of: {', '.join(State.values)}.", pointer="/events", status=400))
    return reasons


@contextmanager
def _changing(actor: Actor, verb: str, endpoint_id: uuid.UUID) -> Iterator[WebhookEndpoint]:
    with recorded(actor, verb), transaction.atomic(using=STORE):
        refuse_if(operator_reasons(actor))
        found = WebhookEndpoint.objects.using(STORE).select_for_update().filter(pk=endpoint_id).first()
        if found is None:
            raise not_found("webhook")
        yield found


def rotate(actor: Actor, endpoint_id: uuid.UUID, *, generation: int | None = None) -> WebhookEndpoint:
    """A new secret. The old one signs beside it for a day; rotating once more ends it at once. `generation`: of the secret seen."""
    with _changing(actor, "rotate_webhook", endpoint_id) as found:
        refuse_if(off_reasons() + ([] if generation in (None, found.generation) else [ROTATED_SINCE]))
        write_event(actor, "rotate_webhook", None, at=database_now(), detail=_about(found) | {"generation": found.generation + 1})
        WebhookEndpoint.objects.filter(pk=found.pk).update(generation=F("generation") + 1, rotated_at=Now())
    return WebhookEndpoint.objects.get(pk=endpoint_id)


def disable(actor: Actor, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """Nothing is written for it and nothing sent to it until it is enabled; what waits goes on waiting."""
    with _changing(actor, "disable_webhook", endpoint_id) as found:
        refuse_if([] if found.enabled else [Reason("webhook_disabled", "This webhook is disabled already.")])
        switch_off(actor, found, reason=BY_OPERATOR, now=database_now())
    return WebhookEndpoint.objects.get(pk=endpoint_id)


def switch_off(actor: Actor, endpoint: WebhookEndpoint, *, reason: str, now: datetime) -> None:
    """Of a locked endpoint, inside the caller's transaction."""
    write_event(actor, "disable_webhook", None, at=now, detail=_about(endpoint) | {"reason": reason})
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(enabled=False, disabled_reason=reason)


def enable(actor: Actor, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    with _changing(actor, "enable_webhook", endpoint_id) as found:
        refuse_if(([Reason("webhook_enabled", "This webhook is enabled already.")] if found.enabled else []) + off_reasons())
        write_event(actor, "enable_webhook", None, at=database_now(), detail=_about(found))
        WebhookEndpoint.objects.filter(pk=found.pk).update(enabled=True, disabled_reason="", failing_since=None)
    return WebhookEndpoint.objects.get(pk=endpoint_id)


def _about(endpoint: WebhookEndpoint) -> dict:
    return {"endpoint": str(endpoint.pk), "host": endpoint.host}


def send_again(actor: Actor, message_id: uuid.UUID) -> OutboxMessage:
    """Put a settled message to a webhook up for delivery once more, under the same id."""
    with recorded(actor, "send_again"), transaction.atomic(using=STORE):
        refuse_if(operator_reasons(actor))
        locked = OutboxMessage.objects.using(STORE).select_for_update().filter(pk=message_id, channel=Channel.WEBHOOK).values("pk").first()
        if locked is None:
            raise not_found("message")
        found = OutboxMessage.objects.select_related("endpoint").get(pk=message_id)
        refuse_if(again_reasons(found))
        detail = _about(found.endpoint) | {"message": str(found.pk)}
        write_event(actor, "send_again", None, at=database_now(), detail=detail)
        OutboxMessage.objects.filter(pk=message_id).update(status=OutboxStatus.WAITING, settled_at=None, error="", not_before=Now())
        return found


def again_reasons(message: OutboxMessage) -> list[Reason]:
    reasons = off_reasons()
    if message.status == OutboxStatus.WAITING:
        reasons.append(Reason("waiting", "This message waits for its next attempt already.", clear_by="time alone"))
    if not message.endpoint.enabled:
        reasons.append(Reason("webhook_disabled", "Its webhook is disabled.", clear_by="an operator, with `manage.py webhook enable`"))
    return reasons

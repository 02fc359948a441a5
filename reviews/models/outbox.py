"""What is to be told to people and machines, and how that went."""

import uuid
from urllib.parse import urlsplit

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from config.constraints import within
from drafts.models import Partner
from reviews.models.events import Event
from reviews.models.requests import DeploymentReviewRequest


class Channel(models.TextChoices):
    MAIL = "mail", gettext_noop("mail")
    WEBHOOK = "webhook", gettext_noop("webhook")


class OutboxStatus(models.TextChoices):
    WAITING = "waiting", gettext_noop("Waiting")
    SENT = "sent", gettext_noop("Sent")
    ADDRESSED = "addressed", gettext_noop("Addressed to people")
    CANCELLED = "cancelled", gettext_noop("Cancelled")
    FAILED = "failed", gettext_noop("Failed")


class WebhookEndpoint(models.Model):
    """Where transitions are told to a machine. What it hears of is fixed; its secret is made from `generation` and never stored.

    `partner`: of whose requests it hears, None for all; `events`: the states that it wants to hear of, empty for all;
    `failing_since`: when the attempts began to fail that have failed since without an end.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    url = models.CharField(max_length=500)
    partner = models.ForeignKey(Partner, null=True, on_delete=models.PROTECT, related_name="+")
    events = models.JSONField(default=list)
    generation = models.PositiveIntegerField(default=1)
    rotated_at = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=16, blank=True)
    failing_since = models.DateTimeField(null=True)
    created_by_id = models.BigIntegerField()
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(enabled=True, disabled_reason="") | (models.Q(enabled=False) & ~models.Q(disabled_reason="")),
                name="webhook_disabled_for_a_reason",
            ),
            models.CheckConstraint(condition=models.Q(generation__gte=1), name="webhook_generation_from_one"),
            within("webhook_url_short", "url", 500),
        ]

    def __str__(self) -> str:
        return self.host

    @property
    def host(self) -> str:
        """What is shown of the address: paths of such addresses are often secrets."""
        return urlsplit(self.url).netloc


class OutboxMessage(models.Model):
    """Something to be told to somebody, written in the transaction of the verb that it is about; sent later, by a command.

    A mail without a recipient is for whoever is asked when its time comes; a message to a webhook has its endpoint and is about an event,
    with which the database itself writes it (reviews/migrations, "webhooks"). No address is kept here: it is looked up at sending. What it
    says never changes; how far it is does. `planned_for`: from when on; `not_before`: the same, moved by each attempt.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.CharField(max_length=7, choices=Channel.choices)
    kind = models.CharField(max_length=32)
    review_request = models.ForeignKey(DeploymentReviewRequest, null=True, on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveIntegerField(default=0)
    recipient_id = models.BigIntegerField(null=True)
    recipient = models.CharField(max_length=64, blank=True)
    endpoint = models.ForeignKey(WebhookEndpoint, null=True, on_delete=models.PROTECT, related_name="messages")
    event = models.ForeignKey(Event, null=True, on_delete=models.PROTECT, related_name="+")
    detail = models.JSONField(default=dict)
    planned_for = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    not_before = models.DateTimeField()
    status = models.CharField(max_length=9, choices=OutboxStatus.choices, default=OutboxStatus.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=32, blank=True)

    # What happens to a message on its way; everything else is fixed.
    MUTABLE = ("not_before", "status", "attempts", "settled_at", "error")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(channel__in=Channel.values), name="outbox_channel_known"),
            models.CheckConstraint(condition=models.Q(status__in=OutboxStatus.values), name="outbox_status_known"),
            models.CheckConstraint(
                condition=models.Q(status=OutboxStatus.WAITING, settled_at__isnull=True)
                | (~models.Q(status=OutboxStatus.WAITING) & models.Q(settled_at__isnull=False)),
                name="outbox_settled_once",
            ),
            models.CheckConstraint(
                condition=models.Q(channel=Channel.MAIL, endpoint__isnull=True, event__isnull=True)
                | models.Q(channel=Channel.WEBHOOK, endpoint__isnull=False, event__isnull=False),
                name="outbox_webhook_has_endpoint",
            ),
            models.UniqueConstraint(fields=["endpoint", "event"], name="outbox_one_per_endpoint"),
        ]
        indexes = [
            models.Index(fields=["channel", "not_before", "id"], condition=models.Q(status="waiting"), name="outbox_waiting"),
            models.Index(fields=["-created_at", "-id"], name="outbox_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.recipient or 'whoever is asked'}"


class DeliveryAttempt(models.Model):
    """One try to deliver a message to its endpoint; append-only. Nothing of the answer is kept but its status."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(OutboxMessage, on_delete=models.PROTECT, related_name="tries")
    at = models.DateTimeField(db_default=Now(), editable=False)
    outcome = models.CharField(max_length=20)
    status = models.PositiveSmallIntegerField(null=True)
    ms = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.outcome

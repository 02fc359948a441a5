"""Who did what, and who was refused. Chained, so that a change of the past is found."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from config.constraints import within
from receipts.models import HEX_DIGEST
from reviews.models.requests import DeploymentReviewRequest


class ActingRole(models.TextChoices):
    """In which role somebody acted: the right that they used, not every right that they have."""

    OWNER = "owner", gettext_noop("owner")
    VIEWER = "viewer", gettext_noop("viewer")
    REQUESTER = "requester", gettext_noop("requester")
    REVIEWER = "reviewer", gettext_noop("reviewer")
    NAMED_PERSON = "named_person", gettext_noop("named person")
    AUDITOR = "auditor", gettext_noop("auditor")
    OPERATOR = "operator", gettext_noop("operator")
    SUPERUSER = "superuser", gettext_noop("superuser")
    CLOCK = "clock", gettext_noop("the clock")


class Event(models.Model):
    """Who did what, when, from where to where; append-only. Each holds the SHA-256 of the event of its request before it.

    Changes of groups, memberships, environments and policies have no request; they are one chain of their own.
    `role` is blank in events that were written before there were roles.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    review_request = models.ForeignKey(DeploymentReviewRequest, null=True, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    verb = models.CharField(max_length=32)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=64)
    channel = models.CharField(max_length=8)
    token_id = models.CharField(max_length=36, blank=True)
    role = models.CharField(max_length=12, blank=True, choices=ActingRole.choices, default="", db_default="")
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20, blank=True)
    revision = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=HEX_DIGEST, blank=True)
    comment = models.TextField(blank=True)
    detail = models.JSONField(default=dict)
    previous_sha256 = models.CharField(max_length=HEX_DIGEST, blank=True)
    sha256 = models.CharField(max_length=HEX_DIGEST)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["review_request", "number"], name="one_event_per_number"),
            # Number 1 is left out: events from before this chain was one all have it.
            models.UniqueConstraint(
                fields=["number"], condition=models.Q(review_request__isnull=True, number__gt=1), name="one_organisation_event_per_number"
            ),
            models.CheckConstraint(condition=models.Q(role__in=["", *ActingRole.values]), name="event_role_known"),
            within("event_comment_short", "comment", 2000, lines=True),
        ]
        indexes = [
            models.Index(fields=["-at"], name="event_newest_first"),
            models.Index(fields=["actor", "-at"], name="event_of_actor"),
            models.Index(fields=["verb", "-at"], name="event_of_verb"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor}"


class Chain(models.Model):
    """How many events a chain without a request holds. The database counts, by a trigger, so that a removed last event is missed."""

    name = models.CharField(max_length=16, primary_key=True)
    events = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.name


class Denial(models.Model):
    """A refused attempt: who, which verb, which reasons, how often. Never a value that was sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    actor_id = models.BigIntegerField()
    actor = models.CharField(max_length=64)
    channel = models.CharField(max_length=8)
    token_id = models.CharField(max_length=36, blank=True)
    verb = models.CharField(max_length=32)
    reasons = models.CharField(max_length=500)
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["actor_id", "verb", "-first_at"], name="denial_of_person"),
            models.Index(fields=["actor", "-last_at"], name="denial_of_actor"),
            models.Index(fields=["verb", "-last_at"], name="denial_of_verb"),
            models.Index(fields=["-last_at"], name="denial_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.verb}"

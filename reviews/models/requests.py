"""Review requests, and what is handed in and frozen with them. Only decisions.py changes a state."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.functional import cached_property
from django.utils.translation import gettext_noop
from django_fsm import FSMField, transition

from config.constraints import json_within, within
from drafts.models import CoveragePlan, Partner
from receipts.models import HEX_DIGEST
from reviews.models.environments import Environment, ReviewPolicy


class State(models.TextChoices):
    DRAFT = "draft", gettext_noop("Draft")
    REVIEW_REQUESTED = "review_requested", gettext_noop("In review")
    CHANGES_REQUESTED = "changes_requested", gettext_noop("Changes requested")
    APPROVED = "approved", gettext_noop("Approved")
    REJECTED = "rejected", gettext_noop("Rejected")
    WITHDRAWN = "withdrawn", gettext_noop("Withdrawn")
    EXPIRED = "expired", gettext_noop("Expired")
    REVOKED = "revoked", gettext_noop("Revoked")


OPEN_STATES = (State.DRAFT, State.REVIEW_REQUESTED, State.CHANGES_REQUESTED)
LAPSING_STATES = (State.REVIEW_REQUESTED, State.CHANGES_REQUESTED, State.APPROVED)


class RequestQuerySet(models.QuerySet):
    def as_of_now(self):
        """Annotate `state_now`: the state with expiry applied by the database clock. Every read, filter and count uses it."""
        lapsed = models.Q(state__in=LAPSING_STATES, expires_at__lte=Now())
        expired = models.When(lapsed, then=models.Value(State.EXPIRED))
        return self.annotate(state_now=models.Case(expired, default=models.F("state"), output_field=models.CharField()))


class DeploymentReviewRequest(models.Model):
    """A plan put up for one environment. Digest, commitment and policy are those of the newest frozen packet."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(CoveragePlan, on_delete=models.PROTECT, related_name="review_requests")
    # The plan's, which never changes either: one index then gives a partner's requests, newest first. The database holds the two equal.
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="review_requests", editable=False, db_index=False)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="review_requests")
    subject = models.JSONField(default=list)
    state = FSMField(max_length=20, choices=State.choices, default=State.DRAFT, protected=True, editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)
    digest = models.CharField(max_length=HEX_DIGEST, blank=True, editable=False)
    commitment_id = models.CharField(max_length=64, blank=True, editable=False)
    policy = models.ForeignKey(ReviewPolicy, null=True, on_delete=models.PROTECT, related_name="+", editable=False)
    opened_by_id = models.BigIntegerField(editable=False)
    opened_by = models.CharField(max_length=64, editable=False)
    requested_by_id = models.BigIntegerField(null=True, editable=False)
    requested_by = models.CharField(max_length=64, blank=True, editable=False)
    requested_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    predecessor = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="successors", editable=False)
    production_write = models.BooleanField(default=False, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # The database counts, by a trigger, so that a removed last event is missed.
    event_count = models.PositiveIntegerField(db_default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = RequestQuerySet.as_manager()

    # All that a verb may write; what a request is about is written once.
    MUTABLE = (
        "subject", "state", "revision", "digest", "commitment_id", "policy", "requested_by_id", "requested_by", "requested_at",
        "due_at", "expires_at", "version", "updated_at",
    )  # fmt: skip

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "environment"], condition=models.Q(state__in=OPEN_STATES), name="one_open_request"),
            models.CheckConstraint(condition=models.Q(state__in=State.values), name="request_state_known"),
            models.CheckConstraint(condition=models.Q(production_write=False), name="request_never_writes"),
            models.CheckConstraint(
                condition=~models.Q(state__in=LAPSING_STATES) | models.Q(expires_at__isnull=False), name="request_ends_some_time"
            ),
            json_within("request_subject_short", "subject", 20_000),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="request_newest_first"),
            models.Index(fields=["partner", "-created_at", "-id"], name="request_newest_of_partner"),
            models.Index(fields=["partner", "state", "-created_at", "-id"], name="request_in_state_of_partner"),
            models.Index(fields=["state", "-created_at", "-id"], name="request_newest_in_state"),
            models.Index(fields=["plan", "environment", "-created_at"], name="request_newest_of_plan"),
            models.Index(fields=["updated_at"], name="request_changed"),
            models.Index(fields=["expires_at", "id"], condition=models.Q(state__in=LAPSING_STATES), name="request_lapses"),
            models.Index(fields=["due_at", "id"], condition=models.Q(state__in=OPEN_STATES), name="request_open_by_due"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} to {self.environment}"

    @cached_property
    def in_force(self) -> dict | None:
        """The policy in force in its environment, as JSON; a verb reads it under the lock, in the statement of the request itself."""
        asked = DeploymentReviewRequest.objects.annotate(said=ReviewPolicy.objects.in_force_as_json(models.OuterRef("environment")))
        return asked.values_list("said", flat=True).get(pk=self.pk)

    @cached_property
    def newest_policy(self) -> ReviewPolicy | None:
        """The policy in force in its environment."""
        found = ReviewPolicy.of_json(self.in_force) if self.in_force else None
        if found is not None:
            found.environment = self.environment
        return found

    @cached_property
    def rulings(self) -> list[ReviewPolicy]:
        """What an approval must satisfy: the policy that the packet names and, where another is in force by now, that one too."""
        newer = self.newest_policy or self.policy
        self.policy.environment = self.environment
        return [self.policy] if newer == self.policy else [self.policy, newer]

    @property
    def groups_asked(self) -> frozenset[str]:
        """Whose members vote on it."""
        return frozenset().union(*(ruling.groups for ruling in self.rulings))

    def state_at(self, now) -> str:
        """The state with expiry applied at a time of the database clock."""
        return State.EXPIRED if self.state in LAPSING_STATES and self.expires_at <= now else self.state

    @transition(field=state, source=[State.DRAFT, State.CHANGES_REQUESTED], target=State.REVIEW_REQUESTED)
    def request_review(self) -> None:
        """The packet is frozen."""

    @transition(field=state, source=State.REVIEW_REQUESTED, target=State.APPROVED)
    def approve(self) -> None:
        """Every seat is filled and the receipt is stored."""

    @transition(field=state, source=State.REVIEW_REQUESTED, target=State.CHANGES_REQUESTED)
    def request_changes(self) -> None:
        """A reviewer wants another revision."""

    @transition(field=state, source=State.REVIEW_REQUESTED, target=State.REJECTED)
    def reject(self) -> None:
        """A reviewer said no."""

    @transition(field=state, source=State.REVIEW_REQUESTED, target=State.DRAFT)
    def recall(self) -> None:
        """The owner takes it back to work on it."""

    @transition(field=state, source=[State.DRAFT, State.REVIEW_REQUESTED, State.CHANGES_REQUESTED], target=State.WITHDRAWN)
    def withdraw(self) -> None:
        """The owner gives it up."""

    @transition(field=state, source=[State.REVIEW_REQUESTED, State.CHANGES_REQUESTED, State.APPROVED], target=State.EXPIRED)
    def expire(self) -> None:
        """Its time is over."""

    @transition(field=state, source=State.APPROVED, target=State.REVOKED)
    def revoke(self) -> None:
        """Somebody stopped it, or a newer approval took its place."""


class Packet(models.Model):
    """The frozen copy under review. `body` is RFC 8785 bytes, `digest` their SHA-256; the salt is as secret as the packet."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    review_request = models.ForeignKey(DeploymentReviewRequest, on_delete=models.PROTECT, related_name="packets")
    revision = models.PositiveIntegerField()
    body = models.BinaryField()
    salt = models.BinaryField()
    digest = models.CharField(max_length=HEX_DIGEST)
    commitment_id = models.CharField(max_length=64)
    section_digests = models.JSONField()
    moves_count = models.PositiveIntegerField()
    frozen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review_request", "revision"], name="one_packet_per_revision")]
        indexes = [
            models.Index(fields=["digest"], name="packet_by_digest"),
            models.Index(fields=["commitment_id"], name="packet_by_commitment"),
        ]

    def __str__(self) -> str:
        return f"revision {self.revision}"


class Kind(models.TextChoices):
    OWNER = "owner", gettext_noop("Owner")
    ENVIRONMENT = "environment", gettext_noop("Environment")
    SLA = "sla", gettext_noop("SLA")
    ROLLBACK = "rollback", gettext_noop("Rollback")
    SUPPORT = "support", gettext_noop("Support")


class Confirmation(models.Model):
    """A typed statement by a named person, with evidence and an end date. Without `confirmed_at` it is only a proposal.

    `named`: who an owner asked to confirm it; a row may hold that alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    review_request = models.ForeignKey(DeploymentReviewRequest, on_delete=models.PROTECT, related_name="confirmations")
    kind = models.CharField(max_length=11, choices=Kind.choices)
    fields = models.JSONField()
    evidence_url = models.CharField(max_length=500, blank=True)
    evidence_sha256 = models.CharField(max_length=HEX_DIGEST, blank=True)
    confirmed_by_id = models.BigIntegerField(null=True)
    confirmed_by = models.CharField(max_length=64, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    named_id = models.BigIntegerField(null=True)
    named = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review_request", "kind"], name="one_confirmation_per_kind"),
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="confirmation_kind_known"),
            models.CheckConstraint(
                condition=models.Q(confirmed_at__isnull=True) | models.Q(confirmed_by_id__isnull=False, valid_until__isnull=False),
                name="confirmation_has_person_and_end",
            ),
            models.CheckConstraint(
                condition=models.Q(named_id__isnull=True, named="") | (models.Q(named_id__isnull=False) & ~models.Q(named="")),
                name="confirmation_named_has_name",
            ),
            within("confirmation_link_short", "evidence_url", 500),
            within("confirmation_sha256_short", "evidence_sha256", HEX_DIGEST),
            json_within("confirmation_fields_short", "fields", 8_000),
            within("confirmation_named_short", "named", 64),
        ]
        indexes = [models.Index(fields=["named_id"], condition=models.Q(named_id__isnull=False), name="confirmation_of_named")]

    def __str__(self) -> str:
        return self.kind

    @property
    def is_stated(self) -> bool:
        """Somebody wrote the statement, whether it is confirmed or only proposed again."""
        return bool(self.fields)


class StagingValidation(models.Model):
    """A receipt of the staging installation, handed in for a request. Append-only; the newest row speaks.

    Whether it counts is never stored: reviews.staging asks that at each reading.
    """

    id = models.BigAutoField(primary_key=True)
    review_request = models.ForeignKey(DeploymentReviewRequest, on_delete=models.PROTECT, related_name="staging_validations")
    payload = models.BinaryField()
    signature = models.BinaryField()
    kid = models.CharField(max_length=64)
    payload_sha256 = models.CharField(max_length=HEX_DIGEST)
    handed_in_by_id = models.BigIntegerField()
    handed_in_by = models.CharField(max_length=64)
    handed_in_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.payload_sha256

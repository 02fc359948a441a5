"""Environments, policies, review requests and what is decided on them. Lives in the draft store; only decisions.py changes a state."""

import hashlib
import json
import uuid
from urllib.parse import urlsplit

import rfc8785
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.functions import JSONObject, Now
from django.utils.functional import cached_property
from django_fsm import FSMField, transition

from config.constraints import within
from drafts.custody import comment_text, name_text, slug_text
from drafts.models import CoveragePlan, Partner

HEX_DIGEST = 64


class Environment(models.Model):
    """Where a rollout would go. Protected unless an operator says otherwise."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=64, unique=True, validators=[slug_text])
    name = models.CharField(max_length=120, validators=[name_text])
    protected = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [within("environment_slug_short", "slug", 64), within("environment_name_short", "name", 120)]

    def __str__(self) -> str:
        return self.slug


class PolicyQuerySet(models.QuerySet):
    def accepted(self):
        """Without versions that are only proposed, or that were declined or withdrawn."""
        return self.filter(outcome__outcome=Outcome.ACCEPTED)

    def in_force(self, environment):
        """The newest accepted version of an environment, or of the one that an outer query names; at most one row."""
        return self.accepted().filter(environment=environment).order_by("-version")[:1]

    def in_force_as_json(self, environment):
        """The same as one value, for a query that reads something else, too; `ReviewPolicy.of_json` makes it a policy again."""
        said = JSONObject(**{name: name for name in self.model.READ_BESIDE})
        return models.Subquery(self.in_force(environment).values(said=said))


class ReviewPolicy(models.Model):
    """What an environment asks for: one version, never edited. The newest accepted version rules.

    `rules`: list of {name, group, quorum}; `required_confirmations`: list of kinds; `maximum_ages`: kind → seconds, for some of them;
    lifetimes in seconds; `session_seconds`: how old a sign-in may be at a decision, None for any.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="policies")
    version = models.PositiveIntegerField()
    rules = models.JSONField()
    required_confirmations = models.JSONField()
    due_seconds = models.PositiveIntegerField()
    review_seconds = models.PositiveIntegerField()
    approval_seconds = models.PositiveIntegerField()
    conditions_allowed = models.BooleanField(default=True)
    maximum_ages = models.JSONField(default=dict)
    session_seconds = models.PositiveIntegerField(null=True)
    proposed_by_id = models.BigIntegerField(null=True)
    proposed_by = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=HEX_DIGEST)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PolicyQuerySet.as_manager()

    # All but what nobody asks of the policy that is in force beside the pinned one.
    READ_BESIDE = (
        "id", "version", "rules", "required_confirmations", "due_seconds", "review_seconds", "approval_seconds", "conditions_allowed",
        "maximum_ages", "session_seconds", "digest",
    )  # fmt: skip

    class Meta:
        ordering = ["environment", "-version"]
        verbose_name_plural = "review policies"
        constraints = [models.UniqueConstraint(fields=["environment", "version"], name="one_policy_per_version")]

    def __str__(self) -> str:
        return f"{self.environment} v{self.version}"

    @classmethod
    def of_json(cls, said: dict) -> "ReviewPolicy":
        """SQLite has ids and truths as what it stores, and JSON within JSON as text."""
        read = {name: json.loads(value) if name in ("rules", "required_confirmations", "maximum_ages") and isinstance(value, str) else value
                for name, value in said.items()}  # fmt: skip
        return cls(**read | {"id": uuid.UUID(said["id"]), "conditions_allowed": bool(said["conditions_allowed"])})

    def document(self) -> dict:
        """What the digest covers. What came with a later release is left out while unset, so that earlier digests stand."""
        later = {"maximum_ages": self.maximum_ages, "session_seconds": self.session_seconds}
        return {name: value for name, value in later.items() if value} | {
            "environment": self.environment.slug,
            "version": self.version,
            "rules": self.rules,
            "required_confirmations": self.required_confirmations,
            "due_seconds": self.due_seconds,
            "review_seconds": self.review_seconds,
            "approval_seconds": self.approval_seconds,
            "conditions_allowed": self.conditions_allowed,
        }

    def computed_digest(self) -> str:
        return hashlib.sha256(rfc8785.dumps(self.document())).hexdigest()

    @property
    def is_intact(self) -> bool:
        """The stored rules are still those that the digest in packets and receipts stands for."""
        return self.computed_digest() == self.digest

    @property
    def reference(self) -> dict:
        """How packets, receipts and the API name a policy."""
        return {"id": str(self.pk), "version": self.version, "digest": self.digest}

    @property
    def groups(self) -> frozenset[str]:
        return frozenset(rule["group"] for rule in self.rules)


class Outcome(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


class PolicyOutcome(models.Model):
    """What became of a policy version; append-only. A version without one is a proposal. Nobody accepts their own."""

    policy = models.OneToOneField(ReviewPolicy, primary_key=True, on_delete=models.PROTECT, related_name="outcome")
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    comment = models.TextField(blank=True)
    settled_by_id = models.BigIntegerField(null=True)
    settled_by = models.CharField(max_length=64, blank=True)
    settled_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(outcome__in=Outcome.values), name="outcome_known"),
            within("outcome_comment_short", "comment", 2000, lines=True),
        ]

    def __str__(self) -> str:
        return f"{self.policy}: {self.outcome}"


class State(models.TextChoices):
    DRAFT = "draft", "Draft"
    REVIEW_REQUESTED = "review_requested", "In review"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


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
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="request_newest_first"),
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
    def rulings(self) -> list[ReviewPolicy]:
        """What an approval must satisfy: the policy that the packet names and, where another is in force by now, that one too."""
        newer = ReviewPolicy.of_json(self.in_force) if self.in_force else self.policy
        found = [self.policy] if newer == self.policy else [self.policy, newer]
        for ruling in found:
            ruling.environment = self.environment
        return found

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

    def __str__(self) -> str:
        return f"revision {self.revision}"


class Kind(models.TextChoices):
    OWNER = "owner", "Owner"
    ENVIRONMENT = "environment", "Environment"
    SLA = "sla", "SLA"
    ROLLBACK = "rollback", "Rollback"
    SUPPORT = "support", "Support"


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
            within("confirmation_named_short", "named", 64),
        ]
        indexes = [models.Index(fields=["named_id"], condition=models.Q(named_id__isnull=False), name="confirmation_of_named")]

    def __str__(self) -> str:
        return self.kind

    @property
    def is_stated(self) -> bool:
        """Somebody wrote the statement, whether it is confirmed or only proposed again."""
        return bool(self.fields)


class Choice(models.TextChoices):
    APPROVE = "approve", "Approve"
    CONSTRAIN = "approve_with_conditions", "Approve with conditions"
    REQUEST_CHANGES = "request_changes", "Request changes"
    REJECT = "reject", "Reject"


APPROVING = (Choice.APPROVE, Choice.CONSTRAIN)


class Vote(models.Model):
    """One reviewer's word on one packet digest; append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    review_request = models.ForeignKey(DeploymentReviewRequest, on_delete=models.PROTECT, related_name="votes")
    revision = models.PositiveIntegerField()
    digest = models.CharField(max_length=HEX_DIGEST)
    user_id = models.BigIntegerField()
    username = models.CharField(max_length=64)
    choice = models.CharField(max_length=24, choices=Choice.choices)
    conditions = models.JSONField(default=list)
    comment = models.TextField(blank=True, validators=[comment_text, MaxLengthValidator(2000)])
    cast_at = models.DateTimeField()

    class Meta:
        ordering = ["cast_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(choice__in=Choice.values), name="vote_choice_known"),
            within("vote_comment_short", "comment", 2000, lines=True),
            models.UniqueConstraint(
                fields=["review_request", "revision", "user_id"], condition=models.Q(choice__in=APPROVING), name="one_approval_per_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.choice}"


class Decision(models.Model):
    """What the votes came to: one per request, on one digest. Its receipt has the same request, revision and digest; append-only."""

    review_request = models.OneToOneField(DeploymentReviewRequest, primary_key=True, on_delete=models.PROTECT, related_name="decision")
    revision = models.PositiveIntegerField()
    digest = models.CharField(max_length=HEX_DIGEST)
    verdict = models.CharField(max_length=9)
    conditions = models.JSONField(default=list)
    decided_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    supersedes = models.UUIDField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(verdict__in=["allow", "constrain", "reject"]), name="verdict_known")]

    def __str__(self) -> str:
        return self.verdict


class ActingRole(models.TextChoices):
    """In which role somebody acted: the right that they used, not every right that they have."""

    OWNER = "owner", "owner"
    VIEWER = "viewer", "viewer"
    REQUESTER = "requester", "requester"
    REVIEWER = "reviewer", "reviewer"
    NAMED_PERSON = "named_person", "named person"
    AUDITOR = "auditor", "auditor"
    OPERATOR = "operator", "operator"
    SUPERUSER = "superuser", "superuser"
    CLOCK = "clock", "the clock"


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


class FreezeWindow(models.Model):
    """A time in which nothing is launched to an environment, by an operator; append-only. `people`: who may cross, {user_id, username}."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="freezes")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    people = models.JSONField(default=list)
    frozen_by_id = models.BigIntegerField()
    frozen_by = models.CharField(max_length=64)
    frozen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="freeze_ends_after_start"),
            within("freeze_reason_short", "reason", 300),
        ]
        indexes = [models.Index(fields=["environment", "ends_at"], name="freeze_by_end")]

    def __str__(self) -> str:
        return f"{self.environment}: {self.reason}"


class FreezeEnd(models.Model):
    """A freeze that an operator ended before its time; append-only."""

    freeze = models.OneToOneField(FreezeWindow, primary_key=True, on_delete=models.PROTECT, related_name="end")
    comment = models.TextField()
    ended_by_id = models.BigIntegerField()
    ended_by = models.CharField(max_length=64)
    ended_at = models.DateTimeField()

    class Meta:
        constraints = [within("freeze_comment_short", "comment", 2000, lines=True)]

    def __str__(self) -> str:
        return f"{self.freeze}, ended"


class StagingPin(models.Model):
    """Whose receipts count as staging's: issuer and public keys, as an operator pinned them. Append-only; the newest row rules.

    `environment`: slug of the one environment whose requests it is for; empty means all of them.
    """

    id = models.BigAutoField(primary_key=True)
    issuer = models.CharField(max_length=200)
    jwks = models.JSONField()
    environment = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.issuer


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


class Channel(models.TextChoices):
    MAIL = "mail", "mail"
    WEBHOOK = "webhook", "webhook"


class OutboxStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    ADDRESSED = "addressed", "Addressed to people"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


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

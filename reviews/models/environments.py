"""Environments, their policies and freezes, and whose receipts count as staging's: what operators say."""

import hashlib
import json
import uuid

import rfc8785
from django.db import models
from django.db.models.functions import JSONObject, Now
from django.utils.translation import gettext_noop

from config.constraints import json_within, within
from drafts.custody import name_text, slug_text
from receipts.models import HEX_DIGEST


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

    def in_force_as_json(self, environment, *, names: tuple[str, ...] = ()):
        """The same as one value, for a query that reads something else, too; `ReviewPolicy.of_json` makes it a policy again.

        `names`: of the fields that are wanted, where not all are.
        """
        said = JSONObject(**{name: name for name in names or self.model.READ_BESIDE})
        return models.Subquery(self.in_force(environment).values(said=said))


def _read(value: object) -> object:
    """A text that is no JSON is the value itself: rules that are none, which satisfy nothing."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


class ReviewPolicy(models.Model):
    """What an environment asks for: one version, never edited. The newest accepted version rules.

    `rules`: list of {name, group, quorum}; `required_confirmations`: list of kinds; `maximum_ages`: kind → seconds, for some of them;
    lifetimes in seconds; `session_seconds`: how old a sign-in may be at a decision, None for any; `second_factor`: whether it takes a code.
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
    second_factor = models.BooleanField(default=False, db_default=False)
    proposed_by_id = models.BigIntegerField(null=True)
    proposed_by = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=HEX_DIGEST)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PolicyQuerySet.as_manager()

    # All but what nobody asks of the policy that is in force beside the pinned one.
    READ_BESIDE = (
        "id", "version", "rules", "required_confirmations", "due_seconds", "review_seconds", "approval_seconds", "conditions_allowed",
        "maximum_ages", "session_seconds", "second_factor", "digest",
    )  # fmt: skip

    class Meta:
        ordering = ["environment", "-version"]
        verbose_name_plural = "review policies"
        constraints = [
            models.UniqueConstraint(fields=["environment", "version"], name="one_policy_per_version"),
            json_within("policy_rules_short", "rules", 40_000),
        ]

    def __str__(self) -> str:
        return f"{self.environment} v{self.version}"

    @classmethod
    def of_json(cls, said: dict) -> "ReviewPolicy":
        """SQLite has ids and truths as what it stores, and JSON within JSON as text."""
        read = {
            name: _read(value) if name in ("rules", "required_confirmations", "maximum_ages") else value for name, value in said.items()
        }
        truths = {name: bool(said[name]) for name in ("conditions_allowed", "second_factor")}
        return cls(**read | truths | {"id": uuid.UUID(said["id"])})

    def document(self) -> dict:
        """What the digest covers. What came with a later release is left out while unset, so that earlier digests stand."""
        later = {"maximum_ages": self.maximum_ages, "session_seconds": self.session_seconds, "second_factor": self.second_factor}
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
    ACCEPTED = "accepted", gettext_noop("Accepted")
    DECLINED = "declined", gettext_noop("Declined")
    WITHDRAWN = "withdrawn", gettext_noop("Withdrawn")


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

    class Meta:
        constraints = [within("staging_issuer_short", "issuer", 200)]

    def __str__(self) -> str:
        return self.issuer

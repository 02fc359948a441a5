"""What reviewers say, and what their votes come to."""

import uuid

from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.translation import gettext_noop

from config.constraints import json_within, within
from drafts.custody import comment_text
from receipts.models import HEX_DIGEST
from reviews.models.requests import DeploymentReviewRequest


class Choice(models.TextChoices):
    APPROVE = "approve", gettext_noop("Approve")
    CONSTRAIN = "approve_with_conditions", gettext_noop("Approve with conditions")
    REQUEST_CHANGES = "request_changes", gettext_noop("Request changes")
    REJECT = "reject", gettext_noop("Reject")


APPROVING = (Choice.APPROVE, Choice.CONSTRAIN)


class Vote(models.Model):
    """One reviewer's word on one packet digest; append-only. `second_factor`: their sign-in took a code of an app of theirs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    review_request = models.ForeignKey(DeploymentReviewRequest, on_delete=models.PROTECT, related_name="votes")
    revision = models.PositiveIntegerField()
    digest = models.CharField(max_length=HEX_DIGEST)
    user_id = models.BigIntegerField()
    username = models.CharField(max_length=64)
    choice = models.CharField(max_length=24, choices=Choice.choices)
    conditions = models.JSONField(default=list)
    comment = models.TextField(blank=True, validators=[comment_text, MaxLengthValidator(2000)])
    second_factor = models.BooleanField(default=False, db_default=False)
    cast_at = models.DateTimeField()

    class Meta:
        ordering = ["cast_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(choice__in=Choice.values), name="vote_choice_known"),
            within("vote_comment_short", "comment", 2000, lines=True),
            json_within("vote_conditions_short", "conditions", 40_000),
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

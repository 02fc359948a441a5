"""The one thing that readiness keeps: when the verdict changed, and why. Lives in the draft store, append-only."""

from django.db import models
from django.db.models.functions import Now

STATUSES = ("ready_for_review", "blocked", "unknown")


class VerdictChange(models.Model):
    """One change of the installation's verdict.

    `standing`: check id → `block` or `unknown`, for every check that is either; `cause`: what differs from the change before, as a list of
    {check, title, was, now, evidence}.
    """

    number = models.PositiveIntegerField(primary_key=True)
    at = models.DateTimeField(db_default=Now(), editable=False)
    status = models.CharField(max_length=16)
    was = models.CharField(max_length=16, blank=True)
    standing = models.JSONField()
    cause = models.JSONField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.CheckConstraint(condition=models.Q(status__in=STATUSES), name="verdict_status_known")]

    def __str__(self) -> str:
        return f"{self.number}: {self.status}"

"""Receipts and the public halves of the keys that sign them. Lives in the draft store; the database refuses every change and deletion."""

import uuid

from django.db import models
from django.db.models.functions import Now

from receipts import envelope as forms

KID = 43
HEX_DIGEST = 64


class SigningKey(models.Model):
    """A public key that receipts may be checked with. `kid`: RFC 7638 thumbprint; `public_key_b64`: 32 bytes, standard base64."""

    kid = models.CharField(max_length=KID, primary_key=True)
    public_key_b64 = models.CharField(max_length=44, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["created_at", "kid"]

    def __str__(self) -> str:
        return self.kid


class Verdict(models.TextChoices):
    ALLOW = "allow", "Approved"
    CONSTRAIN = "constrain", "Approved with conditions"
    REJECT = "reject", "Rejected"


class Receipt(models.Model):
    """The signed record of one decision. `payload` holds the exact signed bytes, so a re-issue is identical."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request_id = models.UUIDField(unique=True)
    revision = models.PositiveIntegerField()
    packet_digest = models.CharField(max_length=HEX_DIGEST)
    verdict = models.CharField(max_length=9, choices=Verdict.choices)
    commitment_id = models.CharField(max_length=48)
    payload = models.BinaryField()
    signature = models.BinaryField()
    kid = models.CharField(max_length=KID)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, help_text="A rejection has no end.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(verdict__in=Verdict.values), name="receipt_verdict_known"),
            models.CheckConstraint(
                condition=models.Q(expires_at__isnull=False) | models.Q(verdict="reject"), name="only_reject_is_endless"
            ),
        ]
        indexes = [models.Index(fields=["-issued_at", "-id"], name="receipt_newest_first")]

    def __str__(self) -> str:
        return f"{self.verdict} {self.id}"

    @property
    def inner(self) -> dict[str, str]:
        """{payload_b64, signature, kid, sig_alg}."""
        return forms.inner(bytes(self.payload), signature=bytes(self.signature), kid=self.kid)

    @property
    def envelope(self) -> dict[str, object]:
        """{receipt, verdict, commitment_id, request_id}."""
        copies = {"verdict": self.verdict, "commitment_id": self.commitment_id, "request_id": str(self.request_id)}
        return forms.envelope(self.inner, copies)

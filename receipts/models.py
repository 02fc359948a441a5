"""Receipts, and the public halves of the keys that sign. Lives in the draft store; the database refuses what no verb may do."""

import uuid

from django.db import models
from django.db.models.functions import Now

from receipts import envelope as forms

KID = 43
HEX_DIGEST = 64
KEY_TEXT = 44


class Use(models.TextChoices):
    """What a key may sign; the words are those of an attestation."""

    RECEIPTS = "receipt_signing", "receipts"
    LOG = "log_signing", "the log"


class KeyState(models.TextChoices):
    NEXT = "next", "Next"
    ACTIVE = "active", "Active"
    RETIRED = "retired", "Retired"
    REVOKED = "revoked", "Revoked"


# Everything but a revoked key still verifies what it signed.
TRUSTED_STATES = (KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRED)


class SigningKey(models.Model):
    """A public key and how far it is: next → active → retired → revoked, or from next to revoked. One of each use is active at most.

    `kid`: RFC 7638 thumbprint; `public_key_b64`: 32 bytes, standard base64; `revoked_at`: since when it counts as compromised.
    """

    kid = models.CharField(max_length=KID, primary_key=True)
    public_key_b64 = models.CharField(max_length=KEY_TEXT, unique=True)
    use = models.CharField(max_length=15, choices=Use.choices, default=Use.RECEIPTS)
    state = models.CharField(max_length=7, choices=KeyState.choices, default=KeyState.NEXT)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    activated_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["created_at", "kid"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=KeyState.values), name="key_state_known"),
            models.CheckConstraint(condition=models.Q(use__in=Use.values), name="key_use_known"),
            models.UniqueConstraint(fields=["use"], condition=models.Q(state=KeyState.ACTIVE), name="one_active_key"),
            models.CheckConstraint(
                condition=~models.Q(state__in=[KeyState.ACTIVE, KeyState.RETIRED]) | models.Q(activated_at__isnull=False),
                name="key_in_force_since",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=KeyState.RETIRED) | models.Q(retired_at__isnull=False), name="key_retired_since"
            ),
            models.CheckConstraint(
                condition=~models.Q(state=KeyState.REVOKED) | (models.Q(revoked_at__isnull=False) & ~models.Q(reason="")),
                name="key_revoked_since_and_why",
            ),
        ]

    def __str__(self) -> str:
        return self.kid


class Attestation(models.Model):
    """An offline root's word that a key is ours, in the protocol's form. Public and append-only; the root's private half is never here.

    `kid` is the key's row, `subject_kid` the name in the statement: for the log's key that of its signed notes.
    """

    id = models.BigAutoField(primary_key=True)
    kid = models.CharField(max_length=KID, db_index=True)
    subject_kid = models.CharField(max_length=300)
    root_key_id = models.CharField(max_length=64)
    root_public_key_b64 = models.CharField(max_length=KEY_TEXT)
    payload = models.BinaryField()
    signature = models.BinaryField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(not_after__gt=models.F("not_before")), name="attestation_lasts")]

    def __str__(self) -> str:
        return f"{self.root_key_id} on {self.subject_kid}"


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

"""Receipts, the public halves of the keys that sign, what is revoked, and the log. Lives in the draft store; the database refuses what no
verb may do."""

import hashlib
import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from config.constraints import within
from receipts import envelope as forms

KID = 43
HEX_DIGEST = 64
KEY_TEXT = 44


class Use(models.TextChoices):
    """What a key may sign; the words are those of an attestation."""

    RECEIPTS = "receipt_signing", "receipts"
    LOG = "log_signing", "the log"


class KeyState(models.TextChoices):
    NEXT = "next", gettext_noop("Next")
    ACTIVE = "active", gettext_noop("Active")
    RETIRED = "retired", gettext_noop("Retired")
    REVOKED = "revoked", gettext_noop("Revoked")


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
            within("key_reason_short", "reason", 300),
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
        constraints = [
            models.CheckConstraint(condition=models.Q(not_after__gt=models.F("not_before")), name="attestation_lasts"),
            within("attestation_root_short", "root_key_id", 64),
        ]

    def __str__(self) -> str:
        return f"{self.root_key_id} on {self.subject_kid}"


class Verdict(models.TextChoices):
    ALLOW = "allow", gettext_noop("Approved")
    CONSTRAIN = "constrain", gettext_noop("Approved with conditions")
    REJECT = "reject", gettext_noop("Rejected")


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
    def sha256(self) -> str:
        """Hex, of the signed bytes; how status documents and the log call this receipt."""
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def inner(self) -> dict[str, str]:
        """{payload_b64, signature, kid, sig_alg}."""
        return forms.inner(bytes(self.payload), signature=bytes(self.signature), kid=self.kid)

    @property
    def envelope(self) -> dict[str, object]:
        """{receipt, verdict, commitment_id, request_id}."""
        copies = {"verdict": self.verdict, "commitment_id": self.commitment_id, "request_id": str(self.request_id)}
        return forms.envelope(self.inner, copies)


# --- status -------------------------------------------------------------------------------------------------------------------------


class Why(models.TextChoices):
    REVOKED = "revoked", "Revoked"
    SUPERSEDED = "superseded", "Superseded"
    POLICY_TIGHTENED = "policy_tightened", "The policy was tightened"
    KEY_COMPROMISED = "key_compromised", "Its key was compromised"


class Revocation(models.Model):
    """A receipt that counts no more although its time is not over; append-only. `superseded_by`: the successor's SHA-256, hex."""

    receipt = models.OneToOneField(Receipt, primary_key=True, on_delete=models.PROTECT, related_name="revocation")
    revoked_at = models.DateTimeField()
    reason = models.CharField(max_length=16, choices=Why.choices)
    superseded_by = models.CharField(max_length=HEX_DIGEST, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(reason__in=Why.values), name="revocation_reason_known")]

    def __str__(self) -> str:
        return f"{self.receipt_id} {self.reason}"


class StatusDocument(models.Model):
    """A signed status: everything revoked as of then. Append-only, numbered without gaps; the newest counts."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    payload = models.BinaryField()
    signature = models.BinaryField()
    kid = models.CharField(max_length=KID)
    issued_at = models.DateTimeField()
    next_update = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(seq__gte=1), name="status_from_one"),
            models.CheckConstraint(condition=models.Q(next_update__gt=models.F("issued_at")), name="status_lasts"),
        ]

    def __str__(self) -> str:
        return f"status {self.seq}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def inner(self) -> dict[str, str]:
        """{payload_b64, signature, kid, sig_alg}."""
        return forms.inner(bytes(self.payload), signature=bytes(self.signature), kid=self.kid)


# --- the log ------------------------------------------------------------------------------------------------------------------------


class LeafKind(models.TextChoices):
    DECISION = "decision", "Decision"
    RECEIPT = "receipt", "Receipt"
    STATUS = "status", "Status"
    KEY = "key", "Key"


class LogNode(models.Model):
    """A full subtree of the log (receipts/merkle.py says what `place` is). Leaves have `data` and `kind`; append-only."""

    place = models.BigIntegerField(primary_key=True)
    hash = models.BinaryField()
    data = models.BinaryField(null=True)
    kind = models.CharField(max_length=8, blank=True, choices=LeafKind.choices)
    request_id = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(data__isnull=True, kind="", request_id__isnull=True)
                | models.Q(data__isnull=False, kind__in=LeafKind.values),
                name="log_leaf_or_node",
            )
        ]
        indexes = [
            models.Index(fields=["hash"], condition=models.Q(data__isnull=False), name="log_leaf_by_hash"),
            models.Index(fields=["request_id"], condition=models.Q(request_id__isnull=False), name="log_leaf_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.kind or 'node'} {self.place}"

    @property
    def index(self) -> int:
        """Of a leaf, from 0."""
        return self.place // 2


class LogHead(models.Model):
    """The one row that whoever appends locks, last of all: size and frontier of the log, the log key in force, the newest checkpoint."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    size = models.PositiveBigIntegerField(default=0)
    frontier = models.BinaryField(default=b"")
    kid = models.CharField(max_length=KID, blank=True)
    note = models.TextField(blank=True)
    note_size = models.PositiveBigIntegerField(default=0)
    note_kid = models.CharField(max_length=KID, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_log_head"),
            models.CheckConstraint(condition=models.Q(note_size__lte=models.F("size")), name="checkpoint_within_log"),
        ]

    def __str__(self) -> str:
        return f"log of {self.size}"

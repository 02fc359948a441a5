"""The offline root: its public trust anchor, and its word that a key of ours is ours, in the protocol's form."""

import hashlib
import json
import re
from datetime import datetime, timedelta

from django.db.models import QuerySet

from config.clock import database_now
from config.payload import kind_of
from config.refusals import Reason, Refused
from receipts.canonical import b64, canonical_bytes, unb64
from receipts.envelope import rfc3339, whole_second
from receipts.models import TRUSTED_STATES, Attestation, KeyState, SigningKey
from receipts.signing import Signer
from receipts.verify import PROTOCOL, SIG_ALG

OBJECT = "craton.receipt.operational_key_attestation.v1"
PAYLOAD_OBJECT = "craton.receipt.operational_key_attestation_payload.v1"
ROOT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_DAYS = 3650


def fingerprint(public_key: bytes) -> str:
    """SHA-256, hex, of the 32 raw bytes."""
    return hashlib.sha256(public_key).hexdigest()


def trust_anchor(root_key_id: str, public_key: bytes) -> dict[str, str]:
    """What a verifier pins: the root's name and public half."""
    return {
        "root_key_id": root_key_id,
        "public_key_b64": b64(public_key),
        "public_key_fingerprint_sha256": fingerprint(public_key),
        "sig_alg": SIG_ALG,
    }


def demand_root_id(root_key_id: str) -> None:
    if not ROOT_ID.fullmatch(root_key_id) or kind_of(root_key_id):
        detail = "A root's name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit."
        raise Refused(Reason("invalid_root_id", detail, status=400))


def attest(root: Signer, key: SigningKey, *, root_key_id: str, subject_kid: str, days: int) -> Attestation:
    """Have the root vouch for a key from now on for some days, and keep its word. Raises Refused."""
    demand_root_id(root_key_id)
    if not 1 <= days <= MOST_DAYS:
        raise Refused(Reason("out_of_range", f"An attestation lasts from 1 to {MOST_DAYS} days.", status=400))
    if key.state == KeyState.REVOKED:
        raise Refused(Reason("already_revoked", "Nobody vouches for a revoked key."))
    if SigningKey.objects.filter(kid=root.kid).exists():
        raise Refused(Reason("root_is_online", "This root is registered as a signing key here; a root signs nothing but attestations."))
    start = whole_second(database_now())
    end = start + timedelta(days=days)
    payload = canonical_bytes(_statement(root, key, root_key_id=root_key_id, subject_kid=subject_kid, start=start, end=end))
    return Attestation.objects.create(
        kid=key.kid,
        subject_kid=subject_kid,
        root_key_id=root_key_id,
        root_public_key_b64=b64(root.public_key),
        payload=payload,
        signature=root.sign(payload),
        not_before=start,
        not_after=end,
    )


def _statement(root: Signer, key: SigningKey, *, root_key_id: str, subject_kid: str, start: datetime, end: datetime) -> dict:
    public_key = unb64(key.public_key_b64)
    return {
        "object": PAYLOAD_OBJECT,
        "protocol": PROTOCOL,
        "root_key_id": root_key_id,
        "root_public_key_fingerprint_sha256": fingerprint(root.public_key),
        "subject": {
            "kid": subject_kid,
            "allowed_use": key.use,
            "sig_alg": SIG_ALG,
            "public_key_b64": key.public_key_b64,
            "public_key_fingerprint_sha256": fingerprint(public_key),
        },
        "not_before": rfc3339(start),
        "not_after": rfc3339(end),
    }


def document(attestation: Attestation) -> dict[str, str]:
    """The attestation as it is given out."""
    return {
        "object": OBJECT,
        "root_key_id": attestation.root_key_id,
        "root_public_key_fingerprint_sha256": fingerprint(unb64(attestation.root_public_key_b64)),
        "payload_b64": b64(bytes(attestation.payload)),
        "signature": b64(bytes(attestation.signature)),
    }


def newest_for(kid: str) -> Attestation | None:
    """The newest attestation in date of a key that is not revoked."""
    return in_date().filter(kid=kid).order_by("-id").first()


def in_date() -> QuerySet[Attestation]:
    """Attestations that hold now, of keys that are not revoked: a root cannot take its word back, so we stop passing it on."""
    now, trusted = database_now(), SigningKey.objects.filter(state__in=TRUSTED_STATES)
    return Attestation.objects.filter(not_before__lte=now, not_after__gt=now, kid__in=trusted.values("kid"))


def anchor_text(anchor: dict[str, str]) -> str:
    return json.dumps(anchor, indent=2) + "\n"

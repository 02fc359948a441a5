"""Receipts to test with, made without a database."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from receipts import envelope
from receipts.canonical import canonical_bytes, commitment_id
from receipts.signing import LocalSigner, public_jwk

ISSUER = "https://readiness.test"
SHA = "9f" * 32
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SIGNER = LocalSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_SIGNER = LocalSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
JWKS = {"keys": [public_jwk(SIGNER.public_key)]}
FACTS = {
    "issuer": ISSUER,
    "request_id": UUID("11111111-2222-4333-8444-555555555555"),
    "revision": 2,
    "verdict": "allow",
    "commitment_id": commitment_id(bytes(32), b"{}"),
    "environment": "production",
    "subject": [{"name": "operations-consolé", "digest": {"sha256": SHA}}],
    "policy": {"id": "7", "version": 3, "digest": "ab" * 32},
    "conditions": [],
    "issued_at": NOW,
    "expires_at": NOW + timedelta(hours=72),
}


def payload(**changes) -> dict:
    return envelope.payload(UUID("66666666-7777-4888-9999-aaaaaaaaaaaa"), **{**FACTS, **changes})


def sealed(signed: dict | bytes, *, signer=SIGNER, **copies) -> dict:
    """An envelope around anything at all, signed; the copies outside are those of the sample unless said otherwise."""
    payload_bytes = signed if isinstance(signed, bytes) else canonical_bytes(signed)
    receipt = envelope.inner(payload_bytes, signature=signer.sign(payload_bytes), kid=signer.kid)
    source = signed if isinstance(signed, dict) and {"verdict", "commitment_id", "request_id"} <= set(signed) else payload()
    return envelope.envelope(receipt, source) | copies


def as_bytes(document: dict) -> bytes:
    """JSON without a blank, so that no byte of it is without a meaning."""
    return json.dumps(document, separators=(",", ":")).encode()


def flips(data: bytes):
    """(byte number, copy of the data with one bit flipped), for every bit."""
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit // 8, bytes(changed)

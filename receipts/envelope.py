"""The payload of a receipt and the envelope around it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from receipts.canonical import b64, canonical_bytes, sha256_hex
from receipts.verify import COMMITMENT_ALG, COPIES, DECISION_TYPE, GATE_TYPE, OBJECT, PROTOCOL, SIG_ALG, is_well_formed


def whole_second(moment: datetime) -> datetime:
    """An aware time in UTC, its fraction of a second dropped."""
    if moment.tzinfo is None:
        raise ValueError("A receipt's times name their zone.")
    return moment.astimezone(UTC).replace(microsecond=0)


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds: 2026-11-23T09:30:00Z."""
    return whole_second(moment).isoformat().replace("+00:00", "Z")


def payload(
    receipt_id: UUID,
    *,
    issuer: str,
    request_id: UUID,
    revision: int,
    verdict: str,
    commitment_id: str,
    environment: str,
    subject: Sequence[Mapping],
    policy: Mapping,
    conditions: Sequence[str],
    issued_at: datetime,
    expires_at: datetime | None,
    supersedes: UUID | None = None,
) -> dict[str, object]:
    """What is signed: flat, and nothing of the packet in clear. Raises ValueError when our own verifier would not take it.

    `subject`: [{name, digest {sha256 or gitCommit}}]; `policy`: {id, version, digest}; `conditions`: texts, of which only a digest goes in.
    """
    built = {
        "protocol": PROTOCOL,
        "object": OBJECT,
        "issuer": issuer,
        "receipt_id": str(receipt_id),
        "request_id": str(request_id),
        "revision": revision,
        "verdict": str(verdict),
        "commitment_id": commitment_id,
        "commitment_alg": COMMITMENT_ALG,
        "decision_type": DECISION_TYPE,
        "gate_type": GATE_TYPE,
        "environment": environment,
        "subject": [dict(each) for each in subject],
        "policy": {name: policy[name] for name in ("id", "version", "digest")},
        "conditions_digest": sha256_hex(canonical_bytes(list(conditions))) if conditions else None,
        "issued_at": rfc3339(issued_at),
        "expires_at": rfc3339(expires_at) if expires_at else None,
        "supersedes": str(supersedes) if supersedes else None,
        "production_write": False,
    }
    if not is_well_formed(built):
        raise ValueError("The payload does not have the form of a deployment review receipt.")
    return built


def inner(payload_bytes: bytes, *, signature: bytes, kid: str) -> dict[str, str]:
    """The receipt itself: four texts."""
    return {"payload_b64": b64(payload_bytes), "signature": b64(signature), "kid": kid, "sig_alg": SIG_ALG}


def envelope(receipt: Mapping[str, str], signed_payload: Mapping) -> dict[str, object]:
    """The receipt with unsigned copies for who only wants to look. A verifier trusts the signed values."""
    return {"receipt": dict(receipt), **{name: signed_payload[name] for name in COPIES}}

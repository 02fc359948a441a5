"""The protocol for machines: words, forms, routes and reasons, from the same constants that the verifier uses."""

from receipts.verify import (
    ATTESTATION,
    ATTESTATION_PAYLOAD,
    BUNDLE,
    COMMITMENT_ALG,
    COPIES,
    DECISION_TYPE,
    GATE_TYPE,
    INNER_MEMBERS,
    LOG_LEAF,
    LOG_SIGNING,
    MEMBERS,
    OBJECT,
    PROTOCOL,
    RECEIPT_SIGNING,
    SIG_ALG,
    STATUS,
    STEPS,
    VERDICTS,
)

ROUTES = {
    "jwks": "/protocol/v1/jwks.json",
    "schema": "/protocol/v1/schema",
    "verifier": "/protocol/verify.py",
    "verify_page": "/verify",
    "offline_keys": "/self-service/verify-keys/offline-bundle",
    "status": "/protocol/v1/status",
    "receipt": "/api/v1/review-requests/{id}/receipt/",
    "bundle": "/api/v1/review-requests/{id}/bundle/",
    "log": {
        "checkpoint": "/api/v1/log/checkpoint",
        "inclusion": "/api/v1/log/inclusion?leaf_hash={hash}&tree_size={size}",
        "consistency": "/api/v1/log/consistency?first={size}&second={size}",
    },
}


def spec(issuer: str) -> dict[str, object]:
    """What /protocol/v1/spec answers."""
    return {
        "protocol": PROTOCOL,
        "issuer": issuer,
        "signature": {
            "sig_alg": SIG_ALG,
            "over": "the decoded bytes of payload_b64",
            "base64": "RFC 4648 section 4, padded, in its one canonical spelling",
            "kid": "RFC 7638 thumbprint of the key",
        },
        "envelope": {"receipt": sorted(INNER_MEMBERS), "unsigned_copies": list(COPIES)},
        "payload": {
            "object": OBJECT,
            "bytes": "RFC 8785",
            "members": list(MEMBERS),
            "verdicts": list(VERDICTS),
            "decision_type": DECISION_TYPE,
            "gate_type": GATE_TYPE,
        },
        "commitment": {
            "commitment_alg": COMMITMENT_ALG,
            "form": "rdc1_ and unpadded base64url of HMAC-SHA256(salt, 'readiness.commitment.v1' NUL canonical packet)",
        },
        "attestation": {"object": ATTESTATION, "payload_object": ATTESTATION_PAYLOAD, "allowed_use": [RECEIPT_SIGNING, LOG_SIGNING]},
        "bundle": {"object": BUNDLE},
        "status": {"object": STATUS, "receipt_sha256": "SHA-256, hex, of a receipt's decoded payload bytes"},
        "log": {"leaf_object": LOG_LEAF, "hashing": "RFC 9162", "checkpoint": "C2SP tlog-checkpoint, signed-note"},
        "reasons": {step: dict(words) for step, words in STEPS.items()},
        "routes": ROUTES,
    }

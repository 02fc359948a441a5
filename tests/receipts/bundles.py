"""Bundles to test with, made without a database and without the code that serves them: root, attestation, status, log and checkpoint."""

import hashlib
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from receipts import envelope
from receipts.canonical import b64, canonical_bytes, sha256_hex, unb64
from receipts.envelope import rfc3339
from receipts.signing import LocalSigner, public_jwk
from tests.receipts.samples import ISSUER, JWKS, NOW, OTHER_SIGNER, SIGNER, payload, sealed

L = 2**252 + 27742317777372353535851937790883648493  # order of the base point, RFC 8032 section 5.1
PROTOCOL = "craton.receipt.protocol.v1"
ROOT_SIGNER = LocalSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34))))
LOG_SIGNER = LocalSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(3, 35))))
ORIGIN = ISSUER.removeprefix("https://")
ROOT_NAME = "readiness-test-root"
YEAR = timedelta(days=365)


def anchor(signer: LocalSigner = ROOT_SIGNER, name: str = ROOT_NAME) -> dict:
    return {
        "root_key_id": name,
        "public_key_b64": b64(signer.public_key),
        "public_key_fingerprint_sha256": sha256_hex(signer.public_key),
        "sig_alg": "ed25519",
    }


ROOT = anchor()


def attestation_payload(public_key: bytes, *, kid: str, use: str = "receipt_signing", **changes) -> dict:
    subject = {
        "kid": kid,
        "allowed_use": use,
        "sig_alg": "ed25519",
        "public_key_b64": b64(public_key),
        "public_key_fingerprint_sha256": sha256_hex(public_key),
    } | changes.pop("subject", {})
    return {
        "object": "craton.receipt.operational_key_attestation_payload.v1",
        "protocol": PROTOCOL,
        "root_key_id": ROOT_NAME,
        "root_public_key_fingerprint_sha256": ROOT["public_key_fingerprint_sha256"],
        "subject": {name: value for name, value in subject.items() if value is not ...},
        "not_before": rfc3339(NOW - YEAR),
        "not_after": rfc3339(NOW + YEAR),
    } | changes


def attested(signed: dict | bytes, *, signer: LocalSigner = ROOT_SIGNER, **changes) -> dict:
    """The root's signature around anything at all."""
    payload_bytes = signed if isinstance(signed, bytes) else canonical_bytes({k: v for k, v in signed.items() if v is not ...})
    return {
        "object": "craton.receipt.operational_key_attestation.v1",
        "root_key_id": ROOT_NAME,
        "root_public_key_fingerprint_sha256": ROOT["public_key_fingerprint_sha256"],
        "payload_b64": b64(payload_bytes),
        "signature": b64(signer.sign(payload_bytes)),
    } | changes


def attestation(signer: LocalSigner = SIGNER, **changes) -> dict:
    return attested(attestation_payload(signer.public_key, kid=signer.kid, **changes))


def status_payload(**changes) -> dict:
    return {
        "object": "readiness.receipt_status.v1",
        "protocol": PROTOCOL,
        "issuer": ISSUER,
        "seq": 7,
        "issued_at": rfc3339(NOW - timedelta(hours=1)),
        "next_update": rfc3339(NOW + timedelta(hours=23)),
        "revoked": [],
    } | changes


def entry(receipt_sha256: str, **changes) -> dict:
    return {
        "receipt_sha256": receipt_sha256,
        "commitment_id": payload()["commitment_id"],
        "revoked_at": rfc3339(NOW - timedelta(hours=2)),
        "reason": "revoked",
        "superseded_by": None,
    } | changes


def status(signer: LocalSigner = SIGNER, **changes) -> dict:
    return signed_inner(status_payload(**changes), signer=signer)


def signed_inner(signed: dict | bytes, *, signer: LocalSigner = SIGNER) -> dict:
    payload_bytes = signed if isinstance(signed, bytes) else canonical_bytes(signed)
    return envelope.inner(payload_bytes, signature=signer.sign(payload_bytes), kid=signer.kid)


def with_small_r(payload_bytes: bytes, seed: bytes = bytes(range(32))) -> bytes:
    """A signature of the sample key whose R is the neutral point: RFC 8032 section 5.1.6 with r = 0. Plain Ed25519 takes it for good."""
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little") & (2**254 - 8) | 2**254
    neutral = bytes([1]) + bytes(31)
    challenge = int.from_bytes(hashlib.sha512(neutral + SIGNER.public_key + payload_bytes).digest(), "little")
    return neutral + (challenge * scalar % L).to_bytes(32, "little")


# --- log (RFC 9162, written from its recursive definition in section 2.1, not from the verifier's loop) -----------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def tree_hash(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    at = split(len(leaves))
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:at]) + tree_hash(leaves[at:])).digest()


def inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = split(len(leaves))
    if index < at:
        return [*inclusion(index, leaves[:at]), tree_hash(leaves[at:])]
    return [*inclusion(index - at, leaves[at:]), tree_hash(leaves[:at])]


def note_hint(signer: LocalSigner, origin: str = ORIGIN) -> bytes:
    return hashlib.sha256(origin.encode() + b"\n\x01" + signer.public_key).digest()[:4]


def log_key(signer: LocalSigner = LOG_SIGNER, origin: str = ORIGIN) -> str:
    return f"{origin}+{note_hint(signer, origin).hex()}+{b64(bytes([1]) + signer.public_key)}"


def log_attestation(signer: LocalSigner = LOG_SIGNER, use: str = "log_signing", **changes) -> dict:
    return attested(attestation_payload(signer.public_key, kid=f"{ORIGIN}+{note_hint(signer).hex()}", use=use, **changes))


def checkpoint(size: int, root: bytes, *, signer: LocalSigner = LOG_SIGNER, origin: str = ORIGIN, named: str = "") -> str:
    """A signed note; `named`: what its first line says instead of the log's name."""
    text = f"{named or origin}\n{size}\n{b64(root)}\n"
    return f"{text}\n— {origin} {b64(note_hint(signer, origin) + signer.sign(text.encode()))}\n"


def leaf(receipt: dict, **changes) -> bytes:
    """The log's entry for the decision that left this inner receipt."""
    said = payload()
    return canonical_bytes(
        {
            "object": "readiness.log_leaf.v1",
            "kind": "decision",
            "at": said["issued_at"],
            "request_id": said["request_id"],
            "revision": said["revision"],
            "verdict": said["verdict"],
            "commitment_id": said["commitment_id"],
            "event_head": "cd" * 32,
            "receipt_sha256": digest_of(receipt),
        }
        | changes
    )


def log(receipt: dict, *, index: int = 4, size: int = 7, **changes) -> dict:
    """A proof in a tree of `size` leaves; `changes` of its members, or of the leaf under `leaf`."""
    own = leaf(receipt, **changes.pop("leaf", {}))
    leaves = [own if place == index else b"entry %d" % place for place in range(size)]
    whole = {
        "leaf_b64": b64(own),
        "leaf_index": index,
        "tree_size": size,
        "hashes": [each.hex() for each in inclusion(index, leaves)],
        "checkpoint": checkpoint(size, tree_hash(leaves)),
        "key": log_key(),
        "attestation": log_attestation(),
    } | changes
    return {name: part for name, part in whole.items() if part is not ...}


# --- whole ------------------------------------------------------------------------------------------------------------------------


def digest_of(receipt: dict) -> str:
    """`receipt_sha256` of an inner object of ours."""
    return sha256_hex(payload_of(receipt))


def payload_of(inner: dict) -> bytes:
    return unb64(inner["payload_b64"])


def bundle(signed: dict | None = None, *, signer: LocalSigner = SIGNER, **changes) -> dict:
    """A bundle with every part; `...` leaves a part out."""
    receipt = sealed(signed or payload(), signer=signer)["receipt"]
    whole = {
        "object": "craton.receipt.verification_bundle",
        "receipt": receipt,
        "key_bundle": {"keys": [*JWKS["keys"], public_jwk(OTHER_SIGNER.public_key)]},
        "attestation": attestation(signer),
        "log": log(receipt),
        "status": status(signer),
    } | changes
    return {name: part for name, part in whole.items() if part is not ...}


def offline(**changes) -> dict:
    """The key material as an installation serves it for pinning."""
    return {
        "object": "readiness.offline_key_bundle.v1",
        "issuer": ISSUER,
        "keys": JWKS["keys"],
        "attestations": [attestation()],
        "root": ROOT,
        "log_key": log_key(),
        "issued_at": rfc3339(NOW),
    } | changes


def later(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)

"""Bytes that mean the same everywhere: canonical JSON, digests, base64, the commitment to a packet."""

import base64
import hashlib
import hmac

import rfc8785

from receipts.verify import COMMITMENT_ALG, b64url, unb64, unb64url

__all__ = ["COMMITMENT_ALG", "b64", "b64url", "canonical_bytes", "commitment_id", "sha256_hex", "unb64", "unb64url"]

COMMITMENT_CONTEXT = b"readiness.commitment.v1\x00"
SALT_BYTES = 32


def canonical_bytes(value) -> bytes:
    """RFC 8785 bytes. Raises ValueError for NaN, Infinity, integers beyond 2**53 - 1 and half characters."""
    return rfc8785.dumps(value)


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def b64(data: bytes) -> str:
    """Standard base64 (RFC 4648 section 4); unb64 is its strict inverse."""
    return base64.b64encode(data).decode()


def commitment_id(salt: bytes, packet_bytes: bytes) -> str:
    """`rdc1_` and the unpadded base64url HMAC-SHA256 (RFC 2104) of a packet's canonical bytes under its 32-byte salt."""
    if len(salt) != SALT_BYTES:
        raise ValueError("A commitment's salt has 32 bytes.")
    return "rdc1_" + b64url(hmac.digest(salt, COMMITMENT_CONTEXT + packet_bytes, "sha256"))

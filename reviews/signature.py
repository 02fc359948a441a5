"""Signatures of webhooks, as Standard Webhooks has them: HMAC-SHA256 over `id.timestamp.body`, as `v1,` and base64. Pure."""

import base64
import hashlib
import hmac
import uuid

PREFIX = "whsec_"
DOMAIN = b"readiness.webhook.v1"


def secret(key: bytes, endpoint_id: uuid.UUID, generation: int) -> bytes:
    """An endpoint's secret: HMAC-SHA256 of endpoint and generation under the server's key. Stored nowhere."""
    return hmac.new(key, b"\x00".join([DOMAIN, endpoint_id.bytes, str(generation).encode()]), hashlib.sha256).digest()


def shown(made: bytes) -> str:
    return PREFIX + base64.b64encode(made).decode()


def signature(made: bytes, *, message_id: str, timestamp: int, body: bytes) -> str:
    signed = hmac.new(made, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"

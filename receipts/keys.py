"""The public keys as the world sees them."""

from receipts.canonical import unb64
from receipts.models import SigningKey
from receipts.signing import public_jwk


def jwks() -> dict[str, list[dict[str, str]]]:
    """The JWK set (RFC 7517 section 5) of every registered key, oldest first. One query."""
    return {"keys": [public_jwk(unb64(key.public_key_b64)) for key in SigningKey.objects.all()]}

"""The public keys as the world sees them."""

from functools import lru_cache

from receipts.canonical import unb64
from receipts.models import SigningKey
from receipts.signing import public_jwk
from receipts.verify import Keys, load_keys


def jwks() -> dict[str, list[dict[str, str]]]:
    """The JWK set (RFC 7517 section 5) of every registered key, oldest first. One query."""
    return _key_set(_published())


def published_keys() -> Keys:
    """The same set, ready to verify with. The rows are read at each call; only what follows from them is kept. Raises NotVerifiable."""
    return _usable_keys(_published())


def _published() -> tuple[str, ...]:
    return tuple(SigningKey.objects.values_list("public_key_b64", flat=True))


def _key_set(public_keys_b64: tuple[str, ...]) -> dict[str, list[dict[str, str]]]:
    return {"keys": [public_jwk(unb64(text)) for text in public_keys_b64]}


@lru_cache(maxsize=4)
def _usable_keys(public_keys_b64: tuple[str, ...]) -> Keys:
    return load_keys(_key_set(public_keys_b64))

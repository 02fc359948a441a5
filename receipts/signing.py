"""The only file near a private key: where it comes from, and the port that a signer elsewhere plugs into."""

import os
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from receipts.verify import b64url, is_small_order, thumbprint, unb64

MISSING, UNREADABLE, UNREGISTERED = "signing_key_missing", "signing_key_unreadable", "signing_key_unregistered"
PEM_HEADER = b"-----BEGIN PRIVATE KEY-----"
SENTENCES = {
    MISSING: "No receipt signing key is here: set RECEIPT_SIGNING_KEY_FILE, then run create_signing_key.",
    UNREADABLE: "The receipt signing key cannot be used: it must be one Ed25519 key, as PKCS#8 PEM or base64 of its 32-byte seed.",
    UNREGISTERED: "The receipt signing key's public half is not registered: run create_signing_key.",
}


class SigningUnavailable(Exception):
    """Nothing can be signed now. `code`: one of the three words above; the text is for people and holds no path and no key material."""

    def __init__(self, code: str) -> None:
        super().__init__(SENTENCES[code])
        self.code = code


class Signer(Protocol):
    """The port. `kid`: RFC 7638 thumbprint of `public_key`, 32 raw bytes; `sign` answers 64 bytes or raises SigningUnavailable."""

    kid: str
    public_key: bytes

    def sign(self, payload: bytes) -> bytes: ...


class LocalSigner:
    """Signs in this process (Ed25519, RFC 8032)."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self.public_key = private_key.public_key().public_bytes_raw()
        self.kid = thumbprint(self.public_key)
        self.sign = private_key.sign


def signer() -> Signer:
    """The signer that the settings name, as they and the key file stand at this moment. Raises SigningUnavailable."""
    inline, path = settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE
    if inline and path:
        raise SigningUnavailable(UNREADABLE)
    if inline:
        return _from_text(inline)
    return _from_file(path, _stamp(path))


def _stamp(path: str) -> tuple[int, ...]:
    """What changes when a file is replaced, rewritten, or given other rights. Raises SigningUnavailable."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise SigningUnavailable(MISSING) from None
    except (OSError, ValueError):
        raise SigningUnavailable(UNREADABLE) from None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@lru_cache(maxsize=1)
def _from_text(text: str) -> LocalSigner:
    # An environment file has no line breaks, so PEM comes with the two letters instead.
    return _local(text.replace("\\n", "\n").encode())


@lru_cache(maxsize=1)
def _from_file(path: str, stamp: tuple[int, ...]) -> LocalSigner:
    try:
        with open(path, "rb") as file:
            return _local(file.read(64 * 1024))
    except OSError:
        raise SigningUnavailable(UNREADABLE) from None


def _local(content: bytes) -> LocalSigner:
    try:
        private_key = _private_key(content.strip())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # TypeError: the PEM is encrypted. Nothing of the cause goes on, for it may quote the key.
        raise SigningUnavailable(UNREADABLE) from None
    local = LocalSigner(private_key)
    refuse_unsafe(local)
    return local


def _private_key(content: bytes) -> Ed25519PrivateKey:
    if not content.startswith(PEM_HEADER):
        return Ed25519PrivateKey.from_private_bytes(unb64(content.decode("ascii")))
    private_key = serialization.load_pem_private_key(content, password=None)
    if not isinstance(private_key, Ed25519PrivateKey):
        raise TypeError("Not an Ed25519 key.")
    return private_key


def refuse_unsafe(candidate: Signer) -> None:
    """Raises SigningUnavailable for a public key of small order, under which anything verifies, or a kid that is not its thumbprint."""
    public_key = candidate.public_key
    if len(public_key) != 32 or is_small_order(public_key) or candidate.kid != thumbprint(public_key):
        raise SigningUnavailable(UNREADABLE)


def new_private_key_pem() -> bytes:
    """A fresh Ed25519 key, PKCS#8 PEM (RFC 8410), not encrypted."""
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(pem, pkcs8, plain)


def signer_in(path: str) -> Signer:
    """The signer of a key file that the settings do not name yet. Raises SigningUnavailable."""
    return _from_file(path, _stamp(path))


def public_jwk(public_key: bytes) -> dict[str, str]:
    """JWK of 32 public bytes (RFC 8037 section 2). No `alg`: libraries disagree on its name for Ed25519."""
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": thumbprint(public_key), "x": b64url(public_key)}

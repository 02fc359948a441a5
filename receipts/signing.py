"""The only file near a private key: where it comes from, and the port that a signer elsewhere plugs into."""

import os
import re
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from config.env import UNIX_SOCKET
from receipts.elsewhere import ask
from receipts.verify import b64url, is_small_order, parse, thumbprint, unb64, unb64url

MISSING, UNREADABLE, UNREGISTERED = "signing_key_missing", "signing_key_unreadable", "signing_key_unregistered"
NEXT, RETIRED, REVOKED = "signing_key_next", "signing_key_retired", "signing_key_revoked"
SAMPLE, SILENT = "signing_key_sample", "signer_unavailable"
SENTENCES = {
    MISSING: "No signing key is here: set its file (RECEIPT_SIGNING_KEY_FILE, for the log LOG_SIGNING_KEY_FILE), then run keys create.",
    UNREADABLE: "The signing key cannot be used: it must be one Ed25519 key, as PKCS#8 PEM, JWK or base64 of its 32-byte seed.",
    UNREGISTERED: "The signing key's public half is not registered: run keys create.",
    NEXT: "The signing key is registered as the next one and not in force yet: run keys rotate.",
    RETIRED: "The signing key is retired: give this process the key that is active now, then try again.",
    REVOKED: "The signing key is revoked: give this process the key that is active now, then try again.",
    SAMPLE: "The signing key is a published sample that everybody knows: run keys create for one of your own.",
    SILENT: "The signer that RECEIPT_SIGNER names gave no usable answer in time. Nothing was changed; try again shortly.",
}
# Keys that were published as examples: RFC 8032 section 7.1 (tests 1, 2, 3, 1024 and SHA(abc)), the protocol's public fixture, seeds of
# all zeros, all ones and ones in each byte, and those of our own tests and documentation.
SAMPLE_KIDS = frozenset(
    {
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk",
        "FVV5umTuau890q59V-4Ga_R6qWb7ON_ivJc4EjvCwTM",
        "lZI1vM7tnlYapaF5-cy86ptx0tT_8Av721hhiNB5ti4",
        "iiDHHfFVNG6ICMUTsicgrWf1igtFYZEK73xlobt1ah4",
        "5wJ55U2yX0K8BQZaEW4de93CznLV7b7oRzJTS09cmWg",
        "9ZP03Nu8GrXPAUkbKNxHOKBzxPX83SShgFkRNK-f2lw",
        "LlsmkXmHJuXWkRZLv_FKl_mprfIV5aYVnXqCgsebsdU",
        "UDDReOZl1ipXAfp9wYsm13sDBMK5og--QWdBjzuf6o4",
        "1IG2tMH7J2wbJZnOf8LJzQitKf7LMvoAElsuDMVM54Y",
        "WWpn_pfHui9YKR4CZtQsDGMu7_Gch2zYChfSvnxgtPk",
        "EXoGYEVp2ZcVbQSQBwZGO0roxRhmIKDXDbEgeOLg10E",
    }
)
PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----")
# OneAsymmetricKey with a public key and no attributes (RFC 5958, RFC 8410 section 7): this head, 32 bytes, this joint, 32 bytes.
WITH_PUBLIC_HEAD, WITH_PUBLIC_JOINT = bytes.fromhex("3051020101300506032b657004220420"), bytes.fromhex("812100")


class SigningUnavailable(Exception):
    """Nothing can be signed now. `code`: one of the words above; the text is for people and holds no path and no key material."""

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


class SocketSigner:
    """Has another process sign, behind a Unix socket (docs/receipts.md has the two questions). Believes no signature unchecked."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.public_key = self._answer({"ask": "public_key"}, "public_key_b64")
        self.kid = thumbprint(self.public_key)

    def sign(self, payload: bytes) -> bytes:
        signature = self._answer({"ask": "sign", "kid": self.kid, "payload_b64": b64encode(payload).decode()}, "signature_b64")
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, payload)
        except (InvalidSignature, ValueError):
            raise SigningUnavailable(SILENT) from None
        return signature

    def _answer(self, question: dict, member: str) -> bytes:
        try:
            return unb64(parse(ask(self._path, question))[member])
        except (OSError, ValueError, KeyError, TypeError):
            raise SigningUnavailable(SILENT) from None


def signer() -> Signer:
    """The signer of receipts that the settings name, as they and the key file stand at this moment. Raises SigningUnavailable."""
    if not settings.RECEIPT_SIGNER:
        return _configured(settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE)
    if settings.RECEIPT_SIGNING_KEY or settings.RECEIPT_SIGNING_KEY_FILE:
        raise SigningUnavailable(UNREADABLE)
    found = SocketSigner(settings.RECEIPT_SIGNER.removeprefix(UNIX_SOCKET))
    refuse_unsafe(found)
    return found


def log_signer() -> Signer:
    """The signer of the log's checkpoints, likewise."""
    return _configured(settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE)


def _configured(inline: str, path: str) -> Signer:
    if inline and path:
        raise SigningUnavailable(UNREADABLE)
    # An environment file has no line breaks, so PEM comes with the two letters instead.
    found = _from_text(inline.replace("\\n", "\n")) if inline else _from_file(path, _stamp(path))
    refuse_unsafe(found)
    return found


def _stamp(path: str) -> tuple[int, ...]:
    """What changes when a file is replaced, rewritten, or given other rights. Raises SigningUnavailable."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise SigningUnavailable(MISSING) from None
    except (OSError, ValueError):
        raise SigningUnavailable(UNREADABLE) from None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@lru_cache(maxsize=2)
def _from_text(text: str) -> LocalSigner:
    return _local(text.encode())


@lru_cache(maxsize=2)
def _from_file(path: str, stamp: tuple[int, ...]) -> LocalSigner:
    try:
        with open(path, "rb") as file:
            return _local(file.read(64 * 1024))
    except OSError:
        raise SigningUnavailable(UNREADABLE) from None


def _local(content: bytes) -> LocalSigner:
    try:
        return LocalSigner(private_key(content.strip()))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # TypeError: the PEM is encrypted. Nothing of the cause goes on, for it may quote the key.
        raise SigningUnavailable(UNREADABLE) from None


def private_key(content: bytes) -> Ed25519PrivateKey:
    """PKCS#8 PEM (RFC 8410), a JWK (RFC 8037), or base64 of the 32-byte seed. Raises ValueError, TypeError or UnsupportedAlgorithm."""
    if content.startswith(b"{"):
        return _from_jwk(parse(content))
    found = PEM.fullmatch(content)
    if found is None:
        return Ed25519PrivateKey.from_private_bytes(unb64(content.decode("ascii")))
    der = b64decode(b"".join(found[1].split()), validate=True)
    if der.startswith(WITH_PUBLIC_HEAD):
        return _with_public(der)
    loaded = serialization.load_der_private_key(der, password=None)
    if not isinstance(loaded, Ed25519PrivateKey):
        raise TypeError("Not an Ed25519 key.")
    return loaded


def _with_public(der: bytes) -> Ed25519PrivateKey:
    head = len(WITH_PUBLIC_HEAD)
    seed, joint, public = der[head : head + 32], der[head + 32 : head + 35], der[head + 35 :]
    if joint != WITH_PUBLIC_JOINT:
        raise ValueError("Not the form of an Ed25519 key with its public key.")
    return _matching(seed, public)


def _from_jwk(jwk: object) -> Ed25519PrivateKey:
    if not isinstance(jwk, dict) or (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519"):
        raise TypeError("Not an Ed25519 key.")
    return _matching(unb64url(jwk["d"]) if isinstance(jwk.get("d"), str) else b"", unb64url(str(jwk.get("x"))))


def _matching(seed: bytes, public: bytes) -> Ed25519PrivateKey:
    """The key of a seed, if the public half that lay beside it is its own: with another one, signatures give the private half away."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    if key.public_key().public_bytes_raw() != public:
        raise ValueError("The public half is another key's.")
    return key


def refuse_unsafe(candidate: Signer) -> None:
    """Raises SigningUnavailable for a key under which anything verifies (small order), or a kid that is not its thumbprint, and in a
    production-like installation for a key that everybody knows."""
    public_key = candidate.public_key
    if len(public_key) != 32 or is_small_order(public_key) or candidate.kid != thumbprint(public_key):
        raise SigningUnavailable(UNREADABLE)
    if candidate.kid in SAMPLE_KIDS and settings.INSTALLATION.production_like:
        raise SigningUnavailable(SAMPLE)


def new_private_key_pem() -> bytes:
    """A fresh Ed25519 key, PKCS#8 PEM (RFC 8410), not encrypted."""
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(pem, pkcs8, plain)


def write_private_key(path: str) -> Signer:
    """A new key in a new file that only this user can read; its signer. Never writes to a file that is there. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(new_private_key_pem())
        file.flush()
        os.fsync(file.fileno())
    return signer_in(path)


def signer_in(path: str) -> Signer:
    """The signer of a key file that the settings do not name. Raises SigningUnavailable."""
    return _configured("", path)


def public_jwk(public_key: bytes) -> dict[str, str]:
    """JWK of 32 public bytes (RFC 8037 section 2). No `alg`: libraries disagree on its name for Ed25519."""
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": thumbprint(public_key), "x": b64url(public_key)}

"""Checkpoints as C2SP signed notes (tlog-checkpoint, signed-note): three lines, a blank one, and a signature with its key's name. Pure."""

import hashlib

from receipts.canonical import b64

ED25519 = b"\x01"


def origin(issuer: str) -> str:
    """The log's name: the issuer's address without its scheme."""
    return issuer.partition("://")[2] or issuer


def key_hash(name: str, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


def key_name(name: str, public_key: bytes) -> str:
    """`<origin>+<8 hex digits>`, as the key is called in attestations."""
    return f"{name}+{key_hash(name, public_key).hex()}"


def verifier_key(name: str, public_key: bytes) -> str:
    """The text that a verifier pins: `<origin>+<8 hex digits>+<base64 of 0x01 and the key>`."""
    return f"{key_name(name, public_key)}+{b64(ED25519 + public_key)}"


def checkpoint(name: str, *, size: int, root: bytes) -> str:
    """What is signed: origin, tree size, root hash, each with its line end."""
    return f"{name}\n{size}\n{b64(root)}\n"


def signed(text: str, *, name: str, public_key: bytes, signature: bytes) -> str:
    """The note. `signature`: 64 bytes over the text."""
    return f"{text}\n\u2014 {name} {b64(key_hash(name, public_key) + signature)}\n"

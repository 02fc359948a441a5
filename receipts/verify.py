"""Verify a deployment review receipt offline. Standard library and `cryptography` only, so that this one file can be copied anywhere.

    python verify.py RECEIPT.json --jwks JWKS.json [--issuer URL] [--environment NAME] [--accept-conditions] [--json]

Exit status: 0 everything demanded was verified, 1 not verified, 2 wrong usage or unreadable input.
"""

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PROTOCOL = "craton.receipt.protocol.v1"
OBJECT = "readiness.deployment_review_receipt.v1"
DECISION_TYPE = "deployment_approval_request"
GATE_TYPE = "deployment_approval_gate"
SIG_ALG = "ed25519"
COMMITMENT_ALG = "hmac-sha256"
VERDICTS = ("allow", "constrain", "reject")
INNER_MEMBERS = frozenset({"payload_b64", "signature", "kid", "sig_alg"})
COPIES = ("verdict", "commitment_id", "request_id")

MEANING = {
    "malformed_receipt": "it does not have the form of a deployment review receipt of this protocol",
    "malformed_jwks": "the key set does not have the form of a JWKS",
    "duplicate_json_key": "a JSON object names one of its keys twice",
    "noncanonical_base64": "a base64 text is not in its one canonical spelling",
    "unsupported_algorithm": "the only algorithm is ed25519",
    "unknown_kid": "the key set holds no key of that name",
    "small_order_key": "the key set holds a key under which anything verifies",
    "signature_invalid": "the signature does not belong to these bytes and this key",
    "outer_copy_mismatch": "an unsigned copy outside differs from what was signed",
    "issuer_mismatch": "it comes from another issuer",
    "environment_mismatch": "it is for another environment",
    "subject_mismatch": "it is for something else",
    "receipt_expired": "its time is over",
    "verdict_reject": "the reviewers rejected it",
    "verdict_constrain": "it was approved with conditions; read them, then say --accept-conditions",
}


class NotVerifiable(ValueError):
    """Its text is one of the reason words above."""


class Report(NamedTuple):
    """What was found out. `kid` and `signed_payload` come from pinned keys and verified bytes alone, else None."""

    verified: bool = False
    signature_valid: bool = False
    reasons: tuple[str, ...] = ()
    kid: str | None = None
    payload_sha256: str | None = None
    signed_payload: dict | None = None


class Keys(dict[str, Ed25519PublicKey]):
    """Usable keys by kid, as made by load_keys."""


# --- strict reading -----------------------------------------------------------------------------------------------------------


def unb64(text: str) -> bytes:
    """Standard base64 (RFC 4648 section 4) in its one canonical spelling. Raises NotVerifiable, a ValueError."""
    try:
        data = binascii.a2b_base64(text)
    except ValueError:
        raise NotVerifiable("noncanonical_base64") from None
    # Decoding is lenient about stray letters, padding and trailing bits; encoding has one answer.
    if binascii.b2a_base64(data, newline=False) != text.encode():
        raise NotVerifiable("noncanonical_base64")
    return data


def b64url(data: bytes) -> str:
    """Unpadded base64url (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """The inverse of b64url; nothing but its one spelling. Raises NotVerifiable, a ValueError."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise NotVerifiable("noncanonical_base64") from None
    if b64url(data) != text:
        raise NotVerifiable("noncanonical_base64")
    return data


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotVerifiable("duplicate_json_key")
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > 15:
        raise NotVerifiable("malformed_receipt")
    return int(digits)


def _refused(word: str) -> None:
    raise NotVerifiable("malformed_receipt")


# A fraction is refused with NaN and Infinity: no member of a receipt has one, and its canonical spelling is a science.
_numbers = {"parse_int": _whole_number, "parse_float": _refused, "parse_constant": _refused}
_decode = json.JSONDecoder(object_pairs_hook=_without_duplicates, **_numbers).decode
# RFC 8785 for what a receipt holds: ASCII keys, texts, whole numbers, true, false, null.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def parse(text: bytes) -> object:
    """Strict JSON in UTF-8. Raises NotVerifiable: duplicate_json_key or malformed_receipt."""
    try:
        return _decode(text.decode("utf-8"))
    except NotVerifiable:
        raise
    except (ValueError, RecursionError):
        raise NotVerifiable("malformed_receipt") from None


# --- keys ---------------------------------------------------------------------------------------------------------------------

_P = 2**255 - 19
_Y_OF_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
# The eight points of small order have these five y-coordinates (RFC 8032 section 5.1 for the curve).
_SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})


def is_small_order(public_key: bytes) -> bool:
    """Whether 32 key bytes name a point of order 1, 2, 4 or 8, in canonical spelling or not, with either sign bit."""
    return (int.from_bytes(public_key, "little") & (2**255 - 1)) % _P in _SMALL_ORDER_Y


def thumbprint(public_key: bytes) -> str:
    """RFC 7638 thumbprint of an Ed25519 key (members as in RFC 8037 appendix A.3)."""
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{b64url(public_key)}"}}'
    return b64url(hashlib.sha256(members.encode()).digest())


def _public_bytes(jwk: object) -> bytes | None:
    """The 32 bytes of an entry that can verify receipts, None for any other kind of entry."""
    if not isinstance(jwk, dict) or (jwk.get("kty"), jwk.get("crv"), jwk.get("use", "sig")) != ("OKP", "Ed25519", "sig"):
        return None
    if not isinstance(jwk.get("x"), str):
        raise NotVerifiable("malformed_jwks")
    public_key = unb64url(jwk["x"])
    if len(public_key) != 32:
        raise NotVerifiable("malformed_jwks")
    # Under such a key every message has a signature, so the whole set is not to be trusted.
    if is_small_order(public_key):
        raise NotVerifiable("small_order_key")
    return public_key if jwk.get("kid") == thumbprint(public_key) else None


def load_keys(jwks: Mapping) -> Keys:
    """The Ed25519 keys of a JWKS (RFC 7517, RFC 8037) whose kid is their thumbprint. Raises NotVerifiable."""
    entries = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(entries, list):
        raise NotVerifiable("malformed_jwks")
    usable = [raw for raw in map(_public_bytes, entries) if raw is not None]
    return Keys((thumbprint(raw), Ed25519PublicKey.from_public_bytes(raw)) for raw in usable)


# --- the payload --------------------------------------------------------------------------------------------------------------

_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch
_is_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_is_commitment = re.compile(r"rdc1_[A-Za-z0-9_-]{43}").fullmatch
_is_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z").fullmatch


def _text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _number(value: object) -> bool:
    return type(value) is int and value >= 1


def _matches(pattern: Callable[[str], object]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern(value) is not None


def _or_null(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


def _exactly(word: str) -> Callable[[object], bool]:
    return lambda value: value == word


def _time(value: object) -> bool:
    if not (isinstance(value, str) and _is_time(value)):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _digests(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(_text(text) for text in value.values())


def _artifact(value: object) -> bool:
    return isinstance(value, dict) and _text(value.get("name")) and _digests(value.get("digest"))


def _subject(value: object) -> bool:
    return isinstance(value, list) and all(map(_artifact, value))


def _policy(value: object) -> bool:
    return isinstance(value, dict) and _text(value.get("id")) and _number(value.get("version")) and _matches(_is_hash)(value.get("digest"))


MEMBERS: dict[str, Callable[[object], bool]] = {
    "protocol": _exactly(PROTOCOL),
    "object": _exactly(OBJECT),
    "issuer": _text,
    "receipt_id": _matches(_is_uuid),
    "request_id": _matches(_is_uuid),
    "revision": _number,
    "verdict": lambda value: value in VERDICTS,
    "commitment_id": _matches(_is_commitment),
    "commitment_alg": _exactly(COMMITMENT_ALG),
    "decision_type": _exactly(DECISION_TYPE),
    "gate_type": _exactly(GATE_TYPE),
    "environment": _text,
    "subject": _subject,
    "policy": _policy,
    "conditions_digest": _or_null(_matches(_is_hash)),
    "issued_at": _time,
    "expires_at": _or_null(_time),
    "supersedes": _or_null(_matches(_is_uuid)),
    "production_write": lambda value: value is False,
}


def is_well_formed(payload: object) -> bool:
    """Whether every member is there with its type; further members are let be. Only a reject may have no end."""
    if not isinstance(payload, dict) or not all(name in payload and check(payload[name]) for name, check in MEMBERS.items()):
        return False
    return payload["expires_at"] is not None or payload["verdict"] == "reject"


def _signed(payload_bytes: bytes) -> dict:
    """The payload, if it is one and these are its canonical bytes (RFC 8785). Raises NotVerifiable."""
    payload = parse(payload_bytes)
    if not is_well_formed(payload) or _encode(payload).encode("utf-8", "replace") != payload_bytes:
        raise NotVerifiable("malformed_receipt")
    return payload


# --- verification -------------------------------------------------------------------------------------------------------------


def _inner(envelope: object) -> dict[str, str]:
    """The inner receipt object, exactly its four texts. Raises NotVerifiable."""
    inner = envelope.get("receipt") if isinstance(envelope, dict) else None
    if not isinstance(inner, dict) or not set(envelope) <= {"receipt", *COPIES}:
        raise NotVerifiable("malformed_receipt")
    if inner.get("sig_alg") != SIG_ALG:
        raise NotVerifiable("unsupported_algorithm")
    if set(inner) != INNER_MEMBERS or not all(isinstance(text, str) for text in inner.values()):
        raise NotVerifiable("malformed_receipt")
    return inner


def _is_signed_by(key: Ed25519PublicKey, *, payload_bytes: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, payload_bytes)
    except InvalidSignature:
        return False
    return True


def _authenticated(inner: dict[str, str], keys: Keys) -> Report:
    """The report without demands: whose signature this is, over which payload. Raises NotVerifiable before there is anything to report."""
    payload_bytes, signature = unb64(inner["payload_b64"]), unb64(inner["signature"])
    kid, digest = inner["kid"], hashlib.sha256(payload_bytes).hexdigest()
    if kid not in keys:
        return Report(reasons=("unknown_kid",), payload_sha256=digest)
    if not _is_signed_by(keys[kid], payload_bytes=payload_bytes, signature=signature):
        return Report(reasons=("signature_invalid",), kid=kid, payload_sha256=digest)
    try:
        return Report(False, True, (), kid, digest, _signed(payload_bytes))
    except NotVerifiable as refusal:
        return Report(False, True, (str(refusal),), kid, digest)


def _names(subject: list[dict], wanted: str) -> bool:
    algorithm, _, value = wanted.partition(":")
    return any(each["digest"].get(algorithm) == value for each in subject)


def _is_over(payload: dict, now: datetime | None) -> bool:
    end = payload["expires_at"]
    return end is not None and (now or datetime.now(UTC)) >= datetime.fromisoformat(end)


def verify(
    envelope: dict | bytes,
    jwks: Mapping,
    *,
    issuer: str | None = None,
    environment: str | None = None,
    subject: str | None = None,
    now: datetime | None = None,
    accept_conditions: bool = True,
) -> Report:
    """Whether a receipt holds: form, signature under a pinned key, and everything that is demanded by keyword. Never raises on bad input.

    `envelope`: the JSON object or its bytes (only bytes show duplicate keys); `jwks`: a JWKS or what load_keys made of one; `subject`:
    `sha256:…` or `gitCommit:…` that the receipt must name; `now`: aware, else this machine's clock; `accept_conditions`: the caller
    reads conditions, which the command line leaves to an option.
    """
    try:
        document = parse(envelope) if isinstance(envelope, bytes) else envelope
        report = _authenticated(_inner(document), jwks if isinstance(jwks, Keys) else load_keys(jwks))
    except NotVerifiable as refusal:
        return Report(reasons=(str(refusal),))
    payload = report.signed_payload
    if payload is None:
        return report
    unmet = {
        "outer_copy_mismatch": any(name in document and document[name] != payload[name] for name in COPIES),
        "issuer_mismatch": issuer is not None and payload["issuer"] != issuer,
        "environment_mismatch": environment is not None and payload["environment"] != environment,
        "subject_mismatch": subject is not None and not _names(payload["subject"], subject),
        "receipt_expired": _is_over(payload, now),
        "verdict_reject": payload["verdict"] == "reject",
        "verdict_constrain": payload["verdict"] == "constrain" and not accept_conditions,
    }
    reasons = tuple(word for word, failed in unmet.items() if failed)
    return Report(not reasons, True, reasons, report.kid, report.payload_sha256, payload)


# --- command line -------------------------------------------------------------------------------------------------------------


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verify a deployment review receipt offline. Exit status: 0 verified, 1 not, 2 usage.")
    parser.add_argument("receipt", help="the receipt envelope, a JSON file")
    parser.add_argument("--jwks", required=True, help="the pinned keys, a JSON file that you fetched earlier")
    parser.add_argument("--issuer", help="the issuer that the receipt must name")
    parser.add_argument("--environment", help="the environment that the receipt must name")
    parser.add_argument("--accept-conditions", action="store_true", help="let an approval with conditions pass")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    return parser.parse_args(argv)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _in_words(report: Report) -> str:
    lines = ["verified" if report.verified else "not verified"]
    lines += [f"{word}: {MEANING[word]}" for word in report.reasons]
    # As JSON, so that no signed text can steer a terminal.
    lines += [f"signed {name}: {json.dumps(value)}" for name, value in (report.signed_payload or {}).items()]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        receipt, jwks = _content(arguments.receipt), parse(_content(arguments.jwks))
    except (OSError, NotVerifiable):
        print("The receipt or the key set cannot be read.", file=sys.stderr)
        return 2
    demands = {"issuer": arguments.issuer, "environment": arguments.environment, "accept_conditions": arguments.accept_conditions}
    report = verify(receipt, jwks, **demands)
    print(json.dumps(report._asdict(), indent=2) if arguments.json else _in_words(report))
    return 0 if report.verified else 1


if __name__ == "__main__":
    sys.exit(main())

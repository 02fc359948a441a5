"""Verify a receipt, or a bundle of receipt, attestation, log proof and status, offline. One file: standard library and `cryptography` only.

    python verify.py FILE --root ROOT | --jwks JWKS [--issuer U] [--environment E] [--subject sha256:…] [--max-age 72h]
                     [--accept-conditions] [--require-log] [--log-key KEY] [--require-status] [--max-status-age 24h] [--json]

Exit status: 0 everything demanded was verified, 1 not verified, 2 wrong usage or unreadable input. The sections below: reason words, strict
reading, keys, the file that is handed in, the payload, attestation, status, log, verification, command line.
"""

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PROTOCOL = "craton.receipt.protocol.v1"
OBJECT = "readiness.deployment_review_receipt.v1"
BUNDLE = "craton.receipt.verification_bundle"
ATTESTATION = "craton.receipt.operational_key_attestation.v1"
ATTESTATION_PAYLOAD = "craton.receipt.operational_key_attestation_payload.v1"
STATUS = "readiness.receipt_status.v1"
LOG_LEAF = "readiness.log_leaf.v1"
OURS = ("readiness.", "craton.receipt.operational_key", BUNDLE)  # other documents of the protocol: never to be taken for a receipt
RECEIPT_SIGNING, LOG_SIGNING = "receipt_signing", "log_signing"
BY_ROOT, BY_KEYS = "root_attestation", "jwks_argument"
DECISION_TYPE = "deployment_approval_request"
GATE_TYPE = "deployment_approval_gate"
SIG_ALG = "ed25519"
COMMITMENT_ALG = "hmac-sha256"
VERDICTS = ("allow", "constrain", "reject")
INNER_MEMBERS = frozenset({"payload_b64", "signature", "kid", "sig_alg"})
BUNDLE_MEMBERS = frozenset({"object", "receipt", "key_bundle", "attestation", "log", "status", "status_attestation"})
LOG_MEMBERS = frozenset({"leaf_b64", "leaf_index", "tree_size", "hashes", "checkpoint", "key", "attestation"})
COPIES = ("verdict", "commitment_id", "request_id")
ENVELOPE_MEMBERS = frozenset({"receipt", *COPIES})
CLOCKS_DIFFER = timedelta(minutes=5)
STATUS_KEEPS = timedelta(days=30)  # after a receipt's end its entry may leave the status document
FILE_LIMIT = 1024 * 1024


# --- reason words -------------------------------------------------------------------------------------------------------------

STEPS = {
    "reading": {
        "malformed_receipt": "it does not have the form of a receipt of this protocol",
        "malformed_bundle": "it does not have the form of a verification bundle",
        "duplicate_json_key": "a JSON object names one of its keys twice",
        "noncanonical_base64": "a base64 text is not in its one canonical spelling",
        "unsupported_algorithm": "the only algorithm is ed25519",
    },
    "keys": {
        "malformed_jwks": "the key set does not have the form of a JWKS",
        "malformed_root": "the pinned root does not have the form of a trust anchor",
        "unknown_kid": "the key set holds no key of that name",
        "small_order_key": "there is a key under which anything verifies",
        "key_revoked": "the key that signed it was revoked",
        "pinned_root_fingerprint_mismatch": "the pinned root's fingerprint is not that of its key",
    },
    "attestation": {
        "attestation_missing": "no root vouches for its key, and a root was demanded",
        "unsupported_attestation_object": "the attestation is not one of this protocol",
        "unknown_root_key_id": "the attestation names another root than the one that is pinned",
        "attestation_root_fingerprint_mismatch": "the attestation names another fingerprint than that of the pinned root",
        "root_signature_verification_failed": "the pinned root did not sign the attestation",
        "unsupported_attestation_payload_object": "what the root signed is not an attestation",
        "unsupported_attestation_protocol": "what the root signed is for another protocol",
        "root_key_id_payload_mismatch": "the root signed the name of another root",
        "root_fingerprint_payload_mismatch": "the root signed the fingerprint of another root",
        "missing_subject": "the attestation vouches for no key",
        "subject_kid_mismatch": "the attestation vouches for another key",
        "subject_use_not_receipt_signing": "the root did not allow that key to sign receipts",
        "subject_use_not_log_signing": "the root did not allow that key to sign the log",
        "subject_sig_alg_not_ed25519": "the attestation is for another algorithm than ed25519",
        "subject_public_key_mismatch": "the attested key is not the one in the bundle",
        "subject_public_key_fingerprint_mismatch": "the attested fingerprint is not that of the key",
        "malformed_attestation": "the times of the attestation cannot be read",
        "attestation_not_yet_valid": "the attestation does not hold yet",
        "attestation_expired": "the attestation does not hold any more",
    },
    "signature": {"signature_invalid": "the signature does not belong to these bytes and this key"},
    "demands": {
        "outer_copy_mismatch": "an unsigned copy outside differs from what was signed",
        "issuer_mismatch": "it comes from another issuer, or does not say from which",
        "environment_mismatch": "it is for another environment, or does not say for which",
        "subject_mismatch": "it is for something else, or does not say for what",
        "receipt_not_yet_valid": "it was issued later than this machine's clock says it is now",
        "receipt_expired": "its time is over",
        "receipt_too_old": "it is older than was demanded, or does not say how old it is",
        "verdict_reject": "the reviewers rejected it",
        "verdict_constrain": "it was approved with conditions; read them, then say --accept-conditions",
        "verdict_unknown": "its verdict is none of allow, constrain and reject",
    },
    "status": {
        "status_missing": "a signed status was demanded, and there is none",
        "status_invalid": "the status is not one that this issuer signed with a key that is trusted here",
        "status_stale": "the status is older than was demanded, or its successor is overdue",
        "receipt_revoked": "the approval was revoked",
    },
    "log": {
        "log_missing": "a log proof was demanded, and there is none",
        "log_key_unknown": "no key of the log is pinned or attested, so the proof says nothing",
        "log_checkpoint_invalid": "the checkpoint is not one that the log's key signed",
        "log_inclusion_failed": "the proof does not lead from this receipt to the checkpoint",
        "log_inconsistent": "the logged entry, the proof and the receipt contradict each other",
    },
}
MEANING = {word: sentence for step in STEPS.values() for word, sentence in step.items()}
STEP_OF = {word: step for step, words in STEPS.items() for word in words}

NOTES = {
    "another_issuers_form": "It is not a deployment review receipt of ours: beside what you demanded, only the signature is established.",
    "keys_as_pinned": "Whose key this is rests on the file that you pinned; no root vouches for it here.",
    "attestation_not_checked": "An attestation is there; without --root it was not looked at.",
    "revocation_unknown": "Whether it was revoked is not known: no signed status was looked at.",
    "status_not_current": "The status that was looked at is overdue, so a later revocation may be missing from it.",
    "log_not_checked": "Whether it stands in the log is not known: no log proof was checked.",
}


class NotVerifiable(ValueError):
    """Its text is one of the reason words above."""


class Status(NamedTuple):
    """What the signed status says. `state`: revoked, not_revoked (as of `as_of`) or unknown."""

    state: str = "unknown"
    as_of: str | None = None
    next_update: str | None = None
    seq: int | None = None
    revoked_at: str | None = None
    reason: str | None = None
    superseded_by: str | None = None


UNKNOWN = Status()


class Log(NamedTuple):
    """The proof that was checked: the receipt's leaf is in the tree that the log's key signed."""

    origin: str
    tree_size: int
    leaf_index: int
    root_hash: str


class Report(NamedTuple):
    """What was found out. Everything but `payload_sha256` comes from pinned keys and verified bytes alone, else it is None."""

    verified: bool = False
    signature_valid: bool = False
    reasons: tuple[str, ...] = ()
    kid: str | None = None
    payload_sha256: str | None = None
    signed_payload: dict | None = None
    issuer_identity_verified: bool = False
    verification_scope: str | None = None
    trust_anchor: str | None = None
    attestation_status: str = "missing"
    attestation_failure_reason: str | None = None
    key_source: str | None = None
    sig_alg: str | None = None
    protocol: str | None = None
    verdict: object = None
    commitment_id: object = None
    request_id: object = None
    status: Status = UNKNOWN
    log: Log | None = None
    notes: tuple[str, ...] = ()

    @property
    def failed_step(self) -> str | None:
        """The first step that failed: reading, keys, attestation, signature, demands, status, log."""
        return next((step for step in STEPS for word in self.reasons if STEP_OF[word] == step), None)


# --- strict reading -----------------------------------------------------------------------------------------------------------


def unb64(text: str) -> bytes:
    """Standard base64 (RFC 4648 section 4) in its one canonical spelling. Raises NotVerifiable, a ValueError."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise NotVerifiable("noncanonical_base64") from None
    # Strict decoding still takes bits that stand for nothing, which only the last four letters can hold; encoding has one answer.
    if binascii.b2a_base64(data[-(len(data) % 3 or 3) :], newline=False) != text[-4:].encode():
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


def _fraction(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise NotVerifiable("malformed_receipt")
    return number


# A fraction is refused with NaN and Infinity: no member of ours has one, and its canonical spelling is a science. Others may use them.
_decode = json.JSONDecoder(
    object_pairs_hook=_without_duplicates, parse_int=_whole_number, parse_float=_refused, parse_constant=_refused
).decode
_decode_any = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_float=_fraction, parse_constant=_refused).decode
# RFC 8785 for what our documents hold: ASCII keys, texts, whole numbers, true, false, null.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def parse(text: bytes, *, fractions: bool = False) -> object:
    """Strict JSON in UTF-8. Raises NotVerifiable: duplicate_json_key or malformed_receipt."""
    try:
        return (_decode_any if fractions else _decode)(text.decode("utf-8"))
    except NotVerifiable:
        raise
    except (ValueError, RecursionError):
        raise NotVerifiable("malformed_receipt") from None


def _canonical(value: object) -> bytes:
    return _encode(value).encode("utf-8", "replace")


def _moment(value: object) -> datetime | None:
    """An RFC 3339 time, aware; None for anything else."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


# --- keys ---------------------------------------------------------------------------------------------------------------------

_P = 2**255 - 19
_Y_OF_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
# The eight points of small order in each of their spellings: five y-coordinates (RFC 8032 section 5.1 for the curve), two of which have
# a second one within 255 bits, with either sign bit.
_SMALL_ORDER = frozenset(
    (y | sign << 255).to_bytes(32, "little") for y in (0, 1, _P - 1, _P, _P + 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8) for sign in (0, 1)
)


class Keys(dict[str, Ed25519PublicKey]):
    """Usable keys by kid, as made by load_keys. `by_thumbprint`: every kid was compared with its key."""

    by_thumbprint = False


class Root(NamedTuple):
    """A pinned trust anchor."""

    root_key_id: str
    fingerprint: str
    key: Ed25519PublicKey


class LogKey(NamedTuple):
    """A pinned key of a log (C2SP signed-note verifier key): its name, the 4 bytes that stand before its signatures, the key."""

    name: str
    hint: bytes
    key: Ed25519PublicKey


def is_small_order(public_key: bytes) -> bool:
    """Whether 32 key bytes name a point of order 1, 2, 4 or 8, in canonical spelling or not, with either sign bit."""
    return public_key in _SMALL_ORDER


@lru_cache(maxsize=64)
def thumbprint(public_key: bytes) -> str:
    """RFC 7638 thumbprint of an Ed25519 key (members as in RFC 8037 appendix A.3)."""
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{b64url(public_key)}"}}'
    return b64url(hashlib.sha256(members.encode()).digest())


@lru_cache(maxsize=64)
def _key(raw: bytes, *, otherwise: str) -> Ed25519PublicKey:
    """The key of 32 bytes in canonical spelling. Raises NotVerifiable: small_order_key, or the word for another form."""
    if len(raw) != 32:
        raise NotVerifiable(otherwise)
    # Under such a key every message has a signature, so whatever holds it is not to be trusted.
    if is_small_order(raw):
        raise NotVerifiable("small_order_key")
    if int.from_bytes(raw, "little") & (2**255 - 1) >= _P:
        raise NotVerifiable(otherwise)
    return Ed25519PublicKey.from_public_bytes(raw)


def _is_signed_by(key: Ed25519PublicKey, *, payload_bytes: bytes, signature: bytes) -> bool:
    # Who signs can choose an R of small order, which other verifiers of the protocol refuse: one receipt, one answer.
    if len(signature) != 64 or is_small_order(signature[:32]):
        return False
    try:
        key.verify(signature, payload_bytes)
    except InvalidSignature:
        return False
    return True


def _public_bytes(jwk: object, *, any_name: bool) -> bytes | None:
    """The 32 bytes of an entry that can verify receipts, None for any other kind of entry."""
    if not isinstance(jwk, dict):
        return None
    if any_name and isinstance(jwk.get("public_key_b64"), str):
        return unb64(jwk["public_key_b64"])
    if any_name and isinstance(jwk.get("public_key_jwk"), dict):
        jwk = jwk["public_key_jwk"]
    if (jwk.get("kty"), jwk.get("crv"), jwk.get("use", "sig")) != ("OKP", "Ed25519", "sig"):
        return None
    if not isinstance(jwk.get("x"), str):
        raise NotVerifiable("malformed_jwks")
    return unb64url(jwk["x"])


def load_keys(jwks: Mapping, *, any_name: bool = False) -> Keys:
    """The Ed25519 keys of a JWKS (RFC 7517, RFC 8037) whose kid is their thumbprint. Raises NotVerifiable.

    `any_name`: other issuers of the protocol give their keys names of their own, and two more spellings.
    """
    entries = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(entries, list):
        raise NotVerifiable("malformed_jwks")
    keys: Keys = Keys()
    for entry in entries:
        raw = _public_bytes(entry, any_name=any_name)
        if raw is None:
            continue
        key, kid = _key(raw, otherwise="malformed_jwks"), entry.get("kid")
        if not isinstance(kid, str) or not (any_name or kid == thumbprint(raw)):
            continue
        if kid in keys and keys[kid] != key:
            raise NotVerifiable("malformed_jwks")
        keys[kid] = key
    keys.by_thumbprint = not any_name
    return keys


def load_root(anchor: object) -> Root:
    """A trust anchor {root_key_id, public_key_b64, public_key_fingerprint_sha256, sig_alg}. Raises NotVerifiable."""
    if not isinstance(anchor, Mapping) or anchor.get("sig_alg") != SIG_ALG:
        raise NotVerifiable("malformed_root")
    name, text = anchor.get("root_key_id"), anchor.get("public_key_b64")
    if not (_text(name) and isinstance(text, str)):
        raise NotVerifiable("malformed_root")
    raw = unb64(text)
    key, fingerprint = _key(raw, otherwise="malformed_root"), hashlib.sha256(raw).hexdigest()
    if anchor.get("public_key_fingerprint_sha256") != fingerprint:
        raise NotVerifiable("pinned_root_fingerprint_mismatch")
    return Root(name, fingerprint, key)


def load_log_key(text: object) -> LogKey:
    """A verifier key `<name>+<8 hex>+<base64 of 0x01 and the key>` (C2SP signed-note). Raises NotVerifiable."""
    if not isinstance(text, str) or text.count("+") < 2:
        raise NotVerifiable("log_key_unknown")
    name, hint, encoded = text.split("+", 2)
    raw = unb64(encoded)
    if not name or raw[:1] != b"\x01" or hint != _hint(name, raw[1:]).hex():
        raise NotVerifiable("log_key_unknown")
    return LogKey(name, bytes.fromhex(hint), _key(raw[1:], otherwise="log_key_unknown"))


def _hint(name: str, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "replace") + b"\n\x01" + public_key).digest()[:4]


# --- the file that is handed in -----------------------------------------------------------------------------------------------


class Handed(NamedTuple):
    """What a file holds; nothing of it is believed yet.

    `outer`: where unsigned copies may stand; `around`: where a bundle's other parts may stand; `parts`: those of a bundle of our form;
    `exact`: it has the form of ours.
    """

    inner: dict
    outer: dict
    around: dict
    parts: dict
    is_bundle: bool
    exact: bool


def _texts(inner: object) -> dict[str, str]:
    """An inner object, exactly its four texts. Raises NotVerifiable."""
    if not isinstance(inner, dict):
        raise NotVerifiable("malformed_receipt")
    if inner.get("sig_alg") != SIG_ALG:
        raise NotVerifiable("unsupported_algorithm")
    if inner.keys() != INNER_MEMBERS:
        raise NotVerifiable("malformed_receipt")
    for text in inner.values():
        if not isinstance(text, str):
            raise NotVerifiable("malformed_receipt")
    return inner


def _texts_among_others(inner: dict) -> dict[str, str]:
    """The four texts of an inner object of another issuer, which may hold more."""
    return _texts({name: value for name, value in inner.items() if name in INNER_MEMBERS})


def _is_inner(value: dict) -> bool:
    return {"payload_b64", "signature", "kid"} <= set(value)


def _with_a_receipt(document: dict) -> Iterator[tuple[dict, dict]]:
    """(inner object, what stands around it) for each receipt in a document: itself, or whatever is called `receipt` at any depth."""
    if _is_inner(document):
        yield document, {}
    waiting: list[object] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            inner = value.get("receipt")
            if isinstance(inner, dict) and _is_inner(inner):
                yield inner, value
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _opened(document: object, *, legacy: bool) -> Handed:
    """The receipt in a document, and what came with it. `legacy`: other issuers' forms are taken, too. Raises NotVerifiable."""
    if not isinstance(document, dict):
        raise NotVerifiable("malformed_receipt")
    is_bundle = document.get("object") == BUNDLE
    if _is_exact_bundle(document) if is_bundle else document.keys() <= ENVELOPE_MEMBERS:
        inner = document.get("receipt")
        if not legacy or (isinstance(inner, dict) and inner.keys() == INNER_MEMBERS):
            parts = document if is_bundle else {}
            return Handed(_texts(inner), {} if is_bundle else document, parts, parts, is_bundle, True)
    if not legacy:
        raise NotVerifiable("malformed_bundle" if is_bundle else "malformed_receipt")
    if is_bundle:
        if not isinstance(document.get("receipt"), dict):
            raise NotVerifiable("malformed_bundle")
        return Handed(_texts_among_others(document["receipt"]), {}, document, {}, True, False)
    found = list(_with_a_receipt(document))
    if len(found) != 1:
        raise NotVerifiable("malformed_receipt")
    return Handed(_texts_among_others(found[0][0]), found[0][1], document, {}, False, False)


def _is_exact_bundle(document: dict) -> bool:
    """Whether a bundle holds what ours hold and nothing else, so that no byte of it is without a meaning."""
    if not {"object", "receipt", "key_bundle"} <= set(document) <= BUNDLE_MEMBERS:
        return False
    parts = [document[name] for name in BUNDLE_MEMBERS - {"object"} if name in document]
    return all(isinstance(part, dict) for part in parts) and set(document.get("log", LOG_MEMBERS)) | {"attestation"} == LOG_MEMBERS


def _check_key_bundle(handed: Handed) -> None:
    """A bundle's own keys are never trusted; but those of ours have one form, and hold the key that was. Raises NotVerifiable."""
    bundled = handed.around["key_bundle"]
    entries = bundled.get("keys")
    if set(bundled) != {"keys"} or not isinstance(entries, list) or not all(_is_our_jwk(entry) for entry in entries):
        raise NotVerifiable("malformed_bundle")
    # A key that was revoked has left the set that its receipts are bundled with.
    if handed.inner["kid"] not in load_keys(bundled):
        raise NotVerifiable("unknown_kid")


def _is_our_jwk(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("x"), str):
        return False
    raw = unb64url(entry["x"])
    return entry == {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": thumbprint(raw), "x": entry["x"]}


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
    return isinstance(value, str) and _is_time(value) is not None and _moment(value) is not None


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


def _has(members: dict[str, Callable[[object], bool]], value: object) -> bool:
    """Whether every member is there with its type; further members are let be."""
    return isinstance(value, dict) and all(name in value and check(value[name]) for name, check in members.items())


def is_well_formed(payload: object) -> bool:
    """Whether a payload has every member with its type. Only a reject may have no end."""
    return _has(MEMBERS, payload) and (payload["expires_at"] is not None or payload["verdict"] == "reject")


def _signed(payload_bytes: bytes, *, handed: Handed, legacy: bool) -> dict:
    """The payload, if it is one, in its one spelling where it is ours. Raises NotVerifiable."""
    payload = _usual_payload(payload_bytes) if handed.exact and not legacy else None
    return payload if payload is not None else _looked_at(payload_bytes, handed=handed, legacy=legacy)


def _looked_at(payload_bytes: bytes, *, handed: Handed, legacy: bool) -> dict:
    """The payload, member by member; one of another family as it is. Raises NotVerifiable."""
    payload = parse(payload_bytes, fractions=legacy)
    if not isinstance(payload, dict) or payload.get("protocol") != PROTOCOL:
        raise NotVerifiable("malformed_receipt")
    if legacy and not _is_of_this_family(payload):
        return payload
    payload = parse(payload_bytes) if legacy else payload
    if not handed.exact or not is_well_formed(payload) or _canonical(payload) != payload_bytes:
        raise NotVerifiable("malformed_bundle" if handed.is_bundle and not handed.exact else "malformed_receipt")
    return payload


def _is_of_this_family(payload: dict) -> bool:
    """Whether a payload must be a deployment review receipt of ours: it says so, or says to be something that is no receipt."""
    return "object" in payload and (not isinstance(payload["object"], str) or payload["object"].startswith(OURS))


# --- the usual receipt --------------------------------------------------------------------------------------------------------

# What nearly every caller hands in, an envelope and in it a payload as readiness writes them, is read in one look each. What matches says
# the same when it is read member by member, as all else is: every member once, in this order, no escapes, nothing beside. A command that
# verifies one file would lose more to compiling these patterns than it gains, so it reads member by member, too.
_ENVELOPE = (
    r'\{"receipt": ?\{"payload_b64": ?"([^"]+)", ?"signature": ?"([A-Za-z0-9+/=]+)", ?"kid": ?"([A-Za-z0-9_-]+)", ?"sig_alg": ?"ed25519"\}'
    r', ?"verdict": ?"([a-z]+)", ?"commitment_id": ?"([A-Za-z0-9_-]+)", ?"request_id": ?"([0-9a-f-]+)"\}'
)
_PLAIN, _HASH, _UUID = r'[^"\\\x00-\x1f\x7f]+', r"[0-9a-f]{64}", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_COUNT, _TIME = r"[1-9][0-9]{0,14}", r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_ARTIFACT = rf'\{{"digest":\{{"(?:gitCommit|sha256)":"{_PLAIN}"\}},"name":"{_PLAIN}"\}}'
# RFC 8785 sorts by name. A group for each value that is not always the same.
_PAYLOAD = {
    "commitment_alg": f'"{COMMITMENT_ALG}"',
    "commitment_id": '"(rdc1_[A-Za-z0-9_-]{43})"',
    "conditions_digest": f'(?:null|"({_HASH})")',
    "decision_type": f'"{DECISION_TYPE}"',
    "environment": f'"({_PLAIN})"',
    "expires_at": f'"({_TIME})"',
    "gate_type": f'"{GATE_TYPE}"',
    "issued_at": f'"({_TIME})"',
    "issuer": f'"({_PLAIN})"',
    "object": f'"{re.escape(OBJECT)}"',
    "policy": rf'\{{"digest":"({_HASH})","id":"({_PLAIN})","version":({_COUNT})\}}',
    "production_write": "false",
    "protocol": f'"{re.escape(PROTOCOL)}"',
    "receipt_id": f'"({_UUID})"',
    "request_id": f'"({_UUID})"',
    "revision": f"({_COUNT})",
    "subject": rf"(\[(?:{_ARTIFACT}(?:,{_ARTIFACT})*)?\])",
    "supersedes": f'(?:null|"({_UUID})")',
    "verdict": f'"({"|".join(VERDICTS)})"',
}
_value_at = json.JSONDecoder().scan_once


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern, re.Pattern]:
    payload = ",".join(f'"{name}":{value}' for name, value in _PAYLOAD.items())
    return re.compile(_ENVELOPE), re.compile(rf"\{{{payload}\}}")


def _usual_envelope(envelope: bytes) -> Handed | None:
    """What a usual envelope holds; None where only a closer look can tell."""
    try:
        found = _patterns()[0].fullmatch(envelope.decode())
    except UnicodeDecodeError:
        return None
    if found is None or "\\" in found[1]:
        return None
    payload_b64, signature, kid, verdict, commitment_id, request_id = found.groups()
    inner = {"payload_b64": payload_b64, "signature": signature, "kid": kid, "sig_alg": SIG_ALG}
    outer = {"verdict": verdict, "commitment_id": commitment_id, "request_id": request_id}
    return Handed(inner, outer, {}, {}, False, True)


def _usual_payload(payload_bytes: bytes) -> dict | None:
    """A usual payload, which is well-formed and canonical (RFC 8785); None where only a closer look can tell."""
    try:
        found = _patterns()[1].fullmatch(payload_bytes.decode())
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    said = found.groups()
    commitment_id, conditions_digest, environment, end, issued, issuer, digest, policy, version = said[:9]
    receipt_id, request_id, revision, subject, supersedes, verdict = said[9:]
    if not (_moment(issued) and _moment(end)):
        return None
    return {
        "commitment_alg": COMMITMENT_ALG,
        "commitment_id": commitment_id,
        "conditions_digest": conditions_digest,
        "decision_type": DECISION_TYPE,
        "environment": environment,
        "expires_at": end,
        "gate_type": GATE_TYPE,
        "issued_at": issued,
        "issuer": issuer,
        "object": OBJECT,
        "policy": {"digest": digest, "id": policy, "version": int(version)},
        "production_write": False,
        "protocol": PROTOCOL,
        "receipt_id": receipt_id,
        "request_id": request_id,
        "revision": int(revision),
        "subject": _value_at(subject, 0)[0],
        "supersedes": supersedes,
        "verdict": verdict,
    }


# --- attestation --------------------------------------------------------------------------------------------------------------


def _attested(attestation: object, root: Root, *, kid: str, use: str, bundled: bytes | None, now: datetime) -> Ed25519PublicKey:
    """The key that the root vouches for under this name and for this use. Raises NotVerifiable, in the order and words of the protocol.

    `bundled`: the key bytes that came along, for an attestation that holds their fingerprint only.
    """
    if not isinstance(attestation, dict) or attestation.get("object") != ATTESTATION:
        raise NotVerifiable("unsupported_attestation_object")
    _refuse_if(
        unknown_root_key_id=attestation.get("root_key_id") != root.root_key_id,
        attestation_root_fingerprint_mismatch=attestation.get("root_public_key_fingerprint_sha256") != root.fingerprint,
        root_signature_verification_failed=not all(isinstance(attestation.get(name), str) for name in ("payload_b64", "signature")),
    )
    payload_bytes, signature = unb64(attestation["payload_b64"]), unb64(attestation["signature"])
    if not _is_signed_by(root.key, payload_bytes=payload_bytes, signature=signature):
        raise NotVerifiable("root_signature_verification_failed")
    payload = parse(payload_bytes, fractions=True)
    if not isinstance(payload, dict):
        raise NotVerifiable("unsupported_attestation_payload_object")
    subject = payload.get("subject")
    _refuse_if(
        unsupported_attestation_payload_object=payload.get("object") != ATTESTATION_PAYLOAD,
        unsupported_attestation_protocol=payload.get("protocol") != PROTOCOL,
        root_key_id_payload_mismatch=payload.get("root_key_id") != root.root_key_id,
        root_fingerprint_payload_mismatch=payload.get("root_public_key_fingerprint_sha256") != root.fingerprint,
        missing_subject=not isinstance(subject, dict),
    )
    key = _subject_key(subject, kid=kid, use=use, bundled=bundled)
    _refuse_if_out_of_date(payload, now)
    return key


def _subject_key(subject: dict, *, kid: str, use: str, bundled: bytes | None) -> Ed25519PublicKey:
    _refuse_if(
        subject_kid_mismatch=subject.get("kid") != kid,
        **{f"subject_use_not_{use}": subject.get("allowed_use") != use},
        subject_sig_alg_not_ed25519=subject.get("sig_alg") != SIG_ALG,
    )
    raw = unb64(subject["public_key_b64"]) if isinstance(subject.get("public_key_b64"), str) else bundled
    if raw is None or bundled not in (None, raw):
        raise NotVerifiable("subject_public_key_mismatch")
    if subject.get("public_key_fingerprint_sha256") != hashlib.sha256(raw).hexdigest():
        raise NotVerifiable("subject_public_key_fingerprint_mismatch")
    return _key(raw, otherwise="subject_public_key_mismatch")


def _refuse_if_out_of_date(payload: dict, now: datetime) -> None:
    begins, ends = _moment(payload.get("not_before") or payload.get("issued_at")), _moment(payload.get("not_after"))
    if begins is None or ends is None:
        raise NotVerifiable("malformed_attestation")
    _refuse_if(attestation_not_yet_valid=now < begins, attestation_expired=now >= ends)


def _refuse_if(**found: bool) -> None:
    """Raises NotVerifiable with the first word whose condition holds."""
    for word, holds in found.items():
        if holds:
            raise NotVerifiable(word)


# --- status -------------------------------------------------------------------------------------------------------------------

REVOKED_ENTRY: dict[str, Callable[[object], bool]] = {
    "receipt_sha256": _matches(_is_hash),
    "commitment_id": _text,
    "revoked_at": _time,
    "reason": _text,
    "superseded_by": _or_null(_matches(_is_hash)),
}
REVOKED_KEY: dict[str, Callable[[object], bool]] = {"kid": _text, "revoked_at": _time}
STATUS_MEMBERS: dict[str, Callable[[object], bool]] = {
    "object": _exactly(STATUS),
    "protocol": _exactly(PROTOCOL),
    "issuer": _text,
    "seq": _number,
    "issued_at": _time,
    "next_update": _time,
    "revoked": lambda value: isinstance(value, list) and all(_has(REVOKED_ENTRY, each) for each in value),
}


def _status_document(inner: object, keys: Keys) -> dict:
    """The signed status. Raises NotVerifiable: status_invalid."""
    try:
        inner = _texts(inner)
        payload_bytes, signature = unb64(inner["payload_b64"]), unb64(inner["signature"])
        if inner["kid"] not in keys or not _is_signed_by(keys[inner["kid"]], payload_bytes=payload_bytes, signature=signature):
            raise NotVerifiable("signature_invalid")
        document = parse(payload_bytes)
        revoked_keys = document.get("revoked_keys", []) if isinstance(document, dict) else None
        if not _has(STATUS_MEMBERS, document) or _canonical(document) != payload_bytes:
            raise NotVerifiable("malformed_receipt")
        if not isinstance(revoked_keys, list) or not all(_has(REVOKED_KEY, each) for each in revoked_keys):
            raise NotVerifiable("malformed_receipt")
    except NotVerifiable:
        raise NotVerifiable("status_invalid") from None
    return document


def _status(document: dict, *, payload: dict, payload_sha256: str) -> Status:
    """What the document says about one receipt."""
    told = Status("not_revoked", document["issued_at"], document["next_update"], document["seq"])
    entry = next((each for each in document["revoked"] if each["receipt_sha256"] == payload_sha256), None)
    if entry:
        return told._replace(state="revoked", **{name: entry[name] for name in ("revoked_at", "reason", "superseded_by")})
    end = _moment(payload.get("expires_at"))
    if end is not None and _moment(document["issued_at"]) - end > STATUS_KEEPS:
        return told._replace(state="unknown")
    return told


def _status_reasons(document: dict, status: Status, *, kid: str, now: datetime, demands: "Demands") -> Iterator[str]:
    if status.state == "revoked":
        yield "receipt_revoked"
    if status.reason == "key_compromised" or _is_revoked(kid, document):
        yield "key_revoked"
    if demands.require_status and _is_stale(document, now=now, limit=demands.max_status_age):
        yield "status_stale"
    elif demands.require_status and status.state == "unknown":
        yield "status_missing"


def _is_revoked(kid: str, document: dict) -> bool:
    return any(each["kid"] == kid for each in document.get("revoked_keys", []))


def _is_stale(document: dict, *, now: datetime, limit: timedelta | None) -> bool:
    """Overdue, too old, or from a future in which this machine does not live yet."""
    issued = _moment(document["issued_at"])
    return now >= _moment(document["next_update"]) or issued > now + CLOCKS_DIFFER or (limit is not None and now - issued > limit)


# --- log ----------------------------------------------------------------------------------------------------------------------


def _leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_from_inclusion(leaf: bytes, *, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); None for a path of another length."""
    place, last, found = index, size - 1, _leaf_hash(leaf)
    for each in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = _node_hash(each, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = _node_hash(found, each)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def _checkpoint(note: object, key: LogKey) -> tuple[int, bytes]:
    """Tree size and root hash of a checkpoint (C2SP tlog-checkpoint, signed-note) that the key signed. Raises NotVerifiable."""
    text, blank, signatures = note.partition("\n\n") if isinstance(note, str) else ("", "", "")
    lines = text.split("\n")
    if not blank or len(lines) != 3 or lines[0] != key.name or not re.fullmatch(r"[1-9][0-9]{0,14}", lines[1]):
        raise NotVerifiable("log_checkpoint_invalid")
    mark = f"— {key.name} "
    ours = [unb64(line.removeprefix(mark)) for line in signatures.split("\n") if line.startswith(mark)]
    signed = (text + "\n").encode("utf-8", "replace")
    # Witnesses may have signed below; a line of theirs proves nothing here and takes nothing away.
    if not any(each[:4] == key.hint and _is_signed_by(key.key, payload_bytes=signed, signature=each[4:]) for each in ours):
        raise NotVerifiable("log_checkpoint_invalid")
    return int(lines[1]), unb64(lines[2])


def _log(proof: dict, key: LogKey, *, payload: dict, payload_sha256: str) -> Log:
    """The proof, checked from the receipt to the signed checkpoint. Raises NotVerifiable."""
    size, root = _checkpoint(proof.get("checkpoint"), key)
    leaf_text, hashes, index = proof.get("leaf_b64"), proof.get("hashes"), proof.get("leaf_index")
    if not (isinstance(leaf_text, str) and isinstance(hashes, list) and all(map(_matches(_is_hash), hashes)) and type(index) is int):
        raise NotVerifiable("log_inclusion_failed")
    leaf_bytes = unb64(leaf_text)
    _refuse_if(
        log_inconsistent=type(proof.get("tree_size")) is not int or proof["tree_size"] != size,
        log_inclusion_failed=not 0 <= index < size
        or root_from_inclusion(leaf_bytes, index=index, size=size, path=list(map(bytes.fromhex, hashes))) != root,
    )
    leaf = parse(leaf_bytes)
    if not isinstance(leaf, dict) or leaf.get("object") != LOG_LEAF or leaf.get("receipt_sha256") != payload_sha256:
        raise NotVerifiable("log_inclusion_failed")
    told = [name for name in ("request_id", "revision", "verdict", "commitment_id") if name in leaf and leaf[name] != payload.get(name)]
    if told or leaf.get("kind") not in ("decision", "receipt") or not _is_origin_of(payload.get("issuer"), key.name):
        raise NotVerifiable("log_inconsistent")
    return Log(key.name, size, index, root.hex())


def _is_origin_of(issuer: object, origin: str) -> bool:
    """A log is named after its issuer: host, port and path of the URL."""
    return isinstance(issuer, str) and issuer.partition("://")[2].rstrip("/") == origin.rstrip("/")


# --- verification -------------------------------------------------------------------------------------------------------------


class Demands(NamedTuple):
    """What must hold beside form and signature."""

    issuer: str | None = None
    environment: str | None = None
    subject: str | None = None
    max_age: timedelta | None = None
    accept_conditions: bool = True
    require_log: bool = False
    require_status: bool = False
    max_status_age: timedelta | None = None


NOTHING_MORE = Demands()


class Trust(NamedTuple):
    """Whom to believe about this one file: the keys that may have signed it, and what the pinned root says about them."""

    keys: Keys
    root: Root | None
    log_key: LogKey | None
    source: str
    attestation_status: str = "missing"


def _bundled_key(handed: Handed) -> bytes | None:
    """The bytes of the key that a bundle holds under the receipt's kid. To be compared with what a root attests, never to be trusted."""
    bundled = handed.around.get("key_bundle")
    if bundled is None:
        return None
    key = load_keys(bundled, any_name=True).get(handed.inner["kid"])
    return key.public_bytes_raw() if key else None


def _attestation_in(handed: Handed) -> object:
    return handed.around.get("attestation", handed.around.get("operational_key_attestation"))


def _trust_in_root(handed: Handed, root: Root, log_key: LogKey | None, *, now: datetime) -> Trust:
    """The one key that the pinned root vouches for, if it does for any. Raises NotVerifiable."""
    attestation, kid = _attestation_in(handed), handed.inner["kid"]
    if attestation is None:
        return Trust(Keys(), root, log_key, BY_ROOT)
    key = _attested(attestation, root, kid=kid, use=RECEIPT_SIGNING, bundled=_bundled_key(handed), now=now)
    return Trust(Keys({kid: key}), root, log_key, BY_ROOT, "verified")


def _trust_in_keys(handed: Handed, jwks: Mapping, log_key: LogKey | None, *, legacy: bool, now: datetime) -> Trust:
    """The keys of the pinned file; a root and a log key that are pinned in the same file vouch, too. Raises NotVerifiable."""
    keys, root, attestation = jwks, None, _attestation_in(handed)
    if not isinstance(jwks, Keys):
        keys = load_keys(jwks, any_name=legacy)
        root = load_root(jwks["root"]) if jwks.get("root") is not None else None
        if log_key is None and jwks.get("log_key") is not None:
            log_key = load_log_key(jwks["log_key"])
    if attestation is None:
        return Trust(keys, root, log_key, BY_KEYS)
    if root is None:
        return Trust(keys, root, log_key, BY_KEYS, "not_checked")
    kid = handed.inner["kid"]
    raw = keys[kid].public_bytes_raw() if kid in keys else None
    _attested(attestation, root, kid=kid, use=RECEIPT_SIGNING, bundled=raw, now=now)
    return Trust(keys, root, log_key, BY_KEYS, "verified")


def _log_key(trust: Trust, proof: dict, *, now: datetime) -> LogKey | None:
    """The log's key, pinned or vouched for by the pinned root. Raises NotVerifiable where it contradicts the bundle's own."""
    if trust.log_key is None and (trust.root is None or proof.get("attestation") is None):
        return None
    bundled = load_log_key(proof.get("key"))
    if trust.log_key not in (None, bundled):
        raise NotVerifiable("log_key_unknown")
    if trust.root is not None and proof.get("attestation") is not None:
        kid, raw = f"{bundled.name}+{bundled.hint.hex()}", bundled.key.public_bytes_raw()
        _attested(proof["attestation"], trust.root, kid=kid, use=LOG_SIGNING, bundled=raw, now=now)
    return bundled


def _status_keys(trust: Trust, handed: Handed, *, now: datetime) -> Keys:
    """The keys that may have signed the status: the trusted ones, and another that the root vouches for."""
    attestation = handed.parts.get("status_attestation")
    if attestation is None or trust.root is None:
        return trust.keys
    kid = _texts(handed.parts.get("status"))["kid"]
    return Keys(trust.keys | {kid: _attested(attestation, trust.root, kid=kid, use=RECEIPT_SIGNING, bundled=None, now=now)})


class Signed(NamedTuple):
    """What a trusted key signed; no payload where that is not a receipt."""

    payload: dict | None
    payload_sha256: str
    kid: str


def _authenticated(handed: Handed, trust: Trust, *, legacy: bool, now: datetime) -> Signed | Report:
    """What was signed; where that stays unknown, the report that says so. Raises NotVerifiable before there is anything to report."""
    payload_bytes, signature = unb64(handed.inner["payload_b64"]), unb64(handed.inner["signature"])
    kid, digest = handed.inner["kid"], hashlib.sha256(payload_bytes).hexdigest()
    if kid not in trust.keys:
        word = "attestation_missing" if trust.source == BY_ROOT else "unknown_kid"
        return Report(reasons=(word, *_why_gone(handed, trust, now=now)), payload_sha256=digest)
    key = trust.keys[kid]
    if not _is_signed_by(key, payload_bytes=payload_bytes, signature=signature):
        return Report(reasons=("signature_invalid",), kid=kid, payload_sha256=digest, key_source=trust.source)
    try:
        payload = _signed(payload_bytes, handed=handed, legacy=legacy)
        if payload.get("object") == OBJECT and not trust.keys.by_thumbprint and kid != thumbprint(key.public_bytes_raw()):
            raise NotVerifiable("unknown_kid")
        if "key_bundle" in handed.parts and payload.get("object") == OBJECT:
            _check_key_bundle(handed)
    except NotVerifiable as refusal:
        why = _why_gone(handed, trust, now=now) if str(refusal) == "unknown_kid" else ()
        return _report(Signed(None, digest, kid), trust, reasons=(str(refusal), *why))
    return Signed(payload, digest, kid)


def _why_gone(handed: Handed, trust: Trust, *, now: datetime) -> tuple[str, ...]:
    """Nobody vouches for a key that was revoked, and it has left the key sets. A status that is trusted here says so."""
    try:
        document = _status_document(handed.parts.get("status"), _status_keys(trust, handed, now=now))
    except NotVerifiable:
        return ()
    return ("key_revoked",) if _is_revoked(handed.inner["kid"], document) else ()


def _report(
    found: Signed, trust: Trust, *, reasons: tuple[str, ...], status: Status = UNKNOWN, log: Log | None = None, notes: tuple[str, ...] = ()
) -> Report:
    """The report on a signature that is valid."""
    attested, payload = trust.attestation_status == "verified", found.payload or {}
    # By position, since twenty names take as long as hashing the payload does.
    return Report(
        not reasons,
        True,
        reasons,
        found.kid,
        found.payload_sha256,
        found.payload,
        attested,
        "signature_and_root_attestation" if attested else "signature_matches_supplied_key",
        trust.root.root_key_id if attested else "pinned_key_set",
        trust.attestation_status,
        None,
        trust.source,
        SIG_ALG,
        payload.get("protocol"),
        payload.get("verdict"),
        payload.get("commitment_id"),
        payload.get("request_id"),
        status,
        log,
        notes,
    )


def _names(subject: object, wanted: str) -> bool:
    algorithm, _, value = wanted.partition(":")
    return _subject(subject) and any(each["digest"].get(algorithm) == value for each in subject)


def _unmet(payload: dict, *, outer: dict, now: datetime, demands: Demands) -> list[str]:
    """The words for what was demanded of the payload and does not hold. A time that cannot be read holds for nothing."""
    words: list[str] = []
    for name, copy in outer.items():
        if name in COPIES and payload.get(name, copy) != copy:
            words.append("outer_copy_mismatch")
            break
    if demands.issuer is not None and payload.get("issuer") != demands.issuer:
        words.append("issuer_mismatch")
    if demands.environment is not None and payload.get("environment") != demands.environment:
        words.append("environment_mismatch")
    if demands.subject is not None and not _names(payload.get("subject"), demands.subject):
        words.append("subject_mismatch")
    issued, end = _moment(payload.get("issued_at")), _moment(payload.get("expires_at"))
    if issued is not None and issued > now + CLOCKS_DIFFER:
        words.append("receipt_not_yet_valid")
    if payload.get("expires_at") is not None and (end is None or now >= end):
        words.append("receipt_expired")
    if demands.max_age is not None and (issued is None or now - issued > demands.max_age):
        words.append("receipt_too_old")
    verdict = payload.get("verdict")
    if verdict == "reject":
        words.append("verdict_reject")
    if verdict == "constrain" and not demands.accept_conditions:
        words.append("verdict_constrain")
    if "verdict" in payload and verdict not in VERDICTS:
        words.append("verdict_unknown")
    return words


def _judge_status(signed: Signed, handed: Handed, trust: Trust, *, now: datetime, demands: Demands) -> tuple[Status, tuple[str, ...]]:
    """What the signed status says, and the words for what is wrong with it."""
    if "status" not in handed.parts:
        return UNKNOWN, ("status_missing",) if demands.require_status else ()
    try:
        document = _status_document(handed.parts.get("status"), _status_keys(trust, handed, now=now))
        if document["issuer"] != signed.payload.get("issuer"):
            raise NotVerifiable("status_invalid")
    except NotVerifiable as refusal:
        return UNKNOWN, (str(refusal),)
    status = _status(document, payload=signed.payload, payload_sha256=signed.payload_sha256)
    return status, tuple(_status_reasons(document, status, kid=signed.kid, now=now, demands=demands))


def _judge_log(signed: Signed, handed: Handed, trust: Trust, *, now: datetime, demands: Demands) -> tuple[Log | None, tuple[str, ...]]:
    """What the log proof shows, and the words for what is wrong with it."""
    proof = handed.parts.get("log")
    if proof is None:
        return None, ("log_missing",) if demands.require_log else ()
    try:
        key = _log_key(trust, proof, now=now)
        if key is None:
            return None, ("log_key_unknown",) if demands.require_log else ()
        return _log(proof, key, payload=signed.payload, payload_sha256=signed.payload_sha256), ()
    except NotVerifiable as refusal:
        return None, (str(refusal),)


def _notes(payload: dict, *, attestation: str, status: Status, log: Log | None, now: datetime) -> list[str]:
    """What all this cannot establish."""
    words: list[str] = []
    if payload.get("object") != OBJECT:
        words.append("another_issuers_form")
    if attestation != "verified":
        words.append("keys_as_pinned")
    if attestation == "not_checked":
        words.append("attestation_not_checked")
    if status.state == "unknown":
        words.append("revocation_unknown")
    elif now >= _moment(status.next_update):
        words.append("status_not_current")
    if log is None:
        words.append("log_not_checked")
    return words


def verify(
    envelope: dict | bytes,
    jwks: Mapping | None = None,
    *,
    root: Mapping | None = None,
    log_key: str | None = None,
    now: datetime | None = None,
    legacy: bool = False,
    **demanded: object,
) -> Report:
    """Whether a receipt or a bundle holds: form, signature under a trusted key, everything demanded. Never raises on bad input.

    `envelope`: the JSON object or its bytes (only bytes show duplicate keys). Exactly one of `jwks`, a JWKS, an offline key bundle or what
    load_keys made of one, and `root`, a trust anchor; `log_key`: a pinned verifier key; `now`: aware, else this machine's clock; `legacy`:
    take receipts of other issuers of the protocol, too. `demanded`: members of Demands; `subject` is `sha256:…` or `gitCommit:…`, and
    `accept_conditions` is true here, since the caller reads conditions, while the command line leaves that to an option.
    """
    demands, now = Demands(**demanded) if demanded else NOTHING_MORE, now or datetime.now(UTC)
    if jwks is not None and root is not None:
        raise TypeError("Give either jwks or root.")
    try:
        handed = _usual_envelope(envelope) if isinstance(envelope, bytes) and not legacy else None
        if handed is None:
            handed = _opened(parse(envelope, fractions=legacy) if isinstance(envelope, bytes) else envelope, legacy=legacy)
        pinned_log_key = load_log_key(log_key) if log_key is not None else None
        if root is None:
            trust = _trust_in_keys(handed, jwks, pinned_log_key, legacy=legacy, now=now)
        else:
            trust = _trust_in_root(handed, load_root(root), pinned_log_key, now=now)
        signed = _authenticated(handed, trust, legacy=legacy, now=now)
    except NotVerifiable as refusal:
        return _refused_early(str(refusal))
    return signed if isinstance(signed, Report) else _judged(signed, handed, trust, now=now, demands=demands)


def _judged(signed: Signed, handed: Handed, trust: Trust, *, now: datetime, demands: Demands) -> Report:
    """The report on what was signed, held against everything demanded."""
    status, of_status = _judge_status(signed, handed, trust, now=now, demands=demands)
    log, of_log = _judge_log(signed, handed, trust, now=now, demands=demands)
    reasons = (*_unmet(signed.payload, outer=handed.outer, now=now, demands=demands), *of_status, *of_log)
    notes = tuple(_notes(signed.payload, attestation=trust.attestation_status, status=status, log=log, now=now))
    return _report(signed, trust, reasons=reasons, status=status, log=log, notes=notes)


def _refused_early(word: str) -> Report:
    """Before anything was verified. What went wrong with an attestation stands under the protocol's own names, too."""
    if STEP_OF[word] != "attestation":
        return Report(reasons=(word,))
    anchor = "invalid_operational_key_attestation"
    return Report(reasons=(word,), trust_anchor=anchor, attestation_status="invalid", attestation_failure_reason=word)


# --- command line -------------------------------------------------------------------------------------------------------------


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if not found:
        raise argparse.ArgumentTypeError("a whole number and one of s, m, h, d, like 72h")
    return timedelta(seconds=int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]])


def _said(text: str) -> str:
    # An unset variable of a shell script must not become a demand that is not made.
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _digest(text: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}|gitCommit:[0-9a-f]{40}([0-9a-f]{24})?", text):
        raise argparse.ArgumentTypeError("sha256: and 64 hex digits, or gitCommit: and 40, in lower case")
    return text


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    description = "Verify a receipt or a verification bundle offline. Exit status: 0 verified, 1 not, 2 usage or unreadable input."
    # A fixed width: to ask for the terminal's, argparse imports what takes longer than to verify.
    in_columns = partial(argparse.HelpFormatter, width=120)
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False, formatter_class=in_columns)
    parser.add_argument("file", metavar="FILE", help="the receipt envelope or the bundle, a JSON file")
    trust = parser.add_mutually_exclusive_group(required=True)
    trust.add_argument("--root", type=_said, help="the pinned root: a trust anchor, a JSON file; the file's attestation must lead to it")
    trust.add_argument("--jwks", type=_said, help="the pinned keys: a JWKS or an offline key bundle that you fetched earlier")
    parser.add_argument("--issuer", type=_said, help="the issuer that the receipt must name")
    parser.add_argument("--environment", type=_said, help="the environment that the receipt must name")
    parser.add_argument("--subject", type=_digest, help="the artifact that the receipt must name: sha256:… or gitCommit:…")
    parser.add_argument("--max-age", type=_duration, help="how old the receipt may be: 90s, 15m, 72h, 3d")
    parser.add_argument("--accept-conditions", action="store_true", help="let an approval with conditions pass")
    parser.add_argument("--require-log", action="store_true", help="the file must prove that the receipt stands in the log")
    parser.add_argument("--log-key", type=_said, help="the log's pinned verifier key, or a file that holds it")
    parser.add_argument("--require-status", action="store_true", help="the file must hold a signed status that is not overdue")
    parser.add_argument("--max-status-age", type=_duration, help="how old that status may be; demands one")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    return parser.parse_args(argv)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        content = file.read(FILE_LIMIT + 1)
    if len(content) > FILE_LIMIT:
        raise OSError("too large")
    return content


def _pinned(arguments: argparse.Namespace) -> dict[str, object]:
    """What the caller trusts. Raises OSError or NotVerifiable where it cannot be read."""
    name = "root" if arguments.root else "jwks"
    pinned: dict[str, object] = {name: parse(_content(getattr(arguments, name)), fractions=True)}
    if not isinstance(pinned[name], dict):
        raise NotVerifiable("malformed_root" if arguments.root else "malformed_jwks")
    if arguments.log_key:
        is_text = arguments.log_key.count("+") >= 2
        pinned["log_key"] = arguments.log_key if is_text else _content(arguments.log_key).decode("utf-8", "replace").strip()
    return pinned


def as_dict(report: Report) -> dict[str, object]:
    """The report for JSON, with the notes in words."""
    told = report._asdict() | {"status": report.status._asdict(), "log": report.log and report.log._asdict()}
    return told | {"failed_step": report.failed_step, "notes": [NOTES[note] for note in report.notes]}


def in_words(report: Report) -> str:
    """The report for people. Signed texts are printed as JSON, so that none of them can steer a terminal."""
    lines = ["verified" if report.verified else "not verified"]
    lines += [f"{word}: {MEANING[word]}" for word in report.reasons]
    if report.trust_anchor:
        lines += [f"trust: {json.dumps(report.trust_anchor)}"]
    if report.status.state != "unknown":
        lines += [f"status: {report.status.state.replace('_', ' ')} as of {report.status.as_of}"]
    if report.log:
        lines += [f"log: entry {report.log.leaf_index} of {report.log.tree_size} in {json.dumps(report.log.origin)}"]
    lines += [f"signed {json.dumps(name)[1:-1]}: {json.dumps(value)}" for name, value in (report.signed_payload or {}).items()]
    return "\n".join([*lines, *(f"note: {NOTES[note]}" for note in report.notes)])


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        handed_in, pinned = _content(arguments.file), _pinned(arguments)
    except (OSError, NotVerifiable, ValueError):
        print("The file, or what you pinned, cannot be read.", file=sys.stderr)
        return 2
    demanded = {name: getattr(arguments, name) for name in Demands._fields}
    demanded["require_status"] = arguments.require_status or arguments.max_status_age is not None
    report = verify(handed_in, legacy=True, **pinned, **demanded)
    print(json.dumps(as_dict(report), indent=2) if arguments.json else in_words(report))
    return 0 if report.verified else 1


if __name__ == "__main__":
    sys.exit(main())

"""Test vectors for verifiers of other people: good files and every way to be bad, with what must be said of each.

`python -m tests.receipts.vectors` writes docs/vectors/*.json anew: the same bytes each time, from fixed keys that are worth nothing.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from receipts.canonical import b64, canonical_bytes, unb64
from receipts.envelope import rfc3339
from receipts.signing import public_jwk
from receipts.verify import PROTOCOL
from tests.receipts import bundles
from tests.receipts.bundles import (
    ORIGIN,
    ROOT,
    attestation,
    attestation_payload,
    attested,
    bundle,
    checkpoint,
    digest_of,
    entry,
    log,
    log_attestation,
    log_key,
    offline,
    signed_inner,
    status,
)  # fmt: skip
from tests.receipts.samples import ISSUER, JWKS, NOW, OTHER_SIGNER, SHA, SIGNER, as_bytes, payload, sealed

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "vectors"
L = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
SMALL = bytes([1]) + bytes(31)
NAMED = {"keys": [{**public_jwk(SIGNER.public_key), "kid": "k1"}]}
PINNED = {
    "root": ROOT,
    "another root": bundles.anchor(OTHER_SIGNER),
    "renamed root": bundles.anchor(name="another"),
    "broken root": {**ROOT, "public_key_fingerprint_sha256": "00" * 32},
    "keys": JWKS,
    "offline": offline(),
    "named keys": NAMED,
    "no keys": {"keys": []},
    "small-order key": {"keys": [public_jwk(SMALL)]},
    "key in another spelling": {"keys": [public_jwk((P + 3).to_bytes(32, "little"))]},
}
ALL = {"issuer": ISSUER, "environment": "production", "subject": f"sha256:{SHA}", "require_log": True, "require_status": True}


def vector(name: str, file: dict | bytes, *reasons: str, pinned: str = "root", signature_valid: bool | None = None, **demands) -> dict:
    """`signature_valid`: where it cannot be told from the reasons."""
    text = file if isinstance(file, bytes) else as_bytes(file)
    expected = {"verified": not reasons, "reasons": list(reasons)}
    if signature_valid is not None:
        expected["signature_valid"] = signature_valid
    return {"name": name, "pinned": pinned, "demands": demands, "file": text.decode("utf-8", "surrogateescape"), "expected": expected}


def inner_with(**changes) -> dict:
    document = sealed(payload())
    document["receipt"] = {name: value for name, value in (document["receipt"] | changes).items() if value is not ...}
    return document


def plus_l(text: str) -> str:
    signature = unb64(text)
    return b64(signature[:32] + (int.from_bytes(signature[32:], "little") + L).to_bytes(32, "little"))


def flipped(text: str, place: int = 0) -> str:
    data = bytearray(unb64(text))
    data[place] ^= 1
    return b64(bytes(data))


def twin(text: str) -> str:
    """The same bytes, spelled with other trailing bits."""
    return text[:-3] + chr(ord(text[-3]) + 1) + "=="


def good() -> Iterator[dict]:
    yield vector("a receipt under pinned keys", sealed(payload()), pinned="keys", signature_valid=True)
    yield vector("a receipt without copies outside", {"receipt": sealed(payload())["receipt"]}, pinned="keys")
    yield vector("a receipt with further signed members", sealed(payload() | {"x_later": "something"}), pinned="keys")
    yield vector("a receipt with odd but canonical text", sealed(payload(environment="\u2028 \U0001f600 \\ud800 \x7f")), pinned="keys")
    yield vector(
        "conditions that are accepted", sealed(payload(verdict="constrain", conditions=["x"])), pinned="keys", accept_conditions=True
    )
    yield vector(
        "a bundle with everything demanded, under the root", bundle(), signature_valid=True, max_age=3600, max_status_age=86400, **ALL
    )
    yield vector("a bundle with everything demanded, under an offline key bundle", bundle(), pinned="offline", **ALL)
    yield vector("a bundle under keys alone", bundle(), pinned="keys")
    yield vector("a bundle without log and status", bundle(log=..., status=...))
    yield vector("a tree of one entry", bundle(log=log(bundle()["receipt"], index=0, size=1)), require_log=True)
    yield vector("the last of thirteen entries", bundle(log=log(bundle()["receipt"], index=12, size=13)), require_log=True)
    both = {"keys": [*JWKS["keys"], public_jwk(OTHER_SIGNER.public_key)]}
    rotated = bundle(status=status(OTHER_SIGNER), status_attestation=attestation(OTHER_SIGNER), key_bundle=both)
    yield vector("a status signed by another attested key", rotated, require_status=True)
    yield vector("an overdue status that nobody demanded", bundle(status=status(next_update=rfc3339(NOW - timedelta(seconds=1)))))


def malformed() -> Iterator[dict]:
    text = as_bytes(sealed(payload()))
    for name, file in {
        "nothing": b"",
        "a page": b"<html></html>",
        "a list": b"[]",
        "an empty object": b"{}",
        "half a file": text[:-1],
    }.items():
        yield vector(f"not a receipt: {name}", file, "malformed_receipt", pinned="keys")
    yield vector("a byte order mark", b"\xef\xbb\xbf" + text, "malformed_receipt", pinned="keys")
    for word in ("none", "HS256", "EdDSA", "ED25519", None, ["ed25519"], ...):
        name = "nothing" if word is ... else json.dumps(word)
        yield vector(f"sig_alg says {name}", inner_with(sig_alg=word), "unsupported_algorithm", pinned="keys")
    yield vector("a member beside the four", inner_with(jwk=public_jwk(SIGNER.public_key)), "malformed_receipt", pinned="keys")
    yield vector("a member beside the receipt", sealed(payload()) | {"jku": "https://keys.example/"}, "malformed_receipt", pinned="keys")
    yield vector("a kid that is no text", inner_with(kid=1), "malformed_receipt", pinned="keys")
    for name, old, new in (
        ("outside", b'{"receipt":', b'{"receipt":{},"receipt":'),
        ("in the receipt", b'"kid":', b'"kid":"x","kid":'),
        ("in a copy", b'"verdict":', b'"verdict":1,"verdict":'),
    ):
        yield vector(f"a duplicate key {name}", text.replace(old, new, 1), "duplicate_json_key", pinned="keys")
    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e999"):
        odd = as_bytes(sealed(payload(), verdict="#")).replace(b'"#"', word)
        yield vector(f"{word.decode()} outside", odd, "malformed_receipt", pinned="keys")
    receipt = sealed(payload())["receipt"]
    for name, change in {
        "a line break": lambda said: said + "\n",
        "a blank": lambda said: " " + said,
        "more padding": lambda said: said.rstrip("=") + "====",
        "the other alphabet": lambda said: "_" + said,
    }.items():
        for member in ("payload_b64", "signature"):
            yield vector(f"{member} with {name}", inner_with(**{member: change(receipt[member])}), "noncanonical_base64", pinned="keys")
    yield vector("trailing bits of a signature", inner_with(signature=twin(receipt["signature"])), "noncanonical_base64", pinned="keys")


def unsigned() -> Iterator[dict]:
    receipt = sealed(payload())["receipt"]
    yield vector("a changed payload", inner_with(payload_b64=flipped(receipt["payload_b64"], 20)), "signature_invalid", pinned="keys")
    yield vector("a changed R", inner_with(signature=flipped(receipt["signature"])), "signature_invalid", pinned="keys")
    yield vector("a changed S", inner_with(signature=flipped(receipt["signature"], 40)), "signature_invalid", pinned="keys")
    yield vector("S + L", inner_with(signature=plus_l(receipt["signature"])), "signature_invalid", pinned="keys")
    yield vector("a signature of zeros", inner_with(signature=b64(bytes(64))), "signature_invalid", pinned="keys")
    small = bundles.with_small_r(unb64(receipt["payload_b64"]))
    yield vector(
        "an R of small order in a signature that plain Ed25519 takes", inner_with(signature=b64(small)), "signature_invalid", pinned="keys"
    )
    yield vector("a short signature", inner_with(signature=b64(bytes(63))), "signature_invalid", pinned="keys")
    yield vector("another signer", sealed(payload(), signer=OTHER_SIGNER), "unknown_kid", pinned="keys")
    forged = sealed(payload(), signer=OTHER_SIGNER)
    forged["receipt"]["kid"] = SIGNER.kid
    yield vector("another signer under this kid", forged, "signature_invalid", pinned="keys")
    yield vector("a kid that looks like a path", inner_with(kid="../../etc/passwd"), "unknown_kid", pinned="keys")
    yield vector("no keys", sealed(payload()), "unknown_kid", pinned="no keys")
    yield vector("a pinned key of small order", sealed(payload()), "small_order_key", pinned="small-order key")
    yield vector("a pinned key in another spelling", sealed(payload()), "malformed_jwks", pinned="key in another spelling")
    renamed = sealed(payload())
    renamed["receipt"]["kid"] = "k1"
    yield vector("a key under a name of its own", renamed, "unknown_kid", pinned="named keys")


def untrue() -> Iterator[dict]:
    keys = {"pinned": "keys", "signature_valid": True}
    for name in payload():
        # Without `object` it would be another issuer's receipt; and one that names no verdict is none of ours either way.
        if name != "object":
            without = {key: value for key, value in payload().items() if key != name}
            yield vector(f"a payload without {name}", sealed(without), "malformed_receipt", **keys)
    yield vector("a production write", sealed(payload() | {"production_write": True}), "malformed_receipt", **keys)
    yield vector("a payload that is not canonical", sealed(json.dumps(payload()).encode()), "malformed_receipt", **keys)
    yield vector("a payload with a fraction", sealed(payload() | {"x": 0.5}), "malformed_receipt", **keys)
    yield vector("an impossible day", sealed(payload() | {"issued_at": "2026-02-30T00:00:00Z"}), "malformed_receipt", **keys)
    doubled = canonical_bytes(payload()).replace(b'"verdict":', b'"verdict":"reject","verdict":')
    yield vector("a duplicate key in the payload", sealed(doubled), "duplicate_json_key", **keys)
    half = canonical_bytes(payload(environment="#")).replace(b"#", b"\\ud800")
    yield vector("half a character in the payload", sealed(half), "malformed_receipt", **keys)
    yield vector("another object of the family", sealed(payload() | {"object": "readiness.other.v1"}), "malformed_receipt", **keys)
    yield vector("a status in a receipt's place", {"receipt": status()}, "malformed_receipt", **keys)
    for name, value in {"verdict": "constrain", "commitment_id": "rdc1_other", "request_id": None}.items():
        yield vector(f"a copy of {name} that differs", sealed(payload(), **{name: value}), "outer_copy_mismatch", **keys)
    yield vector("another issuer", sealed(payload()), "issuer_mismatch", issuer="https://other.test", **keys)
    yield vector("another environment", sealed(payload()), "environment_mismatch", environment="staging", **keys)
    yield vector("another artifact", sealed(payload()), "subject_mismatch", subject="sha256:" + "00" * 32, **keys)
    yield vector("over", sealed(payload(expires_at=NOW)), "receipt_expired", **keys)
    yield vector("too old", sealed(payload(issued_at=NOW - timedelta(hours=2))), "receipt_too_old", max_age=3600, **keys)
    yield vector("from a later time", sealed(payload(issued_at=NOW + timedelta(minutes=6))), "receipt_not_yet_valid", **keys)
    yield vector("a rejection", sealed(payload(verdict="reject", expires_at=None)), "verdict_reject", **keys)
    yield vector("conditions", sealed(payload(verdict="constrain", conditions=["x"])), "verdict_constrain", **keys)


def unattested() -> Iterator[dict]:
    yield vector("a receipt without a bundle, under a root", sealed(payload()), "attestation_missing")
    yield vector("a bundle without an attestation", bundle(attestation=...), "attestation_missing")
    for word, changes in {
        "unsupported_attestation_object": {"object": "other"},
        "unknown_root_key_id": {"root_key_id": "another"},
        "attestation_root_fingerprint_mismatch": {"root_public_key_fingerprint_sha256": "00" * 32},
        "root_signature_verification_failed": {"payload_b64": b64(b"{}")},
    }.items():
        yield vector(f"around the attestation: {word}", bundle(attestation=attestation() | changes), word, signature_valid=False)
    for word, changes in {
        "unsupported_attestation_payload_object": {"object": "other"},
        "unsupported_attestation_protocol": {"protocol": "other"},
        "root_key_id_payload_mismatch": {"root_key_id": "another"},
        "root_fingerprint_payload_mismatch": {"root_public_key_fingerprint_sha256": "00" * 32},
        "missing_subject": {"subject": ...},
        "malformed_attestation": {"not_after": "some day"},
        "attestation_not_yet_valid": {"not_before": rfc3339(NOW + timedelta(seconds=1))},
        "attestation_expired": {"not_after": rfc3339(NOW)},
    }.items():
        signed = attestation_payload(SIGNER.public_key, kid=SIGNER.kid) | changes
        yield vector(f"in the attestation: {word}", bundle(attestation=attested(signed)), word)
    for word, changes in {
        "subject_kid_mismatch": {"kid": OTHER_SIGNER.kid},
        "subject_use_not_receipt_signing": {"allowed_use": "log_signing"},
        "subject_sig_alg_not_ed25519": {"sig_alg": "EdDSA"},
        "subject_public_key_mismatch": {"public_key_b64": b64(OTHER_SIGNER.public_key)},
        "subject_public_key_fingerprint_mismatch": {"public_key_fingerprint_sha256": "00" * 32},
    }.items():
        yield vector(f"the attested subject: {word}", bundle(attestation=attestation(subject=changes)), word)
    signed = attestation_payload(SIGNER.public_key, kid=SIGNER.kid)
    yield vector("signed by another root", bundle(attestation=attested(signed, signer=OTHER_SIGNER)), "root_signature_verification_failed")
    forged = bundle(attestation=attested(signed, signer=OTHER_SIGNER))
    yield vector("signed by another root than an offline key bundle's", forged, "root_signature_verification_failed", pinned="offline")
    stretched = attestation()
    stretched["signature"] = plus_l(stretched["signature"])
    yield vector("S + L in an attestation", bundle(attestation=stretched), "root_signature_verification_failed")
    yield vector("another root is pinned", bundle(), "attestation_root_fingerprint_mismatch", pinned="another root")
    yield vector("a root of another name is pinned", bundle(), "unknown_root_key_id", pinned="renamed root")
    yield vector("the pinned root contradicts itself", bundle(), "pinned_root_fingerprint_mismatch", pinned="broken root")
    small = attested(attestation_payload(SMALL, kid=public_jwk(SMALL)["kid"]))
    forged = sealed(payload())["receipt"] | {"kid": public_jwk(SMALL)["kid"], "signature": b64(SMALL + bytes(32))}
    whole = bundle(attestation=small, receipt=forged, key_bundle={"keys": [public_jwk(SMALL)]}, log=..., status=...)
    yield vector("an attested key of small order", whole, "small_order_key")


def bad_bundles() -> Iterator[dict]:
    yield vector("a bundle without keys", bundle(key_bundle=...), "malformed_bundle")
    yield vector("a bundle with another member", bundle(extra=1), "malformed_bundle")
    yield vector("a bundle with an empty part", bundle(log=None), "malformed_bundle")
    yield vector("a JWK with alg in a bundle", bundle(key_bundle={"keys": [{**JWKS["keys"][0], "alg": "EdDSA"}]}), "malformed_bundle")
    proof = log(bundle()["receipt"])
    yield vector("a log part with another member", bundle(log=proof | {"note": ""}), "malformed_bundle")
    without = {name: value for name, value in proof.items() if name != "hashes"}
    yield vector("a log part without a proof", bundle(log=without), "malformed_bundle")
    other = {"keys": [public_jwk(OTHER_SIGNER.public_key)]}
    yield vector("a key bundle without the key", bundle(key_bundle=other), "unknown_kid", pinned="keys")
    brought = bundle(signer=OTHER_SIGNER, key_bundle=other, log=..., status=...)
    yield vector("a key that only came along", brought, "unknown_kid", pinned="keys")


def bad_status() -> Iterator[dict]:
    held, known = digest_of(bundle()["receipt"]), {"signature_valid": True}
    for word in ("revoked", "superseded", "policy_tightened"):
        yield vector(f"revoked: {word}", bundle(status=status(revoked=[entry(held, reason=word)])), "receipt_revoked", **known)
    compromised = bundle(status=status(revoked=[entry(held, reason="key_compromised")]))
    yield vector("revoked: key_compromised", compromised, "receipt_revoked", "key_revoked", **known)
    revoked_keys = [{"kid": SIGNER.kid, "revoked_at": rfc3339(NOW)}]
    yield vector("a revoked key", bundle(status=status(revoked_keys=revoked_keys)), "key_revoked", **known)
    gone = {"key_bundle": {"keys": [public_jwk(OTHER_SIGNER.public_key)]}, "attestation": ..., "log": ...}
    gone |= {"status": status(OTHER_SIGNER, revoked_keys=revoked_keys), "status_attestation": attestation(OTHER_SIGNER)}
    yield vector("a revoked key that nobody vouches for", bundle(**gone), "attestation_missing", "key_revoked")
    yield vector("a revoked key that is pinned still", bundle(**gone), "unknown_kid", "key_revoked", pinned="offline", **known)
    unsaid = gone | {"status": status(OTHER_SIGNER), "status_attestation": attestation(OTHER_SIGNER)}
    yield vector("a key that nobody vouches for", bundle(**unsaid), "attestation_missing")
    believed = gone | {"status_attestation": ...}
    yield vector("a revoked key, says a status that nobody vouches for", bundle(**believed), "attestation_missing")
    yield vector("no status", bundle(status=...), "status_missing", require_status=True, **known)
    yield vector("an overdue status", bundle(status=status(next_update=rfc3339(NOW))), "status_stale", require_status=True, **known)
    yield vector("an old status", bundle(), "status_stale", require_status=True, max_status_age=60, **known)
    for name, made in {
        "of another issuer": status(issuer="https://other.test"),
        "of another object": status(object="readiness.receipt_status.v2"),
        "by another key": status(OTHER_SIGNER),
        "under a wrong name": {**status(OTHER_SIGNER), "kid": SIGNER.kid},
        "with S + L": {**status(), "signature": plus_l(status()["signature"])},
        "with an odd entry": status(revoked=[{}]),
        "that is a receipt": sealed(payload())["receipt"],
    }.items():
        yield vector(f"a status {name}", bundle(status=made), "status_invalid", **known)


def bad_log() -> Iterator[dict]:
    receipt, known = bundle()["receipt"], {"signature_valid": True}

    def made(name: str, *reasons: str, **changes) -> dict:
        return vector(name, bundle(log=log(receipt, **changes)), *reasons, **known)

    yield vector("no log proof", bundle(log=...), "log_missing", require_log=True, **known)
    yield vector("a log whose key nobody knows", bundle(), "log_key_unknown", pinned="keys", require_log=True, **known)
    yield made("another log key", "subject_kid_mismatch", key=log_key(OTHER_SIGNER))
    yield made("a log key that signs receipts", "subject_use_not_log_signing", attestation=log_attestation(use="receipt_signing"))
    yield made("a checkpoint by another key", "log_checkpoint_invalid", checkpoint=checkpoint(7, bytes(32), signer=OTHER_SIGNER))
    yield made("a checkpoint of another log", "log_checkpoint_invalid", checkpoint=checkpoint(7, bytes(32), origin="other.test"))
    true = log(receipt)["checkpoint"]
    text, _, mark = true.partition("\n\n")
    *start, signature = mark.rstrip("\n").split(" ")
    forged = " ".join([*start, flipped(signature, 40)])
    yield made("a checkpoint with a changed signature", "log_checkpoint_invalid", checkpoint=f"{text}\n\n{forged}\n")
    elsewhere = checkpoint(7, bytes(32), named="other.test")
    yield made("a checkpoint of another log under this key's name", "log_checkpoint_invalid", checkpoint=elsewhere)
    yield made("an unsigned checkpoint", "log_checkpoint_invalid", checkpoint=f"{ORIGIN}\n7\n{b64(bytes(32))}\n\n")
    yield made("a checkpoint of another tree", "log_inclusion_failed", checkpoint=checkpoint(7, bytes(32)))
    yield made("another place", "log_inclusion_failed", leaf_index=3)
    yield made("a place outside", "log_inclusion_failed", leaf_index=7)
    yield made("another size", "log_inconsistent", tree_size=8)
    yield made("a shorter proof", "log_inclusion_failed", hashes=log(receipt)["hashes"][:-1])
    yield made("a longer proof", "log_inclusion_failed", hashes=[*log(receipt)["hashes"], "00" * 32])
    yield made("another receipt's entry", "log_inclusion_failed", leaf={"receipt_sha256": "00" * 32})
    yield made("an entry that contradicts", "log_inconsistent", leaf={"verdict": "reject"})
    yield made("an entry of another kind", "log_inconsistent", leaf={"kind": "status"})


def foreign() -> Iterator[dict]:
    def of(signed: dict | bytes, **around) -> dict:
        text = signed if isinstance(signed, bytes) else json.dumps({"protocol": PROTOCOL} | signed, indent=1).encode()
        return {"receipt": {**signed_inner(text), "kid": "k1"}} | around

    known = {"pinned": "named keys", "signature_valid": True}
    yield vector("another issuer's receipt", of({"verdict": "allow", "score": 0.5}, latency_ms=1.5), **known)
    yield vector("another issuer's receipt in a larger answer", {"answer": of({}, other=[1])}, **known)
    yield vector("another issuer's receipt by itself", of({})["receipt"], **known)
    whole = {"object": "craton.receipt.verification_bundle", **of({}), "key_bundle": NAMED, "exported_at": "2026-11-23"}
    vouched = attested(json.dumps(attestation_payload(SIGNER.public_key, kid="k1"), indent=2).encode())
    yield vector("another issuer's bundle", whole | {"operational_key_attestation": vouched}, signature_valid=True)
    yield vector("another issuer's receipt: no environment", of({}), "environment_mismatch", environment="production", **known)
    yield vector("another issuer's receipt: no age", of({}), "receipt_too_old", max_age=3600, **known)
    yield vector("another issuer's receipt: over", of({"expires_at": "2026-11-23T09:30:00+00:00"}), "receipt_expired", **known)
    yield vector("another issuer's receipt: an end that cannot be read", of({"expires_at": "soon"}), "receipt_expired", **known)
    yield vector("another issuer's receipt: rejected", of({"verdict": "reject"}), "verdict_reject", **known)
    yield vector("another issuer's receipt: an unknown verdict", of({"verdict": "deny"}), "verdict_unknown", **known)
    yield vector("another issuer's receipt: a copy that differs", of({"verdict": "allow"}, verdict="x"), "outer_copy_mismatch", **known)
    yield vector("another protocol", of(b'{"protocol":"other"}'), "malformed_receipt", **known)
    yield vector("two receipts in one answer", {"a": of({}), "b": of({})}, "malformed_receipt", pinned="named keys")
    doubled = b'{"protocol":"craton.receipt.protocol.v1","a":[{"b":1,"b":1}]}'
    yield vector("another issuer's receipt: a duplicate key", of(doubled), "duplicate_json_key", **known)
    for word in (b"NaN", b"1e999"):
        odd = b'{"protocol":"craton.receipt.protocol.v1","a":' + word + b"}"
        yield vector(f"another issuer's receipt: {word.decode()}", of(odd), "malformed_receipt", **known)


def receipts() -> dict:
    makers = (good, malformed, unsigned, untrue, unattested, bad_bundles, bad_status, bad_log, foreign)
    about = "Each `file` is verified at `now` under `pinned`; `demands` are options of the verifier, ages in seconds. See docs/receipts.md."
    return {"about": about, "now": rfc3339(NOW), "pinned": PINNED, "vectors": [each for maker in makers for each in maker()]}


def signatures() -> dict:
    """Plain Ed25519: what every library must say of payload and signature, before any word of the protocol."""
    receipt = sealed(payload())["receipt"]
    message, signature = receipt["payload_b64"], receipt["signature"]
    high = unb64(signature)
    y = int.from_bytes(high[:32], "little")
    cases = {
        "good": (message, signature, True),
        "empty": (b64(b""), b64(SIGNER.sign(b"")), True),
        "status": (status()["payload_b64"], status()["signature"], True),
        "other key": (message, b64(OTHER_SIGNER.sign(unb64(message))), False),
        "S + L": (message, plus_l(signature), False),
        "R + p": (message, b64(((y + P) % 2**256).to_bytes(32, "little") + high[32:]), False),
        "R of small order": (message, b64(SMALL + bytes(32)), False),
        "zeros": (message, b64(bytes(64)), False),
        **{f"byte {at} of the payload": (flipped(message, at), signature, False) for at in range(0, len(unb64(message)), 16)},
        **{f"byte {at} of the signature": (message, flipped(signature, at), False) for at in range(64)},
    }
    tried = [{"name": name, "payload_b64": m, "signature": s, "valid": valid} for name, (m, s, valid) in cases.items()]
    return {"about": "Ed25519 (RFC 8032) under one key.", "key": public_jwk(SIGNER.public_key), "vectors": tried}


def texts() -> dict[str, str]:
    """File name → content."""
    return {
        name: json.dumps(content, indent=1, ensure_ascii=True) + "\n"
        for name, content in {"receipts.json": receipts(), "ed25519.json": signatures()}.items()
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Receipts of other issuers of the protocol: verified as far as that goes, and the report says how far."""

import json
from datetime import timedelta

import pytest

from receipts.canonical import b64, b64url, canonical_bytes
from receipts.signing import public_jwk
from receipts.verify import verify
from tests.receipts.bundles import ROOT, attestation_payload, attested, signed_inner, status
from tests.receipts.samples import ISSUER, JWKS, NOW, OTHER_SIGNER, SIGNER, as_bytes, flips, payload, sealed

# A public sample of the protocol, as its issuer gives it out for tests of verifiers.
SAMPLE = {
    "_fixture_notice": "Test-only public verification fixture. Not production material.",
    "receipt": {
        "payload_b64": "eyJmaXh0dXJlIjoib2ZmbGluZS12ZXJpZmllci1zYW1wbGUiLCJwcm90b2NvbCI6ImNyYXRvbi5yZWNlaXB0LnByb3RvY29sLnYxIn0=",
        "signature": "Q3bO4RWScYUnw5PUcM2rNfvIPceC0k7+a5lCFZmljHPehESFO1S9R5phjVU+dYRu72KnUH4Q09+b+DKlUlDUCw==",
        "kid": "fixture-key",
        "sig_alg": "ed25519",
    },
}
SAMPLE_KEYS = {
    "_fixture_notice": "Test-only public verification fixture. Not production material.",
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": "fixture-key",
            "x": "11l5O7wTooGagnx2rbb7qKSa7gB_SfLQmS2ZuCWtLEg",
        }
    ],
}
NAMED = {"keys": [{**public_jwk(SIGNER.public_key), "kid": "k1"}]}


def legacy(document, jwks=SAMPLE_KEYS, **demands):
    return verify(document, jwks, legacy=True, now=demands.pop("now", NOW), **demands)


def foreign(signed: dict | bytes, **around) -> dict:
    """A receipt of another issuer: its own key names, its own payload, whatever else around it."""
    text = signed if isinstance(signed, bytes) else json.dumps({"protocol": "craton.receipt.protocol.v1"} | signed, indent=1).encode()
    return {"receipt": {**signed_inner(text), "kid": "k1"}} | around


def test_a_public_sample_of_the_protocol_is_verified():
    found = legacy(as_bytes(SAMPLE))

    assert (found.verified, found.signature_valid, found.reasons) == (True, True, ())
    assert (found.issuer_identity_verified, found.verification_scope) == (False, "signature_matches_supplied_key")
    assert (found.kid, found.protocol, found.verdict) == ("fixture-key", "craton.receipt.protocol.v1", None)
    assert found.signed_payload == {"fixture": "offline-verifier-sample", "protocol": "craton.receipt.protocol.v1"}
    assert found.notes == ("another_issuers_form", "keys_as_pinned", "revocation_unknown", "log_not_checked")


def test_a_public_sample_is_none_of_ours():
    assert verify(as_bytes(SAMPLE), SAMPLE_KEYS, now=NOW).reasons == ("malformed_receipt",)
    assert verify({"receipt": SAMPLE["receipt"]}, SAMPLE_KEYS, now=NOW).reasons == ("unknown_kid",)


def test_S01_every_bit_of_what_is_signed_counts_in_a_sample():
    good = as_bytes({"receipt": SAMPLE["receipt"]})

    assert [place for place, changed in flips(good) if legacy(changed).verified] == []


@pytest.mark.parametrize(
    ("demand", "word"),
    [
        ({"issuer": ISSUER}, "issuer_mismatch"),
        ({"environment": "production"}, "environment_mismatch"),
        ({"subject": "sha256:" + "00" * 32}, "subject_mismatch"),
        ({"max_age": timedelta(hours=72)}, "receipt_too_old"),
        ({"require_status": True}, "status_missing"),
        ({"require_log": True}, "log_missing"),
    ],
)
def test_S13_a_demand_on_a_payload_that_does_not_say_fails(demand, word):
    assert legacy(SAMPLE, **demand).reasons == (word,)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ()),
        ({"verdict": "allow", "expires_at": "2026-11-24T00:00:00+00:00", "score": 0.5, "big": 10**30}, ()),
        ({"verdict": "reject"}, ("verdict_reject",)),
        ({"verdict": "constrain"}, ("verdict_constrain",)),
        ({"verdict": "deny"}, ("verdict_unknown",)),
        ({"verdict": None}, ("verdict_unknown",)),
        ({"expires_at": "2026-11-23T09:30:00Z"}, ("receipt_expired",)),
        ({"expires_at": "some day"}, ("receipt_expired",)),
        ({"expires_at": 1}, ("receipt_expired",)),
        ({"issued_at": "2026-11-24T09:30:00Z"}, ("receipt_not_yet_valid",)),
    ],
)
def test_what_a_foreign_payload_says_counts(said, expected):
    assert legacy(foreign(said), NAMED, accept_conditions=False).reasons == expected


def test_demands_are_met_by_a_foreign_payload_that_says_so():
    said = {"issuer": ISSUER, "environment": "production", "subject": [{"name": "a", "digest": {"sha256": "00" * 32}}]}
    said |= {"issued_at": "2026-11-23T09:00:00.5+00:00"}
    demands = {"issuer": ISSUER, "environment": "production", "subject": "sha256:" + "00" * 32, "max_age": timedelta(hours=1)}

    assert legacy(foreign(said), NAMED, **demands).verified


@pytest.mark.parametrize("around", [{"data": {"x": [1]}}, {"latency": 0.5}, {"verdict": "allow"}])
def test_a_foreign_receipt_may_stand_in_a_larger_answer(around):
    assert legacy(foreign({"verdict": "allow"}, **around), NAMED).verified
    assert legacy({"answer": {"of": foreign({"verdict": "allow"}, **around)}}, NAMED).verified
    assert legacy(foreign({})["receipt"], NAMED).verified


def test_S04_a_copy_outside_that_differs_is_an_error():
    assert legacy(foreign({"verdict": "allow"}, verdict="constrain"), NAMED).reasons == ("outer_copy_mismatch",)


def test_of_two_receipts_in_one_answer_none_is_taken():
    assert legacy({"a": foreign({}), "b": foreign({})}, NAMED).reasons == ("malformed_receipt",)


@pytest.mark.parametrize("signed", [b"[]", b"null", b'"protocol"', b"{", b"{}", b'{"protocol":"craton.receipt.protocol.v2"}', b"\xff"])
def test_a_payload_of_no_protocol_is_refused(signed):
    found = legacy(foreign(signed), NAMED)

    assert (found.verified, found.signature_valid, found.reasons, found.signed_payload) == (False, True, ("malformed_receipt",), None)


@pytest.mark.parametrize("odd", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_S04_numbers_that_are_none_are_refused(odd):
    signed = b'{"protocol":"craton.receipt.protocol.v1","x":' + odd + b"}"

    assert legacy(foreign(signed), NAMED).reasons == ("malformed_receipt",)


def test_S04_duplicate_keys_at_any_depth_are_refused():
    signed = b'{"protocol":"craton.receipt.protocol.v1","a":{"b":[{"c":1,"c":1}]}}'

    assert legacy(foreign(signed), NAMED).reasons == ("duplicate_json_key",)
    assert legacy(as_bytes(SAMPLE).replace(b'"kid"', b'"kid":"x","kid"')).reasons == ("duplicate_json_key",)


def test_S02_the_algorithm_is_named_as_ever():
    for word in ("EdDSA", "none", None, "ED25519"):
        assert legacy({"receipt": {**SAMPLE["receipt"], "sig_alg": word}}).reasons == ("unsupported_algorithm",)


# --- what is ours stays strict ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("around", [{"note": 1}, {"nested": {}}, {"may_launch": True}])
def test_our_receipts_keep_their_form(around):
    assert legacy(sealed(payload()), JWKS).verified
    assert legacy(sealed(payload()) | around, JWKS).reasons == ("malformed_receipt",)
    assert legacy({"answer": sealed(payload())}, JWKS).reasons == ("malformed_receipt",)
    assert legacy(sealed(payload())["receipt"], JWKS).reasons == ("malformed_receipt",)


def test_our_receipts_keep_their_bytes_and_members():
    spaced = json.dumps(payload(), sort_keys=True, ensure_ascii=False).encode()

    assert legacy(sealed(spaced), JWKS).reasons == ("malformed_receipt",)
    assert legacy(sealed({**payload(), "revision": 0}), JWKS).reasons == ("malformed_receipt",)
    assert legacy(sealed({**payload(), "score": 0.5}), JWKS).reasons == ("malformed_receipt",)


def test_S03_our_receipts_keep_their_key_names():
    renamed = sealed(payload())
    renamed["receipt"]["kid"] = "k1"

    assert legacy(renamed, NAMED).reasons == ("unknown_kid",)


def test_S03_key_material_beside_a_receipt_is_never_used():
    forged = foreign({}, jwk=public_jwk(OTHER_SIGNER.public_key), keys=[public_jwk(OTHER_SIGNER.public_key)])
    forged["receipt"] |= {"kid": OTHER_SIGNER.kid, "jwk": public_jwk(OTHER_SIGNER.public_key)}

    assert legacy(forged, NAMED).reasons == ("unknown_kid",)


@pytest.mark.parametrize(
    "word",
    [
        "readiness.receipt_status.v1",
        "readiness.deployment_review_receipt.v2",
        "readiness.log_leaf.v1",
        "craton.receipt.operational_key_attestation_payload.v1",
        "craton.receipt.verification_bundle",
        None,
        ["readiness.deployment_review_receipt.v1"],
    ],
)
def test_S13_other_documents_of_the_protocol_are_no_receipts(word):
    assert legacy(foreign({"object": word}), NAMED).reasons == ("malformed_receipt",)


def test_S13_a_status_is_no_receipt():
    assert legacy({"receipt": status()}, JWKS).reasons == ("malformed_receipt",)
    assert legacy(status(), JWKS).reasons == ("malformed_receipt",)


# --- other spellings of keys, and bundles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        {"kid": "k1", "public_key_b64": b64(SIGNER.public_key)},
        {"kid": "k1", "public_key_jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64url(SIGNER.public_key)}},
    ],
)
def test_keys_may_be_spelled_as_other_issuers_do(entry):
    assert legacy(foreign({}), {"keys": [entry]}).verified


def test_two_keys_of_one_name_are_no_key():
    twice = {"keys": [*NAMED["keys"], {**public_jwk(OTHER_SIGNER.public_key), "kid": "k1"}]}

    assert legacy(foreign({}), twice).reasons == ("malformed_jwks",)


@pytest.mark.parametrize("name", ["attestation", "operational_key_attestation"])
def test_a_foreign_bundle_is_verified_under_its_root(name):
    whole = {
        "object": "craton.receipt.verification_bundle",
        **foreign({"verdict": "allow"}),
        "key_bundle": {**NAMED, "issued": 1.5},
        name: attested(json.dumps(attestation_payload(SIGNER.public_key, kid="k1"), indent=2).encode()),
        "exported_at": "2026-11-23",
    }

    found = verify(as_bytes(whole), root=ROOT, legacy=True, now=NOW)

    assert (found.verified, found.reasons, found.verification_scope) == (True, (), "signature_and_root_attestation")
    assert verify(whole, root=ROOT, now=NOW).reasons == ("malformed_bundle",)
    assert verify(as_bytes(whole), {"keys": []}, legacy=True, now=NOW).reasons == ("unknown_kid",)


def test_an_attestation_may_stand_beside_a_foreign_receipt():
    whole = foreign({}, attestation=attested(attestation_payload(SIGNER.public_key, kid="k1")))

    assert verify(whole, root=ROOT, legacy=True, now=NOW).verified
    assert canonical_bytes(whole["attestation"])

"""Bundles: root and attestation, status, log proof. Every part is demanded, forged, left out, and changed byte by byte."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from receipts.canonical import b64, canonical_bytes, unb64
from receipts.signing import public_jwk
from receipts.verify import NOTES, Status, load_keys, load_log_key, load_root, root_from_inclusion, verify
from tests.receipts import bundles
from tests.receipts.bundles import (
    LOG_SIGNER,
    ORIGIN,
    ROOT,
    ROOT_SIGNER,
    attestation,
    attestation_payload,
    attested,
    bundle,
    digest_of,
    entry,
    later,
    log,
    log_attestation,
    log_key,
    offline,
    signed_inner,
    status,
    status_payload,
    with_small_r,
)  # fmt: skip
from tests.receipts.samples import ISSUER, JWKS, NOW, OTHER_SIGNER, SHA, SIGNER, as_bytes, flips, payload, sealed

L = 2**252 + 27742317777372353535851937790883648493
EVERYTHING = {"issuer": ISSUER, "environment": "production", "subject": f"sha256:{SHA}", "require_log": True, "require_status": True}


def under_root(document, *, root=ROOT, **demands):
    return verify(document, root=root, now=demands.pop("now", NOW), **demands)


def under_keys(document, jwks=JWKS, **demands):
    return verify(document, jwks, now=demands.pop("now", NOW), **demands)


def reasons(document, **demands):
    found = under_root(document, **demands)
    assert not found.verified
    return list(found.reasons)


def test_a_whole_bundle_is_verified_under_the_root():
    found = under_root(as_bytes(bundle()), **EVERYTHING, max_age=timedelta(hours=1), max_status_age=timedelta(hours=24))

    assert (found.verified, found.signature_valid, found.issuer_identity_verified, found.reasons) == (True, True, True, ())
    assert (found.verification_scope, found.trust_anchor) == ("signature_and_root_attestation", ROOT["root_key_id"])
    assert (found.attestation_status, found.attestation_failure_reason) == ("verified", None)
    assert (found.kid, found.key_source, found.sig_alg) == (SIGNER.kid, "root_attestation", "ed25519")
    assert (found.status.state, found.status.seq, found.status.as_of) == ("not_revoked", 7, status_payload()["issued_at"])
    assert (found.log.origin, found.log.tree_size, found.log.leaf_index) == (ORIGIN, 7, 4)
    assert (found.signed_payload, found.notes, found.failed_step) == (payload(), (), None)


def test_a_whole_bundle_is_verified_under_a_pinned_offline_bundle():
    found = under_keys(as_bytes(bundle()), offline(), **EVERYTHING)

    assert (found.verified, found.reasons, found.key_source, found.attestation_status) == (True, (), "jwks_argument", "verified")
    assert found.log is not None
    assert found.notes == ()


def test_what_was_not_checked_is_said():
    found = under_keys(bundle(status=..., attestation=...))

    assert found.verified
    assert (found.issuer_identity_verified, found.verification_scope) == (False, "signature_matches_supplied_key")
    assert (found.status, found.log) == (Status(), None)
    assert found.notes == ("keys_as_pinned", "revocation_unknown", "log_not_checked")
    assert under_keys(bundle()).notes == ("keys_as_pinned", "attestation_not_checked", "log_not_checked")
    assert set(found.notes) < set(NOTES)


# --- every byte ---------------------------------------------------------------------------------------------------------------------


def substitutions(data: bytes):
    """(place, copy with that one byte changed): its neighbour, its other case, a letter of base64, and no ASCII at all."""
    for place, byte in enumerate(data):
        for other in {byte ^ 1, byte ^ 0x20, ord("A"), byte ^ 0x80} - {byte}:
            yield place, data[:place] + bytes([other]) + data[place + 1 :]


@pytest.mark.parametrize("trust", [{"root": ROOT}, {"jwks": offline()}], ids=["root", "offline"])
def test_S01_every_byte_of_a_bundle_counts(trust):
    good = as_bytes(bundle(key_bundle=JWKS))
    survivors = [
        (place, changed[place : place + 1])
        for place, changed in substitutions(good)
        if verify(changed, now=NOW, require_log=True, require_status=True, **trust).verified
    ]

    assert verify(good, now=NOW, require_log=True, require_status=True, **trust).verified
    assert survivors == []


def test_S01_every_byte_of_a_bundle_counts_with_nothing_demanded():
    good = as_bytes(bundle(key_bundle=JWKS))

    assert [place for place, changed in substitutions(good) if under_root(changed, legacy=True).verified] == []


def ends_of_bytes(data: bytes):
    """(place, copy with the lowest or the highest bit of that byte flipped)."""
    for place in range(len(data)):
        for bit in (1, 0x80):
            yield place, data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


SIGNED_BYTES = {
    "attestation payload": (("attestation",), "payload_b64"),
    "attestation signature": (("attestation",), "signature"),
    "status payload": (("status",), "payload_b64"),
    "status signature": (("status",), "signature"),
    "receipt payload": (("receipt",), "payload_b64"),
    "receipt signature": (("receipt",), "signature"),
    "log leaf": (("log",), "leaf_b64"),
    "log attestation payload": (("log", "attestation"), "payload_b64"),
    "log attestation signature": (("log", "attestation"), "signature"),
}


@pytest.mark.parametrize("part", SIGNED_BYTES)
def test_S01_every_byte_under_a_signature_counts(part):
    where, member = SIGNED_BYTES[part]
    document = bundle()
    holder = document
    for name in where:
        holder = holder[name]
    good = unb64(holder[member])
    for place, changed in ends_of_bytes(good):
        holder[member] = b64(changed)
        assert not under_root(document).verified, place
    holder[member] = b64(good)
    assert under_root(document).verified


def test_S01_every_byte_of_the_checkpoint_counts():
    document = bundle()
    note = document["log"]["checkpoint"].encode()
    for place, changed in flips(note):
        document["log"]["checkpoint"] = changed.decode("utf-8", "replace")
        assert not under_root(document).verified, place


def test_S01_every_bit_of_the_proof_counts():
    document = bundle()
    for number, text in enumerate(list(document["log"]["hashes"])):
        for place, changed in flips(bytes.fromhex(text)):
            document["log"]["hashes"][number] = changed.hex()
            assert reasons(document) == ["log_inclusion_failed"], place
        document["log"]["hashes"][number] = text
    assert under_root(document).verified


# --- form of a bundle ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["receipt", "key_bundle"])
@pytest.mark.parametrize("value", [..., None, [], "text", 1])
def test_a_bundle_needs_receipt_and_keys(name, value):
    assert reasons(bundle(**{name: value})) == ["malformed_bundle"]


@pytest.mark.parametrize("name", ["attestation", "log", "status", "status_attestation"])
def test_a_part_of_a_bundle_is_an_object_or_left_out(name):
    assert reasons(bundle(**{name: None})) == ["malformed_bundle"]


def test_S03_a_bundle_holds_nothing_else():
    assert reasons(bundle(jwk=public_jwk(OTHER_SIGNER.public_key))) == ["malformed_bundle"]
    assert under_root(bundle(verdict="allow"), legacy=True).reasons == ("malformed_bundle",)


def test_S04_duplicate_keys_at_any_depth_are_refused():
    text = as_bytes(bundle())
    for name in (b"object", b"receipt", b"keys", b"kid", b"payload_b64", b"leaf_index", b"checkpoint", b"status", b"log"):
        doubled = text.replace(b'"%s":' % name, b'"%s":1,"%s":' % (name, name), 1)
        assert reasons(doubled) == ["duplicate_json_key"], name


def test_S04_nan_in_a_bundle_is_refused():
    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e999"):
        text = as_bytes(bundle()).replace(b'"leaf_index":4', b'"leaf_index":' + word)
        assert reasons(text) == ["malformed_receipt"]
        assert reasons(text, legacy=True) == ["malformed_receipt"]


# --- keys that come along are never trusted -------------------------------------------------------------------------------------------


def test_S03_keys_in_a_bundle_are_never_trusted():
    forged = bundle(signer=OTHER_SIGNER, key_bundle={"keys": [public_jwk(OTHER_SIGNER.public_key)]}, status=..., log=...)

    assert under_keys(forged).reasons == ("unknown_kid",)
    assert under_keys({**forged, "attestation": attestation()}).reasons == ("unknown_kid",)
    assert reasons({**forged, "attestation": attestation()}) == ["subject_kid_mismatch"]


def test_S03_a_key_bundle_that_differs_from_the_trusted_key_is_refused():
    entry_of_another = {**public_jwk(OTHER_SIGNER.public_key), "kid": SIGNER.kid}
    only_another = {"keys": [public_jwk(OTHER_SIGNER.public_key)]}

    assert reasons(bundle(key_bundle={"keys": [entry_of_another]})) == ["subject_public_key_mismatch"]
    assert reasons(bundle(key_bundle=only_another)) == ["unknown_kid"]
    assert under_keys(bundle(key_bundle=only_another)).reasons == ("unknown_kid",)
    for changes in ({"alg": "EdDSA"}, {"use": "enc"}, {"d": "AA"}):
        odd = {"keys": [{**JWKS["keys"][0], **changes}]}
        assert under_keys(bundle(key_bundle=odd)).reasons == ("malformed_bundle",), changes


def test_small_order_keys_are_refused_wherever_they_stand():
    small = bytes([1]) + bytes(31)
    forged = {**JWKS["keys"][0], "x": public_jwk(small)["x"]}

    assert reasons(bundle(key_bundle={"keys": [forged]})) == ["small_order_key"]
    assert reasons(bundle(attestation=attested(attestation_payload(small, kid=SIGNER.kid)), key_bundle=JWKS)) == [
        "subject_public_key_mismatch"
    ]
    assert reasons(bundle(), root={**ROOT, "public_key_b64": b64(small)}) == ["small_order_key"]
    assert reasons(bundle(), log_key=f"{ORIGIN}+00000000+{b64(bytes([1]) + small)}") == ["log_key_unknown"]


def test_a_small_order_R_is_refused():
    # Some verifiers of the protocol refuse it and some do not; only who holds the key can make one.
    document = bundle()
    signed = unb64(document["receipt"]["payload_b64"])
    document["receipt"] = {**document["receipt"], "signature": b64(with_small_r(signed))}
    Ed25519PublicKey.from_public_bytes(SIGNER.public_key).verify(with_small_r(signed), signed)

    assert reasons(document) == ["signature_invalid"]


@pytest.mark.parametrize("part", ["receipt", "attestation", "status"])
def test_malleable_signatures_are_refused(part):
    document = bundle()
    signature = unb64(document[part]["signature"])
    twin = signature[:32] + (int.from_bytes(signature[32:], "little") + L).to_bytes(32, "little")
    document[part] = {**document[part], "signature": b64(twin)}

    words = {"receipt": "signature_invalid", "attestation": "root_signature_verification_failed", "status": "status_invalid"}
    assert reasons(document) == [words[part]]


@pytest.mark.parametrize("text", ["{}\n", " {}", "{}====", "_{}"])
@pytest.mark.parametrize("part", ["receipt", "attestation"])
@pytest.mark.parametrize("member", ["payload_b64", "signature"])
def test_S04_lenient_base64_is_refused(part, member, text):
    document = bundle()
    document[part] = {
        **document[part],
        member: text.replace("{}", document[part][member].rstrip("=") if "==" in text else document[part][member]),
    }

    assert reasons(document) == ["noncanonical_base64"]


@pytest.mark.parametrize("y", [2**255 - 19 + 3, 2**255 - 1])
def test_a_point_in_another_spelling_is_no_key(y):
    raw = y.to_bytes(32, "little")

    assert under_keys(sealed(payload()), {"keys": [public_jwk(raw)]}).reasons == ("malformed_jwks",)
    assert reasons(bundle(), root={**ROOT, "public_key_b64": b64(raw)}) == ["malformed_root"]


# --- root and attestation -------------------------------------------------------------------------------------------------------------


def words_of(made: dict, **demands) -> list[str]:
    found = under_root(bundle(attestation=made), **demands)
    assert (found.verified, found.signature_valid, found.signed_payload) == (False, False, None)
    assert (found.issuer_identity_verified, found.attestation_status) == (False, "invalid")
    assert found.attestation_failure_reason == found.reasons[0]
    assert found.failed_step == "attestation"
    return list(found.reasons)


OUTER = {
    "unsupported_attestation_object": {"object": "craton.receipt.operational_key_attestation.v2"},
    "unknown_root_key_id": {"root_key_id": "another-root"},
    "attestation_root_fingerprint_mismatch": {"root_public_key_fingerprint_sha256": "00" * 32},
    "root_signature_verification_failed": {"payload_b64": b64(b"{}")},
}
INNER = {
    "unsupported_attestation_payload_object": {"object": "craton.receipt.operational_key_attestation.v1"},
    "unsupported_attestation_protocol": {"protocol": "craton.receipt.protocol.v2"},
    "root_key_id_payload_mismatch": {"root_key_id": "another-root"},
    "root_fingerprint_payload_mismatch": {"root_public_key_fingerprint_sha256": "00" * 32},
    "missing_subject": {"subject": ...},
    "malformed_attestation": {"not_after": ...},
    "attestation_not_yet_valid": {"not_before": "2026-11-23T09:30:01Z"},
    "attestation_expired": {"not_after": "2026-11-23T09:30:00Z"},
}
SUBJECT = {
    "subject_kid_mismatch": {"kid": OTHER_SIGNER.kid},
    "subject_use_not_receipt_signing": {"allowed_use": "log_signing"},
    "subject_sig_alg_not_ed25519": {"sig_alg": "EdDSA"},
    "subject_public_key_mismatch": {"public_key_b64": b64(OTHER_SIGNER.public_key)},
    "subject_public_key_fingerprint_mismatch": {"public_key_fingerprint_sha256": "00" * 32},
}


@pytest.mark.parametrize("word", OUTER)
def test_what_stands_around_an_attestation_is_checked(word):
    assert words_of({**attestation(), **OUTER[word]}) == [word]


@pytest.mark.parametrize("word", INNER)
def test_what_the_root_signed_is_checked(word):
    assert words_of(attested(attestation_payload(SIGNER.public_key, kid=SIGNER.kid) | INNER[word])) == [word]


@pytest.mark.parametrize("word", SUBJECT)
def test_whom_the_root_vouches_for_is_checked(word):
    assert words_of(attestation(subject=SUBJECT[word])) == [word]


def test_the_signature_of_another_root_is_refused():
    signed = attestation_payload(SIGNER.public_key, kid=SIGNER.kid)

    assert words_of(attested(signed, signer=OTHER_SIGNER)) == ["root_signature_verification_failed"]
    assert words_of(attestation(), root=bundles.anchor(name="another")) == ["unknown_root_key_id"]
    assert words_of(attestation(), root=bundles.anchor(OTHER_SIGNER)) == ["attestation_root_fingerprint_mismatch"]


@pytest.mark.parametrize("signed", [b"[]", b"null", b"{", b"\xff", b'{"object":1,"object":1}'])
def test_a_root_that_signed_nonsense_vouches_for_nothing(signed):
    assert not under_root(bundle(attestation=attested(signed))).verified


def test_without_an_attestation_nothing_holds_under_a_root():
    for document in (bundle(attestation=...), sealed(payload())):
        found = under_root(document)
        assert (found.verified, found.reasons, found.attestation_status) == (False, ("attestation_missing",), "missing")


def test_an_attested_fingerprint_is_enough_where_the_key_comes_along():
    assert under_root(bundle(attestation=attestation(subject={"public_key_b64": ...}))).verified


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"sig_alg": "EdDSA"}, "malformed_root"),
        ({"root_key_id": ""}, "malformed_root"),
        ({"public_key_b64": None}, "malformed_root"),
        ({"public_key_b64": b64(b"short")}, "malformed_root"),
        ({"public_key_b64": "??"}, "noncanonical_base64"),
        ({"public_key_fingerprint_sha256": "00" * 32}, "pinned_root_fingerprint_mismatch"),
    ],
)
def test_a_pinned_root_of_another_form_is_refused(changes, word):
    assert reasons(bundle(), root={**ROOT, **changes}) == [word]


def test_a_root_is_not_looked_for_in_the_file():
    forged_root = bundles.anchor(OTHER_SIGNER)
    signed = attestation_payload(SIGNER.public_key, kid=SIGNER.kid)
    signed["root_public_key_fingerprint_sha256"] = forged_root["public_key_fingerprint_sha256"]
    forged = attested(signed, signer=OTHER_SIGNER, root_public_key_fingerprint_sha256=forged_root["public_key_fingerprint_sha256"])

    assert reasons(bundle(attestation=forged, root=forged_root)) == ["malformed_bundle"]
    assert reasons(bundle(attestation=forged)) == ["attestation_root_fingerprint_mismatch"]


def test_either_root_or_keys():
    with pytest.raises(TypeError):
        verify(bundle(), JWKS, root=ROOT)
    assert verify(bundle(), now=NOW).reasons == ("malformed_jwks",)


# --- status ---------------------------------------------------------------------------------------------------------------------------


def with_status(made: dict, **demands):
    return under_root(bundle(status=made), **demands)


@pytest.mark.parametrize("word", ["revoked", "superseded", "policy_tightened"])
def test_a_revoked_receipt_is_refused_whatever_is_demanded(word):
    revoked = entry(digest_of(bundle()["receipt"]), reason=word, superseded_by="ef" * 32)
    found = with_status(status(revoked=[entry("00" * 32), revoked]))

    assert (found.verified, found.signature_valid, found.reasons) == (False, True, ("receipt_revoked",))
    assert (found.status.state, found.status.reason, found.status.superseded_by) == ("revoked", word, "ef" * 32)
    assert found.status.revoked_at == revoked["revoked_at"]


def test_a_compromised_key_is_named():
    revoked = entry(digest_of(bundle()["receipt"]), reason="key_compromised")

    assert with_status(status(revoked=[revoked])).reasons == ("receipt_revoked", "key_revoked")


def test_S09_a_revoked_key_is_refused_for_every_receipt_of_it():
    made = status(revoked_keys=[{"kid": SIGNER.kid, "revoked_at": "2026-11-01T00:00:00Z"}])

    assert with_status(made).reasons == ("key_revoked",)
    assert with_status(status(revoked_keys=[{"kid": OTHER_SIGNER.kid, "revoked_at": "2026-11-01T00:00:00Z"}])).verified
    assert with_status(status(revoked_keys={})).reasons == ("status_invalid",)


def test_a_status_is_demanded():
    assert reasons(bundle(status=...), require_status=True) == ["status_missing"]
    assert reasons({**sealed(payload())}, require_status=True) == ["attestation_missing"]
    assert under_keys(sealed(payload()), require_status=True).reasons == ("status_missing",)


@pytest.mark.parametrize(
    ("hours", "limit", "stale"),
    [(0, None, False), (22.9, None, False), (23, None, True), (0, 1, False), (0.1, 1, True), (-2, None, True)],
)
def test_a_status_goes_stale(hours, limit, stale):
    demands = {"require_status": True, "max_status_age": limit and timedelta(hours=limit), "now": later(hours)}
    signed = payload(issued_at=NOW - timedelta(hours=9))
    document = bundle(signed, log=...)

    assert under_root(document, **demands).reasons == (("status_stale",) if stale else ())


def test_a_stale_status_is_noted_where_none_is_demanded():
    found = under_root(bundle(), now=later(24))

    assert (found.verified, found.notes) == (True, ("status_not_current",))


BAD_STATUS = {
    "another issuer": {"issuer": "https://other.test"},
    "another protocol": {"protocol": "craton.receipt.protocol.v2"},
    "another object": {"object": "readiness.receipt_status.v2"},
    "seq of zero": {"seq": 0},
    "seq as text": {"seq": "7"},
    "time of another form": {"issued_at": "2026-11-23"},
    "no time": {"next_update": None},
    "no list": {"revoked": {}},
    "odd entry": {"revoked": [{}]},
    "entry without a hash": {"revoked": [entry("00")]},
}


@pytest.mark.parametrize("case", BAD_STATUS)
def test_a_status_of_another_form_is_invalid(case):
    assert with_status(status(**BAD_STATUS[case])).reasons == ("status_invalid",)


def test_a_status_by_another_key_is_invalid():
    assert with_status(status(OTHER_SIGNER)).reasons == ("status_invalid",)
    assert with_status({**status(OTHER_SIGNER), "kid": SIGNER.kid}).reasons == ("status_invalid",)
    assert under_keys(bundle(status=status(OTHER_SIGNER))).reasons == ("status_invalid",)
    assert with_status(signed_inner(json.dumps(status_payload(), indent=1).encode())).reasons == ("status_invalid",)


def test_a_status_may_be_signed_by_another_key_that_is_trusted():
    both = {"keys": [*JWKS["keys"], public_jwk(OTHER_SIGNER.public_key)]}
    document = bundle(status=status(OTHER_SIGNER), status_attestation=attestation(OTHER_SIGNER), attestation=attestation())

    assert under_keys(document, both, require_status=True).verified
    assert under_root(document, require_status=True).verified
    assert reasons({**document, "status_attestation": attestation()}) == ["subject_kid_mismatch"]
    assert reasons({**document, "status_attestation": attestation(OTHER_SIGNER, use="log_signing")}) == ["subject_use_not_receipt_signing"]


def test_a_receipt_is_no_status_and_a_status_no_receipt():
    assert with_status(sealed(payload())["receipt"]).reasons == ("status_invalid",)
    for legacy in (False, True):
        assert under_keys({"receipt": status()}, legacy=legacy).reasons == ("malformed_receipt",)


def test_a_status_says_nothing_of_a_receipt_that_ended_long_before():
    signed = payload(issued_at=NOW - timedelta(days=40), expires_at=NOW - timedelta(days=31))
    found = under_root(bundle(signed, log=...), require_status=True)

    assert (found.status.state, found.reasons) == ("unknown", ("receipt_expired", "status_missing"))


# --- log ------------------------------------------------------------------------------------------------------------------------------


def with_log(**changes) -> dict:
    return bundle(log=log(bundle()["receipt"], **changes))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13])
def test_an_inclusion_proof_holds_for_every_place(size):
    for index in range(size):
        assert under_root(with_log(index=index, size=size), require_log=True).verified, index


def test_a_proof_of_another_place_or_length_fails():
    leaves = [b"%d" % place for place in range(13)]
    whole = bundles.tree_hash(leaves)
    for index in range(13):
        path = bundles.inclusion(index, leaves)
        assert root_from_inclusion(leaves[index], index=index, size=13, path=path) == whole
        places = [other for other in range(13) if root_from_inclusion(leaves[index], index=other, size=13, path=path) == whole]
        assert places == [index]
        for odd in (path[:-1], path[1:], [*path, bytes(32)]):
            assert root_from_inclusion(leaves[index], index=index, size=13, path=odd) != whole


def test_a_log_proof_is_demanded():
    assert reasons(bundle(log=...), require_log=True) == ["log_missing"]
    assert under_keys(sealed(payload()), require_log=True).reasons == ("log_missing",)
    assert under_keys(bundle(), require_log=True).reasons == ("log_key_unknown",)
    assert under_root(bundle(log=log(bundle()["receipt"], attestation=...)), require_log=True).reasons == ("log_key_unknown",)


def test_the_logs_key_may_be_pinned_by_itself():
    assert under_keys(bundle(), log_key=log_key(), require_log=True).verified
    assert under_root(bundle(log=log(bundle()["receipt"], attestation=...)), log_key=log_key(), require_log=True).verified


def test_another_key_of_the_log_is_refused():
    other = log_key(OTHER_SIGNER)

    assert reasons(bundle(), log_key=other) == ["log_key_unknown"]
    assert reasons(with_log(key=other)) == ["subject_kid_mismatch"]
    assert reasons(with_log(attestation=log_attestation(use="receipt_signing"))) == ["subject_use_not_log_signing"]
    assert reasons(with_log(attestation=log_attestation(signer=OTHER_SIGNER))) == ["subject_kid_mismatch"]


@pytest.mark.parametrize("text", [None, 1, "", "a+b", "+00000000+AQ==", log_key()[:-4], log_key().replace("+", "+0", 1)])
def test_a_log_key_of_another_form_is_refused(text):
    assert not under_root(with_log(key=text), require_log=True).verified


ROOT_HASH = bytes(32)
BAD_NOTES = [
    None,
    "",
    "text",
    bundles.checkpoint(7, ROOT_HASH, signer=OTHER_SIGNER),
    bundles.checkpoint(7, ROOT_HASH, origin="other.test"),
    bundles.checkpoint(7, ROOT_HASH).replace("\n7\n", "\n07\n"),
    bundles.checkpoint(7, ROOT_HASH).replace("—", "-"),
    bundles.checkpoint(7, ROOT_HASH).split("—")[0],
]


@pytest.mark.parametrize("note", BAD_NOTES)
def test_a_checkpoint_that_the_log_did_not_sign_is_invalid(note):
    assert reasons(with_log(checkpoint=note)) == ["log_checkpoint_invalid"]


def test_a_checkpoint_of_another_tree_does_not_hold_the_entry():
    assert reasons(with_log(checkpoint=bundles.checkpoint(7, ROOT_HASH))) == ["log_inclusion_failed"]
    assert reasons(with_log(tree_size=8)) == ["log_inconsistent"]
    assert reasons(with_log(tree_size=True)) == ["log_inconsistent"]


def test_a_witness_may_have_signed_below():
    document = bundle()
    document["log"]["checkpoint"] += f"— witness.test {b64(bytes(68))}\n"

    assert under_root(document, require_log=True).verified


@pytest.mark.parametrize("changes", [{"leaf_index": 7}, {"leaf_index": -1}, {"leaf_index": "4"}, {"hashes": None}, {"hashes": ["AA" * 32]}])
def test_a_proof_of_another_form_fails(changes):
    assert reasons(with_log(**changes)) == ["log_inclusion_failed"]


def test_the_entry_is_about_this_receipt():
    assert reasons(with_log(leaf={"receipt_sha256": "00" * 32})) == ["log_inclusion_failed"]
    assert reasons(with_log(leaf={"receipt_sha256": None})) == ["log_inclusion_failed"]
    assert reasons(with_log(leaf={"object": "readiness.log_leaf.v2"})) == ["log_inclusion_failed"]
    for contradiction in ({"verdict": "reject"}, {"revision": 3}, {"request_id": "other"}, {"kind": "status"}):
        assert reasons(with_log(leaf=contradiction)) == ["log_inconsistent"], contradiction


def test_the_log_is_that_of_the_issuer():
    signed = payload(issuer="https://other.test")
    receipt = sealed(signed)["receipt"]

    assert reasons(bundle(signed, log=log(receipt), status=status(issuer="https://other.test"))) == ["log_inconsistent"]


# --- all of it ------------------------------------------------------------------------------------------------------------------------


def test_every_failing_demand_is_named():
    revoked = entry(digest_of(sealed(payload(environment="staging"))["receipt"]))
    found = under_root(
        bundle(payload(environment="staging"), log=..., status=status(revoked=[revoked])),
        **EVERYTHING | {"subject": "sha256:" + "00" * 32, "issuer": "https://other.test"},
    )

    assert found.reasons == ("issuer_mismatch", "environment_mismatch", "subject_mismatch", "receipt_revoked", "log_missing")
    assert found.failed_step == "demands"


@pytest.mark.parametrize(("hours", "expected"), [(1, ()), (1.01, ("receipt_too_old",)), (-0.05, ()), (-0.1, ("receipt_not_yet_valid",))])
def test_the_age_of_a_receipt_is_bounded(hours, expected):
    assert under_keys(sealed(payload()), max_age=timedelta(hours=1), now=later(hours)).reasons == expected


def test_nothing_is_trusted_from_prepared_keys_but_keys():
    assert under_keys(bundle(), load_keys(offline()), require_log=True).reasons == ("log_key_unknown",)


def test_the_loaders_read_what_an_installation_serves():
    assert load_root(ROOT).root_key_id == ROOT["root_key_id"]
    assert load_log_key(log_key()).key.public_bytes_raw() == LOG_SIGNER.public_key
    assert canonical_bytes(ROOT)
    assert ROOT_SIGNER.kid != SIGNER.kid

"""The published JSON Schema, held against real receipts, bundles and all the bad ones of the vectors."""

import copy
import json

import pytest
from jsonschema import Draft202012Validator

from receipts.canonical import unb64
from receipts.schema import DIALECT, schema
from receipts.verify import MEMBERS
from tests.receipts.bundles import ROOT, attestation, bundle, log_attestation, status
from tests.receipts.samples import ISSUER, JWKS, payload, sealed
from tests.receipts.test_vectors import RECEIPTS
from tests.receipts.test_verify import WRONG

WHOLE = schema(ISSUER)


def passes(value: object, name: str = "") -> bool:
    part = {"$ref": f"#/$defs/{name}", "$defs": WHOLE["$defs"]} if name else WHOLE
    return Draft202012Validator(part).is_valid(value)


def signed_in(inner: dict) -> dict:
    return json.loads(unb64(inner["payload_b64"]))


def test_it_is_a_schema_of_its_dialect():
    assert WHOLE["$schema"] == DIALECT
    assert WHOLE["$id"] == f"{ISSUER}/protocol/v1/schema"
    Draft202012Validator.check_schema(WHOLE)


def test_every_part_of_a_good_bundle_passes():
    whole = bundle(status_attestation=attestation())

    assert passes(whole)
    assert passes(sealed(payload()))
    assert passes(sealed(payload(verdict="reject", expires_at=None)))
    assert passes(signed_in(whole["receipt"]), "payload")
    assert passes(signed_in(whole["attestation"]), "attestation_payload")
    assert passes(signed_in(log_attestation()), "attestation_payload")
    assert passes(signed_in(status()), "status")
    assert passes(json.loads(unb64(whole["log"]["leaf_b64"])), "log_leaf")
    assert passes(ROOT, "root")
    assert passes(JWKS, "jwks")


def test_it_is_open_to_further_members():
    assert passes(payload() | {"x_later": 1}, "payload")
    assert passes(sealed(payload()) | {"x_later": 1})
    assert passes(bundle() | {"x_later": 1})


def test_the_payload_has_the_members_of_the_verifier():
    assert WHOLE["$defs"]["payload"]["required"] == list(MEMBERS)


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_of_the_payload_is_demanded_with_its_type(name):
    without = {key: value for key, value in payload().items() if key != name}
    taken = [word for word, wrong in WRONG.items() if passes({**payload(), name: wrong}, "payload")]

    assert not passes(without, "payload")
    assert taken == {"issuer": ["text"], "environment": ["text"], "conditions_digest": ["null"], "supersedes": ["null"]}.get(name, [])


@pytest.mark.parametrize("name", ["payload_b64", "signature", "kid", "sig_alg"])
@pytest.mark.parametrize("wrong", [None, "", 1, [], ...])
def test_every_member_of_a_receipt_is_demanded_with_its_type(name, wrong):
    document = copy.deepcopy(sealed(payload()))
    document["receipt"][name] = wrong
    if wrong is ...:
        del document["receipt"][name]

    assert not passes(document) or (name == "payload_b64" and wrong == "")


def test_what_the_verifier_takes_for_ours_passes():
    for vector in RECEIPTS["vectors"]:
        if vector["expected"]["verified"] and not vector["name"].startswith("another issuer"):
            assert passes(json.loads(vector["file"])), vector["name"]


def test_what_has_a_wrong_form_does_not_pass():
    malformed = [
        vector for vector in RECEIPTS["vectors"] if vector["name"].startswith(("sig_alg", "a kid that is no text", "a bundle without keys"))
    ]
    assert len(malformed) == 9
    for vector in malformed:
        assert not passes(json.loads(vector["file"])), vector["name"]

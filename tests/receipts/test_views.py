import json

import pytest

from receipts.keys import register_key
from receipts.verify import Keys, load_keys
from tests.receipts.samples import OTHER_SIGNER, SIGNER

JWKS = "/protocol/v1/jwks.json"


@pytest.fixture
def registered(both_stores) -> None:
    register_key(SIGNER)
    register_key(OTHER_SIGNER)


def test_S12_jwks_media_type_and_cache_headers(registered, client):
    response = client.get(JWKS)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/jwk-set+json"
    assert response["Cache-Control"] == "public, max-age=300"
    assert not response.cookies


def test_S12_jwks_entries_have_exactly_the_public_members(registered, client):
    entries = json.loads(client.get(JWKS).content)["keys"]

    assert [set(entry) for entry in entries] == [{"kty", "crv", "use", "kid", "x"}] * 2
    assert {(entry["kty"], entry["crv"], entry["use"]) for entry in entries} == {("OKP", "Ed25519", "sig")}


def test_S12_jwks_kids_are_thumbprints(registered, client):
    jwks = json.loads(client.get(JWKS).content)

    assert isinstance(load_keys(jwks), Keys)
    assert set(load_keys(jwks)) == {SIGNER.kid, OTHER_SIGNER.kid} == {entry["kid"] for entry in jwks["keys"]}


def test_S12_jwks_without_keys_is_an_empty_set(both_stores, client):
    assert json.loads(client.get(JWKS).content) == {"keys": []}


def test_S12_jwks_costs_one_query(registered, client, django_assert_num_queries):
    with django_assert_num_queries(0), django_assert_num_queries(1, using="self_service"):
        client.get(JWKS)


def test_S12_jwks_is_there_for_a_process_without_the_signing_key(registered, client, settings):
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""

    assert len(json.loads(client.get(JWKS).content)["keys"]) == 2


@pytest.mark.parametrize("path", [JWKS, "/protocol"])
def test_A16_reading_needs_nobody_and_only_get_and_head_are_taken(registered, client, path):
    answers = {method: client.generic(method, path).status_code for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}

    assert answers == {"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "PATCH": 405, "DELETE": 405, "OPTIONS": 204}


@pytest.mark.parametrize("path", ["/protocol/", "/protocol/v1/jwks.json/", "/protocol/v1/jwks", "/Protocol"])
def test_any_other_spelling_is_not_found(both_stores, client, path):
    assert client.get(path).status_code == 404


def test_protocol_page_tells_what_to_run_and_links_the_keys(both_stores, client):
    text = client.get("/protocol").content.decode()

    assert f'href="{JWKS}"' in text
    assert "craton.receipt.protocol.v1" in text
    assert "readiness.deployment_review_receipt.v1" in text
    assert 'href="/protocol/verify.py"' in text
    assert 'href="/verify"' in text
    assert "outer_copy_mismatch" in text

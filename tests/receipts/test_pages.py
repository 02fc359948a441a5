"""What anyone may read about the protocol, and the form that verifies on the server. Nothing of a text is kept."""

import json
import logging
from html import unescape
from urllib.parse import urlencode

import pytest
from django.test import Client

from receipts import pages
from receipts.keys import register_key
from receipts.pages import STEP_WORDS, VERIFIER
from receipts.schema import schema
from receipts.verify import MEANING, MEMBERS, STEPS
from tests.invariants import fingerprint
from tests.receipts.bundles import ROOT, YEAR, attestation, bundle, rfc3339
from tests.receipts.samples import ISSUER, JWKS, NOW, SIGNER, payload, sealed

pytestmark = pytest.mark.usefixtures("both_stores")
READ = ("/protocol/verify.py", "/protocol/v1/spec", "/protocol/v1/schema")


def living(**changes) -> dict:
    return payload(**{"expires_at": NOW + 90 * YEAR} | changes)


def posted(document: object, pinned: object = "", client: Client | None = None, **more: str):
    """The page's answer to the form of a browser that cannot verify by itself."""
    text = document if isinstance(document, str) else json.dumps(document)
    keys = pinned if isinstance(pinned, str) else json.dumps(pinned)
    return (client or Client()).post(
        "/verify", urlencode({"document": text, "pinned": keys, **more}), content_type="application/x-www-form-urlencoded"
    )


@pytest.mark.parametrize("path", READ)
def test_A16_reading_needs_nobody_and_only_get_and_head_are_taken(client, path):
    answers = {method: client.generic(method, path).status_code for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")}

    assert answers == {"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 204}
    assert client.get(path)["Cache-Control"] == "public, max-age=300"
    assert not client.get(path).cookies


def test_reading_costs_no_query(client, django_assert_num_queries):
    with django_assert_num_queries(0), django_assert_num_queries(0, using="self_service"):
        for path in READ:
            client.get(path)


def test_the_verifier_is_given_away_as_it_runs_here(client):
    answer = client.get("/protocol/verify.py")

    assert answer["Content-Type"] == "text/x-python; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="verify.py"'
    assert answer.content == VERIFIER.read_bytes()


def test_the_spec_has_the_words_of_the_verifier(client, settings):
    settings.RECEIPT_ISSUER = ISSUER
    said = json.loads(client.get("/protocol/v1/spec").content)

    assert (said["protocol"], said["issuer"]) == ("craton.receipt.protocol.v1", ISSUER)
    assert said["payload"]["members"] == list(MEMBERS)
    assert said["reasons"] == STEPS
    assert said["routes"]["verifier"] == "/protocol/verify.py"


def test_the_schema_is_served_under_its_own_address(client, settings):
    settings.RECEIPT_ISSUER = ISSUER
    answer = client.get("/protocol/v1/schema")

    assert answer["Content-Type"] == "application/schema+json"
    assert json.loads(answer.content) == schema(ISSUER)


def test_the_page_needs_nobody_and_says_that_a_text_would_be_sent(client):
    page = client.get("/verify")

    assert page.status_code == 200
    assert "the text is sent to this server" in page.content.decode()
    assert '<script type="module" src="/static/verify.js"></script>' in page.content.decode()
    assert client.put("/verify").status_code == 405


@pytest.mark.parametrize(
    ("document", "pinned", "line"),
    [
        (sealed(living()), JWKS, "Every step passed."),
        (bundle(living(), attestation=attestation(not_after=rfc3339(NOW + 90 * YEAR))), ROOT, "Every step passed."),
        ("<html>", JWKS, STEP_WORDS["reading"]),
        (sealed(living()), {"keys": []}, STEP_WORDS["keys"]),
        (sealed(living()), ROOT, STEP_WORDS["attestation"]),
        (sealed(living()), "no json", STEP_WORDS["keys"]),
        (sealed(living()), "[]", STEP_WORDS["keys"]),
        (sealed(payload(expires_at=NOW - YEAR)), JWKS, STEP_WORDS["demands"]),
        (sealed(living(verdict="constrain", conditions=["x"])), JWKS, "verdict_constrain"),
    ],
)
def test_the_form_verifies_what_is_sent(document, pinned, line):
    page = posted(document, pinned)

    assert page.status_code == 200
    assert line in unescape(page.content.decode())
    assert ("Every step passed." in page.content.decode().split('id="words"')[0]) == (line == "Every step passed.")


def test_without_pinned_keys_those_of_this_installation_are_taken():
    assert "unknown_kid" in posted(sealed(living())).content.decode().split('id="words"')[0]
    register_key(SIGNER)
    assert "Every step passed." in posted(sealed(living())).content.decode().split('id="words"')[0]


def test_the_form_wants_its_token():
    assert posted(sealed(living()), JWKS, Client(enforce_csrf_checks=True)).status_code == 403


def test_the_form_knows_its_fields_and_its_limit():
    assert posted("", JWKS).status_code == 400
    assert posted("{}", JWKS, surprise="x").status_code == 400
    assert posted("x" * 64 * 1024).status_code == 413


def test_nothing_of_a_text_is_stored_or_logged(caplog):
    before = fingerprint()
    with caplog.at_level(logging.DEBUG):
        page = posted(sealed(living(environment="canary-7f3a")), JWKS)

    assert "canary-7f3a" in page.content.decode()
    assert fingerprint() == before
    assert "canary-7f3a" not in caplog.text
    assert page["Cache-Control"] == "no-store"


def test_a_text_is_shown_as_text():
    page = posted(sealed(living(environment="<script>alert(1)</script>")), JWKS).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_every_reason_has_a_step_with_words():
    assert list(STEP_WORDS) == list(STEPS)
    assert set(pages.WORDS["meaning"]) == set(MEANING)

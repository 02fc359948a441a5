"""Bundles as they are served, verified offline with what was pinned before: through rotation, revocation and a lost key."""

import json
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from receipts import note, signing, status
from receipts.attestation import attest, trust_anchor
from receipts.canonical import b64, unb64
from receipts.keys import register_key, revoke, rotate
from receipts.models import KeyState, SigningKey, Use
from receipts.schema import schema
from receipts.verify import verify
from reviews import decisions
from tests.calls import Caller
from tests.factories import Story, actor
from tests.receipts.samples import ISSUER, OTHER_SIGNER

SHA = "ab" * 32
OFFLINE = "/self-service/verify-keys/offline-bundle"
ROOT_SIGNER = signing.LocalSigner(signing.private_key(b64(b"\x07" * 32).encode()))
ROOT = trust_anchor("root", ROOT_SIGNER.public_key)
OTHER_KEY = b64(bytes(range(1, 33)))  # the private half of OTHER_SIGNER
DEMANDS = {"issuer": ISSUER, "subject": f"sha256:{SHA}", "max_age": timedelta(hours=1), "max_status_age": timedelta(hours=1)}
EVERYTHING = {**DEMANDS, "require_log": True, "require_status": True, "accept_conditions": False}


def vouch(use: Use = Use.RECEIPTS) -> None:
    key = SigningKey.objects.get(use=use, state=KeyState.ACTIVE)
    name = note.key_name(note.origin(ISSUER), unb64(key.public_key_b64)) if use == Use.LOG else key.kid
    attest(ROOT_SIGNER, key, root_key_id="root", subject_kid=name, days=30)


@pytest.fixture
def story(both_stores, settings) -> Story:
    settings.RECEIPT_ISSUER, settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE = ISSUER, b64(b"\x09" * 32), ""
    made = Story()
    register_key(signing.log_signer(), use=Use.LOG)
    vouch()
    vouch(Use.LOG)
    return made


def approved(story: Story):
    found = story.approved(subject=[{"name": "console", "digest": {"sha256": SHA}}])
    status.publish()
    return found


def served(story: Story, review_request) -> bytes:
    answer = Caller(story.owner, "read").get(f"review-requests/{review_request.pk}/bundle/")
    assert answer.status_code == 200, answer.content
    return answer.content


def found_in(text: bytes, **trust):
    return verify(text, **(trust or {"root": ROOT}), **EVERYTHING, environment="production")


def change_keys(settings) -> None:
    register_key(OTHER_SIGNER)
    rotate()
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = OTHER_KEY, ""
    vouch()


def test_a_served_bundle_holds_everything_and_is_verified_offline(story, client):
    text = served(story, approved(story))

    under_root, offline = found_in(text), found_in(text, jwks=client.get(OFFLINE).json())

    assert (under_root.verified, under_root.reasons, under_root.notes) == (True, (), ())
    assert (offline.verified, offline.reasons) == (True, ())
    assert (under_root.trust_anchor, under_root.log.origin) == ("root", "readiness.test")


def test_a_served_bundle_has_no_blank_between_its_tokens(story):
    text = served(story, approved(story))

    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False).encode()


def test_a_served_bundle_has_the_published_form(story):
    whole = json.loads(served(story, approved(story)))
    form = schema(ISSUER)

    Draft202012Validator(form).validate(whole)
    for name, inner in (("payload", whole["receipt"]), ("status", whole["status"]), ("attestation_payload", whole["attestation"])):
        Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": form["$defs"]}).validate(json.loads(unb64(inner["payload_b64"])))
    leaf = json.loads(unb64(whole["log"]["leaf_b64"]))
    Draft202012Validator({"$ref": "#/$defs/log_leaf", "$defs": form["$defs"]}).validate(leaf)


def test_S09_after_a_rotation_the_status_is_vouched_for_by_itself(story, settings, client):
    review_request = approved(story)
    change_keys(settings)
    status.publish()

    text = served(story, review_request)

    assert {"attestation", "status_attestation"} < set(json.loads(text))
    assert (found_in(text).verified, found_in(text).reasons) == (True, ())
    assert found_in(text, jwks=client.get(OFFLINE).json()).verified


def test_a_revoked_approval_is_refused_with_its_reason(story):
    review_request = approved(story)
    decisions.revoke(actor(story.release, channel="admin"), review_request.pk, comment="stop")

    found = found_in(served(story, review_request))

    assert (found.verified, found.signature_valid, found.reasons) == (False, True, ("receipt_revoked",))
    assert found.status.reason == "revoked"


def test_S09_nothing_that_a_lost_key_signed_is_verified_any_more(story, settings, client):
    review_request = approved(story)
    pinned = client.get(OFFLINE).json()
    kid = SigningKey.objects.get(use=Use.RECEIPTS, state=KeyState.ACTIVE).kid
    change_keys(settings)
    revoke(kid, reason="lost")

    text = served(story, review_request)

    assert found_in(text).reasons == ("attestation_missing", "key_revoked")
    assert found_in(text, jwks=pinned).reasons == ("unknown_kid", "key_revoked")
    assert found_in(text, jwks=client.get(OFFLINE).json()).reasons == ("unknown_kid", "key_revoked")

"""Staging validation: what may be pinned, what may be handed in, and whether it counts at the moment somebody looks."""

import html
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command

from config.refusals import Refused
from receipts.canonical import b64, unb64
from receipts.envelope import rfc3339
from receipts.signing import LocalSigner, public_jwk
from receipts.verify import BUNDLE
from reviews import decisions, staging
from reviews.models import Denial, DeploymentReviewRequest, Event, StagingPin, StagingValidation
from reviews.organisation import COMMAND_LINE
from reviews.record import database_now
from tests.calls import Caller, codes, pointers
from tests.conftest import run_manage
from tests.factories import Story, actor, make_environment, make_partner, make_plan, make_user
from tests.invariants import assert_consistent, fingerprint, refused
from tests.pages import SCRIPT, Visitor, hidden, request_path, text_of
from tests.receipts.bundles import attestation, digest_of, entry, signed_inner, status_payload
from tests.receipts.samples import payload, sealed

pytestmark = pytest.mark.usefixtures("both_stores")
ISSUER = "https://staging.readiness.test"
STAGING_KEY = LocalSigner(Ed25519PrivateKey.generate())
OTHER_KEY = LocalSigner(Ed25519PrivateKey.generate())
SHA, GIT = "a" * 64, "b" * 40
SUBJECT = [{"name": "console", "digest": {"sha256": SHA}}, {"name": "source", "digest": {"gitCommit": GIT}}]
STATES = ["draft", "review_requested", "changes_requested", "approved"]
ENDS = ["rejected", "withdrawn", "revoked", "expired"]


def jwks(*keys: LocalSigner) -> bytes:
    return json.dumps({"keys": [public_jwk(key.public_key) for key in keys]}).encode()


def pin(**options) -> StagingPin:
    return staging.pin(COMMAND_LINE, **{"issuer": ISSUER, "jwks": jwks(STAGING_KEY), **options})


def now() -> datetime:
    return datetime.now(UTC)


def signed(*, key: LocalSigner = STAGING_KEY, copies: dict | None = None, **changes) -> dict:
    """An envelope as the staging installation signs one, with some facts changed."""
    facts = {"issuer": ISSUER, "environment": "staging", "subject": SUBJECT, "issued_at": now(), "expires_at": now() + timedelta(hours=72)}
    return sealed(payload(**{**facts, **changes}), signer=key, **(copies or {}))


def text(**changes) -> str:
    return json.dumps(signed(**changes))


def status_of(entries: list[dict], *, key: LocalSigner = STAGING_KEY, issuer: str = ISSUER) -> dict:
    times = {"issued_at": rfc3339(now() - timedelta(hours=1)), "next_update": rfc3339(now() + timedelta(hours=23))}
    return signed_inner(status_payload(issuer=issuer, revoked=entries, **times), signer=key)


def bundled(**parts) -> str:
    """The bundle of a receipt that counts, with some parts changed, or others added."""
    whole = {"object": BUNDLE, "receipt": signed()["receipt"], "key_bundle": json.loads(jwks(STAGING_KEY, OTHER_KEY))}
    return json.dumps(whole | parts)


def revoked(*, reason: str = "revoked", **changes) -> str:
    receipt = signed(**changes)["receipt"]
    return bundled(receipt=receipt, status=status_of([entry(digest_of(receipt), reason=reason)]))


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def pinned():
    return pin()


@pytest.fixture
def opened(story, pinned) -> DeploymentReviewRequest:
    return story.open(subject=SUBJECT)


def hand_in(story: Story, review_request: DeploymentReviewRequest, receipt_text, *, by=None, **options) -> StagingValidation:
    return decisions.hand_in_staging(actor(by or story.owner), review_request.pk, receipt_text=receipt_text, **options)


def standing(review_request: DeploymentReviewRequest, *, at: datetime | None = None) -> staging.Standing:
    found = DeploymentReviewRequest.objects.select_related("plan__partner", "environment").get(pk=review_request.pk)
    return staging.state(found, at or database_now())


def unmet(review_request: DeploymentReviewRequest, **options) -> list[str]:
    return [reason.code for reason in standing(review_request, **options).reasons]


# --- handed in --------------------------------------------------------------------------------------------------------------------


def test_receipt_of_staging_is_kept_and_counts(story, opened):
    assert (standing(opened).met, unmet(opened)) == (False, ["staging_missing"])

    envelope = signed()
    kept = hand_in(story, opened, json.dumps(envelope), version=opened.version)

    found = standing(opened)
    assert (found.met, found.reasons, found.validation, found.issuer) == (True, [], kept, ISSUER)
    assert (kept.handed_in_by, kept.kid, bytes(kept.payload)) == ("owner", STAGING_KEY.kid, unb64(envelope["receipt"]["payload_b64"]))
    event = Event.objects.filter(review_request=opened).order_by("-number").first()
    assert (event.verb, event.detail) == ("hand_in_staging", {"payload_sha256": kept.payload_sha256, "kid": kept.kid})
    assert DeploymentReviewRequest.objects.get(pk=opened.pk).version == opened.version + 1
    assert_consistent()


def test_bundle_of_staging_is_kept_and_counts(story, opened):
    receipt = signed()["receipt"]
    elsewhere = status_of([entry("0" * 64)])

    kept = hand_in(story, opened, bundled(receipt=receipt, status=elsewhere, attestation=attestation(OTHER_KEY)))

    assert (standing(opened).met, bytes(kept.payload)) == (True, unb64(receipt["payload_b64"]))
    assert_consistent()


def test_bundle_without_a_status_counts_as_its_receipt_does(story, opened):
    hand_in(story, opened, bundled())

    assert standing(opened).met is True


def test_S03_keys_that_a_bundle_brings_are_never_trusted(story):
    """All of it is right and by one hand, only that nobody pinned it."""
    pin(jwks=jwks(OTHER_KEY))
    review_request = story.open(subject=SUBJECT)

    refused(lambda: hand_in(story, review_request, bundled()), "unknown_kid", status=409, verb="hand_in_staging")


def test_bundle_is_taken_by_the_api_too(story, opened):
    caller = Caller(story.owner)
    path = f"review-requests/{opened.pk}/staging-validation/"

    no = caller.put(path, {"receipt": json.loads(revoked())}, version=opened.version)
    yes = caller.put(path, {"receipt": json.loads(bundled())}, version=opened.version)

    assert (no.status_code, codes(no)) == (409, ["receipt_revoked"])
    assert (yes.status_code, yes.json()["met"]) == (200, True)


def test_D01_handing_in_leaves_the_primary_as_it_was(story, opened):
    before = {name: found for name, found in fingerprint().items() if name.startswith("default.")}

    hand_in(story, opened, text())

    assert {name: found for name, found in fingerprint().items() if name.startswith("default.")} == before


def in_state(story: Story, state: str) -> DeploymentReviewRequest:
    if state == "expired":
        make_environment(approval_seconds=1)
    review_request = story.open(subject=SUBJECT) if state in ("draft", "withdrawn") else story.in_review(subject=SUBJECT)
    if state == "changes_requested":
        story.vote(story.release, review_request, "request_changes")
    elif state == "rejected":
        story.vote(story.release, review_request, "reject")
    elif state == "withdrawn":
        decisions.withdraw(actor(story.owner), review_request.pk, comment="no")
    elif state in ("approved", "revoked", "expired"):
        story.vote(story.release, review_request)
        story.vote(story.security, review_request)
    if state == "revoked":
        decisions.revoke(actor(story.owner), review_request.pk, comment="no")
    while state == "expired" and DeploymentReviewRequest.objects.as_of_now().get(pk=review_request.pk).state_now != "expired":
        time.sleep(0.05)
    return review_request


@pytest.mark.parametrize("state", STATES)
def test_it_is_taken_in_every_state_that_has_not_ended(story, pinned, state):
    review_request = in_state(story, state)

    hand_in(story, review_request, text())

    stored = DeploymentReviewRequest.objects.get(pk=review_request.pk)
    assert (stored.state, standing(review_request).met) == (state, True)
    assert_consistent()


@pytest.mark.parametrize("state", ENDS)
def test_it_is_not_taken_after_the_end(story, pinned, state):
    review_request = in_state(story, state)

    refused(lambda: hand_in(story, review_request, text()), f"state_{state}", status=409, verb="hand_in_staging")


def test_staging_approval_of_a_second_installation_counts(story, sqlite_installation, tmp_path):
    """A whole installation of its own, in its own process: its verbs approve, its key signs, its key set is pinned."""
    code = f"""
import json
from receipts.keys import jwks
from receipts.models import Receipt
from tests.factories import Story, make_environment
story = Story()
story.environment = make_environment("staging", rules=[{{"name": "release", "group": "release", "quorum": 1}}])
review_request = story.in_review(subject={SUBJECT!r})
story.vote(story.release, review_request)
print(json.dumps([jwks(), Receipt.objects.get().envelope]))
"""
    key = {"RECEIPT_SIGNING_KEY_FILE": str(tmp_path / "key.pem"), "RECEIPT_ISSUER": ISSUER}
    assert sqlite_installation.manage("keys", "create", **key).returncode == 0
    done = sqlite_installation.manage("shell", "--verbosity", "0", "-c", code, **key)
    assert done.returncode == 0, done.stderr
    keys, envelope = json.loads(done.stdout.splitlines()[-1])
    (tmp_path / "jwks.json").write_text(json.dumps(keys))
    call_command("pin_staging", issuer=ISSUER, jwks=str(tmp_path / "jwks.json"))
    review_request = story.open(subject=SUBJECT[:1])

    hand_in(story, review_request, json.dumps(envelope))

    assert standing(review_request).met is True


# --- refused ----------------------------------------------------------------------------------------------------------------------

WRONG = {
    "another issuer": (lambda: text(issuer="https://readiness.test"), ["issuer_mismatch"], 409),
    "another environment": (lambda: text(environment="production"), ["environment_mismatch"], 409),
    "rejected": (lambda: text(verdict="reject"), ["verdict_reject"], 409),
    "approved with conditions": (lambda: text(verdict="constrain", conditions=["weekdays"]), ["verdict_constrain"], 409),
    "expired": (lambda: text(expires_at=now() - timedelta(seconds=1)), ["receipt_expired"], 409),
    "one subject is missing": (lambda: text(subject=SUBJECT[:1]), ["subject_mismatch"], 409),
    "no subject at all": (lambda: text(subject=[]), ["subject_mismatch"], 409),
    "the digest under another word": (
        lambda: text(subject=[SUBJECT[1], {"name": "console", "digest": {"sha512": SHA}}]), ["subject_mismatch"], 409,
    ),
    "a key that is not pinned": (lambda: text(key=OTHER_KEY), ["unknown_kid"], 409),
    "a copy that differs": (lambda: text(copies={"verdict": "reject"}), ["outer_copy_mismatch"], 409),
    "all of it": (
        lambda: text(issuer="https://x.test", environment="production", verdict="reject", expires_at=now() - timedelta(1), subject=[]),
        ["issuer_mismatch", "environment_mismatch", "receipt_expired", "verdict_reject", "subject_mismatch"], 409,
    ),
    "nothing": (lambda: " ", ["required"], 400),
    "no text": (lambda: {"receipt": {}}, ["required"], 400),
    "no JSON": (lambda: "{", ["malformed_receipt"], 400),
    "the inner object alone": (lambda: json.dumps(signed()["receipt"]), ["malformed_receipt"], 400),
    "half a character": (lambda: '{"receipt": "\ud800"}', ["malformed_receipt"], 400),
    "a member too many": (lambda: json.dumps(signed() | {"jwk": {}}), ["malformed_receipt"], 400),
    "a duplicate key": (lambda: text().replace('{"receipt"', '{"receipt": {}, "receipt"', 1), ["duplicate_json_key"], 400),
    "another algorithm": (lambda: text().replace('"ed25519"', '"EdDSA"'), ["unsupported_algorithm"], 400),
    "padding too much": (lambda: text().replace('"signature": "', '"signature": "='), ["noncanonical_base64"], 400),
    "half a bundle": (lambda: json.dumps(signed() | {"key_bundle": {}, "attestation": {}}), ["malformed_receipt"], 400),
    "a bundle without its keys": (lambda: json.dumps({"object": BUNDLE, "receipt": signed()["receipt"]}), ["malformed_bundle"], 400),
    "a bundle with a member of its own": (lambda: bundled(jwk=public_jwk(OTHER_KEY.public_key)), ["malformed_bundle"], 400),
    "a bundle of another key": (lambda: bundled(receipt=signed(key=OTHER_KEY)["receipt"]), ["unknown_kid"], 409),
    "a bundle that brings another key under the pinned name": (
        lambda: bundled(key_bundle={"keys": [public_jwk(OTHER_KEY.public_key) | {"kid": STAGING_KEY.kid}]}), ["malformed_bundle"], 400,
    ),
    "a bundle without the pinned key": (
        lambda: bundled(key_bundle={"keys": [public_jwk(OTHER_KEY.public_key)]}), ["unknown_kid"], 409,
    ),
    "a bundle of a receipt that staging revoked": (lambda: revoked(), ["receipt_revoked"], 409),
    "a bundle of a receipt that was superseded there": (lambda: revoked(reason="superseded"), ["receipt_revoked"], 409),
    "a bundle whose status another key signed": (lambda: bundled(status=status_of([], key=OTHER_KEY)), ["status_invalid"], 409),
    "a bundle whose status is another issuer's": (
        lambda: bundled(status=status_of([], issuer="https://readiness.test")), ["status_invalid"], 409,
    ),
    "a bundle that staging revoked, with conditions, expired": (
        lambda: revoked(verdict="constrain", conditions=["weekdays"], expires_at=now() - timedelta(seconds=1)),
        ["receipt_expired", "verdict_constrain", "receipt_revoked"], 409,
    ),
    "too long": (lambda: text() + " " * (64 * 1024) + "x", ["too_large"], 413),
    "a key in the receipt": (
        lambda: json.dumps({"receipt": signed(key=OTHER_KEY)["receipt"] | {"jwk": public_jwk(OTHER_KEY.public_key)}}),
        ["malformed_receipt"], 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_receipt_is_refused_with_every_reason(story, opened, wrong):
    make, reasons, status = WRONG[wrong]
    receipt_text = make()

    refusal = refused(lambda: hand_in(story, opened, receipt_text), *reasons, status=status, verb="hand_in_staging")

    assert all(reason.clear_by or reason.pointer == "/receipt" for reason in refusal.reasons)


def test_S01_every_changed_byte_of_what_was_signed_is_refused(story, opened):
    """Every byte of payload and signature, one bit each."""
    inner, at = signed()["receipt"], now()
    for member in ("payload_b64", "signature"):
        whole = unb64(inner[member])
        for number in range(len(whole)):
            changed = bytearray(whole)
            changed[number] ^= 1 << number % 8
            document = {"receipt": inner | {member: b64(bytes(changed))}}
            codes_found = [reason.code for reason in staging.weigh(opened, json.dumps(document).encode(), now=at)[1]]
            assert codes_found == ["signature_invalid"], (member, number)


def test_nothing_is_taken_before_anything_is_pinned(story):
    review_request = story.open(subject=SUBJECT)

    refused(lambda: hand_in(story, review_request, text()), "staging_not_pinned", status=409)


def test_request_without_subjects_has_nothing_to_compare(story, pinned):
    review_request = story.open()

    refusal = refused(lambda: hand_in(story, review_request, text()), "no_subject", status=409)

    assert refusal.reasons[0].clear_by == "owner"
    assert unmet(review_request) == ["no_subject", "staging_missing"]


def test_request_for_staging_needs_none(story, pinned):
    make_environment("staging")
    review_request = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging", subject=SUBJECT)

    refused(lambda: hand_in(story, review_request, text()), "staging_not_needed", status=409)
    assert (standing(review_request).met, unmet(review_request)) == (None, ["staging_not_needed"])


def test_only_owners_hand_in_and_see_all_reasons(story, opened):
    stranger = make_user("stranger")
    refused(
        lambda: hand_in(story, opened, text(issuer="https://x.test"), by=story.viewer, version=opened.version + 1),
        "not_an_owner", "stale_version", "issuer_mismatch", status=403,
    )  # fmt: skip
    refused(lambda: hand_in(story, opened, text(), by=stranger), "not_found", status=404)
    refused(lambda: hand_in(story, opened, text(), version=opened.version + 1), "stale_version", status=412)


def test_W15_verifier_that_raises_takes_nothing(story, opened, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("broken")

    monkeypatch.setattr(staging, "verify", broken)
    before = fingerprint()

    with pytest.raises(RuntimeError):
        hand_in(story, opened, text())

    assert fingerprint() == before


# --- whether it counts is asked at each reading -----------------------------------------------------------------------------------


def test_it_stops_counting_when_its_time_is_over(story, opened):
    hand_in(story, opened, text(expires_at=now() + timedelta(hours=1)))

    assert standing(opened, at=now() + timedelta(minutes=59)).met is True
    assert unmet(opened, at=now() + timedelta(minutes=61)) == ["receipt_expired"]


def test_it_stops_and_starts_counting_with_the_pin(story, opened):
    hand_in(story, opened, text())

    pin(jwks=jwks(OTHER_KEY))
    assert unmet(opened) == ["unknown_kid"]
    pin(issuer="https://elsewhere.test")
    assert unmet(opened) == ["issuer_mismatch"]
    pin(jwks=jwks(OTHER_KEY, STAGING_KEY))
    assert standing(opened).met is True


def test_newest_pin_for_the_environment_rules(story, opened):
    make_environment("elsewhere")
    hand_in(story, opened, text())

    pin(issuer="https://elsewhere.test", environment="elsewhere")
    assert standing(opened).met is True
    pin(issuer="https://production-only.test", environment="production")
    assert unmet(opened) == ["issuer_mismatch"]
    pin()
    assert standing(opened).met is True


def test_it_stops_counting_when_a_subject_is_added(story, opened):
    hand_in(story, opened, text())
    more = [*SUBJECT, {"name": "worker", "digest": {"sha256": "c" * 64}}]

    decisions.edit_subject(actor(story.owner), opened.pk, subject=more)

    assert unmet(opened) == ["subject_mismatch"]


def test_newest_receipt_speaks(story, opened):
    hand_in(story, opened, text())
    newest = hand_in(story, opened, text(expires_at=now() + timedelta(hours=1)))

    assert standing(opened).validation == newest
    assert unmet(opened, at=now() + timedelta(hours=2)) == ["receipt_expired"]


# --- API --------------------------------------------------------------------------------------------------------------------------


def api_path(review_request: DeploymentReviewRequest) -> str:
    return f"review-requests/{review_request.pk}/staging-validation/"


def test_api_hands_in_and_reads(story, opened):
    owner = Caller(story.owner, "read", "draft")
    before = owner.get(api_path(opened))

    answer = owner.put(api_path(opened), {"receipt": signed()}, version=opened.version)

    assert (before.status_code, before.json()["met"], before.json()["kid"]) == (200, False, None)
    body = answer.json()
    assert set(body) == {"met", "reasons", "issuer", "expires_at", "kid", "payload_sha256", "handed_in_by", "handed_in_at"}
    assert (answer.status_code, body["met"], body["reasons"], body["issuer"], body["kid"]) == (200, True, [], ISSUER, STAGING_KEY.kid)
    assert (before["ETag"], answer["ETag"]) == (f'"{opened.version}"', f'"{opened.version + 1}"')
    read = Caller(story.viewer, "read").get(api_path(opened))
    assert (read.json(), read["ETag"]) == (body, answer["ETag"])


def test_api_not_needed_is_null(story, pinned):
    make_environment("staging")
    review_request = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")

    body = Caller(story.owner).get(api_path(review_request)).json()

    assert (body["met"], [reason["code"] for reason in body["reasons"]]) == (None, ["staging_not_needed"])


def test_api_refuses_in_the_order_of_the_contract(story, opened):
    path, version, wrong = api_path(opened), opened.version, {"receipt": signed(issuer="https://x.test")}
    owner = Caller(story.owner)

    assert Caller(make_user("stranger")).put(path, wrong, version=version).status_code == 404
    assert codes(Caller(story.viewer).put(path, wrong, version=version)) == ["not_an_owner", "issuer_mismatch"]
    assert codes(Caller(story.owner, "read").put(path, wrong, version=version)) == ["scope_missing", "issuer_mismatch"]
    assert (owner.put(path, wrong).status_code, owner.put(path, wrong, version=version + 1).status_code) == (428, 412)
    assert codes(owner.put(path, wrong, version=version)) == ["issuer_mismatch"]
    assert owner.post(path, wrong, version=version).status_code == 405
    assert owner.get(path, surprise="x").status_code == 400
    assert StagingValidation.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, ["/receipt"]), ({"receipt": None}, ["/receipt"]), ({"receipt": "{}"}, ["/receipt"]), ({"receipt": []}, ["/receipt"]),
     ({"receipt": {}, "verdict": "allow"}, ["/verdict", "/receipt"]), ({"receipt": {"receipt": {"sig_alg": "none"}}}, ["/receipt"])],
)  # fmt: skip
def test_api_takes_the_envelope_and_nothing_else(story, opened, body, pointer):
    answer = Caller(story.owner).put(api_path(opened), body, version=opened.version)

    assert (answer.status_code, pointers(answer)) == (400, pointer)


def test_api_refuses_duplicate_keys_and_what_is_too_long(story, opened):
    owner, path = Caller(story.owner), f"/api/v1/{api_path(opened)}"
    sent = {"content_type": "application/json", "HTTP_IF_MATCH": f'"{opened.version}"'}
    twice = '{"receipt": {}, "receipt": ' + text() + "}"

    assert codes(owner.client.generic("PUT", path, twice, **sent)) == ["duplicate_key"]
    assert owner.client.generic("PUT", path, json.dumps({"receipt": "x" * 65536}), **sent).status_code == 413


# --- page -------------------------------------------------------------------------------------------------------------------------


def test_owner_hands_in_on_the_page(story, opened):
    owner = Visitor(story.owner)
    path = request_path(opened, "staging")
    assert "No receipt of the staging installation has been handed in." in text_of(owner.get(path))

    answer = owner.submit(path, receipt_text=text())

    assert (answer.status_code, answer["Location"]) == (302, path)
    page = text_of(owner.get(path))
    assert all(words in page for words in ("Met", "is kept with this review request", STAGING_KEY.kid, "owner,"))
    assert "Staging validation handed in by owner, on a page" in text_of(owner.get(request_path(opened, "timeline")))
    assert path in owner.get(request_path(opened)).content.decode()


def test_page_says_why_and_echoes_nothing(story, opened):
    owner, path = Visitor(story.owner), request_path(opened, "staging")
    receipt_text = text(environment="production", subject=[{"name": SCRIPT, "digest": {"sha256": "d" * 64}}])

    answer = owner.submit(path, receipt_text=receipt_text)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert all(
        words in text_of(answer)
        for words in ("it is not for the environment staging", "it does not name every subject", "Who can clear it: owner.")
    )
    inner = json.loads(receipt_text)["receipt"]
    assert [value for value in (*inner.values(), SCRIPT, html.escape(SCRIPT), "alert(1)") if value != "ed25519" and value in page] == []


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [("", 400, "Paste the receipt"), ("{", 400, "no receipt or bundle that can be read"),
     ("x" * 60000, 400, "no receipt or bundle that can be read"), ("\u00e9" * 40000, 413, "64 KiB")],
)  # fmt: skip
def test_page_refuses_what_is_no_receipt(story, opened, typed, status, words):
    answer = Visitor(story.owner).submit(request_path(opened, "staging"), receipt_text=typed)

    assert (answer.status_code, words in text_of(answer)) == (status, True)


def test_H06_script_in_plan_and_subject_stays_text(story, pinned):
    plan = make_plan(story.owner, story.partner, name=SCRIPT)
    subject = [{"name": SCRIPT, "digest": {"sha256": SHA}}]
    review_request = decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug="production", subject=subject)

    page = Visitor(story.owner).get(request_path(review_request, "staging")).content.decode()

    assert SCRIPT not in page
    assert html.escape(SCRIPT) in page


def test_viewer_sees_the_state_and_no_form_and_outsiders_nothing(story, opened):
    path = request_path(opened, "staging")
    viewer = Visitor(story.viewer)

    assert ("You cannot hand one in" in text_of(viewer.get(path)), "<textarea" in viewer.get(path).content.decode()) == (True, False)
    assert viewer.post(path, receipt_text=text(), version=str(opened.version)).status_code == 403
    for user in (make_user("stranger"), story.release):
        assert Visitor(user).get(path).status_code == 404
        assert Visitor(user).post(path, receipt_text=text(), version=str(opened.version)).status_code == 404
    assert Visitor().get(path).status_code == 302
    assert StagingValidation.objects.count() == 0


def test_page_of_another_plan_is_404(story, opened):
    other = make_plan(story.owner, make_partner("other", owners=(story.owner,)))

    assert Visitor(story.owner).get(f"/self-service/plans/{other.pk}/requests/{opened.pk}/staging").status_code == 404


def test_page_of_an_ended_request_has_no_form(story, pinned):
    review_request = in_state(story, "withdrawn")
    page = Visitor(story.owner).get(request_path(review_request, "staging"))

    assert ("has ended" in text_of(page), "version" in hidden(page)) == (True, False)


# --- pinning ----------------------------------------------------------------------------------------------------------------------


def test_pin_keeps_only_usable_public_keys_and_leaves_its_event(story):
    kept = public_jwk(STAGING_KEY.public_key)
    foreign = [{"kty": "RSA", "n": "x", "e": "AQAB"}, kept | {"kid": "of-another-name"}]

    made = pin(jwks=json.dumps({"keys": [kept | {"alg": "EdDSA", "note": "x"}, *foreign]}).encode(), environment="production")

    assert (made.issuer, made.jwks, made.environment) == (ISSUER, {"keys": [kept]}, "production")
    event = Event.objects.filter(verb="pin_staging").get()
    assert (event.actor, event.channel, event.detail) == (
        "command line", "command", {"issuer": ISSUER, "kids": [kept["kid"]], "environment": "production"},
    )  # fmt: skip


SMALL = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "x", "x": "A" * 43}
BAD_SETS = {
    "no JSON": (b"{", "malformed_jwks"),
    "no set": (b"{}", "malformed_jwks"),
    "a list": (b"[]", "malformed_jwks"),
    "no keys": (b'{"keys": []}', "no_usable_key"),
    "a kid that is no thumbprint": (json.dumps({"keys": [public_jwk(STAGING_KEY.public_key) | {"kid": "x"}]}).encode(), "no_usable_key"),
    "a duplicate key": (b'{"keys": [], "keys": []}', "duplicate_json_key"),
    "small order": (json.dumps({"keys": [SMALL]}).encode(), "small_order_key"),
    "a private key": (json.dumps({"keys": [public_jwk(STAGING_KEY.public_key) | {"d": "secret"}]}).encode(), "private_key"),
    "too large": (b" " * (staging.TEXT_LIMIT + 1), "too_large"),
    "lenient base64": (json.dumps({"keys": [SMALL | {"x": "A" * 42 + "B"}]}).encode(), "noncanonical_base64"),
}


@pytest.mark.parametrize("bad", BAD_SETS)
def test_key_set_that_cannot_be_trusted_is_not_pinned(story, bad):
    content, code = BAD_SETS[bad]

    with pytest.raises(Refused) as caught:
        pin(jwks=content)

    assert (caught.value.codes, caught.value.status) == ([code], 400)
    assert (StagingPin.objects.count(), Event.objects.filter(verb="pin_staging").count()) == (0, 0)


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        ({"issuer": "staging"}, ["invalid_url"]),
        ({"issuer": "https://user:password@staging.test"}, ["invalid_url"]),
        ({"issuer": f"https://{'x' * 200}.test"}, ["max_length"]),
        ({"environment": "nowhere"}, ["unknown_environment"]),
        ({"issuer": "x", "environment": "nowhere"}, ["invalid_url", "unknown_environment"]),
    ],
)
def test_pin_refuses_with_every_reason(story, options, reasons):
    with pytest.raises(Refused) as caught:
        pin(**options)

    assert caught.value.codes == reasons


def test_command_pins_and_says_what(story, tmp_path, capsys):
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(STAGING_KEY))

    call_command("pin_staging", issuer=ISSUER, jwks=str(path), environment="production")

    assert f"review requests to production from now on. Keys: {STAGING_KEY.kid}" in capsys.readouterr().out
    for wrong in (tmp_path / "nothing", tmp_path):
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("pin_staging", issuer=ISSUER, jwks=str(wrong))
    path.write_bytes(b" " * 70000)
    with pytest.raises(CommandError, match="larger than 64 KiB"):
        call_command("pin_staging", issuer=ISSUER, jwks=str(path))
    path.write_bytes(b"{}")
    with pytest.raises(CommandError, match="cannot be pinned"):
        call_command("pin_staging", issuer=ISSUER, jwks=str(path))
    assert StagingPin.objects.count() == 1


def test_command_exits_with_1_when_refused_and_2_on_wrong_usage(sqlite_installation, tmp_path):
    (tmp_path / "jwks.json").write_bytes(jwks(STAGING_KEY))

    good = ["pin_staging", "--issuer", ISSUER, "--jwks", str(tmp_path / "jwks.json")]

    assert sqlite_installation.manage(*good).returncode == 0
    assert sqlite_installation.manage(*good, "--environment", "nowhere").returncode == 1
    assert run_manage("pin_staging", "--issuer", ISSUER, env=sqlite_installation.env).returncode == 2


def test_what_rules_already_is_not_pinned_again(story):
    first = pin(environment="production")

    assert pin(environment="production") == first
    for_all = pin()
    assert (pin(), pin(jwks=jwks(OTHER_KEY)).pk > for_all.pk) == (for_all, True)
    again = pin(environment="production")

    assert again.pk > first.pk
    assert pin().pk > again.pk  # another pin rules production meanwhile, so that this one changes something
    assert (StagingPin.objects.count(), Event.objects.filter(verb="pin_staging").count()) == (5, 5)


@pytest.mark.parametrize("who", ["owner", "auditor"])
def test_only_an_operator_pins_whichever_door_it_is_and_the_attempt_is_counted(story, who):
    user = make_user("auditor", groups=("auditors",)) if who == "auditor" else story.owner

    with pytest.raises(Refused) as caught:
        staging.pin(actor(user, channel="admin"), issuer="x", jwks=b"{}", environment="nowhere")

    assert caught.value.codes == ["not_an_operator", "invalid_url", "unknown_environment", "malformed_jwks"]
    assert caught.value.status == 403
    denial = Denial.objects.get()
    assert (denial.actor, denial.verb, denial.count) == (who, "pin_staging", 1)
    assert (StagingPin.objects.count(), Event.objects.filter(verb="pin_staging").count()) == (0, 0)


def test_who_is_an_operator_no_more_pins_no_more():
    user = make_user("operator", groups=("operators",))
    who = actor(user, channel="admin")
    user.groups.clear()

    with pytest.raises(Refused) as caught:
        staging.pin(who, issuer=ISSUER, jwks=jwks(STAGING_KEY))

    assert caught.value.codes == ["not_an_operator"]

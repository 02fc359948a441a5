"""The page /verify in a real browser: the same answers as the verifier's, nothing sent, and a form for who has no JavaScript."""

import json
import re

import pytest
from playwright.sync_api import expect

from receipts.pages import STANDING, STEP_WORDS, WHO, _result
from receipts.verify import MEANING, Report, verify
from tests.browser.test_accessibility import findings
from tests.receipts.bundles import ROOT, YEAR, attestation, bundle, offline, rfc3339
from tests.receipts.odd import documents
from tests.receipts.samples import JWKS, NOW, payload, sealed
from tests.receipts.test_vectors import NOW as THEN
from tests.receipts.test_vectors import RECEIPTS, SIGNATURES, demands_of

HERE = "Your browser verifies this by itself."
SENT = "the text is sent to this server"
RUN = """
async ({ pinned, vectors, now }) => {
  const { verify } = await import("/static/receipt-verifier.js");
  const answers = [];
  for (const { file, pinned: name, demands } of vectors) {
    const found = await verify(file, JSON.stringify(pinned[name]), { now, ...demands });
    answers.push(found);
  }
  return answers;
}
"""
RAW = """
async ({ key, vectors }) => {
  const { isSignedBy, unb64, unb64url } = await import("/static/receipt-reading.js");
  const known = await crypto.subtle.importKey("jwk", { kty: key.kty, crv: key.crv, x: key.x }, "Ed25519", false, ["verify"]);
  const answers = [];
  for (const { payload_b64, signature } of vectors) {
    const [bytes, signed] = [unb64(payload_b64), unb64(signature)];
    answers.push([await crypto.subtle.verify("Ed25519", known, signed, bytes), await isSignedBy(unb64url(key.x), bytes, signed)]);
  }
  return answers;
}
"""


def living(signed: dict | None = None, **changes) -> dict:
    """A bundle that no clock ends; its status is overdue, which nobody here demands."""
    ends = rfc3339(NOW + 90 * YEAR)
    return bundle(signed or payload(expires_at=NOW + 90 * YEAR), attestation=attestation(not_after=ends), **changes)


UNSIGNED = living() | {"receipt": {**living()["receipt"], "signature": "A" * 86 + "=="}}


def pretty(document: dict) -> str:
    return json.dumps(document, indent=2)


def paste(visitor, document: str, pinned: str = "") -> None:
    visitor.fill(Receipt_or_bundle=document, Keys_that_you_trust=pinned)
    visitor.page.get_by_role("button", name="Verify", exact=True).click()
    visitor.page.locator("#result h2").wait_for()


def test_S08_webcrypto_agrees_on_every_signature(visit):
    visitor = visit()
    visitor.go("/verify")

    assert visitor.page.evaluate(RAW, SIGNATURES) == [[vector["valid"]] * 2 for vector in SIGNATURES["vectors"]]


def test_S08_the_browser_says_of_every_vector_what_the_verifier_says(visit):
    visitor = visit()
    visitor.go("/verify")

    answers = visitor.page.evaluate(RUN, {**RECEIPTS, "now": THEN.timestamp() * 1000})

    wrong = []
    for vector, said in zip(RECEIPTS["vectors"], answers, strict=True):
        pinned = RECEIPTS["pinned"][vector["pinned"]]
        trust = {"root": pinned} if "root_key_id" in pinned else {"jwks": pinned}
        found = verify(vector["file"].encode(), legacy=True, now=THEN, **trust, **demands_of(vector["demands"]))
        ours = (found.verified, found.signature_valid, list(found.reasons), found.kid, list(found.notes), found.status.state)
        theirs = (said["verified"], said["signature_valid"], said["reasons"], said["kid"], said["notes"], said["status"]["state"])
        attested = (found.issuer_identity_verified, found.signed_payload) == (said["issuer_identity_verified"], said["signed_payload"])
        if ours != theirs or not attested:
            wrong.append((vector["name"], ours, theirs))
    assert wrong == []


@pytest.mark.parametrize("pinned", [ROOT, offline()], ids=["root", "offline"])
def test_S08_both_say_the_same_of_odd_values_anywhere(visit, pinned):
    demands = {"issuer": "x", "environment": "x", "subject": "sha256:x", "require_log": True, "require_status": True}
    vectors = [{"file": json.dumps(document), "pinned": "it", "demands": demands} for document in documents()]
    trust = {"root": pinned} if "root_key_id" in pinned else {"jwks": pinned}
    visitor = visit()
    visitor.go("/verify")

    answers = visitor.page.evaluate(RUN, {"pinned": {"it": pinned}, "vectors": vectors, "now": THEN.timestamp() * 1000})

    wrong = []
    for vector, said in zip(vectors, answers, strict=True):
        found = verify(vector["file"].encode(), legacy=True, now=THEN, accept_conditions=False, **trust, **demands)
        if (list(found.reasons), found.signature_valid, found.status.state) != (
            said["reasons"],
            said["signature_valid"],
            said["status"]["state"],
        ):
            wrong.append((vector["file"], found.reasons, said["reasons"]))
    assert wrong == []


@pytest.mark.parametrize("pinned", [ROOT, offline(), JWKS], ids=["root", "offline", "keys"])
def test_a_bundle_is_verified_in_the_browser_and_nothing_is_sent(visit, pinned):
    visitor = visit()
    visitor.go("/verify")
    visitor.reads(HERE)
    asked = []
    visitor.page.on("request", lambda request: asked.append((request.method, request.url, request.post_data)))

    paste(visitor, pretty(living()), pretty(pinned))

    visitor.reads("Verified", "Every step passed.", "Not revoked as of", "What was signed", "production")
    assert asked == []


def test_without_pinned_keys_only_the_key_set_is_fetched(visit):
    visitor = visit()
    visitor.go("/verify")
    asked = []
    visitor.page.on("request", lambda request: asked.append((request.method, request.url, request.post_data)))

    paste(visitor, pretty(sealed(payload())))

    visitor.reads("Not verified", "It failed at this step: finding a key that you trust.", "unknown_kid")
    # The browser itself may fetch the page's icon late.
    assert [call for call in asked if "/static/" not in call[1]] == [("GET", f"{visitor.site.url}/protocol/v1/jwks.json", None)]


def test_a_receipt_of_this_installation_is_verified_with_its_own_keys(visit):
    visitor = visit()
    token = visitor.site.token("auditor", "read")
    listed = visitor.site.get("/api/v1/review-requests/?state=approved", token=token)["results"]
    receipt = visitor.site.get(f"/api/v1/review-requests/{listed[0]['id']}/receipt/", token=token)
    visitor.go("/verify")

    paste(visitor, pretty(receipt))

    visitor.reads("Verified", "Every step passed.", WHO["pinned"], STANDING["unknown"])


@pytest.mark.parametrize(
    ("document", "pinned", "step", "word"),
    [
        ("<html>", JWKS, "reading", "malformed_receipt"),
        (sealed(payload()), {"keys": []}, "keys", "unknown_kid"),
        (
            living(status=..., log=...) | {"attestation": attestation(use="log_signing")},
            ROOT,
            "attestation",
            "subject_use_not_receipt_signing",
        ),
        (UNSIGNED, ROOT, "signature", "signature_invalid"),
        (sealed(payload(expires_at=NOW)), JWKS, "demands", "receipt_expired"),
    ],
)
def test_the_failing_step_is_named_in_three_lines_with_and_without_javascript(visit, document, pinned, step, word):
    text = document if isinstance(document, str) else pretty(document)
    said = []
    for options in ({}, {"java_script_enabled": False}):
        visitor = visit(**options)
        visitor.go("/verify")
        visitor.reads(HERE if not options else SENT)
        paste(visitor, text, pretty(pinned))
        lines = visitor.page.locator("#result ul").first.locator("li").all_inner_texts()
        assert lines[0] == f"It failed at this step: {STEP_WORDS[step]}."
        visitor.reads(f"{word}: {MEANING[word]}")
        said.append((lines, visitor.page.locator("#result").inner_text().split()))
    assert len(said[0][0]) == 3
    assert said[0] == said[1]


def test_both_ways_say_the_same_of_a_good_bundle(visit):
    said = []
    for options in ({}, {"java_script_enabled": False}):
        visitor = visit(**options)
        visitor.go("/verify")
        paste(visitor, pretty(living()), pretty(ROOT))
        said.append(visitor.page.locator("#result").inner_text().split())
    assert said[0] == said[1]
    assert "Verified" in said[0]


def test_a_browser_without_ed25519_sends_the_form_and_says_so(visit):
    visitor = visit()
    visitor.page.add_init_script("crypto.subtle.importKey = () => Promise.reject(new Error('unknown algorithm'))")
    visitor.go("/verify")
    visitor.reads(SENT)
    posted = []
    visitor.page.on("request", lambda request: posted.append(request.method))

    paste(visitor, pretty(living()), pretty(ROOT))

    visitor.reads("Verified")
    assert "POST" in posted


def test_a_file_can_be_dropped(visit):
    visitor = visit()
    visitor.go("/verify")
    expect(visitor.page.locator("#where")).to_contain_text("Your browser")
    dropped = """(text) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], "bundle.json"));
      const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
      document.querySelector("[name=document]").dispatchEvent(drop);
    }"""
    visitor.page.evaluate(dropped, pretty(living()))
    expect(visitor.page.get_by_label("Receipt or bundle")).to_have_value(re.compile("payload_b64"))
    visitor.fill(Keys_that_you_trust=pretty(ROOT))
    visitor.page.get_by_role("button", name="Verify", exact=True).click()
    visitor.page.locator("#result h2").wait_for()

    visitor.reads("Every step passed.")


def test_the_result_is_announced_and_the_keyboard_is_enough(visit):
    visitor = visit(viewport={"width": 320, "height": 800}, color_scheme="dark")
    visitor.go("/verify")
    assert visitor.page.locator("#result").get_attribute("role") == "status"
    assert visitor.page.locator("#result").inner_text() == ""
    visitor.page.get_by_label("Receipt or bundle").focus()
    visitor.page.keyboard.insert_text(pretty(living()))
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.insert_text(pretty(ROOT))
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    visitor.page.locator("#result h2").wait_for()

    visitor.reads("Verified")
    visitor.look()


def test_nothing_pasted_is_said_and_nothing_is_asked(visit):
    visitor = visit()
    visitor.go("/verify")
    visitor.reads(HERE)
    visitor.page.get_by_role("button", name="Verify", exact=True).click()

    visitor.reads("There is nothing to verify yet")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("javascript", [True, False])
def test_axe_finds_nothing_before_and_after(visit, scheme, javascript):
    visitor = visit(color_scheme=scheme, viewport={"width": 320, "height": 800})
    if not javascript:
        visitor.page.add_init_script("crypto.subtle.importKey = () => Promise.reject(new Error('unknown algorithm'))")
    visitor.go("/verify")
    found = findings(visitor)
    for document in (living(), sealed(payload(expires_at=NOW))):
        paste(visitor, pretty(document), pretty(ROOT if document.get("object") else JWKS))
        visitor.look()
        found += findings(visitor)

    assert found == []


def test_what_is_pasted_is_shown_as_text(visit):
    visitor = visit()
    visitor.go("/verify")
    markup = "<img src=x onerror=alert(1)>"

    paste(visitor, pretty(sealed(payload(environment=markup, expires_at=NOW + 90 * YEAR))), pretty(JWKS))

    visitor.reads(markup)
    assert visitor.page.locator("#result img").count() == 0


def test_the_words_of_the_page_are_those_of_the_verifier(visit):
    visitor = visit()
    visitor.go("/verify")
    listed = visitor.page.evaluate("[...document.querySelectorAll('[data-reason]')].map((each) => each.dataset.reason)")

    assert listed == list(MEANING)
    assert re.match(r"Revoked at", _result(Report(status=Report().status._replace(state="revoked", revoked_at="then")))["standing"])

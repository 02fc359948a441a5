"""What this installation gives out, verified by the file that people copy, in a process of its own, with nothing but what is pinned."""

import json
from pathlib import Path

import pytest

from receipts import log, status
from receipts.attestation import attest, trust_anchor
from receipts.canonical import b64
from receipts.keys import register_key, revoke, rotate
from receipts.models import SigningKey, Use
from receipts.note import key_name, origin
from receipts.signing import LocalSigner, private_key
from reviews import decisions
from tests.calls import Caller
from tests.conftest import PROJECT, run
from tests.factories import Story, actor

SHA = "9f" * 32
ALL = ["--issuer", "https://readiness.test", "--environment", "production", "--subject", f"sha256:{SHA}", "--max-age", "1h"]
WHOLE = [*ALL, "--require-log", "--require-status", "--max-status-age", "1h"]


def key(seed: int) -> LocalSigner:
    return LocalSigner(private_key(b64(bytes([seed]) * 32).encode()))


ROOT = key(201)


class Outside:
    """A pipeline's folder: the pinned root, the pinned keys, and bundles as they were fetched."""

    def __init__(self, folder: Path, story: Story, client) -> None:
        self.folder, self.story, self.client = folder, story, client
        self.keep("root.json", trust_anchor("root", ROOT.public_key))

    def keep(self, name: str, document: dict) -> None:
        (self.folder / name).write_text(json.dumps(document))

    def pin_keys(self) -> None:
        self.keep("keys.json", self.client.get("/self-service/verify-keys/offline-bundle").json())

    def fetch(self, review_request) -> None:
        self.keep("bundle.json", Caller(self.story.owner).get(f"review-requests/{review_request.pk}/bundle/").json())

    def verify(self, *demands: str, pinned: str = "--root") -> tuple[int, list[str]]:
        file = {"--root": "root.json", "--jwks": "keys.json"}[pinned]
        arguments = [PROJECT / "receipts/verify.py", "bundle.json", pinned, file, *demands, "--json"]
        done = run("-I", *arguments, env={}, cwd=self.folder)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)["reasons"]


def vouch(signer: LocalSigner) -> None:
    row = SigningKey.objects.get(kid=signer.kid)
    name = key_name(origin("https://readiness.test"), signer.public_key) if row.use == Use.LOG else row.kid
    attest(ROOT, row, root_key_id="root", subject_kid=name, days=30)


def sign_with(settings, seed: int) -> None:
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = b64(bytes([seed]) * 32), ""


@pytest.fixture
def outside(both_stores, settings, tmp_path, client) -> Outside:
    sign_with(settings, 202)
    settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE = b64(bytes([203]) * 32), ""
    register_key(log.log_signer(), use=Use.LOG)
    found = Outside(tmp_path, Story(), client)
    vouch(key(202))
    vouch(key(203))
    status.publish()
    found.pin_keys()
    return found


def approved(outside: Outside, **options):
    review_request = outside.story.approved(subject=[{"name": "console", "digest": {"sha256": SHA}}], **options)
    outside.fetch(review_request)
    return review_request


@pytest.mark.parametrize("pinned", ["--root", "--jwks"])
def test_a_bundle_satisfies_every_demand(outside, pinned):
    approved(outside)

    assert outside.verify(*WHOLE, pinned=pinned) == (0, [])


def test_a_superseded_approval_is_refused_with_its_new_bundle(outside):
    old = approved(outside)
    approved(outside, predecessor_id=old.pk)
    assert outside.verify(*WHOLE) == (0, [])
    outside.fetch(old)

    assert outside.verify(*ALL) == (1, ["receipt_revoked"])


def test_a_revoked_approval_is_refused_with_its_new_bundle(outside):
    review_request = approved(outside)
    decisions.revoke(actor(outside.story.owner), review_request.pk, comment="incident")
    outside.fetch(review_request)

    assert outside.verify(*ALL) == (1, ["receipt_revoked"])
    assert outside.verify(*ALL, pinned="--jwks") == (1, ["receipt_revoked"])


def test_S09_old_and_new_receipts_verify_after_a_rotation(outside, settings):
    old = approved(outside)
    register_key(key(204))
    vouch(key(204))
    rotate()
    sign_with(settings, 204)
    status.publish()
    outside.fetch(old)
    assert outside.verify(*WHOLE) == (0, [])
    outside.pin_keys()
    assert outside.verify(*WHOLE, pinned="--jwks") == (0, [])

    approved(outside, predecessor_id=old.pk)
    assert outside.verify(*WHOLE) == (0, [])
    assert outside.verify(*WHOLE, pinned="--jwks") == (0, [])


def test_S09_a_revoked_key_is_refused_even_by_who_still_pins_it(outside, settings):
    old = approved(outside)
    register_key(key(204))
    vouch(key(204))
    rotate()
    sign_with(settings, 204)
    outside.pin_keys()
    before = json.loads((outside.folder / "bundle.json").read_text())
    revoke(key(202).kid, reason="lost")

    outside.fetch(old)
    assert outside.verify(*ALL) == (1, ["attestation_missing", "key_revoked"])
    assert outside.verify(*ALL, pinned="--jwks") == (1, ["unknown_kid", "key_revoked"])
    after = json.loads((outside.folder / "bundle.json").read_text())
    outside.keep("bundle.json", before | {name: after[name] for name in ("status", "status_attestation")})
    assert outside.verify(*ALL, pinned="--jwks") == (1, ["receipt_revoked", "key_revoked"])
    outside.pin_keys()
    assert outside.verify(*ALL, pinned="--jwks") == (1, ["unknown_kid", "key_revoked"])


def test_S09_the_logs_key_is_rotated(outside, settings):
    old = approved(outside)
    register_key(key(205), use=Use.LOG)
    vouch(key(205))
    rotate(use=Use.LOG)
    outside.fetch(old)
    assert outside.verify(*WHOLE) == (0, [])
    settings.LOG_SIGNING_KEY = b64(bytes([205]) * 32)
    status.publish()
    outside.fetch(old)

    assert outside.verify(*WHOLE) == (0, [])


def test_a_bundle_without_proof_or_status_does_not_do_where_they_are_demanded(outside, settings):
    settings.LOG_SIGNING_KEY = ""
    approved(outside)

    code, reasons = outside.verify(*WHOLE)

    assert (code, reasons) == (1, ["log_missing"])
    assert outside.verify(*ALL) == (0, [])


def test_another_root_does_not_do(outside):
    approved(outside)
    outside.keep("root.json", trust_anchor("root", key(209).public_key))

    assert outside.verify(*ALL)[0] == 1

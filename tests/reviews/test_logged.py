"""Decisions in the log and in the status, the bundle, and what `manage.py log verify` finds after somebody with every right was there."""

import json
import os
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from receipts import log, status
from receipts.attestation import attest
from receipts.canonical import b64, sha256_hex, unb64
from receipts.envelope import rfc3339
from receipts.keys import jwks, register_key, revoke, rotate
from receipts.log_check import read_note
from receipts.merkle import leaf_hash
from receipts.models import LogNode, Receipt, Revocation, SigningKey, StatusDocument
from receipts.signing import LocalSigner, private_key, signer
from receipts.verify import parse, verify
from reviews import decisions, verdict
from reviews.models import Decision, Event
from tests.calls import Caller, codes
from tests.factories import Story, actor, make_plan
from tests.invariants import assert_consistent
from tests.receipts.samples import OTHER_SIGNER
from tests.receipts.test_merkle import includes

ROOT = LocalSigner(private_key(b64(b"\x07" * 32).encode()))


@pytest.fixture
def story(both_stores, settings) -> Story:
    settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE = b64(os.urandom(32)), ""
    register_key(log.log_signer(), use="log_signing")
    return Story()


def leaves(kind: str) -> list[dict]:
    return [json.loads(bytes(node.data)) for node in LogNode.objects.filter(kind=kind).order_by("place")]


def revoked() -> list[dict]:
    return parse(bytes(status.newest().payload))["revoked"]


# --- leaves ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conditions", [None, ["watch it"]])
def test_L02_a_decision_leaves_a_leaf_with_the_head_of_its_history(story, conditions):
    review_request = story.in_review()
    story.vote(story.release, review_request, **({"choice": "approve_with_conditions", "conditions": conditions} if conditions else {}))
    assert leaves("decision") == []
    story.vote(story.security, review_request)

    deciding = Event.objects.get(review_request=review_request, to_state="approved", from_state="review_requested")
    assert leaves("decision") == [
        {
            "object": "readiness.log_leaf.v1",
            "kind": "decision",
            "at": rfc3339(Decision.objects.get().decided_at),
            "request_id": str(review_request.pk),
            "revision": 1,
            "verdict": "constrain" if conditions else "allow",
            "commitment_id": review_request.commitment_id,
            "event_head": deciding.sha256,
            "receipt_sha256": sha256_hex(bytes(Receipt.objects.get().payload)),
        }
    ]
    assert read_note(log.head().note) == (log.head().size, log.root(log.head()))
    assert_consistent()


def test_L02_other_verbs_leave_none(story):
    review_request = story.in_review()
    story.vote(story.release, review_request, "request_changes")
    decisions.withdraw(actor(story.owner), review_request.pk, comment="no")

    assert leaves("decision") == []


def test_a_rejection_without_a_key_is_logged_twice(story, settings):
    review_request = story.in_review()
    key, settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY, ""
    story.vote(story.release, review_request, "reject")
    assert [(each["verdict"], each["receipt_sha256"]) for each in leaves("decision")] == [("reject", None)]
    settings.RECEIPT_SIGNING_KEY = key

    assert verdict.sign_pending() == (1, False)

    receipt = Receipt.objects.get()
    assert [(each["request_id"], each["receipt_sha256"]) for each in leaves("receipt")] == [(str(review_request.pk), receipt.sha256)]
    assert findings() == (0, [])


def test_the_log_is_the_gap_free_list_of_decisions(story):
    for ending in ("approve", "reject", "approve"):
        story.plan = make_plan(story.owner, story.partner)
        review_request = story.in_review()
        story.vote(story.release, review_request, ending)
        if ending == "approve":
            story.vote(story.security, review_request)

    assert [each["request_id"] for each in leaves("decision")] == [
        str(row.pk) for row in Decision.objects.order_by("decided_at", "review_request__created_at")
    ]
    assert [node.index for node in LogNode.objects.filter(data__isnull=False).order_by("place")] == list(range(log.head().size))


# --- status -----------------------------------------------------------------------------------------------------------------------------


def test_revoking_signs_a_status(story):
    review_request = story.approved()
    decisions.revoke(actor(story.owner), review_request.pk, comment="incident")

    assert [(each["receipt_sha256"], each["reason"], each["superseded_by"]) for each in revoked()] == [
        (Receipt.objects.get().sha256, "revoked", None)
    ]


def test_superseding_signs_a_status_that_names_the_successor(story):
    old = story.approved()
    new = story.approved(predecessor_id=old.pk)

    receipts = {receipt.request_id: receipt for receipt in Receipt.objects.all()}
    assert [(each["receipt_sha256"], each["reason"], each["superseded_by"]) for each in revoked()] == [
        (receipts[old.pk].sha256, "superseded", receipts[new.pk].sha256)
    ]
    assert findings() == (0, [])


def test_S10_revoking_does_not_wait_for_the_key(story, settings):
    review_request = story.approved()
    key, settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY, ""
    assert decisions.revoke(actor(story.owner), review_request.pk, comment="incident").state == "revoked"
    assert (Revocation.objects.count(), StatusDocument.objects.count()) == (1, 0)
    settings.RECEIPT_SIGNING_KEY = key

    out = StringIO()
    call_command("sign_pending", stdout=out)

    assert out.getvalue() == "0 receipts signed; a status signed.\n"
    assert len(revoked()) == 1


# --- the bundle -------------------------------------------------------------------------------------------------------------------------


def bundle(story: Story, review_request, user=None):
    return Caller(user or story.owner).get(f"review-requests/{review_request.pk}/bundle/")


def test_the_bundle_has_everything_and_holds(story):
    review_request = story.approved()
    key, log_key = SigningKey.objects.get(use="receipt_signing"), SigningKey.objects.get(use="log_signing")
    attest(ROOT, key, root_key_id="root", subject_kid=key.kid, days=30)
    attest(ROOT, log_key, root_key_id="root", subject_kid="readiness.test+00000000", days=30)
    status.publish()

    answer = bundle(story, review_request)
    said = answer.json()

    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert set(said) == {"object", "receipt", "key_bundle", "attestation", "log", "status"}
    assert said["object"] == "craton.receipt.verification_bundle"
    assert (said["receipt"], said["key_bundle"]) == (Receipt.objects.get().inner, jwks())
    assert verify({"receipt": said["receipt"]}, said["key_bundle"]).verified
    assert parse(unb64(said["attestation"]["payload_b64"]))["subject"]["kid"] == said["receipt"]["kid"]
    assert said["status"] == status.newest().inner
    proof = said["log"]
    assert set(proof) == {"leaf_b64", "leaf_index", "tree_size", "hashes", "checkpoint", "key", "attestation"}
    size, root = read_note(proof["checkpoint"])
    leaf = unb64(proof["leaf_b64"])
    assert (size, json.loads(leaf)["receipt_sha256"]) == (proof["tree_size"], sha256_hex(unb64(said["receipt"]["payload_b64"])))
    assert includes(leaf_hash(leaf), proof["leaf_index"], size, [bytes.fromhex(each) for each in proof["hashes"]], root)
    assert proof["key"] == log.verifier_key(log_key.kid)


def test_the_bundle_leaves_out_what_there_is_not(story, settings):
    settings.LOG_SIGNING_KEY = ""
    review_request = story.approved()

    assert set(bundle(story, review_request).json()) == {"object", "receipt", "key_bundle"}


def test_the_bundle_of_a_late_rejection_proves_its_receipt(story, settings):
    review_request = story.in_review()
    key, settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY, ""
    story.vote(story.release, review_request, "reject")
    settings.RECEIPT_SIGNING_KEY = key
    verdict.sign_pending()

    said = bundle(story, review_request).json()

    assert json.loads(unb64(said["log"]["leaf_b64"]))["kind"] == "receipt"


def test_A05_the_bundle_is_for_who_may_read_the_receipt(story):
    review_request = story.in_review()
    assert codes(bundle(story, review_request)) == ["no_receipt"]
    story.vote(story.release, review_request)
    story.vote(story.security, review_request)
    stranger = story.viewer.__class__.objects.create_user("stranger", password="correct-horse-battery")

    assert bundle(story, review_request, stranger).status_code == 404
    assert bundle(story, review_request, story.viewer).status_code == 200
    assert bundle(story, review_request, story.release).status_code == 200
    assert Caller(story.owner, "draft").get(f"review-requests/{review_request.pk}/bundle/").status_code == 403


def test_S09_the_bundle_of_a_revoked_keys_receipt_holds_no_key_for_it(story):
    review_request = story.approved()
    register_key(OTHER_SIGNER)
    rotate()
    revoke(signer().kid, reason="lost")

    said = bundle(story, review_request).json()

    assert [key["kid"] for key in said["key_bundle"]["keys"]] == [OTHER_SIGNER.kid]
    assert not verify({"receipt": said["receipt"]}, said["key_bundle"]).verified


# --- manage.py log ------------------------------------------------------------------------------------------------------------------------


def verified(*arguments: str) -> tuple[int, dict]:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("log", "verify", "--json", *arguments, stdout=out)
    return end.value.code, json.loads(out.getvalue())


def findings(*arguments: str) -> tuple[int, list[str]]:
    code, said = verified(*arguments)
    return code, [found["code"] for found in said["findings"]]


def tamper(*statements: str) -> None:
    """As somebody with every right in the database could."""
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.fixture
def told(story) -> Story:
    """Two approvals of which one supersedes the other, a rejection, and statuses."""
    old = story.approved()
    story.approved(predecessor_id=old.pk)
    story.plan = make_plan(story.owner, story.partner)
    story.vote(story.release, story.in_review(), "reject")
    return story


def test_an_untouched_log_holds(told):
    code, said = verified()

    assert (code, said) == (0, {"leaves": log.head().size, "findings": []})


A_LEAF = "(SELECT min(place) FROM receipts_lognode WHERE kind = 'decision')"
TAMPERED = {
    "a leaf's text": (f"UPDATE receipts_lognode SET data = '{{}}'::bytea WHERE place = {A_LEAF}", {"leaf_edited", "leaf_unreadable"}),
    "a leaf with its hash": (
        f"UPDATE receipts_lognode SET data = convert_to(replace(convert_from(data, 'UTF8'), '\"allow\"', '\"reject\"'), 'UTF8'),"
        f" hash = sha256('\\x00'::bytea || convert_to(replace(convert_from(data, 'UTF8'), '\"allow\"', '\"reject\"'), 'UTF8'))"
        f" WHERE place = {A_LEAF}",
        {"node_edited", "head_differs", "checkpoint_differs", "decision_differs"},
    ),
    "a leaf's column": (f"UPDATE receipts_lognode SET request_id = NULL WHERE place = {A_LEAF}", {"leaf_unreadable"}),
    "the last leaf": (
        "DELETE FROM receipts_lognode WHERE place = (SELECT max(place) FROM receipts_lognode WHERE kind <> '')",
        {"head_differs", "checkpoint_ahead", "decision_not_logged", "receipt_not_logged"},
    ),
    "a leaf in the middle": (f"DELETE FROM receipts_lognode WHERE place = {A_LEAF}", {"leaf_missing", "decision_not_logged"}),
    "two leaves in each other's place": (
        "UPDATE receipts_lognode a SET data = b.data, hash = b.hash, kind = b.kind, request_id = b.request_id"
        " FROM receipts_lognode b WHERE (a.place, b.place) IN ((4, 6), (6, 4))",
        {"node_edited", "head_differs"},
    ),
    "a subtree": ("UPDATE receipts_lognode SET hash = '\\x00' WHERE place = 1", {"node_edited"}),
    "a subtree gone": ("DELETE FROM receipts_lognode WHERE place = 1", {"node_edited"}),
    "a subtree too many": ("INSERT INTO receipts_lognode (place, hash, kind) VALUES (1023, '\\x00', '')", {"node_stray"}),
    "the head": ("UPDATE receipts_loghead SET frontier = '\\x00'", {"head_differs"}),
    "the head's size": ("UPDATE receipts_loghead SET size = size - 1, note_size = 0", {"head_differs"}),
    "the checkpoint": ("UPDATE receipts_loghead SET note = replace(note, 'readiness.test', 'readiness.pest')", {"checkpoint_invalid"}),
    "a decision": ("UPDATE reviews_decision SET verdict = 'constrain' WHERE verdict = 'allow'", {"decision_differs"}),
    "a decision gone": ("DELETE FROM reviews_decision WHERE verdict = 'reject'", {"decision_differs"}),
    "a decision made up": (
        "INSERT INTO reviews_decision SELECT id, 1, 'd', 'allow', '[]', now(), now(), NULL FROM reviews_deploymentreviewrequest"
        " WHERE id = '{open}'",
        {"decision_not_logged"},
    ),
    "an event": ("UPDATE reviews_event SET actor = 'somebody' WHERE verb = 'request_review'", {"history_differs"}),
    "an event gone": ("DELETE FROM reviews_event WHERE verb = 'approve' AND to_state = 'approved'", {"history_differs"}),
    "a receipt": ("UPDATE receipts_receipt SET payload = '{}'::bytea WHERE verdict = 'reject'", {"receipt_differs", "receipt_not_logged"}),
    "a receipt gone": ("DELETE FROM receipts_receipt WHERE verdict = 'reject'", {"receipt_differs"}),
    "a status": ("UPDATE receipts_statusdocument SET payload = '{}'::bytea", {"status_differs"}),
    "a status's signature": ("UPDATE receipts_statusdocument SET signature = decode(repeat('00', 64), 'hex')", {"status_edited"}),
    "a status gone": ("DELETE FROM receipts_statusdocument", {"status_differs"}),
    "a key": ("UPDATE receipts_signingkey SET state = 'next', activated_at = NULL WHERE \"use\" = 'receipt_signing'", {"key_differs"}),
    "a key gone": ("DELETE FROM receipts_signingkey WHERE \"use\" = 'receipt_signing'", {"key_differs", "status_edited"}),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_L02_what_somebody_did_to_the_record_is_found(told, what):
    statement, expected = TAMPERED[what]
    if "{open}" in statement:
        told.plan = make_plan(told.owner, told.partner)
        statement = statement.replace("{open}", str(told.open().pk))
    tamper(statement)

    code, found = findings()

    assert (code, expected - set(found)) == (1, set())


def test_L02_a_copy_from_outside_finds_a_log_that_was_made_anew(told, tmp_path):
    """What the database alone cannot show: everything replaced, and signed again with the log's own key."""
    copy = tmp_path / "checkpoint"
    call_command("log", "export-checkpoint", "--file", str(copy), stdout=StringIO())
    assert findings("--against", str(copy)) == (0, [])
    emptied = ("receipts_lognode", "receipts_loghead", "receipts_statusdocument", "receipts_revocation", "receipts_receipt")
    tamper(*(f"DELETE FROM {table}" for table in (*emptied, "reviews_decision")))
    tamper("DELETE FROM receipts_signingkey WHERE \"use\" = 'receipt_signing'")
    log.append(log.leaf(log.LeafKind.KEY, Event.objects.first().at, kid=log.log_signer().kid, use="log_signing", state="active"))

    assert findings() == (0, [])
    assert findings("--against", str(copy)) == (1, ["checkpoint_ahead"])


@pytest.mark.parametrize("text", ["", "nonsense", "readiness.test\n1\nAAAA\n\n\u2014 readiness.test AAAA\n"])
def test_a_copy_that_is_none_is_a_finding(told, tmp_path, text):
    (tmp_path / "copy").write_text(text)

    assert findings("--against", str(tmp_path / "copy")) == (1, ["checkpoint_invalid"])


def test_a_copy_that_cannot_be_read_is_wrong_usage(sqlite_installation):
    assert sqlite_installation.manage("log", "verify", "--against", "/nowhere/x").returncode == 2


def test_verify_cannot_tell_without_the_draft_store(sqlite_installation, tmp_path):
    nowhere = {"SELF_SERVICE_DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3"}

    done = sqlite_installation.manage("log", "verify", "--json", **nowhere)

    assert (done.returncode, json.loads(done.stdout)["findings"]) == (3, None)
    assert sqlite_installation.manage("log", "export-checkpoint", **nowhere).returncode == 3


def test_export_gives_the_newest_checkpoint(told, tmp_path):
    out = StringIO()
    call_command("log", "export-checkpoint", stdout=out)
    assert out.getvalue() == log.head().note
    out = StringIO()
    call_command("log", "export-checkpoint", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said == {
        "checkpoint": log.head().note,
        "tree_size": log.head().size,
        "key": log.verifier_key(log.head().note_kid),
        "signed_now": True,
    }


def test_export_without_a_checkpoint_and_key_is_an_error(sqlite_installation):
    done = sqlite_installation.manage("log", "export-checkpoint")

    assert (done.returncode, "There is no checkpoint" in done.stderr) == (1, True)


def test_export_leaves_a_file_that_is_there(told, tmp_path):
    (tmp_path / "taken").write_text("mine")

    with pytest.raises(Exception, match="left as it is"):
        call_command("log", "export-checkpoint", "--file", str(tmp_path / "taken"), stdout=StringIO())

    assert (tmp_path / "taken").read_text() == "mine"


def test_verify_speaks_plainly(told):
    tamper("UPDATE receipts_loghead SET frontier = '\\x00'")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("log", "verify", stdout=out)

    assert out.getvalue().splitlines()[-1].endswith("leaves checked, 1 findings.")
    assert "head_differs: " in out.getvalue()


def test_what_was_decided_before_the_log_becomes_its_beginning(both_stores_committed):
    story = Story()
    story.approved()
    story.plan = make_plan(story.owner, story.partner)
    story.vote(story.release, story.in_review(), "reject")
    expected = leaves("decision")
    connection = connections["self_service"]
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()

    MigrationExecutor(connection).migrate([("reviews", "0008_standing_guards"), ("receipts", "0005_key_guards")])
    MigrationExecutor(connection).migrate(latest)

    assert leaves("decision") == expected
    assert [each["state"] for each in leaves("key")] == ["active"]
    assert findings() == (0, [])

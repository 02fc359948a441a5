"""What is revoked, said by a signed document: when it is written, what it lists, and when it waits for its key."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from receipts import log, status
from receipts.canonical import b64, canonical_bytes, sha256_hex, unb64
from receipts.envelope import rfc3339
from receipts.issue import issue
from receipts.keys import register_key, revoke, rotate
from receipts.models import LogNode, Receipt, Revocation, SigningKey, StatusDocument, Why
from receipts.signing import SigningUnavailable
from receipts.verify import parse
from tests.receipts.samples import OTHER_SIGNER, SIGNER
from tests.receipts.test_issue import DECISION

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def key(both_stores, settings) -> None:
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = b64(bytes(range(32))), ""
    register_key(SIGNER)


def issued(number: int = 1, *, ends: timedelta = timedelta(hours=1), **changes) -> Receipt:
    request_id = f"00000000-0000-4000-8000-{number:012}"
    times = {"issued_at": NOW - timedelta(days=60), "expires_at": NOW + ends}
    with transaction.atomic(using="self_service"):
        return issue(**{**DECISION, **times, "request_id": request_id, **changes})


def said() -> dict:
    """The newest document, its signature verified."""
    newest = status.newest()
    public_key = unb64(SigningKey.objects.get(kid=newest.kid).public_key_b64)
    Ed25519PublicKey.from_public_bytes(public_key).verify(unb64(newest.inner["signature"]), unb64(newest.inner["payload_b64"]))
    return parse(unb64(newest.inner["payload_b64"]))


def stop(receipt: Receipt, *, reason: Why = Why.REVOKED, successor: Receipt | None = None, at: datetime = NOW) -> None:
    with transaction.atomic(using="self_service"):
        status.revoke([receipt.request_id], reason=reason, at=at, successor=successor)


def test_a_revocation_is_signed_at_once(key):
    receipt, successor = issued(1), issued(2)

    stop(receipt, reason=Why.SUPERSEDED, successor=successor)

    document = said()
    assert canonical_bytes(document) == unb64(status.newest().inner["payload_b64"])
    assert status.newest().inner["sig_alg"] == "ed25519"
    assert {name: document[name] for name in ("object", "protocol", "issuer", "seq")} == {
        "object": "readiness.receipt_status.v1",
        "protocol": "craton.receipt.protocol.v1",
        "issuer": "https://readiness.test",
        "seq": 1,
    }
    assert set(document) == {"object", "protocol", "issuer", "seq", "issued_at", "next_update", "revoked", "revoked_keys"}
    assert document["revoked_keys"] == []
    assert document["revoked"] == [
        {
            "receipt_sha256": sha256_hex(bytes(receipt.payload)),
            "commitment_id": receipt.commitment_id,
            "revoked_at": rfc3339(NOW),
            "reason": "superseded",
            "superseded_by": sha256_hex(bytes(successor.payload)),
        }
    ]
    assert datetime.fromisoformat(document["next_update"]) - datetime.fromisoformat(document["issued_at"]) == timedelta(hours=24)


def test_the_interval_is_a_setting(key, settings):
    settings.STATUS_HOURS = 2
    status.publish()

    document = said()
    assert datetime.fromisoformat(document["next_update"]) - datetime.fromisoformat(document["issued_at"]) == timedelta(hours=2)


def test_documents_are_numbered_and_list_everything(key):
    first, second = issued(1), issued(2)
    stop(first)
    stop(second, reason=Why.POLICY_TIGHTENED)

    assert [document.seq for document in StatusDocument.objects.order_by("seq")] == [1, 2]
    assert [(entry["receipt_sha256"], entry["reason"]) for entry in said()["revoked"]] == [
        (first.sha256, "revoked"),
        (second.sha256, "policy_tightened"),
    ]


def test_what_is_revoked_stays_as_it_is(key):
    receipt = issued()
    stop(receipt)
    stop(receipt, reason=Why.POLICY_TIGHTENED)

    assert [entry["reason"] for entry in said()["revoked"]] == ["revoked"]


def test_a_receipt_is_not_revoked_before_it_was_issued(key):
    receipt = issued()
    stop(receipt, at=receipt.issued_at - timedelta(days=1))

    assert said()["revoked"][0]["revoked_at"] == rfc3339(receipt.issued_at)


@pytest.mark.parametrize(("ended", "listed"), [(timedelta(days=29, hours=23), True), (timedelta(days=30, seconds=1), False)])
def test_entries_leave_thirty_days_after_their_receipts_end(key, ended, listed):
    stop(issued(ends=-ended))

    assert bool(said()["revoked"]) == listed


def test_each_document_leaves_a_leaf(key):
    stop(issued())

    leaf = json.loads(bytes(LogNode.objects.get(kind="status").data))
    assert leaf == {
        "object": "readiness.log_leaf.v1",
        "kind": "status",
        "at": said()["issued_at"],
        "seq": 1,
        "status_sha256": sha256_hex(bytes(status.newest().payload)),
    }


# --- without the key ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["none", "another", "retired"])
def test_S10_a_revocation_does_not_wait_for_the_key(key, settings, missing):
    receipt = issued()
    if missing == "retired":
        register_key(OTHER_SIGNER)
        rotate()
    else:
        settings.RECEIPT_SIGNING_KEY = b64(bytes(range(1, 33))) if missing == "another" else ""
    stop(receipt)

    assert Revocation.objects.get().receipt == receipt
    assert (status.newest(), status.is_pending()) == (None, True)
    with pytest.raises(SigningUnavailable):
        status.sign_pending()
    if missing == "retired":
        settings.RECEIPT_SIGNING_KEY = b64(bytes(range(1, 33)))
    else:
        settings.RECEIPT_SIGNING_KEY = b64(bytes(range(32)))
    assert (status.sign_pending(), status.sign_pending()) == (True, False)
    assert [entry["receipt_sha256"] for entry in said()["revoked"]] == [receipt.sha256]


def test_nothing_is_pending_at_first(key):
    assert status.sign_pending() is False


def test_R13_nothing_is_signed_if_the_verb_fails(both_stores_committed, settings):
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = b64(bytes(range(32))), ""
    register_key(SIGNER)
    receipt = issued()

    with transaction.atomic(using="self_service"):
        status.revoke([receipt.request_id], reason=Why.REVOKED, at=NOW)
        transaction.set_rollback(True, using="self_service")

    assert (Revocation.objects.count(), StatusDocument.objects.count(), log.head().size) == (0, 0, 1)


# --- revoked keys -----------------------------------------------------------------------------------------------------------------------


def test_S09_receipts_of_a_revoked_key_are_listed_from_its_date(key, settings):
    running, over = issued(1), issued(2, ends=-timedelta(days=1))
    issued(3, verdict="reject", expires_at=None)
    register_key(OTHER_SIGNER)
    rotate()
    settings.RECEIPT_SIGNING_KEY = b64(bytes(range(1, 33)))

    since = NOW - timedelta(days=3)
    revoke(SIGNER.kid, reason="lost", since=since)

    assert [(entry["receipt_sha256"], entry["reason"], entry["revoked_at"]) for entry in said()["revoked"]] == [
        (running.sha256, "key_compromised", rfc3339(since))
    ]
    assert said()["revoked_keys"] == [{"kid": SIGNER.kid, "revoked_at": rfc3339(since)}]
    assert over.sha256 not in str(said())
    assert status.newest().kid == OTHER_SIGNER.kid


def test_S09_a_status_of_a_revoked_key_is_signed_anew(key, settings):
    stop(issued())
    register_key(OTHER_SIGNER)
    rotate()
    revoke(SIGNER.kid, reason="lost")
    assert (status.newest().kid, status.is_pending()) == (SIGNER.kid, True)

    settings.RECEIPT_SIGNING_KEY = b64(bytes(range(1, 33)))
    assert status.sign_pending() is True

    assert (status.newest().kid, said()["seq"]) == (OTHER_SIGNER.kid, 2)
    assert [entry["reason"] for entry in said()["revoked"]] == ["revoked"]


# --- publish_status and the route ---------------------------------------------------------------------------------------------------------


def publish(*arguments: str) -> str:
    out = StringIO()
    call_command("publish_status", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_signs_the_next_document(key, settings):
    assert "Status 1 lists 0 receipts" in publish()
    stop(issued())

    found = json.loads(publish("--json"))

    assert found == {
        "seq": 3,
        "issued_at": said()["issued_at"],
        "next_update": said()["next_update"],
        "revoked": 1,
        "checkpoint_signed": False,
    }


def test_the_command_signs_a_checkpoint_where_the_logs_key_is(key, settings):
    settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE = b64(bytes(range(1, 33))), ""
    register_key(OTHER_SIGNER, use="log_signing")

    assert json.loads(publish("--json"))["checkpoint_signed"] is True
    assert log.head().note_size == log.head().size


def test_the_command_without_the_key_says_so(key, settings):
    settings.RECEIPT_SIGNING_KEY = ""

    with pytest.raises(CommandError, match="No signing key"):
        publish()


def test_the_command_without_the_draft_store_says_so(sqlite_installation, tmp_path):
    key = {"RECEIPT_SIGNING_KEY": b64(bytes(range(32)))}
    done = sqlite_installation.manage("publish_status", **key, SELF_SERVICE_DATABASE_URL=f"sqlite:///{tmp_path}/none.sqlite3")

    assert (done.returncode, "does not answer" in done.stderr) == (1, True)


def test_status_is_served_as_it_was_signed_and_reading_signs_nothing(key, client):
    stop(issued())

    for _ in range(2):
        answer = client.get("/protocol/v1/status")
        assert (answer.status_code, answer.json()) == (200, status.newest().inner)
    assert answer["Cache-Control"] == "public, max-age=60"
    assert StatusDocument.objects.count() == 1


def test_there_is_no_status_until_one_is_signed(key, client):
    answer = client.get("/protocol/v1/status")

    assert (answer.status_code, answer["Content-Type"], answer.json()["errors"][0]["code"]) == (
        404,
        "application/problem+json",
        "no_status",
    )


def test_a_revocation_has_one_of_four_reasons(key):
    with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
        Revocation.objects.create(receipt=issued(), revoked_at=NOW, reason="other")


def test_S09_a_revoked_key_without_receipts_is_pending_until_it_is_listed(key, settings):
    status.publish()
    register_key(OTHER_SIGNER)
    rotate()
    revoke(SIGNER.kid, reason="lost")
    assert status.is_pending()
    settings.RECEIPT_SIGNING_KEY = b64(bytes(range(1, 33)))

    assert (status.sign_pending(), status.sign_pending()) == (True, False)


def test_a_log_key_is_not_among_the_revoked_keys(key):
    register_key(OTHER_SIGNER, use="log_signing")
    revoke(OTHER_SIGNER.kid, reason="lost")

    assert (status.is_pending(), status.publish().seq, said()["revoked_keys"]) == (False, 1, [])

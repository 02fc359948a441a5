"""The log in the database: appended in the decision's transaction, kept by triggers, proved from what is stored."""

import json
import sqlite3
import threading

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.transaction import TransactionManagementError

from receipts import log, merkle, signing
from receipts.canonical import b64
from receipts.keys import register_key, retire, revoke, rotate
from receipts.log_check import read_note
from receipts.models import LeafKind, LogHead, LogNode
from tests.receipts.samples import NOW, OTHER_SIGNER, SIGNER
from tests.receipts.test_merkle import includes, is_consistent


def leaf(number: int) -> dict:
    return log.leaf(LeafKind.STATUS, NOW, seq=number, status_sha256="ab" * 32)


def append(*numbers: int) -> None:
    with transaction.atomic(using="self_service"):
        log.append(*map(leaf, numbers))


@pytest.fixture
def log_key(both_stores, settings):
    settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE = b64(bytes(range(32))), ""
    register_key(SIGNER, use="log_signing")


def test_leaves_are_stored_with_their_subtrees(both_stores):
    append(1)
    append(2, 3)

    nodes = {node.place: node for node in LogNode.objects.all()}
    assert sorted(nodes) == [0, 1, 2, 4]
    assert json.loads(bytes(nodes[2].data)) == leaf(2)
    assert (nodes[2].index, nodes[2].kind, nodes[1].data, nodes[1].kind) == (1, "status", None, "")
    assert bytes(nodes[1].hash) == merkle.node_hash(bytes(nodes[0].hash), bytes(nodes[2].hash))
    head = log.head()
    assert (head.size, bytes(head.frontier)) == (3, bytes(nodes[1].hash) + bytes(nodes[4].hash))


def test_append_costs_three_statements(both_stores, django_assert_num_queries):
    append(*range(1, 16))
    with transaction.atomic(using="self_service"), django_assert_num_queries(3, using="self_service"):
        log.append(leaf(16))


def test_R13_the_log_grows_in_a_transaction_only(both_stores_committed):
    with pytest.raises(TransactionManagementError):
        log.append(leaf(1))
    with transaction.atomic(using="self_service"):
        log.append(leaf(1))
        transaction.set_rollback(True, using="self_service")

    assert (LogNode.objects.count(), log.head().size) == (0, 0)


def test_appending_nothing_touches_nothing(both_stores_committed):
    log.append()

    assert not LogHead.objects.exists()


def test_R01_twelve_at_once_follow_one_another(both_stores_committed):
    """Also the very first leaf, whose head is not there yet."""
    start = threading.Barrier(12)

    def go(number: int) -> None:
        start.wait()
        append(number)
        connections.close_all()

    threads = [threading.Thread(target=go, args=(number,)) for number in range(1, 13)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    leaves = LogNode.objects.filter(data__isnull=False).order_by("place")
    assert [each.index for each in leaves] == list(range(12))
    frontier = []
    for size, each in enumerate(leaves):
        frontier, _ = merkle.grown(size, frontier, merkle.leaf_hash(bytes(each.data)))
    assert bytes(log.head().frontier) == b"".join(frontier)


# --- proofs and checkpoints ---------------------------------------------------------------------------------------------------------


def test_S06_proofs_from_the_database(both_stores, django_assert_num_queries):
    append(*range(1, 24))
    roots, frontier = {}, []
    hashes = [bytes(each.hash) for each in LogNode.objects.filter(data__isnull=False).order_by("place")]
    for size, found in enumerate(hashes):
        frontier, _ = merkle.grown(size, frontier, found)
        roots[size + 1] = merkle.root(frontier)
    for second in range(1, 24):
        for index in range(second):
            proof = [bytes.fromhex(each) for each in log.inclusion(index, second)]
            assert includes(hashes[index], index, second, proof, roots[second])
            proof = [bytes.fromhex(each) for each in log.consistency(index + 1, second)]
            assert is_consistent(index + 1, second, proof, roots[index + 1], roots[second])
    with django_assert_num_queries(1, using="self_service"):
        log.inclusion(11, 23)


def test_a_checkpoint_is_signed_with_the_leaf(log_key):
    append(1, 2)

    head = log.head()
    assert (head.note_size, head.note_kid) == (3, SIGNER.kid)
    assert read_note(head.note) == (3, log.root(head))
    assert head.note.startswith("readiness.test\n3\n")


def test_S10_without_the_logs_key_the_log_grows_unsigned(log_key, settings):
    append(1)
    settings.LOG_SIGNING_KEY = ""
    append(2)

    head = log.head()
    assert (head.size, head.note_size) == (3, 2)
    assert log.sign_checkpoint() is False
    settings.LOG_SIGNING_KEY = b64(bytes(range(32)))
    assert log.sign_checkpoint() is True
    assert log.head().note_size == 3


def test_S09_only_the_logs_active_key_signs_checkpoints(log_key, settings):
    register_key(OTHER_SIGNER, use="log_signing")
    rotate(use="log_signing")
    before = log.head().note_size
    append(1)
    assert log.head().note_size == before
    settings.LOG_SIGNING_KEY = b64(bytes(range(1, 33)))
    append(2)
    assert (log.head().note_kid, log.head().note_size) == (OTHER_SIGNER.kid, log.head().size)
    assert log.verifier_key(SIGNER.kid)
    revoke(SIGNER.kid, reason="lost")
    assert log.verifier_key(SIGNER.kid) is None
    retire(OTHER_SIGNER.kid)
    assert log.sign_checkpoint() is False


def test_a_receipt_key_signs_no_checkpoints(both_stores, settings):
    settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE = b64(bytes(range(32))), ""
    register_key(SIGNER)
    append(1)

    assert (log.head().kid, log.head().note, log.sign_checkpoint()) == ("", "", False)


def test_nothing_is_signed_of_an_empty_log(both_stores):
    assert log.sign_checkpoint() is False


def test_keys_leave_leaves(both_stores):
    register_key(SIGNER)
    register_key(OTHER_SIGNER)
    rotate()
    revoke(SIGNER.kid, reason="lost")

    said = [json.loads(bytes(each.data)) for each in LogNode.objects.filter(kind="key").order_by("place")]
    assert [(each["kid"], each["state"]) for each in said] == [
        (SIGNER.kid, "active"),
        (OTHER_SIGNER.kid, "next"),
        (SIGNER.kid, "retired"),
        (OTHER_SIGNER.kid, "active"),
        (SIGNER.kid, "revoked"),
    ]
    assert set(said[0]) == {"object", "kind", "at", "kid", "use", "state"}
    assert (said[0]["object"], said[0]["at"][-1]) == ("readiness.log_leaf.v1", "Z")


def test_a_signer_of_the_log_is_read_like_that_of_receipts(settings, tmp_path):
    settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE = "", str(tmp_path / "log.pem")
    with pytest.raises(signing.SigningUnavailable):
        signing.log_signer()
    made = signing.write_private_key(str(tmp_path / "log.pem"))

    assert signing.log_signer().kid == made.kid


# --- the database, on both back ends ------------------------------------------------------------------------------------------------

STATUS = "INSERT INTO receipts_statusdocument (seq, payload, signature, kid, issued_at, next_update) VALUES"
FILLED = (
    "INSERT INTO receipts_loghead (id, size, frontier, kid, note, note_size, note_kid) VALUES (1, 0, {empty}, '', '', 0, '')",
    "INSERT INTO receipts_lognode (place, hash, data, kind) VALUES (0, {bytes}, {bytes}, 'status')",
    "INSERT INTO receipts_lognode (place, hash, data, kind) VALUES (2, {bytes}, {bytes}, 'status')",
    "INSERT INTO receipts_lognode (place, hash, data, kind) VALUES (1, {bytes}, NULL, '')",
    "UPDATE receipts_loghead SET size = 2, frontier = {bytes}, note_size = 1",
)
REFUSED = [
    "UPDATE receipts_lognode SET hash = {empty}",
    "UPDATE receipts_lognode SET data = {empty} WHERE place = 0",
    "DELETE FROM receipts_lognode",
    "DELETE FROM receipts_loghead",
    "UPDATE receipts_loghead SET size = 1, frontier = {empty}",
    "UPDATE receipts_loghead SET size = 3, frontier = {empty}",
    "UPDATE receipts_loghead SET frontier = {empty}",
    "UPDATE receipts_loghead SET note_size = 0",
    "UPDATE receipts_loghead SET note_size = 3",
    "UPDATE receipts_loghead SET id = 2",
    "INSERT INTO receipts_loghead (id, size, frontier, kid, note, note_size, note_kid) VALUES (2, 0, {empty}, '', '', 0, '')",
    "INSERT INTO receipts_lognode (place, hash, data, kind) VALUES (3, {bytes}, NULL, 'status')",
    "INSERT INTO receipts_lognode (place, hash, data, kind) VALUES (4, {bytes}, {bytes}, 'other')",
    f"{STATUS} (2, {{bytes}}, {{bytes}}, 'k', '2026-11-23', '2026-11-24')",
    f"{STATUS} (1, {{bytes}}, {{bytes}}, 'k', '2026-11-23', '2026-11-22')",
]
ON_POSTGRESQL = ["TRUNCATE receipts_lognode", "TRUNCATE receipts_loghead", "TRUNCATE receipts_statusdocument"]
ON_SQLITE = [
    "INSERT OR REPLACE INTO receipts_lognode SELECT * FROM receipts_lognode",
    "REPLACE INTO receipts_loghead SELECT * FROM receipts_loghead",
]


@pytest.mark.parametrize("statement", [*REFUSED, *ON_POSTGRESQL])
def test_L02_the_log_only_grows_on_postgresql(both_stores, statement):
    words = {"bytes": "'\\x01'::bytea", "empty": "''::bytea"}
    with connections["self_service"].cursor() as cursor:
        for each in FILLED:
            cursor.execute(each.format(**words))

        with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
            cursor.execute(statement.format(**words))


@pytest.mark.parametrize("statement", [*REFUSED, *ON_SQLITE])
def test_L02_the_log_only_grows_on_sqlite(sqlite_installation, statement):
    words = {"bytes": "x'01'", "empty": "x''"}
    connection = sqlite3.connect(sqlite_installation.store, isolation_level=None)
    for each in FILLED:
        connection.execute(each.format(**words))

    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement.format(**words))
    connection.close()

"""The log's routes and the offline bundle, asked by nobody in particular."""

import json

import pytest

from receipts import log, note, signing
from receipts.attestation import attest
from receipts.canonical import b64, unb64
from receipts.keys import jwks, register_key, revoke, rotate
from receipts.log_check import read_note
from receipts.models import LogNode, SigningKey
from receipts.verify import load_keys
from tests.receipts.samples import ISSUER, OTHER_SIGNER, SIGNER
from tests.receipts.test_log import append
from tests.receipts.test_merkle import includes, is_consistent

ROOT = signing.LocalSigner(signing.private_key(b64(b"\x07" * 32).encode()))
OFFLINE = "/self-service/verify-keys/offline-bundle"


@pytest.fixture
def log_key(both_stores, settings):
    settings.LOG_SIGNING_KEY, settings.LOG_SIGNING_KEY_FILE = b64(bytes(range(32))), ""
    register_key(SIGNER, use="log_signing")


def get(client, path: str, **parameters):
    return client.get(f"/api/v1/log/{path}", parameters)


def test_checkpoint_is_the_newest_note(log_key, client):
    append(1, 2, 3)

    answer = get(client, "checkpoint")

    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "text/plain; charset=utf-8", "public, max-age=60")
    assert read_note(answer.content.decode()) == (4, log.root(log.head()))


def test_no_checkpoint_is_a_404_in_words(both_stores, client):
    append(1)

    assert (get(client, "checkpoint").status_code, get(client, "checkpoint").json()["errors"][0]["code"]) == (404, "no_checkpoint")


def test_S06_a_leaf_is_proved_against_the_checkpoint(log_key, client):
    append(*range(1, 12))
    leaf = LogNode.objects.get(place=10)
    size, root = read_note(get(client, "checkpoint").content.decode())

    said = get(client, "inclusion", leaf_hash=bytes(leaf.hash).hex()).json()

    assert {name: said[name] for name in ("leaf_hash", "leaf_index", "tree_size")} == {
        "leaf_hash": bytes(leaf.hash).hex(),
        "leaf_index": 5,
        "tree_size": size,
    }
    assert includes(bytes(leaf.hash), 5, size, [bytes.fromhex(each) for each in said["hashes"]], root)


def test_S06_two_checkpoints_are_proved_consistent(log_key, client):
    append(1, 2, 3)
    first, first_root = read_note(get(client, "checkpoint").content.decode())
    append(4, 5, 6, 7)
    second, second_root = read_note(get(client, "checkpoint").content.decode())

    said = get(client, "consistency", first=first, second=second).json()

    assert set(said) == {"first", "second", "hashes"}
    assert is_consistent(first, second, [bytes.fromhex(each) for each in said["hashes"]], first_root, second_root)


def test_inclusion_without_a_checkpoint_is_in_the_log_as_it_is(both_stores, client):
    append(1, 2, 3)
    leaf = bytes(LogNode.objects.get(place=0).hash)

    assert get(client, "inclusion", leaf_hash=leaf.hex()).json()["tree_size"] == 3
    assert get(client, "inclusion", leaf_hash=leaf.hex(), tree_size="2").json()["hashes"] == [
        bytes(LogNode.objects.get(place=2).hash).hex()
    ]


SHA = "ab" * 32


@pytest.mark.parametrize(
    ("path", "parameters", "status", "code"),
    [
        ("inclusion", {}, 400, "invalid"),
        ("inclusion", {"leaf_hash": SHA.upper()}, 400, "invalid"),
        ("inclusion", {"leaf_hash": SHA[:-1]}, 400, "invalid"),
        ("inclusion", {"leaf_hash": SHA + "\n"}, 400, "invalid"),
        ("inclusion", {"leaf_hash": SHA, "x": "1"}, 400, "unknown_parameter"),
        ("inclusion", {"leaf_hash": [SHA, SHA]}, 400, "unknown_parameter"),
        ("inclusion", {"leaf_hash": SHA}, 404, "unknown_leaf"),
        ("inclusion", {"leaf_hash": "first", "tree_size": "4"}, 400, "invalid"),
        ("inclusion", {"leaf_hash": "first", "tree_size": "0"}, 400, "invalid"),
        ("inclusion", {"leaf_hash": "last", "tree_size": "2"}, 404, "not_in_tree"),
        ("inclusion", {"leaf_hash": "node"}, 404, "unknown_leaf"),
        ("consistency", {"first": "1"}, 400, "invalid"),
        ("consistency", {"second": "2"}, 400, "invalid"),
        ("consistency", {"first": "0", "second": "2"}, 400, "invalid"),
        ("consistency", {"first": "3", "second": "2"}, 400, "invalid"),
        ("consistency", {"first": "1", "second": "4"}, 400, "invalid"),
        ("consistency", {"first": "01", "second": "3"}, 400, "invalid"),
        ("consistency", {"first": "-1", "second": "3"}, 400, "invalid"),
        ("consistency", {"first": "\u0661", "second": "3"}, 400, "invalid"),
        ("consistency", {"first": "1", "second": "9" * 40}, 400, "invalid"),
        ("checkpoint", {"size": "1"}, 400, "unknown_parameter"),
    ],
)
def test_parameters_are_read_strictly(both_stores, client, path, parameters, status, code):
    append(1, 2, 3)
    named = {"first": 0, "last": 4, "node": 1}
    given = dict(parameters)
    if str(given.get("leaf_hash")) in named:
        given["leaf_hash"] = bytes(LogNode.objects.get(place=named[given["leaf_hash"]]).hash).hex()

    answer = get(client, path, **given)

    assert (answer.status_code, answer["Content-Type"], answer.json()["errors"][0]["code"]) == (status, "application/problem+json", code)
    assert SHA not in answer.content.decode()
    named_wrong = {error.get("parameter") for error in answer.json()["errors"]}
    assert named_wrong <= ({"leaf_hash", "tree_size", "first", "second", "x", "size"} if status == 400 else {None})


@pytest.mark.parametrize(
    "path", ["/api/v1/log/checkpoint", "/api/v1/log/inclusion", "/api/v1/log/consistency", "/protocol/v1/status", OFFLINE]
)
def test_A16_anybody_reads_and_nobody_writes(log_key, client, path):
    answers = {method: client.generic(method, path).status_code for method in ("POST", "PUT", "PATCH", "DELETE")}

    assert set(answers.values()) == {405}
    assert client.get(path).status_code in (200, 400, 404)


# --- the offline bundle --------------------------------------------------------------------------------------------------------------


def test_the_offline_bundle_has_what_is_to_be_pinned(log_key, client, settings):
    register_key(OTHER_SIGNER)
    key, log_key = SigningKey.objects.get(kid=OTHER_SIGNER.kid), SigningKey.objects.get(kid=SIGNER.kid)
    attest(ROOT, key, root_key_id="old-root", subject_kid=key.kid, days=1)
    attest(ROOT, key, root_key_id="root", subject_kid=key.kid, days=30)
    name = note.key_name("readiness.test", SIGNER.public_key)
    attest(ROOT, log_key, root_key_id="root", subject_kid=name, days=30)

    answer = client.get(OFFLINE)
    said = answer.json()

    assert answer["Cache-Control"] == "public, max-age=300"
    assert set(said) == {"object", "issuer", "keys", "attestations", "root", "log_key", "issued_at"}
    assert (said["object"], said["issuer"], said["issued_at"][-1]) == ("readiness.offline_key_bundle.v1", ISSUER, "Z")
    assert said["keys"] == jwks()["keys"]
    assert set(load_keys(said)) == {OTHER_SIGNER.kid}
    subjects = [json.loads(unb64(each["payload_b64"]))["subject"] for each in said["attestations"]]
    assert [(subject["kid"], subject["allowed_use"]) for subject in subjects] == [(key.kid, "receipt_signing"), (name, "log_signing")]
    assert (said["root"]["root_key_id"], said["root"]["public_key_b64"]) == ("root", b64(ROOT.public_key))
    assert said["log_key"] == note.verifier_key("readiness.test", SIGNER.public_key)


def test_the_offline_bundle_of_a_young_installation_says_what_is_missing(both_stores, client):
    said = client.get(OFFLINE).json()

    assert (said["keys"], said["attestations"], said["root"], said["log_key"]) == ([], [], None, None)


def test_S09_a_revoked_key_and_its_attestation_leave_the_offline_bundle(both_stores, client):
    register_key(SIGNER)
    register_key(OTHER_SIGNER)
    attest(ROOT, SigningKey.objects.get(kid=SIGNER.kid), root_key_id="root", subject_kid=SIGNER.kid, days=30)
    rotate()
    revoke(SIGNER.kid, reason="lost")

    said = client.get(OFFLINE).json()

    assert ([each["kid"] for each in said["keys"]], said["attestations"]) == ([OTHER_SIGNER.kid], [])


def test_proofs_cost_few_queries(log_key, client, django_assert_max_num_queries):
    append(*range(1, 40))
    leaf = bytes(LogNode.objects.get(place=20).hash).hex()

    with django_assert_max_num_queries(3, using="self_service"):
        get(client, "inclusion", leaf_hash=leaf)
    with django_assert_max_num_queries(2, using="self_service"):
        get(client, "consistency", first=3, second=30)

"""The way of a key, kept by the verbs and by the database, on both back ends; and rotation against decisions under way."""

import sqlite3
import threading

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from config.refusals import Refused
from receipts import signing
from receipts.in_force import demand_active, kid_in_force
from receipts.issue import issue
from receipts.keys import is_revoked, jwks, register_key, retire, revoke, rotate
from receipts.models import KeyState, SigningKey
from receipts.verify import load_keys, verify
from tests.receipts.samples import NOW, OTHER_SIGNER, SIGNER
from tests.receipts.test_issue import DECISION

IN_FORCE = "activated_at = '2026-11-23 10:00:00+00'"
OUT_OF_FORCE = "retired_at = '2026-11-23 11:00:00+00'"
LOST = "revoked_at = '2026-11-23 12:00:00+00', reason = 'lost'"
STEPS = {
    ("next", "active"): f"state = 'active', {IN_FORCE}",
    ("active", "retired"): f"state = 'retired', {OUT_OF_FORCE}",
    ("retired", "revoked"): f"state = 'revoked', {LOST}",
    ("next", "revoked"): f"state = 'revoked', {LOST}",
}
WAYS = {"next": [], "active": [("next", "active")], "retired": [("next", "active"), ("active", "retired")]}
WAYS["revoked"] = [*WAYS["retired"], ("retired", "revoked")]
TO = {"next": "state = 'next'", "active": f"state = 'active', {IN_FORCE}", "retired": f"state = 'retired', {OUT_OF_FORCE}"}
TO["revoked"] = f"state = 'revoked', {LOST}"
NOT_ON_THE_WAY = [(before, after) for before in TO for after in TO if (before, after) not in STEPS]
INSERT = """INSERT INTO receipts_signingkey (kid, public_key_b64, "use", state, reason, created_at) VALUES
('{kid}', '{kid}', 'receipt_signing', 'next', '', '2026-11-23 09:00:00+00')"""
SAID_AGAIN = ["reason = 'another'", "activated_at = NULL", OUT_OF_FORCE, "revoked_at = NULL", "kid = 'b'", "state = state"]


class Store:
    """Raw SQL against one back end."""

    def __init__(self, run) -> None:
        self.run = run
        self.add("a")

    def add(self, kid: str) -> None:
        self.run(INSERT.format(kid=kid))

    def walk(self, way, kid: str = "a") -> None:
        for step in way:
            self.set(STEPS[step], kid)

    def set(self, what: str, kid: str = "a", *, verb: str = "UPDATE") -> None:
        self.run(f"{verb} receipts_signingkey SET {what} WHERE kid = '{kid}'")


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request, both_stores):
    if request.param == "sqlite":
        connection = sqlite3.connect(request.getfixturevalue("sqlite_installation").store, isolation_level=None)
        yield Store(connection.execute)
        connection.close()
        return

    def run(statement: str) -> None:
        with transaction.atomic(using="self_service"), connections["self_service"].cursor() as cursor:
            cursor.execute(statement)

    yield Store(run)


REFUSED = (IntegrityError, sqlite3.IntegrityError)


@pytest.mark.parametrize("state", WAYS)
def test_a_key_walks_its_way(store, state):
    store.walk(WAYS[state])


def test_a_next_key_can_be_revoked(store):
    store.walk([("next", "revoked")])


@pytest.mark.parametrize(("before", "after"), NOT_ON_THE_WAY)
def test_L02_no_other_step_is_taken(store, before, after):
    store.walk(WAYS[before])

    with pytest.raises(REFUSED):
        store.set(TO[after])


@pytest.mark.parametrize("state", WAYS)
@pytest.mark.parametrize("what", SAID_AGAIN)
def test_L02_what_is_said_of_a_key_stays_said(store, state, what):
    store.walk(WAYS[state])

    with pytest.raises(REFUSED):
        store.set(what)


@pytest.mark.parametrize(
    ("step", "too"),
    [
        (("next", "active"), "retired_at = '2026-11-23 11:00:00+00'"),
        (("next", "active"), "reason = 'x'"),
        (("next", "revoked"), "activated_at = '2026-11-23 11:00:00+00'"),
        (("next", "revoked"), "retired_at = '2026-11-23 11:00:00+00'"),
    ],
)
def test_L02_a_step_writes_its_own_columns_alone(store, step, too):
    with pytest.raises(REFUSED):
        store.set(f"{STEPS[step]}, {too}")


@pytest.mark.parametrize(
    "what", ["state = 'active'", "state = 'revoked'", "state = 'revoked', revoked_at = '2026-11-23 12:00:00+00'", "state = 'lost'"]
)
def test_a_step_says_when_and_why(store, what):
    with pytest.raises(REFUSED):
        store.set(what)


def test_a_second_active_key_is_refused(store):
    store.walk(WAYS["active"])
    store.add("b")

    with pytest.raises(REFUSED):
        store.set(STEPS["next", "active"], "b")


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("verb", ["UPDATE OR REPLACE", "UPDATE OR IGNORE"])
def test_a_second_active_key_cannot_push_the_first_out_on_sqlite(store, verb):
    store.walk(WAYS["active"])
    store.add("b")

    with pytest.raises(REFUSED, match="another key is active"):
        store.set(STEPS["next", "active"], "b", verb=verb)


def test_a_second_active_key_is_refused_at_its_insertion(store):
    store.walk(WAYS["active"])

    with pytest.raises(REFUSED):
        store.run(
            INSERT.format(kid="b")
            .replace("'next'", "'active'")
            .replace("reason,", "reason, activated_at,")
            .replace("'',", "'', '2026-11-23',")
        )


@pytest.mark.parametrize("state", ["retired", "revoked"])
def test_a_key_begins_as_next_or_active(store, state):
    values = "activated_at, retired_at, revoked_at,", "'2026-11-23', '2026-11-23', '2026-11-23',"
    statement = (
        INSERT.format(kid="b")
        .replace("'next'", f"'{state}'")
        .replace("reason,", f"reason, {values[0]}")
        .replace("'',", f"'x', {values[1]}")
    )

    with pytest.raises(REFUSED, match="begins as next or active"):
        store.run(statement)


def test_a_key_is_not_deleted(store):
    with pytest.raises(REFUSED, match="append-only"):
        store.run("DELETE FROM receipts_signingkey")


# --- verbs ------------------------------------------------------------------------------------------------------------------------------


def test_the_first_key_is_active_and_the_second_is_next(both_stores):
    assert (register_key(SIGNER).state, register_key(OTHER_SIGNER).state, register_key(SIGNER).state) == ("active", "next", "active")
    assert kid_in_force() == SIGNER.kid
    assert set(load_keys(jwks())) == {SIGNER.kid, OTHER_SIGNER.kid}


def test_S09_what_each_state_may_do(both_stores):
    """next, active and retired keys verify; only the active one signs; a revoked one does neither."""
    register_key(SIGNER)
    register_key(OTHER_SIGNER)
    with transaction.atomic(using="self_service"):
        receipt = issue(**DECISION, signer=SIGNER)
    assert refusal_of(OTHER_SIGNER) == "signing_key_next"
    rotate()
    assert refusal_of(SIGNER) == "signing_key_retired"
    assert verify(receipt.envelope, jwks(), now=NOW).verified
    revoke(SIGNER.kid, reason="lost")
    assert refusal_of(SIGNER) == "signing_key_revoked"
    assert (is_revoked(SIGNER.kid), is_revoked(OTHER_SIGNER.kid)) == (True, False)
    assert verify(receipt.envelope, jwks(), now=NOW).reasons == ("unknown_kid",)
    retire(OTHER_SIGNER.kid)
    assert kid_in_force() is None
    assert refusal_of(OTHER_SIGNER) == "signing_key_retired"


def refusal_of(signer) -> str:
    with pytest.raises(signing.SigningUnavailable) as refusal, transaction.atomic(using="self_service"):
        issue(**DECISION, signer=signer)
    return refusal.value.code


def test_an_active_key_is_revoked_by_way_of_retirement(both_stores):
    register_key(SIGNER)

    key = revoke(SIGNER.kid, reason="lost")

    assert (key.state, key.retired_at is not None, key.revoked_at is not None) == (KeyState.REVOKED, True, True)


@pytest.mark.parametrize(
    ("act", "code"), [(lambda: revoke(SIGNER.kid, reason="again"), "already_revoked"), (lambda: retire(SIGNER.kid), "not_active")]
)
def test_a_revoked_key_stays_revoked(both_stores, act, code):
    register_key(SIGNER)
    revoke(SIGNER.kid, reason="lost")

    with pytest.raises(Refused) as refusal:
        act()

    assert refusal.value.codes == [code]
    assert register_key(SIGNER).state == "revoked"


def test_a_log_key_signs_no_receipts(both_stores):
    register_key(SIGNER, use="log_signing")

    assert refusal_of(SIGNER) == "signing_key_unregistered"


def test_two_rotations_at_once_leave_one_active_key(both_stores_committed):
    register_key(SIGNER)
    register_key(OTHER_SIGNER)
    said, gate = [], threading.Barrier(2)

    def go() -> None:
        gate.wait()
        try:
            said.append(rotate().kid)
        except Refused as refusal:
            said.append(refusal.codes[0])
        connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    assert OTHER_SIGNER.kid in said
    assert said.count(OTHER_SIGNER.kid) == 1
    assert dict(SigningKey.objects.values_list("kid", "state")) == {SIGNER.kid: "retired", OTHER_SIGNER.kid: "active"}


def test_F19_a_rotation_waits_for_the_decision_under_way(both_stores_committed):
    """The key that a decision found active is active when it commits."""
    register_key(SIGNER)
    register_key(OTHER_SIGNER)
    done = threading.Event()

    def turn() -> None:
        rotate()
        done.set()
        connections.close_all()

    with transaction.atomic(using="self_service"):
        demand_active(SIGNER)
        thread = threading.Thread(target=turn)
        thread.start()
        assert not done.wait(0.4)
    thread.join(5)

    assert done.is_set()
    assert kid_in_force() == OTHER_SIGNER.kid


# --- keys of before -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_stores_committed")
def test_keys_of_before_get_their_states():
    connection = connections["self_service"]
    before, after = [("receipts", "0003_key_states")], MigrationExecutor(connection).loader.graph.leaf_nodes()
    MigrationExecutor(connection).migrate(before)
    try:
        with connection.cursor() as cursor:
            for number, kid in enumerate(("old", "middle", "new")):
                cursor.execute(INSERT.format(kid=kid).replace("09:00", f"0{number}:00"))
    finally:
        MigrationExecutor(connection).migrate(after)

    rows = {key.kid: key for key in SigningKey.objects.all()}
    assert {kid: key.state for kid, key in rows.items()} == {"old": "retired", "middle": "retired", "new": "active"}
    assert rows["old"].retired_at == rows["middle"].activated_at
    assert rows["new"].retired_at is None

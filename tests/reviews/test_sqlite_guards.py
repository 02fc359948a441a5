"""The database agrees, on SQLite: the same raw SQL and SQLite's own ways around a trigger, with foreign keys off as sqlite3 leaves them."""

import base64
import json
import shutil
import sqlite3
import uuid
from collections.abc import Iterator

import pytest

from receipts.models import SigningKey
from tests.conftest import SqliteInstallation
from tests.reviews.attacks import ATTACKS, KEPT, NOT_THAT_PACKET, REQUEST, WRONG, approval, copy, literals, put_up
from tests.reviews.breaches import BREACHES, every_rule

KEY = base64.b64encode(bytes(range(32))).decode()
STAGE = """
import json
from tests.invariants import assert_consistent
from tests.reviews.attacks import stage
names = stage()
assert_consistent()
print(json.dumps({name: pk.hex for name, pk in names.items()}))
"""


@pytest.fixture(scope="module")
def staged(migrated_files, tmp_path_factory) -> tuple:
    """A store in which the verbs have run on SQLite: (file, name → id). The verbs are the same code, so this is a test of theirs too."""
    folder = tmp_path_factory.mktemp("staged")
    for name in ("primary.sqlite3", "store.sqlite3"):
        shutil.copy(migrated_files / name, folder / name)
    installation = SqliteInstallation(folder / "primary.sqlite3", folder / "store.sqlite3")
    done = installation.manage("shell", "--verbosity", "0", "-c", STAGE, RECEIPT_SIGNING_KEY=KEY)
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(installation.store) as closing:
        closing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    closing.close()
    return installation.store, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def store(staged, tmp_path) -> Iterator[sqlite3.Connection]:
    path = shutil.copy(staged[0], tmp_path / "attacked.sqlite3")
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def names(staged) -> dict[str, str]:
    return staged[1]


def dump(connection: sqlite3.Connection) -> list[str]:
    return list(connection.iterdump())


def filled(connection: sqlite3.Connection, names: dict[str, str], *statements: str) -> list[str]:
    (body,) = connection.execute("SELECT body FROM reviews_packet WHERE review_request_id = ?", [names["changes"]]).fetchone()
    values = literals(names, body, postgresql=False)
    return [statement.format(**values) for statement in statements]


def attack(connection: sqlite3.Connection, names: dict[str, str], *statements: str) -> None:
    """All of it, or an error that takes it back."""
    connection.execute("BEGIN")
    try:
        for statement in filled(connection, names, *statements):
            connection.execute(statement)
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def fails(connection: sqlite3.Connection, names: dict[str, str], *statements: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        attack(connection, names, *statements)


def test_raw_sql_is_refused(store, names):
    before = dump(store)
    for name, statement in ATTACKS.items():
        print(name)  # shown when it fails
        fails(store, names, statement)
    assert dump(store) == before


@pytest.mark.parametrize("how", ["INSERT OR REPLACE INTO", "REPLACE INTO", "INSERT OR FAIL INTO", "INSERT OR ABORT INTO"])
def test_replacing_rows_is_refused(store, names, how):
    """REPLACE deletes the old row without asking a delete trigger."""
    before = dump(store)
    for model in KEPT:
        fails(store, names, copy(model, "true", how=how))
    for sort in ("draft", "approved", "in_review"):
        for name, statement in ATTACKS.items():
            if statement.startswith("INSERT INTO") and " ON CONFLICT " not in statement:
                print(name)
                fails(store, names, statement.replace("INSERT INTO", how, 1))
        fails(store, names, f"{how} {REQUEST} SELECT * FROM {REQUEST} WHERE id = {{{sort}}}")
    assert dump(store) == before


@pytest.mark.parametrize("how", ["UPDATE OR REPLACE", "UPDATE OR FAIL", "UPDATE OR ROLLBACK"])
def test_updates_with_another_conflict_word_are_refused(store, names, how):
    before = dump(store)
    for name, statement in ATTACKS.items():
        if statement.startswith("UPDATE"):
            print(name)
            with pytest.raises(sqlite3.IntegrityError):
                store.execute(*filled(store, names, statement.replace("UPDATE", how, 1)))
    assert dump(store) == before


@pytest.mark.parametrize("how", ["UPDATE OR IGNORE", "INSERT OR IGNORE INTO"])
def test_ignoring_the_refusal_changes_nothing(store, names, how):
    before = dump(store)
    word = how.split()[0]
    for name, statement in ATTACKS.items():
        if statement.startswith(word) and " ON CONFLICT " not in statement:
            print(name)
            try:
                store.execute(*filled(store, names, statement.replace("INSERT INTO" if word == "INSERT" else word, how, 1)))
            except sqlite3.IntegrityError:
                continue
    assert dump(store) == before


GUARDED = ["drafts_expansionmove", "reviews_denial", "drafts_coverageplan", "reviews_environment"]


@pytest.mark.parametrize("table", [REQUEST, *(model._meta.db_table for model in KEPT), *GUARDED])
def test_a_row_cannot_take_the_place_of_another(store, names, table):
    """Found by attack: UPDATE OR REPLACE of the hidden rowid deletes the row that has it."""
    before = store.execute(f"SELECT count(*) FROM {table}").fetchone()
    if table == "receipts_signingkey":
        store.execute(copy(SigningKey, "true", kid="'x'", public_key_b64="'x'", state="'next'", activated_at="NULL"))
        before = (before[0] + 1,)
    with pytest.raises(sqlite3.IntegrityError):
        store.execute(
            f"UPDATE OR REPLACE {table} SET rowid = (SELECT max(rowid) FROM {table}) WHERE rowid = (SELECT min(rowid) FROM {table})"
        )
    assert store.execute(f"SELECT count(*) FROM {table}").fetchone() == before


@pytest.mark.parametrize("table", [REQUEST, "reviews_vote", *GUARDED])
def test_an_insert_cannot_name_the_rowid_of_another(store, names, table):
    columns = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
    unique = {"id": f"'{uuid.uuid4().hex}'", "number": "77", "plan_id": "plan_id", "user_id": "user_id"}
    chosen = ", ".join(unique.get(column, column) for column in columns)
    before = dump(store)
    with pytest.raises(sqlite3.IntegrityError):
        store.execute(f"INSERT OR REPLACE INTO {table} (rowid, {', '.join(columns)}) SELECT rowid, {chosen} FROM {table} LIMIT 1")
    assert dump(store) == before


def test_temporary_tables_do_not_vouch_for_an_approval(store, names):
    store.execute("CREATE TEMP TABLE receipts_receipt AS SELECT * FROM main.receipts_receipt")
    store.execute("CREATE TEMP TABLE reviews_decision AS SELECT * FROM main.reviews_decision")
    vote, *forged, told, update = [statement.replace('FROM "', 'FROM main."') for statement in approval()]
    statements = [vote, *(statement.replace('INTO "', 'INTO temp."') for statement in forged), told, update]
    fails(store, names, *statements)


@pytest.mark.parametrize("wrong", WRONG)
def test_approved_needs_its_receipt_and_its_decision(store, names, wrong):
    fails(store, names, *approval(WRONG[wrong]))


def test_approved_by_raw_sql_with_all_that_it_takes_is_the_one_way(store, names):
    """The control: the attacks above fail for the reason that they name."""
    attack(store, names, *approval())
    assert store.execute(f"SELECT state FROM {REQUEST} WHERE id = ?", [names["in_review"]]).fetchone() == ("approved",)


def test_a_revision_needs_its_own_packet(store, names):
    for change in NOT_THAT_PACKET:
        print(change)
        fails(store, names, *NOT_THAT_PACKET[change])
    attack(store, names, *put_up())


def test_each_rule_of_a_guard_says_its_own_sentence(store, names):
    before = dump(store)
    for rule in every_rule(postgresql=False):
        for statements in BREACHES[rule]:
            print(*rule)  # shown when it fails
            with pytest.raises(sqlite3.IntegrityError, match=f"^{rule[2]}| has that row already$"):
                attack(store, names, *statements)
    assert dump(store) == before


def test_states_of_moves_and_counts_of_denials_may_change(store, names):
    attack(
        store,
        names,
        "UPDATE drafts_expansionmove SET state = 'draft', review_until = NULL, approved_until = NULL",
        "UPDATE reviews_denial SET count = count + 1",
    )


def test_recursive_triggers_open_nothing(store, names):
    before = dump(store)
    store.execute("PRAGMA recursive_triggers = ON")
    fails(store, names, f"REPLACE INTO {REQUEST} SELECT * FROM {REQUEST} WHERE id = {{approved}}")
    fails(store, names, "REPLACE INTO reviews_vote SELECT * FROM reviews_vote")
    assert dump(store) == before

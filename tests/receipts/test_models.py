"""What the database itself refuses, asked with raw SQL on both back ends."""

import sqlite3

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from receipts.issue import issue
from receipts.keys import register_key
from receipts.models import Receipt, SigningKey
from tests.receipts.samples import FACTS, SIGNER
from tests.receipts.test_issue import DECISION

TABLES = {"receipts_receipt": "request_id", "receipts_signingkey": "kid"}
CHANGES = ["UPDATE {table} SET {column} = {column}", "UPDATE {table} SET created_at = '2020-01-01 00:00:00+00'", "DELETE FROM {table}"]
CHANGES_ON_POSTGRESQL = [*CHANGES, "TRUNCATE {table}", "TRUNCATE {table} CASCADE", "DELETE FROM ONLY {table}"]
CHANGES_ON_SQLITE = [*CHANGES, "REPLACE INTO {table} SELECT * FROM {table}", "INSERT OR REPLACE INTO {table} SELECT * FROM {table}"]


def every(statements: list[str]) -> list:
    return [
        pytest.param(table, text.format(table=table, column=column), id=f"{table} {text.split(' {')[0]}")
        for table, column in TABLES.items()
        for text in statements
    ]


@pytest.fixture
def rows(both_stores) -> None:
    register_key(SIGNER)
    with transaction.atomic(using="self_service"):
        issue(**DECISION, signer=SIGNER)


def test_the_tests_of_this_file_run_on_postgresql(rows):
    assert connections["self_service"].vendor == "postgresql"


@pytest.mark.parametrize(("table", "statement"), every(CHANGES_ON_POSTGRESQL))
def test_L02_rows_stay_as_inserted_on_postgresql(rows, table, statement):
    with (
        # Revocations point to receipts, so PostgreSQL itself lets nobody truncate receipts alone.
        pytest.raises(DatabaseError, match="is append-only|^this change is not on the way of a key|^cannot truncate a table referenced"),
        transaction.atomic(using="self_service"),
        connections["self_service"].cursor() as cursor,
    ):
        cursor.execute(statement)

    assert (Receipt.objects.count(), SigningKey.objects.count()) == (1, 1)


@pytest.mark.parametrize("change", [lambda rows: rows.update(revision=9), lambda rows: rows.delete(), lambda rows: rows.get().delete()])
def test_L02_rows_stay_as_inserted_through_the_orm(rows, change):
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(using="self_service"):
        change(Receipt.objects.all())


@pytest.mark.parametrize("changes", [{"verdict": "approve"}, {"verdict": "allow", "expires_at": None}])
def test_constraints_of_a_receipt(both_stores, changes):
    columns = {name: FACTS[name] for name in ("request_id", "revision", "verdict", "commitment_id", "issued_at", "expires_at")} | changes

    with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
        Receipt.objects.create(packet_digest="cd" * 32, payload=b"{}", signature=bytes(64), kid=SIGNER.kid, **columns)


# --- SQLite -------------------------------------------------------------------------------------------------------------------

INSERT_KEY = """INSERT INTO receipts_signingkey (kid, public_key_b64, "use", state, reason, activated_at)
VALUES ('kid', 'key', 'receipt_signing', 'active', '', '2026-11-23')"""
INSERT_RECEIPT = """INSERT INTO receipts_receipt (id, request_id, revision, packet_digest, verdict, commitment_id, payload, signature, kid,
issued_at) VALUES ('{id}', '{request_id}', 1, 'd', 'reject', 'c', x'00', x'00', 'kid', '2026-11-23')"""


@pytest.fixture
def sqlite_store(sqlite_installation):
    """A second program with the file open, as somebody with a shell would have it."""
    connection = sqlite3.connect(sqlite_installation.store)
    connection.execute(INSERT_KEY)
    connection.execute(INSERT_RECEIPT.format(id=1, request_id=1))
    connection.commit()
    yield connection
    connection.close()


@pytest.mark.parametrize(("table", "statement"), every(CHANGES_ON_SQLITE))
def test_L02_rows_stay_as_inserted_on_sqlite(sqlite_store, table, statement):
    before = sqlite_store.execute(f"SELECT * FROM {table}").fetchall()

    with pytest.raises(sqlite3.IntegrityError, match="is append-only|^this change is not on the way of a key|^a row is not replaced$"):
        sqlite_store.execute(statement)

    assert sqlite_store.execute(f"SELECT * FROM {table}").fetchall() == before


@pytest.mark.parametrize(("receipt_id", "request_id"), [(1, 2), (2, 1)])
def test_L02_replace_cannot_take_a_receipts_place_on_sqlite(sqlite_store, receipt_id, request_id):
    statement = INSERT_RECEIPT.format(id=receipt_id, request_id=request_id).replace("INSERT", "INSERT OR REPLACE")

    with pytest.raises(sqlite3.IntegrityError, match="append-only|^a row is not replaced$"):
        sqlite_store.execute(statement)


def test_further_receipts_go_in_on_sqlite(sqlite_store):
    sqlite_store.execute(INSERT_RECEIPT.format(id=2, request_id=2))

    assert sqlite_store.execute("SELECT count(*) FROM receipts_receipt").fetchone() == (2,)

"""Each check's fact, taken away for real from a production-like installation that is ready, and given back: check and verdict follow."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from tests.conftest import run_manage
from tests.faults.installation import until
from tests.server import Visitor, free_port, serving

URLS = {"primary": "DATABASE_URL", "store": "SELF_SERVICE_DATABASE_URL"}
SUPERUSERS = {"primary": "TEST_PRIMARY_SUPERUSER_URL", "store": "TEST_STORE_SUPERUSER_URL"}
SECONDS = 10


def execute(url: str, *statements: str) -> list[tuple]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@dataclass(frozen=True)
class Standing:
    """The installation as it is served. `role`: the one that drafts are written with, which the primary's cluster knows by name."""

    address: str
    env: dict[str, str]
    role: str
    token: str
    lent: str

    def administer(self, side: str, *statements: str) -> list[tuple]:
        """As the superuser of a side's cluster, inside its database."""
        path = urlsplit(self.env[URLS[side]]).path
        names = {"role": self.role, "lent": self.lent, "database": path[1:]}
        url = urlunsplit(urlsplit(os.environ[SUPERUSERS[side]])._replace(path=path))
        search_path = "SET search_path = " + {"primary": "public", "store": "self_service_drafts"}[side]
        return execute(url, search_path, *(statement.format(**names) for statement in statements))

    def get(self, path: str, **headers: str) -> dict:
        answer = Visitor(self.address).call("GET", path, **{"X-Forwarded-Proto": "https"}, **headers)
        assert answer.status == 200, answer.text
        return answer.json

    def status(self) -> str:
        return self.get("/api/v1/readiness")["status"]

    def finding(self, check: str) -> dict:
        found = self.get("/api/v1/readiness/checks", Authorization=f"Token {self.token}")["checks"]
        return next(each for each in found if each["id"] == check)


@pytest.fixture(scope="module")
def standing(production) -> Iterator[Standing]:
    role = f"drafts_{secrets.token_hex(4)}"
    lent = f"lent_{secrets.token_hex(4)}"
    parts = urlsplit(production["SELF_SERVICE_DATABASE_URL"])
    env = production | {
        "BEHIND_TLS_PROXY": "true",
        "SELF_SERVICE_DATABASE_URL": urlunsplit(parts._replace(netloc=f"{role}:of-its-own@{parts.hostname}:{parts.port}")),
    }
    administered = Standing("", env, role, "", lent)
    with ExitStack() as stack:
        administered.administer("store", f"CREATE ROLE {{role}} LOGIN PASSWORD 'of-its-own' IN ROLE {parts.username}")
        stack.callback(administered.administer, "store", "DROP OWNED BY {role}", "DROP ROLE {role}")
        administered.administer("primary", "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC", "CREATE ROLE {role}", "CREATE ROLE {lent}")
        back = ("GRANT CONNECT ON DATABASE {database} TO PUBLIC", "DROP OWNED BY {role}", "DROP ROLE {role}", "DROP OWNED BY {lent}")
        stack.callback(administered.administer, "primary", *back, "DROP ROLE {lent}")
        token = run_manage("create_token", "owner", "--scope", "read", env=env).stdout.split()[-1]
        address = stack.enter_context(serving(env, port=free_port()))
        yield Standing(address, env, role, token, lent)


@dataclass(frozen=True)
class Fact:
    """How a check's fact is taken away and given back, by whoever has every right; `remedy`: words of what the page says to do."""

    check: str
    side: str
    away: tuple[str, ...]
    back: tuple[str, ...]
    remedy: str


def way(away: str, back: str, remedy: str) -> Fact:
    return fact("production_write", "primary", away=away, back=back, remedy=remedy)


def fact(check: str, side: str, *, away: str, back: str, remedy: str) -> Fact:
    return Fact(check, side, tuple(away.split("; ")), tuple(back.split("; ")), remedy)


def emptied(check: str, side: str, table: str, remedy: str) -> Fact:
    """All rows of a table, triggers or not."""
    away = (LIFTED, "CREATE SCHEMA kept", f"CREATE TABLE kept.those AS TABLE {table}", f"DELETE FROM {table}")
    return Fact(check, side, away, (LIFTED, f"INSERT INTO {table} SELECT * FROM kept.those", "DROP SCHEMA kept CASCADE"), remedy)


LIFTED = "SET session_replication_role = replica"
# One for each way to write in the primary that a role can have.
WAYS = {
    "table": way("GRANT INSERT ON access_user TO {role}", "REVOKE INSERT ON access_user FROM {role}", "REVOKE INSERT"),
    "trigger": way("GRANT TRIGGER ON access_user TO {role}", "REVOKE TRIGGER ON access_user FROM {role}", "TRIGGER ON"),
    "column": way("GRANT UPDATE (email) ON access_user TO {role}", "REVOKE UPDATE (email) ON access_user FROM {role}", "columns likewise"),
    "public": way("GRANT DELETE ON access_user TO PUBLIC", "REVOKE DELETE ON access_user FROM PUBLIC", "from PUBLIC"),
    "view": way(
        "CREATE VIEW names AS SELECT username FROM access_user; GRANT UPDATE ON names TO {role}", "DROP VIEW names", "REVOKE INSERT, UPDATE"
    ),
    "inherited_membership": way(
        "GRANT UPDATE ON access_user TO {lent}; GRANT {lent} TO {role}",
        "REVOKE {lent} FROM {role}; REVOKE UPDATE ON access_user FROM {lent}",
        "FROM ROLE` for that membership",
    ),
    "membership_by_set_role": way(
        "GRANT UPDATE ON access_user TO {lent}; ALTER ROLE {role} NOINHERIT; GRANT {lent} TO {role}",
        "REVOKE {lent} FROM {role}; REVOKE UPDATE ON access_user FROM {lent}; ALTER ROLE {role} INHERIT",
        "FROM ROLE` for that membership",
    ),
    "membership_of_an_owner": way(
        "CREATE TABLE apart (id int); ALTER TABLE apart OWNER TO {lent}; GRANT {lent} TO {role}",
        "DROP TABLE apart; REVOKE {lent} FROM {role}",
        "FROM ROLE` for that membership",
    ),
    "pg_write_all_data": way("GRANT pg_write_all_data TO {role}", "REVOKE pg_write_all_data FROM {role}", "for that membership"),
    "server_files": way(
        "GRANT pg_execute_server_program TO {role}", "REVOKE pg_execute_server_program FROM {role}", "pg_execute_server_program"
    ),
    "superuser": way("ALTER ROLE {role} SUPERUSER", "ALTER ROLE {role} NOSUPERUSER", "NOSUPERUSER"),
    "createrole": way("ALTER ROLE {role} CREATEROLE", "ALTER ROLE {role} NOCREATEROLE", "NOCREATEROLE"),
    "owner_of_a_table": way("CREATE TABLE apart (id int); ALTER TABLE apart OWNER TO {role}", "DROP TABLE apart", "REASSIGN OWNED"),
    "owner_of_a_table_without_rights": way(
        "CREATE TABLE apart (id int); ALTER TABLE apart OWNER TO {role}; REVOKE ALL ON apart FROM {role}",
        "DROP TABLE apart",
        "REASSIGN OWNED",
    ),
    "owner_of_a_schema": way("CREATE SCHEMA apart AUTHORIZATION {role}", "DROP SCHEMA apart", "REASSIGN OWNED"),
    "owner_of_the_database": way(
        "ALTER DATABASE {database} OWNER TO {role}", "ALTER DATABASE {database} OWNER TO primary_app", "REASSIGN OWNED"
    ),
    "create_in_a_schema": way("GRANT CREATE ON SCHEMA public TO {role}", "REVOKE CREATE ON SCHEMA public FROM {role}", "REVOKE CREATE"),
    "create_by_public": way("GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "from PUBLIC"),
    "create_in_the_database": way(
        "GRANT CREATE ON DATABASE {database} TO {role}", "REVOKE CREATE ON DATABASE {database} FROM {role}", "REVOKE CREATE"
    ),
    "sequence": way(
        "GRANT USAGE ON SEQUENCE auth_group_id_seq TO {role}", "REVOKE USAGE ON SEQUENCE auth_group_id_seq FROM {role}", "ON SEQUENCE"
    ),
    "security_definer": way(
        "CREATE FUNCTION lends() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "DROP FUNCTION lends()", "SECURITY DEFINER"
    ),
    "large_object": way(
        "SELECT lo_create(424242); GRANT UPDATE ON LARGE OBJECT 424242 TO {role}", "SELECT lo_unlink(424242)", "LARGE OBJECT"
    ),
    "future_tables": way(
        "ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES REVOKE INSERT ON TABLES FROM {role}",
        "DEFAULT PRIVILEGES",
    ),
}
READ_ONLY = "ALTER DATABASE {database} SET default_transaction_read_only = on"
WRITABLE = "SET default_transaction_read_only = off; ALTER DATABASE {database} RESET default_transaction_read_only"
CONNECT = "CONNECT ON DATABASE {database}"
GUARD = "ALTER TABLE reviews_vote %s TRIGGER reviews_vote_guard"
FACTS = {
    "no_way_in": fact(
        "no_way_in", "primary", away=f"GRANT {CONNECT} TO {{role}}", back=f"REVOKE {CONNECT} FROM {{role}}", remedy="manage.py provision"
    ),
    "no_draft_tables_in_primary": fact(
        "no_draft_tables_in_primary",
        "primary",
        away="CREATE TABLE drafts_coverageplan (id int)",
        back="DROP TABLE drafts_coverageplan",
        remedy="drop them from the primary",
    ),
    "primary_schema": fact(
        "primary_schema",
        "primary",
        away="ALTER TABLE django_admin_log RENAME TO gone",
        back="ALTER TABLE gone RENAME TO django_admin_log",
        remedy="manage.py migrate_all",
    ),
    "draft_store_schema": fact(
        "draft_store_schema",
        "store",
        away="ALTER TABLE reviews_vote RENAME TO gone",
        back="ALTER TABLE gone RENAME TO reviews_vote",
        remedy="manage.py migrate_all",
    ),
    "primary_is_read_only": fact("writable", "primary", away=READ_ONLY, back=WRITABLE, remedy="make the primary database writable"),
    "store_is_read_only": fact("writable", "store", away=READ_ONLY, back=WRITABLE, remedy="make the draft store writable"),
    "key_out_of_the_key_set": emptied("signing_key", "store", "receipts_signingkey", "manage.py create_signing_key"),
    "empty_groups": emptied("policies_fillable", "primary", "access_user_groups", "manage.py set_person"),
    "demo_partner": fact(
        "demo_data",
        "store",
        away="UPDATE drafts_partner SET demo = true",
        back="UPDATE drafts_partner SET demo = false",
        remedy="`seed_demo` was never run on",
    ),
    "role_powers": fact(
        "role_powers", "store", away="ALTER ROLE {role} CREATEROLE", back="ALTER ROLE {role} NOCREATEROLE", remedy="manage.py provision"
    ),
    **{
        f"side_door_{name}": fact("side_doors", "store", away=f"CREATE {what}", back=f"DROP {what}", remedy=f"DROP {what} CASCADE")
        for name, what in {
            "dblink": "EXTENSION dblink",
            "postgres_fdw": "EXTENSION postgres_fdw",
            "file_fdw": "EXTENSION file_fdw",
            "bare": "FOREIGN DATA WRAPPER bare",
        }.items()
    },
    "trigger_switched_off": fact("guards_stand", "store", away=GUARD % "DISABLE", back=GUARD % "ENABLE", remedy="Enable them again"),
}


@pytest.mark.parametrize("fact", [*WAYS.values(), *FACTS.values()], ids=[*WAYS, *FACTS])
def test_F22_fact_that_is_taken_away_shuts_the_gate_and_given_back_opens_it(standing, fact):
    until(lambda: standing.status() == "ready_for_review", within=SECONDS)
    assert standing.finding(fact.check)["result"] == "pass"

    standing.administer(fact.side, *fact.away)
    try:
        until(lambda: standing.status() == "blocked", within=SECONDS)
        found = standing.finding(fact.check)
        assert (found["result"], fact.remedy in found["remedy"]) == ("block", True), found
        assert standing.get("/api/v1/readiness")["production_write_from_self_service"] is (fact.check == "production_write")
    finally:
        standing.administer(fact.side, *fact.back)

    until(lambda: standing.status() == "ready_for_review", within=SECONDS)
    assert standing.finding(fact.check)["result"] == "pass"
    assert standing.get("/api/v1/readiness")["production_write_from_self_service"] is False

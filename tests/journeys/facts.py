"""The facts that checks rest on, each with how it is taken away and given back in SQL, and what the page then says to do."""

import base64
from dataclasses import dataclass

from receipts.canonical import b64
from receipts.verify import thumbprint


@dataclass(frozen=True)
class Fact:
    """How a check's fact is taken away and given back, by whoever has every right; `remedy`: words of what the page says to do."""

    check: str
    side: str
    away: tuple[str, ...]
    back: tuple[str, ...]
    remedy: str
    result: str = "block"


def way(away: str, back: str, remedy: str) -> Fact:
    return fact("production_write", "primary", away=away, back=back, remedy=remedy)


def fact(check: str, side: str, *, away: str, back: str, remedy: str, result: str = "block") -> Fact:
    return Fact(check, side, tuple(away.split("; ")), tuple(back.split("; ")), remedy, result)


def emptied(check: str, side: str, table: str, remedy: str, result: str = "block") -> Fact:
    """All rows of a table, triggers or not."""
    away = (LIFTED, "CREATE SCHEMA kept", f"CREATE TABLE kept.those AS TABLE {table}", f"DELETE FROM {table}")
    return Fact(check, side, away, (LIFTED, f"INSERT INTO {table} SELECT * FROM kept.those", "DROP SCHEMA kept CASCADE"), remedy, result)


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
# A key that anybody knows (RFC 8032, test 1), and another one.
SAMPLE, OTHER = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), (9).to_bytes(32, "little")
OURS_AGAIN = (
    f"{LIFTED}; UPDATE receipts_signingkey SET state = 'active', activated_at = now(), retired_at = NULL, revoked_at = NULL, reason = ''"
)


def ours(state: str, since: str) -> str:
    return f"{LIFTED}; UPDATE receipts_signingkey SET state = '{state}', {since}"


def another(public_key: bytes, state: str) -> str:
    values = f"'{thumbprint(public_key)}', '{b64(public_key)}', 'receipt_signing', '{state}', now(), ''"
    return f'INSERT INTO receipts_signingkey (kid, public_key_b64, "use", state, activated_at, reason) VALUES ({values})'


def without(public_key: bytes) -> str:
    return f"{LIFTED}; DELETE FROM receipts_signingkey WHERE kid = '{thumbprint(public_key)}'"


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
    "key_out_of_the_key_set": emptied("signing_key", "store", "receipts_signingkey", "manage.py keys create"),
    "sample_in_the_key_set": fact(
        "sample_key", "store", away=another(SAMPLE, "next"), back=without(SAMPLE), remedy="manage.py keys revoke"
    ),
    "no_key_in_force": fact(
        "key_window", "store", away=ours("next", "activated_at = NULL"), back=OURS_AGAIN, remedy="manage.py keys rotate"
    ),
    **{
        f"key_{state}": fact(
            "key_window",
            "store",
            away=f"{ours(state, since)}; {another(OTHER, 'active')}",
            back=f"{without(OTHER)}; {OURS_AGAIN}",
            remedy=remedy,
            result=result,
        )
        for state, since, remedy, result in (
            ("next", "activated_at = NULL", "manage.py keys rotate", "warn"),
            ("retired", "retired_at = now()", "Give this process the key in force", "warn"),
            ("revoked", "revoked_at = now(), reason = 'lost'", "Give this process the key in force", "block"),
        )
    },
    "no_root_vouches": emptied("key_attested", "store", "receipts_attestation", "manage.py keys attest", "warn"),
    **{
        f"root_vouches_{name}": fact(
            "key_attested",
            "store",
            away=f"{LIFTED}; UPDATE receipts_attestation SET not_before = now() - interval '1 year', not_after = now() + interval '{end}'",
            back=f"{LIFTED}; UPDATE receipts_attestation SET not_after = now() + interval '1 year'",
            remedy="manage.py keys attest",
            result="warn",
        )
        for name, end in (("no_more", "-1 minute"), ("not_for_long", "29 days"))
    },
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
    "all_triggers_switched_off": fact(
        "guards_stand",
        "store",
        away="ALTER DATABASE {database} SET session_replication_role = replica",
        back="ALTER DATABASE {database} RESET session_replication_role",
        remedy="session_replication_role",
    ),
    "constraint_dropped": fact(
        "guards_stand",
        "primary",
        away="ALTER TABLE access_user DROP CONSTRAINT access_user_username_key",
        back="ALTER TABLE access_user ADD UNIQUE (username)",
        remedy="Enable them again",
    ),
    "trigger_switched_off": fact("guards_stand", "store", away=GUARD % "DISABLE", back=GUARD % "ENABLE", remedy="Enable them again"),
}
# Facts that stand in the environment: check → what a lost or wrong setting says instead, and words of the remedy.
SETTINGS = {
    "dedicated_store": (
        {"SELF_SERVICE_DATABASE_URL": "", "REQUIRE_SELF_SERVICE_DATABASE_URL": "false"}, "Set SELF_SERVICE_DATABASE_URL",
    ),
    "require_flag": ({"REQUIRE_SELF_SERVICE_DATABASE_URL": "false"}, "REQUIRE_SELF_SERVICE_DATABASE_URL=true"),
    "local_override": ({"ALLOW_LOCAL_PRODUCTION_DATABASE": "true"}, "Unset ALLOW_LOCAL_PRODUCTION_DATABASE"),
    "web_settings": ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
    "sample_key": ({"RECEIPT_SIGNING_KEY": base64.b64encode(bytes(32)).decode()}, "manage.py keys create"),
    "signing_key": ({"RECEIPT_SIGNING_KEY": "no key at all"}, "manage.py keys create"),
}  # fmt: skip
# Checks whose facts are neither rows nor one setting; each has a test of its own in test_production.py or test_facts.py.
BY_THEMSELVES = {"database_identity", "debug_off", "clocks_agree"}

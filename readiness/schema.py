"""Whether a database holds what this code needs: its migrations applied, and the tables really there."""

import re
from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from config.databases import STORE
from config.guards import name_of
from config.router import home_of
from config.triggers import kept_names

# Only what is in force: a trigger may be disabled, or all of them by a setting; a constraint may be not valid. What a column asks for by
# itself has no name of ours, so it is told by kind, table and columns.
PG_GUARDS = """SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal AND pg_table_is_visible(tgrelid)
    AND (tgenabled = 'A' OR tgenabled = 'O' AND current_setting('session_replication_role') <> 'replica')
UNION SELECT conname::text FROM pg_constraint WHERE convalidated AND conrelid <> 0 AND pg_table_is_visible(conrelid)
UNION SELECT relname::text FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid
    WHERE indisvalid AND pg_table_is_visible(pg_class.oid)
UNION SELECT concat_ws(' ', CASE contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' ELSE 'foreign key' END, relname,
        string_agg(attname, ',' ORDER BY place))
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid CROSS JOIN unnest(conkey) WITH ORDINALITY AS columns (number, place)
    JOIN pg_attribute ON attrelid = conrelid AND attnum = number
    WHERE convalidated AND contype IN ('p', 'u', 'f') AND relnamespace = current_schema()::regnamespace
    GROUP BY pg_constraint.oid, contype, relname
UNION SELECT concat_ws(' ', 'not null', relname, attname) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relkind = 'r' AND attnotnull AND attnum > 0 AND relnamespace = current_schema()::regnamespace"""


def pending_migrations(alias: str) -> list[str]:
    """`app.name` of each migration that this code has and the database does not, in order. Raises DatabaseError when it cannot be asked."""
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def missing_tables(alias: str) -> list[str]:
    """Tables that belong behind the alias and are not there. A migration is recorded in both databases, also where it did nothing."""
    with connections[alias].cursor() as cursor:
        return sorted(tables_kept_in(alias) - set(connections[alias].introspection.table_names(cursor)))


def tables_kept_in(alias: str) -> set[str]:
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True) if _kept_in(model, alias)}


def _kept_in(model, alias: str) -> bool:
    return model._meta.managed and not model._meta.proxy and home_of(model._meta.app_label) == alias


# Append-only tables → columns that may change after all. Triggers made by migrations say so, and `provision` says so to the serving role.
APPEND_ONLY = {
    "drafts_expansionmove": ("state", "review_until", "approved_until"),
    "readiness_verdictchange": (),
    "receipts_attestation": (),
    "receipts_loghead": ("size", "frontier", "kid", "note", "note_size", "note_kid"),
    "receipts_lognode": (),
    "receipts_receipt": (),
    "receipts_revocation": (),
    "receipts_signingkey": ("state", "activated_at", "retired_at", "revoked_at", "reason"),
    "receipts_statusdocument": (),
    "reviews_decision": (),
    "reviews_deliveryattempt": (),
    "reviews_denial": ("count", "last_at"),
    "reviews_event": (),
    "reviews_freezeend": (),
    "reviews_freezewindow": (),
    "reviews_outboxmessage": ("not_before", "status", "attempts", "settled_at", "error"),
    "reviews_packet": (),
    "reviews_policyoutcome": (),
    "reviews_reviewpolicy": (),
    "reviews_stagingpin": (),
    "reviews_stagingvalidation": (),
    "reviews_vote": (),
    "reviews_webhookendpoint": ("generation", "rotated_at", "enabled", "disabled_reason", "failing_since"),
}
# Tables whose rows may change under rules → how many rules, and what the serving role has no right to.
GUARDED = {
    "drafts_author": (2, "UPDATE, TRUNCATE"),
    "drafts_coverageplan": (3, "TRUNCATE"),
    "reviews_confirmation": (4, "DELETE, TRUNCATE"),
}
# Tables → the events for which rows have rules of their own (config/guards.py).
RULED = {
    "drafts_coverageplan": ("insert", "update"),
    "drafts_expansionmove": ("insert", "update"),
    "drafts_membership": ("update",),
    "drafts_partner": ("insert", "update", "delete"),
    "receipts_receipt": ("insert",),
    "reviews_decision": ("insert",),
    "reviews_denial": ("update",),
    "reviews_deploymentreviewrequest": ("insert", "update"),
    "reviews_environment": ("insert", "update", "delete"),
    "reviews_event": ("insert",),
    "reviews_packet": ("insert",),
    "reviews_policyoutcome": ("insert",),
    "reviews_reviewpolicy": ("insert",),
    "reviews_vote": ("insert",),
}
RULES = {name_of(table, event) for table, events in RULED.items() for event in events}
TRIGGERS = {
    "postgresql": {f"{table}_{what}" for table in APPEND_ONLY for what in ("no_change", "no_truncate")}
    | {"reviews_request_guard", "reviews_request_kept", "reviews_vote_guard"}
    | {"receipts_key_guard", "receipts_status_guard", "receipts_log_guard"}
    | {"reviews_event_counted", "reviews_request_count", "reviews_chain_count", "reviews_chain_kept", "reviews_event_told"},
    "sqlite": {f"{table}_{what}" for table in APPEND_ONLY for what in ("no_update", "no_delete", "no_insert")}
    | {f"reviews_request_guard_{number}" for number in range(9)}
    | {f"receipts_key_guard_{rule}" for rule in ("insert_0", "insert_1", *(f"update_{number}" for number in range(5)))}
    | {f"receipts_log_guard_{rule}" for rule in ("insert_0", "update_0", "update_1", "update_2")}
    | {"receipts_status_guard_insert_0", "reviews_event_told"}
    | {"reviews_request_kept", "reviews_request_fresh", "reviews_request_new", "reviews_vote_guard", "reviews_vote_once"}
    | {"reviews_event_counted", "reviews_event_counted_organisation", "reviews_request_count", "reviews_chain_count", "reviews_chain_kept"},
}


def missing_guards(alias: str) -> tuple[str, ...]:
    """Triggers and named constraints that should stand behind the alias and do not, or are switched off. Raises DatabaseError."""
    vendor = connections[alias].vendor
    wanted = {constraint.name for model in apps.get_models() if _kept_in(model, alias) for constraint in model._meta.constraints}
    if vendor == "postgresql":
        wanted |= _asked_by_columns(alias)
    if alias == STORE:
        wanted |= TRIGGERS[vendor].union(*(kept_names(table, rules)[vendor] for table, (rules, _) in GUARDED.items())) | RULES
    return tuple(sorted(wanted - _guards(alias)))


@cache
def _asked_by_columns(alias: str) -> frozenset[str]:
    """What the columns of the tables ask for by themselves, in the words of PG_GUARDS."""
    asked = set()
    for options in (model._meta for model in apps.get_models(include_auto_created=True) if _kept_in(model, alias)):
        table = options.db_table
        for field in options.local_concrete_fields:
            asked |= {f"{kind} {table} {field.column}" for kind in _kinds(field)}
        together = [",".join(options.get_field(name).column for name in names) for names in options.unique_together]
        asked |= {f"unique {table} {columns}" for columns in together}
    return frozenset(asked)


def _kinds(field) -> Iterator[str]:
    if field.primary_key:
        yield "primary key"
    elif field.unique:
        yield "unique"
    if field.is_relation and field.db_constraint:
        yield "foreign key"
    if not field.null:
        yield "not null"


def _guards(alias: str) -> set[str]:
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "postgresql":
            cursor.execute(PG_GUARDS)
            return {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT type, name, sql FROM sqlite_master")
        rows = cursor.fetchall()
    named = {name for kind, name, _ in rows if kind in ("trigger", "index")}
    # A CHECK or UNIQUE inside a table has no row of its own.
    inside = " ".join(text for kind, _, text in rows if kind == "table" and text)
    return named | set(re.findall(r'CONSTRAINT "(\w+)"', inside))

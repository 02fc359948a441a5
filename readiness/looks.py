"""Looking: what each database says of itself, and what the signing key can do. Facts only; judging them is for checks.py."""

import secrets
import time
from dataclasses import dataclass, field
from functools import cache

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from access import people
from access.models import User
from config.databases import PRIMARY, STORE
from config.isolation import identity
from config.refusals import Refused
from drafts.models import Partner
from readiness.schema import missing_tables, tables_kept_in
from receipts.keys import jwks
from receipts.signing import SigningUnavailable, signer
from receipts.verify import NotVerifiable, load_keys
from reviews import policy
from reviews.models import Environment

SILENT = (DatabaseError, InterfaceError)
DEMO_GROUP = "demo"
CAN_WRITE = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
AND (has_table_privilege(%(role)s, c.oid, 'INSERT,UPDATE,DELETE,TRUNCATE') OR has_any_column_privilege(%(role)s, c.oid, 'INSERT,UPDATE'))"""


@dataclass(frozen=True)
class Look:
    """What one database answered. `cost`: milliseconds. `lacks` is None while tables or migrations are missing to ask further."""

    identity: tuple[str, ...]
    vendor: str
    role: str
    read_only: bool
    pending: tuple[str, ...]
    unknown_migrations: tuple[str, ...]
    missing: tuple[str, ...]
    foreign: tuple[str, ...]
    cost: float = 0.0
    rows: dict = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not self.pending and not self.missing


@cache
def _on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _migrations(alias: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Migrations that the code has and the database does not, and the other way round (for apps of this code)."""
    applied = set(MigrationRecorder(connections[alias]).applied_migrations())
    labels = {label for label, _ in _on_disk()}
    ahead = {migration for migration in applied - _on_disk() if migration[0] in labels}
    return _named(_on_disk() - applied), _named(ahead)


def _named(migrations) -> tuple[str, ...]:
    return tuple(sorted(f"{label}.{name}" for label, name in migrations))


def _standing(alias: str) -> tuple[str, bool]:
    """The role, and whether writes are refused (standby, or switched to read-only)."""
    if connections[alias].vendor != "postgresql":
        return "", False
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_user, pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean")
        return cursor.fetchone()


def _foreign_tables(alias: str) -> tuple[str, ...]:
    other = STORE if alias == PRIMARY else PRIMARY
    with connections[alias].cursor() as cursor:
        return tuple(sorted(tables_kept_in(other) & set(connections[alias].introspection.table_names(cursor))))


def look(alias: str) -> Look | None:
    """Ask one database about itself; None when it is silent. Never raises a database error."""
    started = time.monotonic()
    try:
        who = identity(connections[alias])
        role, read_only = _standing(alias)
        pending, ahead = _migrations(alias)
        missing, foreign = tuple(missing_tables(alias)), _foreign_tables(alias)
        rows = {} if pending or missing else _rows(alias)
    except SILENT:
        connections[alias].close()
        return None
    cost = (time.monotonic() - started) * 1000
    return Look(who, connections[alias].vendor, role, read_only, pending, ahead, missing, foreign, cost, rows)


def _rows(alias: str) -> dict:
    if alias == PRIMARY:
        return {"demo_people": User.objects.filter(groups__name=DEMO_GROUP, is_active=True).count()}
    environments = Environment.objects.prefetch_related("policies").order_by("slug")
    newest = {each: max(each.policies.all(), key=lambda found: found.version, default=None) for each in environments if each.protected}
    rules = {each.slug: found.rules if found else None for each, found in newest.items()}
    return {"rules": rules, "environments": len(environments), "demo_partners": Partner.objects.filter(demo=True).count(), "jwks": jwks()}


def role_can_write(role: str) -> bool | None:
    """Whether a role of this name could write some table of the primary; None when that cannot be asked."""
    connection = connections[PRIMARY]
    if connection.vendor != "postgresql":
        return None
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone() is None:
                return False
            cursor.execute(CAN_WRITE, {"role": role})
            return cursor.fetchone()[0] > 0
    except SILENT:
        connection.close()
        return None


def unfillable(rules: dict[str, list | None]) -> dict[str, str] | None:
    """Protected environments whose policy nobody could satisfy, with the reason; None when the primary is silent."""
    sound = {slug: found for slug, found in rules.items() if found is not None and policy.is_sound(found)}
    empty = {slug: "it has no policy with at least one rule" for slug in rules if slug not in sound}
    groups = {rule["group"] for found in sound.values() for rule in found}
    try:
        members, _ = people.reviewers(groups) if groups else ({}, {})
    except Refused:
        return None
    for slug, found in sound.items():
        if seats := policy.open_seats(found, members):
            names = ", ".join(sorted({str(rule["name"]) for rule in seats}))
            empty[slug] = f"nobody is there for {names}"
    return empty


@dataclass(frozen=True)
class KeyLook:
    """What the signing key of this process can do: `state` is ok, absent, unreadable or unregistered."""

    state: str
    words: str = ""


def look_at_key(published: dict | None) -> KeyLook | None:
    """Sign something fresh and verify it with the published key; None when the published keys cannot be asked."""
    if published is None:
        return None
    try:
        key, keys = signer(), load_keys(published)
    except SigningUnavailable as error:
        configured = settings.RECEIPT_SIGNING_KEY or settings.RECEIPT_SIGNING_KEY_FILE
        return KeyLook("unreadable" if configured else "absent", str(error))
    except NotVerifiable:
        return KeyLook("unreadable", "A published key is not one that may be used.")
    if key.kid not in keys:
        return KeyLook("unregistered", "The signing key's public half is not published.")
    message = secrets.token_bytes(32)
    try:
        keys[key.kid].verify(key.sign(message), message)
    except Exception:  # noqa: BLE001  a signer elsewhere may fail in ways of its own; only a verified signature is a yes
        return KeyLook("unreadable", "A fresh signature does not verify with the published key.")
    return KeyLook("ok")

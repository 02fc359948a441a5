"""Looking: what each database says of itself, and what the signing key can do. Facts only; judging them is for checks.py."""

import os
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max, Prefetch
from django.db.models.functions import Now

from access import people
from access.models import User
from config.databases import PRIMARY, STORE
from config.isolation import identity
from config.refusals import Refused
from drafts.models import Partner
from readiness.schema import missing_guards, missing_tables, tables_kept_in
from receipts.keys import jwks
from receipts.models import Attestation, KeyState, SigningKey, Use
from receipts.signing import SAMPLE, Signer, SigningUnavailable, signer
from receipts.verify import Keys, NotVerifiable, load_keys
from reviews import policy
from reviews.models import Environment, ReviewPolicy

POWERS = ("superuser", "createdb", "createrole", "bypassrls")
# dblink brings a wrapper, too. A wrapper that no extension brought has a line of its own.
DOORS = """SELECT 'EXTENSION ' || quote_ident(e.extname) AS door FROM pg_extension e WHERE EXISTS (SELECT FROM pg_depend d
    WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_foreign_data_wrapper'::regclass)
UNION SELECT 'FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname) FROM pg_foreign_data_wrapper w WHERE NOT EXISTS (SELECT FROM pg_depend d
    WHERE d.classid = 'pg_foreign_data_wrapper'::regclass AND d.objid = w.oid AND d.deptype = 'e') ORDER BY door"""
STANDING = """SELECT current_user, pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean,
rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user"""
SILENT = (DatabaseError, InterfaceError)
DEMO_GROUP = "demo"


@dataclass(frozen=True)
class Standing:
    """Role and rights of a connection: `powers` are attributes a serving role should lack, `doors` lead elsewhere, as DROP says them."""

    role: str = ""
    read_only: bool = False
    powers: tuple[str, ...] = ()
    doors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """What one database answered. `cost`: milliseconds; `clock`: seconds that it is ahead of this machine."""

    identity: tuple[str, ...]
    vendor: str
    standing: Standing
    clock: float
    pending: tuple[str, ...]
    unknown_migrations: tuple[str, ...]
    missing: tuple[str, ...]
    foreign: tuple[str, ...]
    guards_missing: tuple[str, ...]
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


def _standing(alias: str) -> Standing:
    """SQLite has neither roles nor extensions."""
    if connections[alias].vendor != "postgresql":
        return Standing(read_only=not takes_writes(Path(connections[alias].settings_dict["NAME"])))
    with connections[alias].cursor() as cursor:
        cursor.execute(STANDING)
        role, read_only, *powers = cursor.fetchone()
        cursor.execute(DOORS)
        doors = tuple(name for (name,) in cursor.fetchall())
    return Standing(role, read_only, tuple(name for name, has in zip(POWERS, powers, strict=True) if has), doors)


def takes_writes(file: Path) -> bool:
    """Whether this process may write the file and beside it, where SQLite keeps its log. A transaction that begins proves nothing: it
    begins in a file that cannot be written, too."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _clock(alias: str) -> float:
    """Seconds that the database's clock is ahead of this machine's; half the round trip is taken for the way there."""
    before = time.time()
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor != "postgresql":
            return 0.0
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        theirs = cursor.fetchone()[0]
    return theirs - (before + time.time()) / 2


def _foreign_tables(alias: str) -> tuple[str, ...]:
    other = STORE if alias == PRIMARY else PRIMARY
    with connections[alias].cursor() as cursor:
        return tuple(sorted(tables_kept_in(other) & set(connections[alias].introspection.table_names(cursor))))


def look(alias: str) -> Look | None:
    """Ask one database about itself; None when it is silent. Never raises a database error."""
    started = time.monotonic()
    try:
        who = identity(connections[alias])
        standing, clock = _standing(alias), _clock(alias)
        pending, ahead = _migrations(alias)
        missing, foreign = tuple(missing_tables(alias)), _foreign_tables(alias)
        lost = () if pending or missing else missing_guards(alias)
        rows = {} if pending or missing else _rows(alias)
    except SILENT:
        connections[alias].close()
        return None
    cost = (time.monotonic() - started) * 1000
    return Look(who, connections[alias].vendor, standing, clock, pending, ahead, missing, foreign, lost, cost, rows)


def _rows(alias: str) -> dict:
    if alias == PRIMARY:
        return {"demo_people": User.objects.filter(groups__name=DEMO_GROUP, is_active=True).count()}
    environments = Environment.objects.prefetch_related(Prefetch("policies", ReviewPolicy.objects.accepted())).order_by("slug")
    newest = {each: max(each.policies.all(), key=lambda found: found.version, default=None) for each in environments if each.protected}
    rules = {each.slug: found.rules if found else None for each, found in newest.items()}
    demo = Partner.objects.filter(demo=True).count()
    return {"rules": rules, "environments": len(environments), "demo_partners": demo, "jwks": jwks(), "keys": _key_rows()}


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
    """What the signing key of this process can do: `state` is ok, absent, sample, unreadable, unregistered or not_in_force."""

    state: str
    words: str = ""
    kid: str = ""


def look_at_key(published: dict | None, in_force: list[str]) -> KeyLook | None:
    """Sign something fresh and verify it with the published key that is in force; None when the published keys cannot be asked."""
    if published is None:
        return None
    try:
        key = signer()
    except SigningUnavailable as error:
        return KeyLook(_why_none(error), str(error))
    try:
        keys = load_keys(published)
    except NotVerifiable:
        return KeyLook("unreadable", "A published key is not one that may be used.", key.kid)
    if key.kid not in keys:
        return KeyLook("unregistered", "The signing key's public half is not published.", key.kid)
    if [key.kid] != in_force:
        return KeyLook("not_in_force", "The signing key of this process is published and is not the one in force.", key.kid)
    return KeyLook(*_tried(key, keys), key.kid)


def _why_none(error: SigningUnavailable) -> str:
    if error.code == SAMPLE:
        return "sample"
    return "unreadable" if settings.RECEIPT_SIGNING_KEY or settings.RECEIPT_SIGNING_KEY_FILE or settings.RECEIPT_SIGNER else "absent"


def _tried(key: Signer, keys: Keys) -> tuple[str, str]:
    message = secrets.token_bytes(32)
    try:
        keys[key.kid].verify(key.sign(message), message)
    except Exception:  # noqa: BLE001  a signer elsewhere may fail in ways of its own; only a verified signature is a yes
        return "unreadable", "A fresh signature does not verify with the published key."
    return "ok", ""


@dataclass(frozen=True)
class KeyRows:
    """What the draft store says of the keys of receipts: kid → state, and until when a root vouches for the one in force."""

    states: dict[str, str]
    attested_until: datetime | None

    @property
    def in_force(self) -> list[str]:
        return [kid for kid, state in self.states.items() if state == KeyState.ACTIVE]


def _key_rows() -> KeyRows:
    states = dict(SigningKey.objects.filter(use=Use.RECEIPTS).values_list("kid", "state"))
    active = [kid for kid, state in states.items() if state == KeyState.ACTIVE]
    vouching = Attestation.objects.filter(kid__in=active, not_before__lte=Now())
    return KeyRows(states, vouching.aggregate(until=Max("not_after"))["until"])

"""The registry of checks. Each judges facts that were looked up; none echoes a setting where a database can be asked."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from config.databases import Installation
from readiness.probes import Facts

logger = logging.getLogger(__name__)

BOUNDARY, ISOLATION, VERIFICATION, REVIEW = "Pre-execution Boundary", "Database Isolation", "Verification Surface", "Deployment Review"
AREAS = (BOUNDARY, ISOLATION, VERIFICATION, REVIEW)


class Result(StrEnum):
    PASS = "pass"  # noqa: S105  a result, not a password
    BLOCK = "block"
    WARN = "warn"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Situation:
    """Everything a check may look at. `production_like` may be stricter than the installation's own word."""

    installation: Installation
    facts: Facts
    debug: bool
    production_like: bool


@dataclass(frozen=True)
class Finding:
    id: str
    number: int
    title: str
    area: str
    result: Result
    evidence: str
    remedy: str = ""
    age: float = 0.0


Outcome = tuple[Result, str, str]
_registry: list[tuple[str, str, str, Callable[[Situation], Outcome]]] = []

MIGRATE = "Run `manage.py migrate_all` with this release, then reload."


def check(title: str, area: str):
    """Register a check: its function's name is its id, its place in the file its number."""

    def register(judge: Callable[[Situation], Outcome]):
        _registry.append((judge.__name__, title, area, judge))
        return judge

    return register


def ok(evidence: str) -> Outcome:
    return Result.PASS, evidence, ""


def silent(which: str) -> Outcome:
    return Result.UNKNOWN, f"The {which} does not answer, so this cannot be told.", f"Bring the {which} back; nothing else is needed."


def block_when_production_like(situation: Situation, evidence: str, remedy: str) -> Outcome:
    return Result.BLOCK if situation.production_like else Result.WARN, evidence, remedy


@check("Both databases were asked who they are", ISOLATION)
def database_identity(situation: Situation) -> Outcome:
    primary, store = situation.facts.primary, situation.facts.store
    if primary is None or store is None:
        return silent("primary database" if primary is None else "draft store")
    if primary.identity != store.identity:
        return ok("Both were asked and are different databases.")
    if situation.installation.shared:
        return Result.NOT_APPLICABLE, "They share one database on purpose; see the dedicated store.", ""
    return Result.BLOCK, "Two URLs lead to one database.", "Point SELF_SERVICE_DATABASE_URL at a database of its own and restart."


@check("The draft store is dedicated", ISOLATION)
def dedicated_store(situation: Situation) -> Outcome:
    if not situation.installation.shared:
        return ok("SELF_SERVICE_DATABASE_URL names a store of its own.")
    evidence = "SELF_SERVICE_DATABASE_URL is not set, so drafts share the primary's server, in a schema or file of their own."
    return block_when_production_like(situation, evidence, "Set SELF_SERVICE_DATABASE_URL, run `manage.py migrate_all`, restart.")


@check("The draft store is required", ISOLATION)
def require_flag(situation: Situation) -> Outcome:
    if situation.installation.require_self_service:
        return ok("REQUIRE_SELF_SERVICE_DATABASE_URL is true: without a draft store the service does not start.")
    if not situation.production_like:
        return Result.NOT_APPLICABLE, "It need not be required in an environment that is not production-like.", ""
    evidence = "REQUIRE_SELF_SERVICE_DATABASE_URL is off, so a lost setting would put drafts beside production."
    return Result.BLOCK, evidence, "Set REQUIRE_SELF_SERVICE_DATABASE_URL=true and restart."


@check("No override lets development reach production", ISOLATION)
def local_override(situation: Situation) -> Outcome:
    if not situation.installation.override_enabled:
        return ok("ALLOW_LOCAL_PRODUCTION_DATABASE is off.")
    in_use = "and in use" if situation.installation.override_used else "though not in use now"
    evidence = f"ALLOW_LOCAL_PRODUCTION_DATABASE is on, {in_use}."
    return block_when_production_like(situation, evidence, "Unset ALLOW_LOCAL_PRODUCTION_DATABASE after the smoke test and restart.")


@check("The draft store's role cannot write in the primary", BOUNDARY)
def production_write(situation: Situation) -> Outcome:
    primary, store = situation.facts.primary, situation.facts.store
    if primary is None or store is None:
        return silent("primary database" if primary is None else "draft store")
    if primary.vendor != "postgresql" or store.vendor != "postgresql":
        return Result.NOT_APPLICABLE, "SQLite has no roles to ask about.", ""
    if writes(situation.installation, situation.facts):
        evidence = "The role that drafts are written with has the right to write tables of the primary."
        return block_when_production_like(
            situation, evidence, "Give the draft store a role of its own, unknown to or without rights in the primary."
        )
    if situation.facts.writes is None:
        return silent("primary database")
    return ok("The primary was asked: the draft store's role has no right to write there.")


def writes(installation: Installation, facts: Facts) -> bool | None:
    """The seed's `production_write_from_self_service`: looked and found no way, found one, or cannot be asked."""
    if facts.primary is None or facts.store is None or "postgresql" not in (facts.primary.vendor, facts.store.vendor):
        return None
    if facts.primary.vendor != facts.store.vendor:
        return None
    return True if facts.primary.identity == facts.store.identity else facts.writes


@check("No draft table stands in the primary", BOUNDARY)
def no_draft_tables_in_primary(situation: Situation) -> Outcome:
    primary = situation.facts.primary
    if primary is None:
        return silent("primary database")
    if primary.foreign:
        evidence = f"The primary holds {len(primary.foreign)} tables that belong in the draft store."
        return Result.BLOCK, evidence, "Move their rows to the draft store, then drop them from the primary."
    return ok("The primary holds none of the draft store's tables.")


def _schema(which: str, found) -> Outcome:
    if found is None:
        return silent(which)
    if found.pending or found.missing:
        evidence = f"Migrations pending: {len(found.pending)}; tables missing: {len(found.missing)}."
        return Result.BLOCK, evidence, MIGRATE
    if found.unknown_migrations:
        evidence = f"Its schema is ahead of this code by {len(found.unknown_migrations)} migrations."
        return Result.BLOCK, evidence, "Deploy the release that these migrations belong to."
    return ok("Every migration is applied and every table is there.")


@check("The primary's schema is complete", BOUNDARY)
def primary_schema(situation: Situation) -> Outcome:
    return _schema("primary database", situation.facts.primary)


@check("The draft store's schema is complete", BOUNDARY)
def draft_store_schema(situation: Situation) -> Outcome:
    return _schema("draft store", situation.facts.store)


@check("Both databases take writes", ISOLATION)
def writable(situation: Situation) -> Outcome:
    for which, found in (("primary database", situation.facts.primary), ("draft store", situation.facts.store)):
        if found is None:
            return silent(which)
        if found.read_only:
            return Result.BLOCK, f"The {which} is read-only or a standby.", f"Fail over, or make the {which} writable again."
    return ok("Neither is a standby or read-only.")


@check("Receipts can be signed, and verify with the published keys", VERIFICATION)
def signing_key(situation: Situation) -> Outcome:
    key, store = situation.facts.key, situation.facts.store
    make = "Run `manage.py create_signing_key`, or set RECEIPT_SIGNING_KEY_FILE to a readable key and run it again."
    if store is None:
        return silent("draft store")
    if key is None:
        return Result.BLOCK, "The published keys are not there yet.", MIGRATE
    if key.state == "ok":
        return ok("A fresh signature of this process verified with a published key.")
    if key.state == "absent" and store.rows["jwks"]["keys"]:
        evidence = "This process holds no signing key; receipts of others verify with the published keys. It cannot approve."
        return Result.WARN, evidence, "Decide in a process that holds the key, or give this one RECEIPT_SIGNING_KEY_FILE."
    return Result.BLOCK, key.words, make


@check("Every protected environment has a policy that people can satisfy", REVIEW)
def policies_fillable(situation: Situation) -> Outcome:
    store, empty = situation.facts.store, situation.facts.unfillable
    if store is None or situation.facts.primary is None:
        return silent("draft store" if store is None else "primary database")
    if empty is None:
        return Result.UNKNOWN, "People and policies cannot be asked while a schema is incomplete.", MIGRATE
    if not store.rows["environments"]:
        return Result.WARN, "No environment has been set up, so nothing can be reviewed yet.", "Run `manage.py set_policy`."
    if not empty:
        return ok(f"All {len(store.rows['rules'])} protected environments have a policy with enough active reviewers.")
    evidence = "; ".join(f"{slug}: {why}" for slug, why in sorted(empty.items()))
    return Result.BLOCK, f"Nobody could approve for {evidence}.", "Run `manage.py set_policy`, or add people with `manage.py set_person`."


@check("No demo data", REVIEW)
def demo_data(situation: Situation) -> Outcome:
    primary, store = situation.facts.primary, situation.facts.store
    if primary is None or store is None:
        return silent("primary database" if primary is None else "draft store")
    found = primary.rows.get("demo_people", 0) + store.rows.get("demo_partners", 0)
    if not found:
        return ok("No account and no partner was made by the demo.")
    evidence = f"{found} accounts and partners were made by the demo; the accounts' password is public."
    return block_when_production_like(situation, evidence, "Use a pair of databases that `seed_demo` was never run on.")


@check("Debugging is off", BOUNDARY)
def debug_off(situation: Situation) -> Outcome:
    if not situation.debug:
        return ok("DEBUG is off.")
    return block_when_production_like(situation, "DEBUG is on: errors show code and settings.", "Set DEBUG=false and restart.")


def judge(situation: Situation) -> list[Finding]:
    """Every check's finding, in the order of the file. A check that raises cannot tell, and says so."""
    return [_finding(number, entry, situation) for number, entry in enumerate(_registry, 1)]


def _finding(number: int, entry, situation: Situation) -> Finding:
    name, title, area, judge_one = entry
    found = Finding(
        name, number, title, area, Result.UNKNOWN, "The check failed to run.", "Look into this process's log.", situation.facts.age
    )
    try:
        result, evidence, remedy = judge_one(situation)
    except Exception:  # a guard that raises is a no, in words
        logger.exception("the check %s raised", name)
        return found
    return replace(found, result=result, evidence=evidence, remedy=remedy)

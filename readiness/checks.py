"""The registry of checks. Each judges facts that were looked up; none echoes a setting where a database can be asked."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from config.databases import Installation
from readiness.probes import Facts

logger = logging.getLogger(__name__)

CLOCK_SECONDS = 5
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
    web: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Finding:
    """One check's word. `age`: seconds since its facts were looked up; `cost`: milliseconds that the databases took to tell them."""

    id: str
    number: int
    title: str
    area: str
    result: Result
    evidence: str
    remedy: str = ""
    age: float = 0.0
    cost: float = 0.0


Outcome = tuple[Result, str, str]
_registry: list[tuple[str, str, str, Callable[[Situation], Outcome]]] = []

PROVISION = "Run `manage.py provision` as an administrator of both databases."
MIGRATE = "Run `manage.py migrate_all` with this release, then reload."


def check(title: str, area: str):
    """Register a check: its function's name is its id, its place in the file its number. Numbers are published: append only."""

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
    asked = _asked_of_primary(situation, situation.facts.trespass.writes)
    if asked is not None:
        return asked
    if writes(situation.installation, situation.facts):
        evidence = "The role that drafts are written with has the right to write tables of the primary."
        return block_when_production_like(situation, evidence, f"Give the draft store a role without rights in the primary. {PROVISION}")
    return ok("The primary was asked: the draft store's role has no right to write there.")


def _asked_of_primary(situation: Situation, answer: bool | None) -> Outcome | None:
    """The outcome where the primary cannot be asked about the other side's role; None where it was."""
    primary, store = situation.facts.primary, situation.facts.store
    if primary is None or store is None:
        return silent("primary database" if primary is None else "draft store")
    if "sqlite" in (primary.vendor, store.vendor):
        return Result.NOT_APPLICABLE, "SQLite has no roles to ask about.", ""
    return silent("primary database") if answer is None else None


def writes(installation: Installation, facts: Facts) -> bool | None:
    """The seed's `production_write_from_self_service`: looked and found no way, found one, or cannot be asked."""
    if facts.primary is None or facts.store is None or "sqlite" in (facts.primary.vendor, facts.store.vendor):
        return None
    return True if facts.primary.identity == facts.store.identity else facts.trespass.writes


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
        if found.standing.read_only:
            return Result.BLOCK, f"The {which} is read-only or a standby.", f"Fail over, or make the {which} writable again."
    return ok("Neither is a standby or read-only.")


@check("Receipts can be signed, and verify with the published keys", VERIFICATION)
def signing_key(situation: Situation) -> Outcome:
    key, store = situation.facts.key, situation.facts.store
    make = "Run `manage.py keys create`, or set RECEIPT_SIGNING_KEY_FILE to a readable key and run it again."
    if store is None:
        return silent("draft store")
    if key is None:
        return Result.BLOCK, "The published keys are not there yet.", MIGRATE
    if key.state == "ok":
        return ok("A fresh signature of this process verified with the published key that is in force.")
    if key.state == "absent" and store.rows["jwks"]["keys"]:
        evidence = "This process holds no signing key; receipts of others verify with the published keys. It cannot approve."
        return Result.WARN, evidence, "Decide in a process that holds the key, or give this one RECEIPT_SIGNING_KEY_FILE."
    if key.state == "not_in_force":
        return Result.WARN, f"{key.words} It cannot approve.", "Give it the key that is in force; `manage.py keys list` names it."
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


@check("The draft store's role cannot connect to the primary", ISOLATION)
def no_way_in(situation: Situation) -> Outcome:
    asked = _asked_of_primary(situation, situation.facts.trespass.connects)
    if asked is not None:
        return asked
    if situation.installation.shared:
        return block_when_production_like(situation, "Drafts and the primary share one role.", "Set SELF_SERVICE_DATABASE_URL.")
    if situation.facts.trespass.entered:
        return Result.BLOCK, "The draft store's own credentials were tried at the primary and got in.", PROVISION
    if situation.facts.trespass.connects:
        evidence = "The draft store's role may connect to the primary, although it can do nothing there."
        return block_when_production_like(situation, evidence, PROVISION)
    return ok("The primary was asked: the draft store's role may not connect to it.")


@check("The serving roles have no powers beyond serving", ISOLATION)
def role_powers(situation: Situation) -> Outcome:
    primary, store = situation.facts.primary, situation.facts.store
    if primary is None or store is None:
        return silent("primary database" if primary is None else "draft store")
    if "sqlite" in (primary.vendor, store.vendor):
        return Result.NOT_APPLICABLE, "SQLite has no roles to ask about.", ""
    sides = (("primary", primary.standing.powers), ("draft store", store.standing.powers))
    powers = "; ".join(f"the {name}'s role has {', '.join(found)}" for name, found in sides if found)
    if not powers:
        return ok("Neither role is a superuser or can make databases or roles.")
    if all(set(found) <= {"createdb"} for _, found in sides):
        return ok(f"Neither role is a superuser or can make roles; more than serving needs, though harmless here: {powers}.")
    return block_when_production_like(situation, f"Such a role can lift the guards that it works under: {powers}.", PROVISION)


@check("No side door leads from the draft store to another database", ISOLATION)
def side_doors(situation: Situation) -> Outcome:
    store = situation.facts.store
    if store is None:
        return silent("draft store")
    if store.vendor == "sqlite":
        return Result.NOT_APPLICABLE, "SQLite has no foreign data.", ""
    if not store.standing.doors:
        return ok("Neither dblink nor a foreign-data wrapper is installed in the draft store.")
    doors = ", ".join(store.standing.doors)
    evidence = f"The draft store has {doors}, through which a statement can reach other databases."
    return block_when_production_like(situation, evidence, f"Run `DROP EXTENSION {doors} CASCADE` in the draft store as an administrator.")


@check("Triggers and constraints stand", BOUNDARY)
def guards_stand(situation: Situation) -> Outcome:
    for which, found in (("primary database", situation.facts.primary), ("draft store", situation.facts.store)):
        if found is None:
            return silent(which)
        if not found.complete:
            return Result.UNKNOWN, f"The {which}'s schema is incomplete, so its guards cannot be told.", MIGRATE
        if found.guards_missing:
            evidence = f"Missing or switched off in the {which}: {', '.join(found.guards_missing[:3])}" + (
                ", …" if found.guards_missing[3:] else ""
            )
            return Result.BLOCK, f"{evidence}.", "Enable them again, or restore the schema from a release's migrations."
    return ok("Every trigger and constraint that the code relies on is there and in force.")


@check("The clocks agree", VERIFICATION)
def clocks_agree(situation: Situation) -> Outcome:
    for which, found in (("primary database", situation.facts.primary), ("draft store", situation.facts.store)):
        if found is None:
            return silent(which)
        if abs(found.clock) > CLOCK_SECONDS:
            evidence = f"The {which}'s clock differs from this machine's by {abs(found.clock):.0f} seconds."
            return (
                Result.BLOCK,
                evidence,
                "Set the machines' clocks by NTP; expiry follows the draft store's clock, receipts are checked by others'.",
            )
    return ok(f"Both databases' clocks are within {CLOCK_SECONDS} seconds of this machine's.")


@check("Cookies, TLS and hosts are set for production", VERIFICATION)
def web_settings(situation: Situation) -> Outcome:
    wrong = [words for words, is_right in situation.web if not is_right]
    if not wrong:
        return ok("Cookies are secure, HSTS is on, and only named hosts are answered.")
    return block_when_production_like(
        situation, f"Not set for production: {', '.join(wrong)}.", "Set READINESS_ENVIRONMENT and ALLOWED_HOSTS, and serve over TLS."
    )


def judge(situation: Situation) -> list[Finding]:
    """Every check's finding, in the order of the file. A check that raises cannot tell, and says so."""
    return [_finding(number, entry, situation) for number, entry in enumerate(_registry, 1)]


def _finding(number: int, entry, situation: Situation) -> Finding:
    name, title, area, judge_one = entry
    facts = situation.facts
    cost = sum(look.cost for look in (facts.primary, facts.store) if look)
    found = Finding(name, number, title, area, Result.UNKNOWN, "The check failed to run.", "Look into this process's log.", facts.age, cost)
    try:
        result, evidence, remedy = judge_one(situation)
    except Exception:  # a guard that raises is a no, in words
        logger.exception("the check %s raised", name)
        return found
    return replace(found, result=result, evidence=evidence, remedy=remedy)

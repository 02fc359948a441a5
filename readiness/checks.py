"""The checks of installation, schemas and people; those of roles and keys are beside. Each judges facts that were looked up; none echoes
a setting where a database can be asked."""

from readiness import key_checks, registry, role_checks
from readiness.registry import (
    BOUNDARY,
    ISOLATION,
    MIGRATE,
    REVIEW,
    VERIFICATION,
    Outcome,
    Result,
    Situation,
    block_when_production_like,
    check,
    either_silent,
    ok,
    silent,
)

CLOCK_SECONDS = 5
# Importing them has registered theirs.
BESIDE = (key_checks, role_checks)
judge = registry.judge


@check(1, "Both databases were asked who they are", ISOLATION)
def database_identity(situation: Situation) -> Outcome:
    primary, store = situation.facts.primary, situation.facts.store
    if away := either_silent(situation.facts):
        return away
    if primary.identity != store.identity:
        return ok("Both were asked and are different databases.")
    if situation.installation.shared:
        return Result.NOT_APPLICABLE, "They share one database on purpose; see the dedicated store.", ""
    return Result.BLOCK, "Two URLs lead to one database.", "Point SELF_SERVICE_DATABASE_URL at a database of its own and restart."


@check(2, "The draft store is dedicated", ISOLATION)
def dedicated_store(situation: Situation) -> Outcome:
    if not situation.installation.shared:
        return ok("SELF_SERVICE_DATABASE_URL names a store of its own.")
    evidence = "SELF_SERVICE_DATABASE_URL is not set, so drafts share the primary's server, in a schema or file of their own."
    return block_when_production_like(situation, evidence, "Set SELF_SERVICE_DATABASE_URL, run `manage.py migrate_all`, restart.")


@check(3, "The draft store is required", ISOLATION)
def require_flag(situation: Situation) -> Outcome:
    if situation.installation.require_self_service:
        return ok("REQUIRE_SELF_SERVICE_DATABASE_URL is true: without a draft store the service does not start.")
    if not situation.production_like:
        return Result.NOT_APPLICABLE, "It need not be required in an environment that is not production-like.", ""
    evidence = "REQUIRE_SELF_SERVICE_DATABASE_URL is off, so a lost setting would put drafts beside production."
    return Result.BLOCK, evidence, "Set REQUIRE_SELF_SERVICE_DATABASE_URL=true and restart."


@check(4, "No override lets development reach production", ISOLATION)
def local_override(situation: Situation) -> Outcome:
    if not situation.installation.override_enabled:
        return ok("ALLOW_LOCAL_PRODUCTION_DATABASE is off.")
    in_use = "and in use" if situation.installation.override_used else "though not in use now"
    evidence = f"ALLOW_LOCAL_PRODUCTION_DATABASE is on, {in_use}."
    return block_when_production_like(situation, evidence, "Unset ALLOW_LOCAL_PRODUCTION_DATABASE after the smoke test and restart.")


@check(6, "No draft table stands in the primary", BOUNDARY)
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


@check(7, "The primary's schema is complete", BOUNDARY)
def primary_schema(situation: Situation) -> Outcome:
    return _schema("primary database", situation.facts.primary)


@check(8, "The draft store's schema is complete", BOUNDARY)
def draft_store_schema(situation: Situation) -> Outcome:
    return _schema("draft store", situation.facts.store)


@check(9, "Both databases take writes", ISOLATION)
def writable(situation: Situation) -> Outcome:
    for which, found in (("primary database", situation.facts.primary), ("draft store", situation.facts.store)):
        if found is None:
            return silent(which)
        if found.standing.read_only:
            return Result.BLOCK, f"The {which} is read-only or a standby.", f"Fail over, or make the {which} writable again."
    return ok("Neither is a standby or read-only.")


@check(11, "Every protected environment has a policy that people can satisfy", REVIEW)
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


@check(12, "No demo data", REVIEW)
def demo_data(situation: Situation) -> Outcome:
    primary, store = situation.facts.primary, situation.facts.store
    if away := either_silent(situation.facts):
        return away
    found = primary.rows.get("demo_people", 0) + store.rows.get("demo_partners", 0)
    if not found:
        return ok("No account and no partner was made by the demo.")
    evidence = f"{found} accounts and partners were made by the demo; the accounts' password is public."
    return block_when_production_like(situation, evidence, "Use a pair of databases that `seed_demo` was never run on.")


@check(13, "Debugging is off", BOUNDARY)
def debug_off(situation: Situation) -> Outcome:
    if not situation.debug:
        return ok("DEBUG is off.")
    return block_when_production_like(situation, "DEBUG is on: errors show code and settings.", "Set DEBUG=false and restart.")


@check(17, "Triggers and constraints stand", BOUNDARY)
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
            remedy = "Enable them again (`session_replication_role` is to be origin), or restore the schema from a release's migrations."
            return Result.BLOCK, f"{evidence}.", remedy
    return ok("Every trigger and constraint that the code relies on is there and in force.")


@check(18, "The clocks agree", VERIFICATION)
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


@check(19, "Cookies, TLS and hosts are set for production", VERIFICATION)
def web_settings(situation: Situation) -> Outcome:
    wrong = [words for words, is_right in situation.web if not is_right]
    if not wrong:
        return ok("Cookies are secure, HSTS is on, and only named hosts are answered.")
    return block_when_production_like(
        situation, f"Not set for production: {', '.join(wrong)}.", "Set READINESS_ENVIRONMENT and ALLOWED_HOSTS, and serve over TLS."
    )

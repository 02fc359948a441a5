"""The checks of roles, asked of the databases: what the draft store's role may do in the primary, and what the serving roles could lift."""

from config.databases import Installation
from readiness.probes import Facts
from readiness.registry import BOUNDARY, ISOLATION, Outcome, Result, Situation, block_when_production_like, check, either_silent, ok, silent

# Way into the primary → what was seen, and what takes it away.
IN_WORDS = {
    "membership": ("it is a member of a role that can", "`REVOKE … FROM ROLE` for that membership."),
    "superuser": ("it is a superuser or may become one", "`ALTER ROLE … NOSUPERUSER`."),
    "createrole": ("it may make roles and give itself rights", "`ALTER ROLE … NOCREATEROLE`."),
    "server_files": (
        "it may write files or run programs on the server",
        "`REVOKE pg_execute_server_program, pg_write_server_files FROM ROLE`.",
    ),
    "owner": ("it owns the database, a schema, a table or a function", "`REASSIGN OWNED BY ROLE TO …`."),
    "tables": (
        "it has rights to change tables, views or columns",
        "`REVOKE INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON … FROM ROLE`, for columns likewise, and from PUBLIC where that has them.",
    ),
    "sequences": ("it may use or set sequences", "`REVOKE USAGE, UPDATE ON SEQUENCE … FROM ROLE`, and from PUBLIC."),
    "create": ("it may create in a schema or in the database", "`REVOKE CREATE ON SCHEMA …, DATABASE … FROM ROLE`, and from PUBLIC."),
    "definer": (
        "it may run functions with their owner's rights",
        "`REVOKE EXECUTE ON FUNCTION … FROM ROLE`, and from PUBLIC, for each that is SECURITY DEFINER.",
    ),
    "large_objects": ("it may change large objects", "`REVOKE UPDATE ON LARGE OBJECT … FROM ROLE`, and from PUBLIC."),
    "future": (
        "default privileges give it, or PUBLIC, rights on what will be made",
        "`ALTER DEFAULT PRIVILEGES … REVOKE … FROM ROLE`, and from PUBLIC.",
    ),
}
PROVISION = "Run `manage.py provision` as an administrator of both databases."


@check(5, "The draft store's role cannot write in the primary", BOUNDARY)
def production_write(situation: Situation) -> Outcome:
    asked = _asked_of_primary(situation, situation.facts.trespass.writes)
    if asked is not None:
        return asked
    ways = situation.facts.trespass.ways
    if writes(situation.installation, situation.facts):
        seen = "; ".join(IN_WORDS[way][0] for way in ways) or "both are one database"
        how = " ".join(dict.fromkeys(IN_WORDS[way][1] for way in ways)) or "Give the draft store a database of its own."
        remedy = f"As an administrator of the primary, for the draft store's ROLE: {how}"
        return block_when_production_like(situation, f"The role that drafts are written with could write in the primary: {seen}.", remedy)
    return ok("The primary was asked: the draft store's role has no way to write there, nor has any role that it is a member of.")


def _asked_of_primary(situation: Situation, answer: bool | None) -> Outcome | None:
    """The outcome where the primary cannot be asked about the other side's role; None where it was."""
    primary, store = situation.facts.primary, situation.facts.store
    if away := either_silent(situation.facts):
        return away
    if "sqlite" in (primary.vendor, store.vendor):
        return Result.NOT_APPLICABLE, "SQLite has no roles to ask about.", ""
    return silent("primary database") if answer is None else None


def writes(installation: Installation, facts: Facts) -> bool | None:
    """The seed's `production_write_from_self_service`: looked and found no way, found one, or cannot be asked."""
    if facts.primary is None or facts.store is None or "sqlite" in (facts.primary.vendor, facts.store.vendor):
        return None
    return True if facts.primary.identity == facts.store.identity else facts.trespass.writes


@check(14, "The draft store's role cannot connect to the primary", ISOLATION)
def no_way_in(situation: Situation) -> Outcome:
    asked = _asked_of_primary(situation, situation.facts.trespass.connects)
    if asked is not None:
        return asked
    if situation.installation.shared:
        return block_when_production_like(situation, "Drafts and the primary share one role.", "Set SELF_SERVICE_DATABASE_URL.")
    if situation.facts.trespass.entered:
        return Result.BLOCK, "The draft store's own credentials were tried at the primary and got in.", PROVISION
    if situation.facts.trespass.connects:
        evidence = "The primary was asked: the draft store's role may connect to it."
        return block_when_production_like(situation, evidence, PROVISION)
    return ok("The primary was asked: the draft store's role may not connect to it.")


@check(15, "The serving roles have no powers beyond serving", ISOLATION)
def role_powers(situation: Situation) -> Outcome:
    primary, store = situation.facts.primary, situation.facts.store
    if away := either_silent(situation.facts):
        return away
    if "sqlite" in (primary.vendor, store.vendor):
        return Result.NOT_APPLICABLE, "SQLite has no roles to ask about.", ""
    sides = (("primary", primary.standing.powers), ("draft store", store.standing.powers))
    powers = "; ".join(f"the {name}'s role has {', '.join(found)}" for name, found in sides if found)
    if not powers:
        return ok("Neither role is a superuser or can make databases or roles.")
    if all(set(found) <= {"createdb"} for _, found in sides):
        return ok(f"Neither role is a superuser or can make roles; more than serving needs, though harmless here: {powers}.")
    return block_when_production_like(situation, f"Such a role can lift the guards that it works under: {powers}.", PROVISION)


@check(16, "No side door leads from the draft store to another database", ISOLATION)
def side_doors(situation: Situation) -> Outcome:
    store = situation.facts.store
    if store is None:
        return silent("draft store")
    if store.vendor == "sqlite":
        return Result.NOT_APPLICABLE, "SQLite has no foreign data.", ""
    if not store.standing.doors:
        return ok("Neither dblink nor any foreign-data wrapper is installed in the draft store.")
    doors = ", ".join(door.rpartition(" ")[2] for door in store.standing.doors)
    evidence = f"The draft store has {doors}, through which a statement can reach other databases or files."
    drops = "; ".join(f"DROP {door} CASCADE" for door in store.standing.doors)
    return block_when_production_like(situation, evidence, f"Run `{drops}` in the draft store as an administrator.")

"""Every way that the draft store's role has into the primary, asked of the primary. Facts only; judging them is for role_checks.py."""

from dataclasses import dataclass

import psycopg2
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from config.databases import CONNECT_SECONDS, PRIMARY, STORE

# One row for each role that the asked role is a member of, itself first: a right of any of them is a right of its own, inherited or by
# SET ROLE. The functions know grants to PUBLIC, ownership and the roles that come with PostgreSQL, such as pg_write_all_data. Tables are
# all that takes rows, views included; a trigger runs with the rights of whoever writes next; a function's owner lends it rights only
# where the caller may use its schema. What a session makes for itself (temporary tables, new large objects) is no way to what is there.
# CASE, because AND may ask a table whether it is a sequence, and that is an error.
WAYS_IN = """
WITH mine AS (SELECT oid, rolname, rolsuper, rolcreaterole FROM pg_roles WHERE pg_has_role(%(role)s::name, oid, 'MEMBER')),
spaces AS (SELECT oid, nspowner FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'),
relations AS (SELECT c.oid, c.relkind, c.relowner FROM pg_class c JOIN spaces ON spaces.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm', 'S'))
SELECT mine.rolname <> %(role)s,
    mine.rolsuper,
    mine.rolcreaterole,
    mine.rolname IN ('pg_execute_server_program', 'pg_write_server_files'),
    EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datdba = mine.oid)
        OR EXISTS (SELECT FROM spaces WHERE nspowner = mine.oid) OR EXISTS (SELECT FROM relations WHERE relowner = mine.oid)
        OR EXISTS (SELECT FROM pg_proc p JOIN spaces ON spaces.oid = p.pronamespace WHERE p.proowner = mine.oid),
    EXISTS (SELECT FROM relations r WHERE r.relkind <> 'S' AND (
        has_table_privilege(mine.oid, r.oid, 'INSERT,UPDATE,DELETE,TRUNCATE,TRIGGER')
        OR has_any_column_privilege(mine.oid, r.oid, 'INSERT,UPDATE'))),
    EXISTS (SELECT FROM relations r WHERE CASE WHEN r.relkind = 'S' THEN has_sequence_privilege(mine.oid, r.oid, 'USAGE,UPDATE') END),
    has_database_privilege(mine.oid, current_database(), 'CREATE')
        OR EXISTS (SELECT FROM spaces WHERE has_schema_privilege(mine.oid, spaces.oid, 'CREATE')),
    EXISTS (SELECT FROM pg_proc p JOIN spaces ON spaces.oid = p.pronamespace
        WHERE p.prosecdef AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
        AND has_schema_privilege(mine.oid, spaces.oid, 'USAGE') AND has_function_privilege(mine.oid, p.oid, 'EXECUTE')),
    EXISTS (SELECT FROM pg_largeobject_metadata l WHERE l.lomowner = mine.oid
        OR EXISTS (SELECT FROM aclexplode(l.lomacl) a WHERE a.grantee IN (0, mine.oid) AND a.privilege_type = 'UPDATE')),
    EXISTS (SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE d.defaclrole <> a.grantee AND a.grantee IN (0, mine.oid)
        AND (d.defaclobjtype = 'r' AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
            OR d.defaclobjtype = 'S' AND a.privilege_type IN ('USAGE', 'UPDATE') OR d.defaclobjtype = 'n' AND a.privilege_type = 'CREATE'))
FROM mine ORDER BY mine.rolname <> %(role)s, mine.rolname
"""
# As the columns of WAYS_IN come, after the first.
WAYS = (
    "superuser", "createrole", "server_files", "owner", "tables", "sequences", "create", "definer", "large_objects", "future",
)  # fmt: skip
MEMBERSHIP = "membership"
SILENT = (DatabaseError, InterfaceError)


@dataclass(frozen=True)
class Trespass:
    """What the draft store's role may do in the primary, asked of the primary; None: nobody can be asked.

    `ways`: words of WAYS, and MEMBERSHIP where another role lends one; `entered`: whether the draft store's own credentials got in when
    they were tried, which deploy checks alone do.
    """

    connects: bool | None = None
    ways: tuple[str, ...] | None = None
    entered: bool | None = None

    @property
    def writes(self) -> bool | None:
        return None if self.ways is None else bool(self.ways)


def trespass(role: str) -> Trespass:
    """What a role of the draft store's name could do in the primary."""
    connection = connections[PRIMARY]
    if connection.vendor != "postgresql":
        return Trespass()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT has_database_privilege(oid, current_database(), 'CONNECT') FROM pg_roles WHERE rolname = %s", [role])
            if (known := cursor.fetchone()) is None:
                return Trespass(connects=False, ways=())
            cursor.execute(WAYS_IN, {"role": role})
            return Trespass(known[0], _ways(cursor.fetchall()))
    except SILENT:
        connection.close()
        return Trespass()


def _ways(rows: list[tuple]) -> tuple[str, ...]:
    found = {way for _, *has in rows for way, is_open in zip(WAYS, has, strict=True) if is_open}
    lent = any(is_open for other, *has in rows if other for is_open in has)
    return tuple(way for way in (MEMBERSHIP, *WAYS) if way in found or (way == MEMBERSHIP and lent))


def try_to_enter() -> bool | None:
    """Try the draft store's user and password at the primary's address; None where that cannot be tried."""
    primary, store = settings.DATABASES[PRIMARY], settings.DATABASES[STORE]
    if not (primary["ENGINE"].endswith("postgresql") and store["ENGINE"].endswith("postgresql")):
        return None
    place = {"host": primary["HOST"], "port": primary["PORT"], "dbname": primary["NAME"], "connect_timeout": CONNECT_SECONDS}
    try:
        psycopg2.connect(**place, user=store["USER"], password=store["PASSWORD"]).close()
    except psycopg2.OperationalError:
        return False
    return True

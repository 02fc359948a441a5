"""The SQL that makes two PostgreSQL databases safe to use: who owns, who serves, and who cannot even connect."""

from dataclasses import dataclass

from psycopg2 import sql

from config.databases import SCHEMA, session_settings
from readiness.schema import APPEND_ONLY, GUARDED

SERVING = sql.SQL("SELECT, INSERT, UPDATE, DELETE")
NO_POWERS = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


@dataclass(frozen=True)
class Side:
    """One database: its name, the schema its tables live in, the role that migrates, the role that serves, the role of the other side.

    `pooled`: a pooler stands in front, so the serving role itself has what each session would be told otherwise.
    """

    database: str
    schema: str
    owner: str
    runtime: str
    other: str
    pooled: bool = False

    @property
    def append_only(self) -> dict[str, tuple[str, ...]]:
        return APPEND_ONLY if self.schema == SCHEMA else {}

    @property
    def taken(self) -> dict[str, str]:
        """Table → rights that the serving role has elsewhere and not there."""
        kept = dict.fromkeys(self.append_only, "UPDATE, DELETE, TRUNCATE")
        guarded = {table: rights for table, (_, rights) in GUARDED.items()} if self.schema == SCHEMA else {}
        return {"django_migrations": "INSERT, UPDATE, DELETE, TRUNCATE"} | kept | guarded


def _named(text: str, **names: str) -> sql.Composed:
    return sql.SQL(text).format(**{key: sql.Identifier(value) for key, value in names.items()})


def _role(role: str) -> list[sql.Composable]:
    """CREATE ROLE knows no IF NOT EXISTS."""
    make = sql.SQL("IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN CREATE ROLE {}; END IF;")
    block = sql.SQL("DO $$ BEGIN {} END $$").format(make.format(sql.Literal(role), sql.Identifier(role)))
    return [block, _named(f"ALTER ROLE {{role}} {NO_POWERS}", role=role)]


def _fence(side: Side) -> list[sql.Composable]:
    """PUBLIC may connect to every new database until that is taken back."""
    shut = sql.SQL("IF EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN REVOKE ALL ON DATABASE {} FROM {}; END IF;")
    other = shut.format(sql.Literal(side.other), sql.Identifier(side.database), sql.Identifier(side.other))
    return [
        _named("REVOKE ALL ON DATABASE {database} FROM PUBLIC", database=side.database),
        _named(
            "GRANT CONNECT ON DATABASE {database} TO {owner}, {runtime}", database=side.database, owner=side.owner, runtime=side.runtime
        ),
        _named("REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM {runtime}", database=side.database, runtime=side.runtime),
        sql.SQL("DO $$ BEGIN {} END $$").format(other),
        sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"),
    ]


def _rights(side: Side) -> list[sql.Composable]:
    names = {"schema": side.schema, "owner": side.owner, "runtime": side.runtime}
    future = "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT "
    return [
        _named("CREATE SCHEMA IF NOT EXISTS {schema}", **names),
        _named("GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}", **names),
        _named("REVOKE ALL ON SCHEMA {schema} FROM {runtime}", **names),
        _named("GRANT USAGE ON SCHEMA {schema} TO {runtime}", **names),
        _named(f"{future}{SERVING.string} ON TABLES TO {{runtime}}", **names),
        _named(f"{future}USAGE, SELECT ON SEQUENCES TO {{runtime}}", **names),
        _named(f"GRANT {SERVING.string} ON ALL TABLES IN SCHEMA {{schema}} TO {{runtime}}", **names),
        _named("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {runtime}", **names),
        *(_kept(side, table, taken, side.append_only.get(table, ())) for table, taken in side.taken.items()),
    ]


def _kept(side: Side, table: str, taken: str, columns: tuple[str, ...]) -> sql.Composed:
    """Take back, from the serving role, what a table must not suffer. Nothing to do before the first migration."""
    names = {"table": sql.Identifier(side.schema, table), "runtime": sql.Identifier(side.runtime)}
    statements = [sql.SQL(f"REVOKE {taken} ON {{table}} FROM {{runtime}};").format(**names)]
    if columns:
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        statements.append(sql.SQL("GRANT UPDATE ({columns}) ON {table} TO {runtime};").format(columns=listed, **names))
    exists = sql.Literal(f"{side.schema}.{table}")
    return sql.SQL("DO $$ BEGIN IF to_regclass({}) IS NOT NULL THEN {} END IF; END $$").format(exists, sql.SQL(" ").join(statements))


def statements(side: Side) -> list[sql.Composable]:
    """Everything for one database, in order; may be run again at any time. Run by an administrator inside that database."""
    return [*_role(side.owner), *_role(side.runtime), *_fence(side), *_rights(side), *_sessions(side)]


def _sessions(side: Side) -> list[sql.Composable]:
    if not side.pooled:
        return []
    wanted = session_settings(side.schema, limited=True)
    said = "ALTER ROLE {runtime} IN DATABASE {database} SET "
    names = {"runtime": side.runtime, "database": side.database}
    return [sql.SQL("{}{} = {}").format(_named(said, **names), sql.SQL(name), sql.Literal(value)) for name, value in wanted.items()]

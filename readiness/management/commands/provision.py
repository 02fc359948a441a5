"""`manage.py provision [--apply]`: roles and rights for two PostgreSQL databases, before the first migration and after each."""

import os

import psycopg2
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from psycopg2 import extensions, sql

from config import databases, env
from config.databases import PRIMARY, SCHEMA, STORE
from readiness.provision import Side, statements

ADMINISTRATOR = {PRIMARY: "PROVISION_DATABASE_URL", STORE: "PROVISION_SELF_SERVICE_DATABASE_URL"}
WORDS = {PRIMARY: "the primary", STORE: "the draft store"}


class Command(BaseCommand):
    help = (
        "Print the SQL that gives each database an owner role that migrates and a role that serves without CREATE, and keeps each side's "
        "role out of the other. With --apply, run it as the administrators that PROVISION_DATABASE_URL and "
        "PROVISION_SELF_SERVICE_DATABASE_URL name. Safe to repeat; repeat it after each migrate_all."
    )
    # It prepares what the checks would ask about.
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--apply", action="store_true", help="run the SQL instead of printing it")
        parser.add_argument("--owner-suffix", default="_owner", help="owner role = serving role + this (default: %(default)s)")

    def handle(self, *, apply, owner_suffix, **options):
        sides = {alias: self._side(alias, owner_suffix) for alias in (PRIMARY, STORE)}
        if sides[PRIMARY].runtime == sides[STORE].runtime:
            raise CommandError("DATABASE_URL and SELF_SERVICE_DATABASE_URL name one role; each side needs a role of its own.")
        for alias, side in sides.items():
            if apply:
                self._apply(alias, side)
            else:
                self._print(alias, side)

    def _side(self, alias: str, owner_suffix: str) -> Side:
        here, there = settings.DATABASES[alias], settings.DATABASES[STORE if alias == PRIMARY else PRIMARY]
        if not here["ENGINE"].endswith("postgresql"):
            raise CommandError("Only PostgreSQL has roles; the two SQLite files need no provisioning.")
        if settings.INSTALLATION.shared:
            raise CommandError(
                "SELF_SERVICE_DATABASE_URL is not set; in a shared database one role serves both sides and cannot be kept out."
            )
        if not (here["USER"] and there["USER"]):
            raise CommandError("Both URLs must name the role that serves.")
        schema = "public" if alias == PRIMARY else SCHEMA
        return Side(here["NAME"], schema, here["USER"] + owner_suffix, here["USER"], there["USER"], settings.INSTALLATION.pooled)

    def _print(self, alias: str, side: Side) -> None:
        self.stdout.write(f"-- {WORDS[alias]}: as an administrator, inside the database {side.database}")
        self.stdout.writelines(f"{_text(statement)};\n" for statement in statements(side))
        self.stdout.write(f"-- then set passwords: \\password {side.owner} and \\password {side.runtime}\n")

    def _apply(self, alias: str, side: Side) -> None:
        try:
            connection = psycopg2.connect(**self._administrator(alias), connect_timeout=databases.CONNECT_SECONDS)
        except psycopg2.OperationalError:
            raise CommandError(f"{ADMINISTRATOR[alias]} does not let anybody in; nothing was done in {WORDS[alias]}.") from None
        try:
            with connection, connection.cursor() as cursor:
                for statement in statements(side):
                    cursor.execute(statement)
                self._set_passwords(cursor, alias, side)
        except psycopg2.Error as error:
            raise CommandError(f"{WORDS[alias]} refused, and nothing was changed there: {error.diag.message_primary}") from None
        finally:
            connection.close()
        self.stdout.write(f"{WORDS[alias]}: {side.owner} migrates, {side.runtime} serves, {side.other} stays out.")

    def _administrator(self, alias: str) -> dict:
        """How the administrator gets in; to the very database that is served, and under the same refusals as every URL."""
        variable = ADMINISTRATOR[alias]
        try:
            place = databases.administrator(os.environ, variable=variable, serving=settings.DATABASES[alias])
        except ImproperlyConfigured as refusal:
            raise CommandError(str(refusal)) from None
        return {
            "host": place.hosts[0],
            "port": place.port,
            "dbname": place.name,
            "user": place.user,
            "password": place.password,
            **dict(place.options),
        }

    def _set_passwords(self, cursor, alias: str, side: Side) -> None:
        """The serving role's is the one in its URL; the owner's comes from PROVISION_OWNER_PASSWORD. Sent as SCRAM verifiers only."""
        for role, password in (
            (side.runtime, settings.DATABASES[alias]["PASSWORD"]),
            (side.owner, env.text(os.environ, "PROVISION_OWNER_PASSWORD")),
        ):
            if password:
                verifier = extensions.encrypt_password(password, role, cursor.connection, "scram-sha-256")
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))


def _text(statement: sql.Composable) -> str:
    """A statement as text, quoted without asking a server."""
    if isinstance(statement, sql.Composed):
        return "".join(_text(part) for part in statement.seq)
    if isinstance(statement, sql.Identifier):
        return ".".join('"' + name.replace('"', '""') + '"' for name in statement.strings)
    if isinstance(statement, sql.Literal):
        return "'" + str(statement.wrapped).replace("'", "''") + "'"
    return statement.string

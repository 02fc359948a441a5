"""The fence: writes through the wrong alias (D02), and one database behind two names."""

import os
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.db import IntegrityError, connections, transaction

from access.models import User
from config import isolation
from config.errors import refusal_of
from config.isolation import SameStore, WrongStore, identity
from drafts.models import Partner
from tests.conftest import run_manage, run_python

pytestmark = pytest.mark.usefixtures("both_stores")


def partner(**fields) -> Partner:
    return Partner.objects.create(slug="acme", name="Acme", **fields)


WRONG_WAYS = {
    "using_create": lambda: Partner.objects.using("default").create(slug="x", name="X"),
    "save_using": lambda: Partner(slug="x", name="X").save(using="default"),
    "save_using_update": lambda: Partner.objects.get().save(using="default"),
    "save_force_insert": lambda: Partner.objects.get().save(using="default", force_insert=True),
    "db_manager": lambda: Partner.objects.db_manager("default").create(slug="x", name="X"),
    "base_manager": lambda: Partner._base_manager.using("default").create(slug="x", name="X"),
    "bulk_create": lambda: Partner.objects.using("default").bulk_create([Partner(slug="x", name="X")]),
    "bulk_create_ignore": lambda: Partner.objects.using("default").bulk_create([Partner(slug="x", name="X")], ignore_conflicts=True),
    "bulk_update": lambda: Partner.objects.using("default").bulk_update([Partner.objects.get()], ["name"]),
    "update": lambda: Partner.objects.using("default").update(name="Y"),
    "queryset_delete": lambda: Partner.objects.using("default")._raw_delete("default"),
    "raw_insert": lambda: execute("default", "INSERT INTO drafts_partner (slug) VALUES ('x')"),
    "raw_update": lambda: execute("default", 'update "drafts_partner" set name = 1'),
    "raw_delete_schema": lambda: execute("default", 'DELETE FROM ONLY public."drafts_partner"'),
    "raw_truncate": lambda: execute("default", "TRUNCATE TABLE drafts_partner"),
    "raw_truncate_second": lambda: execute("default", "TRUNCATE access_user, drafts_partner"),
    "raw_after_comment": lambda: execute("default", "/* why */ INSERT INTO drafts_partner (slug) VALUES ('x')"),
    "raw_after_line_comment": lambda: execute("default", "-- why\nDELETE FROM drafts_partner"),
    "raw_second_statement": lambda: execute("default", "SELECT 1; DELETE FROM drafts_partner"),
    "raw_common_table": lambda: execute("default", "WITH gone AS (DELETE FROM drafts_partner RETURNING 1) SELECT * FROM gone"),
    "raw_merge": lambda: execute("default", "MERGE INTO drafts_partner USING access_user ON false WHEN MATCHED THEN DELETE"),
    "raw_copy": lambda: execute("default", "COPY drafts_partner FROM STDIN"),
    "executemany": lambda: execute_many("default", "INSERT INTO drafts_partner (slug) VALUES (%s)", [["x"]]),
    "review_event": lambda: execute("default", "INSERT INTO reviews_event (id) VALUES (1)"),
    "receipt": lambda: execute("default", "INSERT INTO receipts_receipt (id) VALUES (1)"),
    "user_in_store": lambda: User.objects.using("self_service").create(username="x"),
    "user_save_in_store": lambda: User(username="x").save(using="self_service"),
    "user_update_in_store": lambda: User.objects.using("self_service").update(first_name="x"),
    "group_raw_in_store": lambda: execute("self_service", "INSERT INTO auth_group (name) VALUES ('x')"),
}


def execute(alias: str, statement: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)


def execute_many(alias: str, statement: str, rows: list) -> None:
    with connections[alias].cursor() as cursor:
        cursor.executemany(statement, rows)


@pytest.mark.parametrize("wrong", WRONG_WAYS.values(), ids=WRONG_WAYS)
def test_d02_write_through_the_wrong_alias_raises_and_changes_nothing(wrong):
    partner()

    with (
        pytest.raises(WrongStore, match="is not kept behind the alias"),
        transaction.atomic(using="default"),
        transaction.atomic(using="self_service"),
    ):
        wrong()

    assert list(Partner.objects.values_list("slug", "name")) == [("acme", "Acme")]
    assert not User.objects.exists()


@pytest.mark.parametrize("alias", ["default", "self_service"])
def test_d02_delete_using_the_wrong_alias_deletes_nothing(alias):
    kept, user = partner(), User.objects.create(username="ada")
    wrong = user if alias == "self_service" else kept

    with pytest.raises(Exception, match=r"does not exist|is not kept behind"), transaction.atomic(using=alias):
        wrong.delete(using=alias)

    assert (Partner.objects.count(), User.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("alias", "statement"),
    [
        ("self_service", "SELECT 1 FROM drafts_partner FOR UPDATE OF drafts_partner"),
        ("default", "UPDATE access_user SET first_name = 'y'"),
        ("default", "INSERT INTO auth_group (name) VALUES ('x') ON CONFLICT (name) DO UPDATE SET name = 'x'"),
        ("default", "CREATE TEMP TABLE own (id int) ON COMMIT DROP; INSERT INTO own VALUES (1)"),
    ],
)
def test_d02_right_statements_pass(alias, statement):
    execute(alias, statement)


def test_reading_through_the_wrong_alias_finds_no_table():
    with pytest.raises(Exception, match="does not exist"), transaction.atomic(using="default"):
        Partner.objects.using("default").count()


def test_identity_differs_between_the_clusters_and_is_stable():
    primary, store = identity(connections["default"]), identity(connections["self_service"])
    assert primary[0] == store[0] == "postgresql"
    assert primary[1] != store[1]
    assert primary == identity(connections["default"])


@pytest.fixture
def one_database_behind_two_names():
    """What the first connection of a server finds in that case; the whole way there is tried in processes below."""
    isolation._verdict["same"] = True
    yield
    isolation._verdict["same"] = False


@pytest.mark.usefixtures("one_database_behind_two_names")
def test_same_store_refuses_every_write_and_still_reads():
    writes = [
        partner,
        lambda: Partner.objects.update(name="y"),
        lambda: Partner.objects.all()._raw_delete("self_service"),
        lambda: execute("self_service", "WITH new AS (SELECT 1) INSERT INTO drafts_partner SELECT * FROM new"),
        lambda: execute("self_service", "SELECT 1; DELETE FROM drafts_partner"),
        lambda: execute("self_service", "CREATE TABLE x (id int)"),
    ]
    for write in writes:
        with pytest.raises(SameStore), transaction.atomic(using="self_service"):
            write()
    assert Partner.objects.count() == 0
    User.objects.create(username="ada")


def test_same_store_is_a_503_and_not_a_conflict():
    assert refusal_of(SameStore()).status == 503
    assert refusal_of(IntegrityError()).status == 409


# --- in processes of their own ----------------------------------------------------------------------------------------------------


def superuser_or_skip(name: str) -> str:
    return os.environ.get(name) or pytest.skip("needs clusters of the test run's own")


@pytest.fixture
def second_names() -> dict[str, str]:
    """The primary's URL under two other names: another host name, and the server's socket."""
    connection = psycopg2.connect(superuser_or_skip("TEST_PRIMARY_SUPERUSER_URL"))
    cursor = connection.cursor()
    cursor.execute("SHOW unix_socket_directories")
    folder = cursor.fetchone()[0]
    connection.close()
    parts = urlsplit(os.environ["DATABASE_URL"])
    user = f"{parts.username}:{parts.password}"
    return {
        "host": f"postgresql://{user}@localhost:{parts.port}{parts.path}",
        "socket": f"postgresql://{user}@:{parts.port}{parts.path}?host={folder}",
    }


def tables(url: str) -> list:
    connection = psycopg2.connect(url)
    cursor = connection.cursor()
    cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE ANY (ARRAY['drafts_%', 'reviews_%', 'django_migrations'])")
    found = cursor.fetchall()
    connection.close()
    return found


# D09: each of them, whichever side it names.
COMMANDS = [
    ["migrate_all"],
    ["migrate"],
    ["migrate", "--database", "self_service"],
    ["flush", "--noinput"],
    ["loaddata", "-", "--format", "json"],
    ["loaddata", "-", "--format", "json", "--database", "self_service"],
    ["shell", "-c", "from access.models import User; User.objects.count()"],
    ["shell", "-c", "from drafts.models import Partner; Partner.objects.count()"],
    ["dbshell"],
    ["dbshell", "--database", "self_service"],
    ["test", "--noinput"],
]


@pytest.mark.parametrize("way", ["host", "socket"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_D09_command_fails_when_both_urls_lead_to_one_postgresql(second_names, way, command):
    env = {"READINESS_ENVIRONMENT": "test", "DATABASE_URL": os.environ["DATABASE_URL"], "SELF_SERVICE_DATABASE_URL": second_names[way]}
    done = run_manage(*command, env=env, input="[]")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        "readiness will not start: SELF_SERVICE_DATABASE_URL and DATABASE_URL lead to the same database under two names; nothing was done."
    )
    assert tables(os.environ["DATABASE_URL"]) == []


@pytest.mark.parametrize("command", ["migrate_all", "dbshell"])
def test_D09_command_fails_when_both_urls_lead_to_one_sqlite_file_by_a_hard_link(sqlite_installation, command):
    alias = sqlite_installation.store.with_name("alias.sqlite3")
    os.link(sqlite_installation.primary, alias)
    done = sqlite_installation.manage(command, SELF_SERVICE_DATABASE_URL=f"sqlite:///{alias}")
    assert done.returncode == 1
    assert "lead to the same database under two names" in done.stderr


def test_D09_dbshell_opens_where_the_databases_are_two(sqlite_installation, tmp_path):
    client = tmp_path / "sqlite3"
    client.write_text("#!/bin/sh\necho opened $1\n")
    client.chmod(0o755)
    done = sqlite_installation.manage("dbshell", "--database", "self_service", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (done.stdout.strip(), done.returncode) == (f"opened {sqlite_installation.store}", 0), done.stderr


def test_command_refuses_a_sqlite_file_under_a_symlink(sqlite_installation):
    alias = sqlite_installation.store.with_name("alias.sqlite3")
    alias.symlink_to(sqlite_installation.primary)
    done = sqlite_installation.manage("check", SELF_SERVICE_DATABASE_URL=f"sqlite:///{alias}")
    assert done.returncode == 1
    assert done.stderr.startswith("readiness will not start: SELF_SERVICE_DATABASE_URL and DATABASE_URL lead to the same database;")


SERVER = """
from config.wsgi import application
from config.isolation import SameStore
from drafts.models import Partner
print("reads", Partner.objects.count())
try:
    Partner.objects.create(slug="x", name="X")
except SameStore:
    print("refused")
"""


def test_server_stays_up_and_refuses_draft_writes_when_both_names_lead_to_one_file(sqlite_installation):
    alias = sqlite_installation.store.with_name("alias.sqlite3")
    os.link(sqlite_installation.store, alias)
    done = run_python(SERVER, env=sqlite_installation.env | {"DATABASE_URL": f"sqlite:///{alias}"})
    assert (done.stdout, done.returncode) == ("reads 0\nrefused\n", 0), done.stderr

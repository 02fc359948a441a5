"""`manage.py provision` on real clusters: owners migrate, serving roles work and can do no more, each side stays out of the other."""

import base64
import os
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from tests.conftest import run_manage
from tests.server import fresh_database

OWNER_PASSWORD = "owner-password"


@dataclass(frozen=True)
class Provisioned:
    """The serving environment, the migrating one, and both administrators' URLs."""

    serving: dict[str, str]
    migrating: dict[str, str]

    def connect(self, variable: str, *, env: dict[str, str] | None = None, database: str = "") -> psycopg2.extensions.connection:
        url = (env or self.serving)[variable]
        return psycopg2.connect(urlunsplit(urlsplit(url)._replace(path=f"/{database}")) if database else url)

    def refused(self, variable: str, statement: str) -> str:
        connection = self.connect(variable)
        with connection.cursor() as cursor, pytest.raises(psycopg2.Error) as refusal:
            cursor.execute(statement)
        connection.close()
        return type(refusal.value).__name__


def as_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}"))


@pytest.fixture(scope="module", params=["two clusters", "one cluster"])
def provisioned(request):
    name = f"provision_{secrets.token_hex(3)}"
    superusers = [os.environ["TEST_PRIMARY_SUPERUSER_URL"], os.environ["TEST_STORE_SUPERUSER_URL"]]
    if request.param == "one cluster":
        superusers[1] = superusers[0]
    with ExitStack() as stack:
        administrators = [stack.enter_context(fresh_database(url, f"{name}_{side}")) for url, side in zip(superusers, "ps", strict=True)]
        urls = [as_role(url, f"{name}_{side}_serves", "serving-password") for url, side in zip(administrators, "ps", strict=True)]
        serving = {
            "READINESS_ENVIRONMENT": "test",
            "DATABASE_URL": urls[0],
            "SELF_SERVICE_DATABASE_URL": urls[1],
            "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        keys = {"PROVISION_DATABASE_URL": administrators[0], "PROVISION_SELF_SERVICE_DATABASE_URL": administrators[1]}
        owners = [as_role(url, f"{name}_{side}_serves_owner", OWNER_PASSWORD) for url, side in zip(administrators, "ps", strict=True)]
        migrating = serving | {"DATABASE_URL": owners[0], "SELF_SERVICE_DATABASE_URL": owners[1]}
        provision = (["provision", "--apply"], serving | keys | {"PROVISION_OWNER_PASSWORD": OWNER_PASSWORD})
        for command, env in (provision, (["migrate_all"], migrating), provision):
            done = run_manage(*command, env=env)
            assert done.returncode == 0, done.stdout + done.stderr
        yield Provisioned(serving, migrating)


def test_serving_role_does_all_the_work(provisioned):
    seeded = run_manage("seed_demo", env=provisioned.serving)
    asked = run_manage("readiness", env=provisioned.serving)

    assert (seeded.returncode, asked.returncode) == (0, 0), seeded.stderr + asked.stdout


@pytest.mark.parametrize(
    ("variable", "statement"),
    [
        ("DATABASE_URL", "CREATE TABLE public.mine (id int)"),
        ("DATABASE_URL", "CREATE TEMPORARY TABLE mine (id int)"),
        ("DATABASE_URL", "CREATE SCHEMA mine"),
        ("DATABASE_URL", "DROP TABLE public.access_user"),
        ("DATABASE_URL", "INSERT INTO public.django_migrations (app, name, applied) VALUES ('a', 'b', now())"),
        ("SELF_SERVICE_DATABASE_URL", "CREATE TABLE self_service_drafts.mine (id int)"),
        ("SELF_SERVICE_DATABASE_URL", "UPDATE self_service_drafts.reviews_event SET actor = 'x'"),
        ("SELF_SERVICE_DATABASE_URL", "DELETE FROM self_service_drafts.reviews_vote"),
        ("SELF_SERVICE_DATABASE_URL", "TRUNCATE self_service_drafts.receipts_receipt"),
        ("SELF_SERVICE_DATABASE_URL", "UPDATE self_service_drafts.reviews_denial SET actor = 'x'"),
        ("SELF_SERVICE_DATABASE_URL", "UPDATE self_service_drafts.drafts_author SET user_id = 0"),
        ("SELF_SERVICE_DATABASE_URL", "DELETE FROM self_service_drafts.reviews_confirmation"),
        ("SELF_SERVICE_DATABASE_URL", "TRUNCATE self_service_drafts.drafts_coverageplan CASCADE"),
        ("SELF_SERVICE_DATABASE_URL", "ALTER TABLE self_service_drafts.reviews_event DISABLE TRIGGER ALL"),
        ("SELF_SERVICE_DATABASE_URL", "SET session_replication_role = replica"),
        ("SELF_SERVICE_DATABASE_URL", "CREATE ROLE mine"),
    ],
)
def test_L02_serving_role_has_no_right_beyond_serving(provisioned, variable, statement):
    assert provisioned.refused(variable, statement) == "InsufficientPrivilege"


@pytest.mark.parametrize(("mine", "theirs"), [("DATABASE_URL", "SELF_SERVICE_DATABASE_URL"), ("SELF_SERVICE_DATABASE_URL", "DATABASE_URL")])
def test_each_side_stays_out_of_the_other(provisioned, mine, theirs):
    there, own = urlsplit(provisioned.serving[theirs]), urlsplit(provisioned.serving[mine])
    trespass = urlunsplit(there._replace(netloc=f"{own.username}:{own.password}@{there.hostname}:{there.port}"))

    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(trespass)


def test_printed_sql_is_the_applied_one_and_holds_no_password(provisioned):
    done = run_manage("provision", env=provisioned.serving)

    assert done.returncode == 0
    assert "REVOKE ALL ON DATABASE" in done.stdout
    assert "serving-password" not in done.stdout


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"PROVISION_DATABASE_URL": ""}, "PROVISION_DATABASE_URL is missing"),
        ({"PROVISION_DATABASE_URL": "postgresql://a:b@127.0.0.1:1/elsewhere"}, "must lead to the database that is served"),
        ({"PROVISION_DATABASE_URL": "postgresql://a:b@db.rlwy.net/x"}, "production database"),
    ],
)
def test_wrong_administrator_is_refused_in_a_sentence(provisioned, change, sentence):
    done = run_manage("provision", "--apply", env=provisioned.serving | change)

    assert (done.returncode, sentence in done.stderr) == (1, True)


def test_sqlite_needs_none(sqlite_installation):
    done = sqlite_installation.manage("provision")

    assert (done.returncode, "need no provisioning" in done.stderr) == (1, True)

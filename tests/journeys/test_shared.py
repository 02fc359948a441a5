"""Without a URL of its own the draft store shares the primary's place, apart from it, and the gate says so."""

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from readiness.schema import tables_kept_in
from tests.conftest import run_manage
from tests.server import Visitor, free_port, fresh_database, serving

DEMO_PASSWORD = "readiness-demo"


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def shared(request, tmp_path_factory) -> Iterator[dict[str, str]]:
    """An installation with one URL, migrated and seeded."""
    env = {"READINESS_ENVIRONMENT": "test", "SECRET_KEY": secrets.token_urlsafe(48), "RECEIPT_SIGNING_KEY": "c2hhcmVk" * 5 + "c2g="}
    if request.param == "sqlite":
        yield set_up(env | {"DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('shared') / 'one.sqlite3'}"})
        return
    with fresh_database(os.environ["DATABASE_URL"], f"shared_{secrets.token_hex(4)}") as url:
        yield set_up(env | {"DATABASE_URL": url})


def set_up(env: dict[str, str]) -> dict[str, str]:
    for command in ("migrate_all", "seed_demo"):
        done = run_manage(command, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    return env


def answer(env: dict[str, str]) -> tuple[int, dict]:
    done = run_manage("readiness", "--json", env=env)
    return done.returncode, json.loads(done.stdout)


def test_shared_store_is_said_to_be_shared_and_blocks_where_production_lives(shared):
    status, found = answer(shared)

    assert (status, found["status"], found["draft_store_isolation"]) == (0, "ready_for_review", "shared")
    assert found["self_service_database_url_configured"] is False
    assert found["production_write_from_self_service"] is (True if "postgresql" in shared["DATABASE_URL"] else None)
    assert found["launch_gate"]["passes_enterprise_db_gate"] is False
    status, found = answer(shared | {"READINESS_ENVIRONMENT": "production", "ALLOWED_HOSTS": "readiness.test"})
    assert (status, found["status"]) == (1, "blocked")


def tables(url: str, schema: str) -> set[str]:
    if "postgresql" not in url:
        file = url.removeprefix("sqlite:///")
        place = file if schema == "public" else file.replace(".sqlite3", ".self_service_drafts.sqlite3")
        with closing(sqlite3.connect(place)) as connection:
            return {
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            }
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize(("schema", "alias"), [("public", "default"), ("self_service_drafts", "self_service")])
def test_shared_store_keeps_its_tables_apart(shared, schema, alias):
    assert tables(shared["DATABASE_URL"], schema) - {"django_migrations"} == tables_kept_in(alias)


def test_shared_store_is_worked_in(shared):
    plan = {"gate_type": "g", "system_scope": "s", "authority_context": "a", "name": "Shared", "external_reference": "shared-1"}
    with serving(shared, port=free_port()) as address:
        owner = Visitor(address)
        owner.sign_in("owner", DEMO_PASSWORD)
        made = owner.submit("/self-service/plans/new", partner="northstar_controls", **plan)

        assert made.status == 302
        assert "Shared" in owner.get(made.headers["location"]).text

"""`make pooled`: everything through pgbouncer in transaction mode. Not among the usual tests, because it needs that program."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from readiness.provision import Side, statements
from tests.conftest import run_manage
from tests.faults.installation import DEMO_PASSWORD, SIDES, until
from tests.faults.test_away import PLAN
from tests.faults.test_traces import drafted
from tests.pgplugin import server_user
from tests.server import Visitor, free_port, fresh_database, serving

POOL, CROWD, EACH = 2, 8, 10
SUPERUSERS = {"primary": "TEST_PRIMARY_SUPERUSER_URL", "self_service": "TEST_STORE_SUPERUSER_URL"}
SCHEMAS = {"primary": "public", "self_service": "self_service_drafts"}
CONFIGURATION = """
[databases]
{databases}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 200
query_wait_timeout = 10
"""


def program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "pgbouncer is not installed; on Debian: apt-get install pgbouncer"
    return found


@contextmanager
def pooler(urls: dict[str, str]) -> Iterator[dict[str, str]]:
    """Side → URL through one pgbouncer, which holds POOL connections to each."""
    folder, port = Path(tempfile.mkdtemp(prefix="readiness-pool-", dir="/tmp")), free_port()
    parts = {side: urlsplit(url) for side, url in urls.items()}
    lines = [f"{side} = host=127.0.0.1 port={part.port} dbname={part.path[1:]}" for side, part in parts.items()]
    (folder / "ini").write_text(CONFIGURATION.format(databases="\n".join(lines), port=port, folder=folder, pool=POOL))
    (folder / "users").write_text("".join(f'"{part.username}" "{part.password}"\n' for part in parts.values()))
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, server_user() or os.getuid())
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen([program(), str(folder / "ini")], stdout=log, stderr=log, user=server_user(), cwd="/")
        try:
            yield {
                side: urlunsplit(part._replace(netloc=f"{part.username}:{part.password}@127.0.0.1:{port}", path=f"/{side}"))
                for side, part in parts.items()
            }
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(folder)


def execute(url: str, *given: object) -> list[tuple]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in given:
            cursor.execute(statement)
        found = cursor.fetchall() if cursor.description else []
    connection.close()
    return found


@dataclass
class Pooled:
    address: str
    env: dict[str, str]
    urls: dict[str, str]


@pytest.fixture(scope="module")
def pooled() -> Iterator[Pooled]:
    """Migrated and seeded past the pooler, served through it; the roles have what provision writes for a pooler."""
    name = f"pooled_{secrets.token_hex(4)}"
    with ExitStack() as stack:
        urls = {side: stack.enter_context(fresh_database(os.environ[variable], name)) for side, variable in SIDES.items()}
        env = {
            "READINESS_ENVIRONMENT": "test", "REQUIRE_SELF_SERVICE_DATABASE_URL": "true", "RECEIPT_ISSUER": "https://readiness.test",
            "SECRET_KEY": secrets.token_urlsafe(48), "RECEIPT_SIGNING_KEY": os.environ["RECEIPT_SIGNING_KEY"],
        } | {SIDES[side]: url for side, url in urls.items()}  # fmt: skip
        for command in ("migrate_all", "seed_demo"):
            done = run_manage(command, env=env)
            assert done.returncode == 0, done.stdout + done.stderr
        for side, url in urls.items():
            role = urlsplit(url).username
            wanted = statements(Side(name, SCHEMAS[side], "", role, "", pooled=True))
            superuser = urlunsplit(urlsplit(os.environ[SUPERUSERS[side]])._replace(path=f"/{name}"))
            execute(superuser, *(one for one in wanted if "IN DATABASE" in str(one)))
        through = stack.enter_context(pooler(urls))
        given = env | {SIDES[side]: url for side, url in through.items()} | {"POOLED": "true"}
        address = stack.enter_context(serving(given, port=free_port()))
        until(lambda: Visitor(address).get("/api/v1/readiness").json["status"] == "ready_for_review", within=20)
        yield Pooled(address, env, urls)


def token(pooled: Pooled) -> str:
    done = run_manage("create_token", "owner", "--scope=read", "--scope=draft", "--scope=request", env=pooled.env)
    return done.stdout.split()[-1]


def test_a_review_from_draft_to_approval_goes_through_a_pooler(pooled):
    owner = Visitor(pooled.address, token(pooled))
    drafted(owner, "host-request-pooled")
    waiting = next(one for one in owner.api("GET", "review-requests/?state=review_requested").json["results"])
    for username in ("release", "security"):
        reviewer = Visitor(pooled.address)
        reviewer.sign_in(username, DEMO_PASSWORD)
        decided = reviewer.submit(f"/admin/reviews/deploymentreviewrequest/{waiting['id']}/decide/", choice="approve", comment="seen")
        if owner.api("GET", f"review-requests/{waiting['id']}/").json["state"] == "approved":
            break
    assert decided.status == 302
    assert owner.api("GET", f"review-requests/{waiting['id']}/receipt/").status == 200


def test_a_crowd_shares_two_connections_and_nothing_of_a_session(pooled):
    owner = token(pooled)

    def work(number: int) -> list[int]:
        visitor = Visitor(pooled.address, owner)
        made = [visitor.api("POST", "plans/", PLAN | {"external_reference": f"crowd-{number}-{turn}"}).status for turn in range(EACH)]
        return [*made, visitor.api("GET", "plans/").status]

    with ThreadPoolExecutor(CROWD) as crowd:
        statuses = [status for each in crowd.map(work, range(CROWD)) for status in each]
    used = {side: execute(url, CONNECTED)[0][0] for side, url in pooled.urls.items()}
    assert statuses == ([201] * EACH + [200]) * CROWD
    assert {side: count <= POOL for side, count in used.items()} == dict.fromkeys(SIDES, True)


CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def test_limits_of_the_role_hold_through_the_pooler_and_commands_go_past_them(pooled):
    code = (
        "from django.db import connections as c; k = c['self_service'].cursor(); k.execute('SHOW statement_timeout'); print(*k.fetchone())"
    )
    assert execute(pooled.urls["self_service"], "SHOW statement_timeout") == [("2500ms",)]
    assert execute(pooled.urls["self_service"], "SHOW search_path") == [("self_service_drafts",)]
    assert run_manage("shell", "--verbosity", "0", "-c", code, env=pooled.env).stdout.strip() == "('0',)"


def test_everything_agrees_afterwards(pooled):
    done = run_manage("reconcile", env=pooled.env)
    assert done.returncode == 0, done.stdout + done.stderr

"""Each check's fact, taken away for real from a production-like installation that is ready, and given back: check and verdict follow."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from readiness import checks, registry
from tests.conftest import run_manage
from tests.faults.installation import until
from tests.journeys.facts import BY_THEMSELVES, FACTS, SETTINGS, WAYS
from tests.server import Visitor, free_port, serving

URLS = {"primary": "DATABASE_URL", "store": "SELF_SERVICE_DATABASE_URL"}
SUPERUSERS = {"primary": "TEST_PRIMARY_SUPERUSER_URL", "store": "TEST_STORE_SUPERUSER_URL"}
SECONDS = 10


def execute(url: str, *statements: str) -> list[tuple]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@dataclass(frozen=True)
class Standing:
    """The installation as it is served. `role`: the one that drafts are written with, which the primary's cluster knows by name."""

    address: str
    env: dict[str, str]
    role: str
    token: str
    lent: str

    def administer(self, side: str, *statements: str) -> list[tuple]:
        """As the superuser of a side's cluster, inside its database."""
        path = urlsplit(self.env[URLS[side]]).path
        names = {"role": self.role, "lent": self.lent, "database": path[1:]}
        url = urlunsplit(urlsplit(os.environ[SUPERUSERS[side]])._replace(path=path))
        search_path = "SET search_path = " + {"primary": "public", "store": "self_service_drafts"}[side]
        return execute(url, search_path, *(statement.format(**names) for statement in statements))

    def get(self, path: str, **headers: str) -> dict:
        answer = Visitor(self.address).call("GET", path, **{"X-Forwarded-Proto": "https"}, **headers)
        assert answer.status == 200, answer.text
        return answer.json

    def status(self) -> str:
        return self.get("/api/v1/readiness")["status"]

    def finding(self, check: str) -> dict:
        found = self.get("/api/v1/readiness/checks", Authorization=f"Token {self.token}")["checks"]
        return next(each for each in found if each["id"] == check)


@pytest.fixture(scope="module")
def standing(production) -> Iterator[Standing]:
    role = f"drafts_{secrets.token_hex(4)}"
    lent = f"lent_{secrets.token_hex(4)}"
    parts = urlsplit(production["SELF_SERVICE_DATABASE_URL"])
    env = production | {
        "BEHIND_TLS_PROXY": "true",
        "SELF_SERVICE_DATABASE_URL": urlunsplit(parts._replace(netloc=f"{role}:of-its-own@{parts.hostname}:{parts.port}")),
    }
    administered = Standing("", env, role, "", lent)
    with ExitStack() as stack:
        administered.administer("store", f"CREATE ROLE {{role}} LOGIN PASSWORD 'of-its-own' IN ROLE {parts.username}")
        stack.callback(administered.administer, "store", "DROP OWNED BY {role}", "DROP ROLE {role}")
        administered.administer("primary", "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC", "CREATE ROLE {role}", "CREATE ROLE {lent}")
        back = ("GRANT CONNECT ON DATABASE {database} TO PUBLIC", "DROP OWNED BY {role}", "DROP ROLE {role}", "DROP OWNED BY {lent}")
        stack.callback(administered.administer, "primary", *back, "DROP ROLE {lent}")
        token = run_manage("create_token", "owner", "--scope", "read", env=env).stdout.split()[-1]
        address = stack.enter_context(serving(env, port=free_port()))
        yield Standing(address, env, role, token, lent)


@pytest.mark.parametrize("fact", [*WAYS.values(), *FACTS.values()], ids=[*WAYS, *FACTS])
def test_F22_fact_that_is_taken_away_shuts_the_gate_and_given_back_opens_it(standing, fact):
    until(lambda: standing.status() == "ready_for_review", within=SECONDS)
    assert standing.finding(fact.check)["result"] == "pass"

    standing.administer(fact.side, *fact.away)
    try:
        until(lambda: standing.finding(fact.check)["result"] == fact.result, within=SECONDS)
        assert fact.remedy in standing.finding(fact.check)["remedy"]
        assert standing.status() == ("blocked" if fact.result == "block" else "ready_for_review")
        assert standing.get("/api/v1/readiness")["production_write_from_self_service"] is (fact.check == "production_write")
    finally:
        standing.administer(fact.side, *fact.back)

    until(lambda: standing.finding(fact.check)["result"] == "pass", within=SECONDS)
    assert standing.status() == "ready_for_review"
    assert standing.get("/api/v1/readiness")["production_write_from_self_service"] is False


def test_F22_no_check_is_without_a_test_that_takes_its_fact_away():
    taken = {fact.check for fact in (*WAYS.values(), *FACTS.values())} | set(SETTINGS) | BY_THEMSELVES

    assert checks.BESIDE
    assert {name for name, *_ in registry._registry.values()} == taken


# Read by Python at its start, in the server's process alone: its clock goes wrong while it runs, and right again.
SKEWED = """
import os, time
true = time.time
time.time = lambda: true() + float(open(os.environ["SKEW_FILE"]).read())
"""


def test_F17_F22_clock_that_goes_wrong_while_the_server_runs_shuts_the_gate_until_it_is_right(production, tmp_path):
    skew = tmp_path / "skew"
    skew.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(SKEWED)
    env = production | {"BEHIND_TLS_PROXY": "true", "PYTHONPATH": str(tmp_path), "SKEW_FILE": str(skew)}
    token = run_manage("create_token", "owner", "--scope", "read", env=production).stdout.split()[-1]

    with serving(env, port=free_port()) as address:
        here = Standing(address, env, "", token, "")
        for seconds, result, status in (("60", "block", "blocked"), ("0", "pass", "ready_for_review"), ("-60", "block", "blocked")):
            skew.write_text(seconds)
            until(lambda result=result: here.finding("clocks_agree")["result"] == result, within=SECONDS)
            assert here.status() == status
        assert "NTP" in here.finding("clocks_agree")["remedy"]

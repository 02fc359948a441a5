"""The schema against a running server on PostgreSQL: calls made from it find nothing that it does not say, and a client made from it works.

`make calls` makes SCHEMA_CASES calls of each person; without that, a short run.
"""

import importlib
import json
import os
import re
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from readiness.openapi import document
from tests.conftest import PROJECT, run_manage
from tests.server import Visitor, free_port, fresh_database, serving

BIN = Path(sys.executable).parent
CASES = int(os.environ.get("SCHEMA_CASES", "0"))
SHORT = ("--phases", "examples,fuzzing", "--max-examples", "4", "--max-time", "20", "--seed", "1")
SCOPES = [word for scope in ("read", "draft", "request", "gate") for word in ("--scope", scope)]


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[str, dict[str, str]]]:
    """(address, username → token) of a seeded installation."""
    log = tmp_path_factory.mktemp("schema") / "server.log"
    name, variables = f"schema_{secrets.token_hex(4)}", ("DATABASE_URL", "SELF_SERVICE_DATABASE_URL")
    with ExitStack() as stack:
        env = {variable: stack.enter_context(fresh_database(os.environ[variable], name)) for variable in variables}
        env |= {"READINESS_ENVIRONMENT": "test", "SECRET_KEY": secrets.token_hex(32)}
        env |= {"RECEIPT_SIGNING_KEY": b64encode(secrets.token_bytes(32)).decode()}
        env |= dict.fromkeys(("API_CALLS_PER_MINUTE", "ANONYMOUS_CALLS_PER_MINUTE"), "999999999")
        commands = (["migrate_all"], ["seed_demo"], *(["create_token", username, *SCOPES] for username in ("owner", "auditor")))
        done = [run_manage(*command, env=env) for command in commands]
        assert [each.stderr for each in done if each.returncode] == []
        tokens = {username: told.stdout.split()[-1] for username, told in zip(("owner", "auditor"), done[-2:], strict=True)}
        yield stack.enter_context(serving(env, port=free_port(), log=log)), tokens


def made(*command: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run([BIN / command[0], *command[1:]], cwd=cwd, env=inherited, capture_output=True, text=True, check=False)


def what_is_there(caller: Visitor) -> dict[str, list[str]]:
    """Parameter → values that get past 404 and 412, for some of the calls."""

    def all_of(path: str, name: str = "id") -> list[str]:
        return [each[name] for each in caller.api("GET", path).json["results"]]

    plans, partners, environments = all_of("plans/"), all_of("partners/", "slug"), all_of("environments/", "slug")
    return {
        "path.plan_id": plans,
        "query.plan": plans,
        "body.plan": plans,
        "path.request_id": all_of("review-requests/"),
        "query.environment": environments,
        "body.environment": environments,
        "query.partner": partners,
        "body.partner": partners,
        "header.If-Match": ["*", '"1"'],
    }


def configured(there: dict[str, list[str]]) -> str:
    """tests/schemathesis.toml, with what is there."""
    lists = [f'[dictionaries."{name}"]\nvalues = {json.dumps(values)}\n' for name, values in there.items()]
    bound = [f'"{name}" = {{ dictionary = "{name}", probability = 0.6 }}' for name in there]
    return "\n".join([(PROJECT / "tests" / "schemathesis.toml").read_text(), *lists, "[parameters]", *bound, ""])


@pytest.mark.parametrize("username", ["owner", "auditor"])
def test_calls_made_from_the_schema_find_nothing(served, username, tmp_path):
    address, tokens = served
    (tmp_path / "schemathesis.toml").write_text(configured(what_is_there(Visitor(address, tokens[username]))))
    much = ("--max-examples", str(CASES // len(document()["paths"]))) if CASES else SHORT
    told = made(
        "schemathesis", "--config-file", "schemathesis.toml", "run", f"{address}/api/v1/schema",
        "--header", f"Authorization: Token {tokens[username]}", "--checks", "all", "--generation-database", "none",
        "--no-color", "--no-shrink", "--continue-on-failure", "--warnings", "off", *much, cwd=tmp_path,
    )  # fmt: skip

    assert told.returncode == 0, told.stdout[-20_000:] + told.stderr[-2000:]
    assert "No issues found" in told.stdout
    made_calls = int(re.search(r"(\d+) generated", told.stdout)[1])
    print(f"{username}: {made_calls} calls, 0 findings")
    assert made_calls >= CASES


def test_typed_client_made_from_the_schema_works(served, tmp_path, monkeypatch):
    address, tokens = served
    (tmp_path / "options.yaml").write_text("post_hooks: []\n")
    told = made(
        "openapi-python-client", "generate", "--url", f"{address}/api/v1/schema", "--meta", "none",
        "--output-path", "readiness_client", "--config", "options.yaml", "--fail-on-warning", cwd=tmp_path,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    monkeypatch.syspath_prepend(str(tmp_path))

    def call(name: str):
        return importlib.import_module(f"readiness_client.api.{name}").sync_detailed

    models = importlib.import_module("readiness_client.models")
    client = importlib.import_module("readiness_client").AuthenticatedClient(base_url=address, token=tokens["owner"], prefix="Token")
    said = {"gate_type": "g", "system_scope": "s", "authority_context": "a", "name": "Made", "external_reference": "made-1"}

    with client:
        partner = call("partners.partners_list")(client=client).parsed.results[0].slug
        plan = call("plans.plan_create")(client=client, body=models.PlanInput(partner=partner, **said), idempotency_key="made").parsed
        again = call("plans.plan_create")(client=client, body=models.PlanInput(partner=partner, **said), idempotency_key="made")
        opened = call("review_requests.review_request_open")(
            client=client, body=models.OpenInput(plan=plan.id, environment="staging")
        ).parsed
        refused = call("review_requests.review_request_request_review")(opened.id, client=client, if_match=f'"{opened.version}"')
        gate = call("gate.gate_read")(client=client, plan=plan.id, environment="staging").parsed

    assert (plan.partner, plan.state, again.parsed.id, again.headers["Idempotency-Replayed"]) == (partner, "draft", plan.id, "true")
    assert (refused.status_code, refused.parsed.errors[0].code) == (409, "confirmation_missing")
    assert gate.may_launch is False

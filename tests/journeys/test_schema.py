"""The schema against a running server: calls made from it find nothing that it does not say, and a client made from it works."""

import importlib
import os
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.server import free_port, serving

BIN = Path(sys.executable).parent
SECONDS = 20


@pytest.fixture
def served(sqlite_installation) -> Iterator[tuple[str, dict[str, str]]]:
    """(address, username → token) of a seeded installation."""
    key = b64encode(secrets.token_bytes(32)).decode()
    env = sqlite_installation.env | {"RECEIPT_SIGNING_KEY": key, "SECRET_KEY": secrets.token_hex(32)}
    more = {name: value for name, value in env.items() if name not in sqlite_installation.env}
    tokens = {}
    done = [sqlite_installation.manage("seed_demo", **more)]
    for username in ("owner", "auditor"):
        scopes = [word for scope in ("read", "draft", "request", "gate") for word in ("--scope", scope)]
        done.append(sqlite_installation.manage("create_token", username, *scopes, **more))
        tokens[username] = done[-1].stdout.split()[-1]
    assert [each.stderr for each in done if each.returncode] == []
    with serving(env, port=free_port()) as address:
        yield address, tokens


def made(*command: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run([BIN / command[0], *command[1:]], cwd=cwd, env=inherited, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("username", ["owner", "auditor"])
def test_calls_made_from_the_schema_find_nothing(served, username, tmp_path):
    address, tokens = served
    told = made(
        "schemathesis", "--config-file", str(PROJECT / "tests" / "schemathesis.toml"), "run", f"{address}/api/v1/schema",
        "--header", f"Authorization: Token {tokens[username]}", "--checks", "all", "--phases", "examples,fuzzing", "--max-examples", "4",
        "--max-time", str(SECONDS), "--seed", "1", "--generation-database", "none", "--no-color", "--no-shrink", "--warnings", "off",
        cwd=tmp_path,
    )  # fmt: skip

    assert told.returncode == 0, told.stdout[-6000:]
    assert "No issues found" in told.stdout


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

"""One served installation per process, on copies of a pair of seeded databases; each test finds it whole and leaves it whole."""

import base64
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connections

from tests.conftest import run_manage, run_python
from tests.faults.installation import SIDES, Installation, installed, planted
from tests.faults.proxy import Proxy
from tests.server import fresh_database

TOKENS = {
    "owner": ("owner", "read", "draft", "request"),
    "pipeline": ("owner", "gate"),
    "auditor": ("auditor", "read"),
}
MAKE_TOKENS = """
import json, sys
from datetime import timedelta
import django
django.setup()
from access.models import User
from access.tokens import create_token
wanted = json.loads(sys.argv[-1])
made = {
    name: create_token(User.objects.get(username=username), scopes=scopes, lifetime=timedelta(days=1))
    for name, (username, *scopes) in wanted.items()
}
print(json.dumps(made))
"""


@pytest.fixture(scope="session")
def secrets_of_env() -> dict[str, str]:
    """What a server is given to keep to itself."""
    return {
        "SECRET_KEY": planted("secret-key-of-more-than-32-characters"),
        "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "METRICS_TOKEN": planted("metrics-token"),
    }


@pytest.fixture(scope="session")
def databases() -> Iterator[dict[str, str]]:
    """Side → URL of a fresh database of a name that no other process uses."""
    name = f"faults_{secrets.token_hex(4)}"
    with ExitStack() as stack:
        yield {side: stack.enter_context(fresh_database(os.environ[variable], name)) for side, variable in SIDES.items()}


@pytest.fixture(scope="session")
def environment(databases, secrets_of_env) -> dict[str, str]:
    """What commands and servers of the installation are given; migrated and seeded."""
    env = {
        "READINESS_ENVIRONMENT": "test",
        "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
        "RECEIPT_ISSUER": "https://readiness.test",
        **secrets_of_env,
        **{SIDES[side]: url for side, url in databases.items()},
    }
    for command in ("migrate_all", "seed_demo"):
        done = run_manage(command, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    return env


@pytest.fixture(scope="session")
def tokens(environment) -> dict[str, str]:
    code = MAKE_TOKENS.replace("sys.argv[-1]", repr(json.dumps(TOKENS)))
    done = run_python(code, env=environment | {"DJANGO_SETTINGS_MODULE": "config.settings"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def served(databases, environment, tokens, tmp_path_factory) -> Iterator[Installation]:
    log = tmp_path_factory.mktemp("faults") / "server.log"
    with installed(databases, env=environment, tokens=tokens, log=log) as installation:
        yield installation


@pytest.fixture
def installation(served) -> Iterator[Installation]:
    """Whole at the start of each test, and again after it."""
    served.heal()
    yield served
    served.heal()


@pytest.fixture
def primary(both_stores_committed) -> Iterator[Proxy]:
    """A proxy before the primary that this process is connected to."""
    with behind_a_proxy("default") as proxy:
        yield proxy


@pytest.fixture
def store(both_stores_committed) -> Iterator[Proxy]:
    """The same before the draft store."""
    with behind_a_proxy("self_service") as proxy:
        yield proxy


@contextmanager
def behind_a_proxy(alias: str) -> Iterator[Proxy]:
    connection = connections[alias]
    proxy, kept = Proxy((connection.settings_dict["HOST"], int(connection.settings_dict["PORT"]))), dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(HOST="127.0.0.1", PORT=str(proxy.port))
    yield proxy
    connection.close()
    connection.settings_dict.update(kept)
    proxy.close()

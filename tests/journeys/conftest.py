"""A production-like installation on two fresh databases, set up by the commands of the README; each test leaves it as it was."""

import base64
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import run_manage
from tests.server import fresh_database

SET_UP = (
    ["migrate_all"],
    ["set_person", "release-manager", "--group", "release"],
    ["set_person", "security-officer", "--group", "security"],
    ["set_person", "owner", "--partner", "northstar_controls:owner"],
    ["set_policy", "production", "--rule", "release:release:1", "--rule", "security:security:1"],
)


@pytest.fixture(scope="session")
def production(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment of a production-like installation on two fresh databases, set up."""
    root = str(tmp_path_factory.mktemp("offline") / "root.pem")
    name = f"production_{secrets.token_hex(4)}"
    with ExitStack() as stack:
        env = {
            "READINESS_ENVIRONMENT": "production",
            "DATABASE_URL": stack.enter_context(fresh_database(os.environ["DATABASE_URL"], name)),
            "SELF_SERVICE_DATABASE_URL": stack.enter_context(fresh_database(os.environ["SELF_SERVICE_DATABASE_URL"], name)),
            "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ALLOWED_HOSTS": "readiness.example.org,127.0.0.1",
            "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        vouched = (["keys", "init-root", "--file", root, "--id", "root-1"], ["keys", "attest", "--root-file", root, "--root-id", "root-1"])
        for command in (*SET_UP, *vouched):
            done = run_manage(*command, env=env, input="a-password-of-their-own\n")
            assert done.returncode == 0, done.stdout + done.stderr
        yield env

"""A production installation set up by the commands of the README: it is ready, deployable without a warning, and says exactly that."""

import base64
import json

import pytest

from tests.conftest import run_manage
from tests.server import Visitor, free_port, serving

SEED_JSON = {
    "draft_store_isolation": "dedicated",
    "environment": "production",
    "launch_gate": {
        "passes_enterprise_db_gate": True,
        "recommended_require_flag": True,
        "requires_self_service_database_url": True,
    },
    "local_production_db_override_enabled": False,
    "primary_database_url_configured": True,
    "production_like": True,
    "production_write_from_self_service": False,
    "require_self_service_database_url": True,
    "self_service_database_url_configured": True,
    "status": "ready_for_review",
}


def test_H01_deploy_check_has_nothing_to_say(production):
    done = run_manage("check", "--deploy", "--fail-level", "WARNING", env=production)

    assert (done.returncode, "no issues" in done.stdout + done.stderr) == (0, True), done.stderr


def test_readiness_json_is_the_contracts_own_example(production):
    with serving(production, port=free_port()) as address:
        served = Visitor(address).get("/api/v1/readiness")
        page = Visitor(address).get("/self-service/readiness")

    assert (served.status, served.json) == (200, SEED_JSON)
    # Pages go over TLS only; the answer for machines is 200 whoever asks.
    assert (page.status, page.headers["location"].startswith("https://")) == (301, True)
    assert json.loads(run_manage("readiness", "--json", env=production).stdout) == SEED_JSON


@pytest.mark.parametrize(
    ("change", "status", "passes"),
    [
        ({"REQUIRE_SELF_SERVICE_DATABASE_URL": "false"}, "blocked", False),
        ({"SELF_SERVICE_DATABASE_URL": "", "REQUIRE_SELF_SERVICE_DATABASE_URL": "false"}, "blocked", False),
        ({"RECEIPT_SIGNING_KEY": base64.b64encode(b"k" * 32).decode()}, "blocked", True),
        ({"RECEIPT_SIGNING_KEY": "", "RECEIPT_SIGNING_KEY_FILE": "/nowhere/key.pem"}, "blocked", True),
    ],
)
def test_each_missing_part_shuts_the_gate(production, change, status, passes):
    done = run_manage("readiness", "--json", env=production | change)

    answer = json.loads(done.stdout)
    assert (done.returncode, answer["status"], answer["launch_gate"]["passes_enterprise_db_gate"]) == (1, status, passes)


@pytest.mark.parametrize("which", ["DATABASE_URL", "SELF_SERVICE_DATABASE_URL"])
def test_database_that_is_away_cannot_be_told_and_is_no_yes(production, which):
    gone = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"

    done = run_manage("readiness", "--json", env=production | {which: gone})

    assert (done.returncode, json.loads(done.stdout)["draft_store_isolation"]) == (3, "unavailable")
    assert "127.0.0.1" not in done.stdout

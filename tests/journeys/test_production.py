"""A production installation set up by the commands of the README: it is ready, deployable without a warning, and says exactly that."""

import base64
import json
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.conftest import run_manage, run_python
from tests.faults.installation import until
from tests.journeys.facts import SETTINGS
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


def test_H09_cookies_are_for_this_host_over_tls_and_out_of_reach_of_scripts(production):
    with serving(production | {"BEHIND_TLS_PROXY": "true"}, port=free_port()) as address:
        page = Visitor(address).call("GET", "/accounts/login/", **{"X-Forwarded-Proto": "https"})

    name, _, rest = page.headers["set-cookie"].partition("=")
    assert name == "__Host-csrftoken"
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= {part.strip().lower() for part in rest.split(";")}
    assert "domain" not in rest.lower()
    code = "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY)"
    said = run_python(code, env=production | {"DJANGO_SETTINGS_MODULE": "config.settings"}).stdout
    assert said == "__Host-sessionid True True\n"


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


# --- facts that stand in the environment: taken away by another start, as a lost or wrong setting does ---------------------------------


def finding(env: dict[str, str], check: str) -> tuple[int, dict]:
    done = run_manage("readiness", "--json", "--checks", env=env)
    return done.returncode, {each["id"]: each for each in json.loads(done.stdout)["checks"]}[check]


@pytest.mark.parametrize("check", SETTINGS)
def test_setting_that_is_lost_or_wrong_blocks_with_its_remedy(production, check):
    change, remedy = SETTINGS[check]

    status, found = finding(production | change, check)

    assert (status, found["result"], remedy in found["remedy"]) == (1, "block", True)
    assert finding(production, check)[1]["result"] == "pass"


def test_debugging_does_not_even_start_here_and_is_a_finding_elsewhere(production):
    refused = run_manage("readiness", env=production | {"DEBUG": "true"})
    status, found = finding(production | {"DEBUG": "true", "READINESS_ENVIRONMENT": "test"}, "debug_off")

    assert (refused.returncode, "DEBUG must be off" in refused.stderr) == (1, True)
    assert (found["result"], found["remedy"]) == ("warn", "Set DEBUG=false and restart.")


def test_two_names_of_one_database_block_a_server_that_stays_up(production):
    """The draft store's URL leads to the primary by another host name; identity tells, not the address."""
    primary = urlsplit(production["DATABASE_URL"])
    alias = urlunsplit(primary._replace(netloc=primary.netloc.replace("127.0.0.1", "localhost")))
    env = production | {"SELF_SERVICE_DATABASE_URL": alias, "METRICS_TOKEN": "a-token-for-metrics", "BEHIND_TLS_PROXY": "true"}

    with serving(env, port=free_port()) as address:
        visitor = Visitor(address)
        until(lambda: visitor.get("/api/v1/readiness").json["status"] == "blocked", within=10)
        answer = visitor.get("/api/v1/readiness").json
        metrics = visitor.call("GET", "/metrics", Authorization="Bearer a-token-for-metrics", **{"X-Forwarded-Proto": "https"}).text
        page = visitor.call("GET", "/self-service/readiness", **{"X-Forwarded-Proto": "https"}).text

    assert (answer["draft_store_isolation"], answer["production_write_from_self_service"]) == ("shared", True)
    assert 'readiness_check{check="database_identity",result="block"} 1' in metrics
    assert "Point SELF_SERVICE_DATABASE_URL at a database of its own and restart." in page
    assert answer["launch_gate"]["passes_enterprise_db_gate"] is False
    assert finding(production, "database_identity")[1]["result"] == "pass"


HEADERS = {
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
}
CALLS = [
    ("GET", "/self-service/readiness", {}, 200),
    ("GET", "/", {}, 302),
    ("GET", "/self-service/readiness", {"Host": "evil.example"}, 400),
    ("GET", "/api/v1/plans/", {}, 401),
    ("GET", "/nothing", {}, 404),
    ("GET", "/api/v1/nothing", {}, 404),
    ("DELETE", "/self-service/readiness", {}, 405),
    ("POST", "/api/v1/plans/", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
]


def test_H13_H02_production_headers_stand_on_every_answer_refusals_included(production):
    """Over TLS, as the proxy in front says; and at last without a primary, so that a 503 is among them."""
    env = production | {"BEHIND_TLS_PROXY": "true"}
    gone = env | {"DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/nowhere"}

    with serving(env, port=free_port()) as address, serving(gone, port=free_port()) as without:
        calls = [(address, *call) for call in CALLS] + [(without, "GET", "/api/v1/plans/", {"Authorization": "Token rdy_unknown"}, 503)]
        answers = [
            (status, Visitor(there).call(method, path, b"x" if method == "POST" else None, **{"X-Forwarded-Proto": "https"}, **headers))
            for there, method, path, headers, status in calls
        ]

    assert [(answer.status, status) for status, answer in answers if answer.status != status] == []
    for status, answer in answers:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, status
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], status
        assert "evil.example" not in answer.text, status

"""The whole story over HTTP, on two PostgreSQL clusters: draft, review, two decisions in admin, and a gate that believes the receipt."""

import base64
import json
import os
import secrets
from contextlib import ExitStack

import pytest

from tests.conftest import PROJECT, run, run_manage
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL
from tests.server import Visitor, free_port, fresh_database, serving

DEMO_PASSWORD = "readiness-demo"
PLAN = {
    "partner": "northstar_controls",
    "name": "Operations console threshold, second line",
    "gate_type": "threshold_gate",
    "system_scope": "operations_console",
    "authority_context": "operations owner approves above 500k USD in the approval workflow",
    "external_reference": "host-request-124",
}
MOVE = {"gate_type": "manual_override_gate", "system_scope": "operations_console", "authority_context": "duty manager may override once"}
SHA = "c" * 64
SUBJECT = [{"name": "console", "digest": {"sha256": SHA}}]


@pytest.fixture(scope="module")
def installation():
    """Two fresh databases on the two clusters, migrated and seeded by the commands an operator runs, and a server on them."""
    name, port = f"story_{secrets.token_hex(4)}", free_port()
    with ExitStack() as stack:
        primary = stack.enter_context(fresh_database(os.environ["DATABASE_URL"], name))
        store = stack.enter_context(fresh_database(os.environ["SELF_SERVICE_DATABASE_URL"], name))
        env = {
            "READINESS_ENVIRONMENT": "test",
            "DATABASE_URL": primary,
            "SELF_SERVICE_DATABASE_URL": store,
            "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "RECEIPT_ISSUER": "https://readiness.test",
        }
        for command in ("migrate_all", "seed_demo"):
            done = run_manage(command, env=env)
            assert done.returncode == 0, done.stdout + done.stderr
        yield stack.enter_context(serving(env, port=port)), env


def token(env: dict[str, str], username: str, *scopes: str) -> str:
    done = run_manage("create_token", username, *(f"--scope={scope}" for scope in scopes), env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def in_review(owner: Visitor) -> dict:
    """Draft, move, open, five confirmations, request review: all through the API."""
    plan = owner.api("POST", "plans/", PLAN).json
    assert owner.api("POST", f"plans/{plan['id']}/moves/", MOVE).status == 201
    opened = owner.api("POST", "review-requests/", {"plan": plan["id"], "environment": "production", "subject": SUBJECT})
    path, etag = f"review-requests/{opened.json['id']}/", opened.headers["etag"]
    for kind, fields in CONFIRMATION_FIELDS.items():
        said = {"fields": fields, "evidence_url": "https://evidence.example.org/1", "valid_until": VALID_UNTIL}
        answer = owner.api("PUT", f"{path}confirmations/{kind}/", said, etag=etag)
        assert answer.status == 200, answer.text
        etag = answer.headers["etag"]
    answer = owner.api("POST", f"{path}request-review/", {}, etag=etag)
    assert answer.status == 200, answer.text
    return answer.json


def test_story_from_draft_to_a_gate_that_believes_the_receipt(installation, tmp_path):
    address, env = installation
    owner = Visitor(address, token(env, "owner", "read", "draft", "request"))
    pipeline = Visitor(address, token(env, "owner", "gate"))
    question = {"plan": "", "environment": "production", "subject": f"sha256:{SHA}"}

    review_request = in_review(owner)
    question["plan"] = review_request["plan"]
    before = pipeline.get("/api/v1/gate/", **question).json
    assert (before["may_launch"], {blocker["code"] for blocker in before["blockers"]}) == (False, {"approval_missing"})

    decide = f"/admin/reviews/deploymentreviewrequest/{review_request['id']}/decide/"
    for username in ("release", "security"):
        reviewer = Visitor(address)
        reviewer.sign_in(username, DEMO_PASSWORD)
        assert review_request["digest"] in reviewer.get(decide).text
        assert reviewer.submit(decide, choice="approve", comment="").status == 302

    after = pipeline.get("/api/v1/gate/", **question).json
    assert (after["may_launch"], after["verdict"], after["blockers"]) == (True, "allow", [])
    assert _verified_offline(owner, review_request, tmp_path)


def _verified_offline(owner: Visitor, review_request: dict, folder) -> bool:
    """With the one file that people copy, in a process that knows nothing of Django."""
    receipt, jwks = folder / "receipt.json", folder / "jwks.json"
    receipt.write_bytes(owner.api("GET", f"review-requests/{review_request['id']}/receipt/").body)
    jwks.write_bytes(Visitor(owner.address).get("/protocol/v1/jwks.json").body)
    demands = ("--jwks", jwks, "--issuer", "https://readiness.test", "--environment", "production", "--json")
    done = run(PROJECT / "receipts" / "verify.py", receipt, *demands, env={})
    report = json.loads(done.stdout)
    assert (done.returncode, report["signed_payload"]["commitment_id"]) == (0, review_request["commitment_id"])
    return report["verified"]


def test_A01_requester_who_is_a_reviewer_is_refused_at_the_desk(installation):
    address, env = installation
    assert run_manage("set_person", "owner2", "--group", "release", env=env).returncode == 0
    owner = Visitor(address, token(env, "owner2", "read", "draft", "request"))
    seeded = [row for row in owner.api("GET", "review-requests/?state=review_requested").json["results"] if row["requested_by"] == "owner2"]
    desk = Visitor(address)
    desk.sign_in("owner2", DEMO_PASSWORD)

    decide = f"/admin/reviews/deploymentreviewrequest/{seeded[0]['id']}/decide/"
    answer = desk.submit(decide, choice="approve", digest=seeded[0]["digest"])

    assert answer.status == 403
    assert "You requested this review" in answer.text
    assert owner.api("GET", f"review-requests/{seeded[0]['id']}/").json["state"] == "review_requested"


def test_readiness_of_the_seeded_installation_is_told_by_page_json_and_command(installation):
    address, env = installation

    answer = Visitor(address).get("/api/v1/readiness").json
    command = run_manage("readiness", "--json", env=env)

    assert (answer["status"], answer["draft_store_isolation"], answer["production_write_from_self_service"]) == (
        "ready_for_review",
        "dedicated",
        False,
    )
    assert (command.returncode, json.loads(command.stdout)) == (0, answer)
    assert "ready_for_review" in Visitor(address).get("/self-service/readiness").text


def test_same_installation_judged_as_production_is_blocked_by_its_demo_data(installation):
    _, env = installation

    done = run_manage("readiness", env=env | {"READINESS_ENVIRONMENT": "production", "ALLOWED_HOSTS": "readiness.test"})

    assert (done.returncode, "No demo data" in done.stdout) == (1, True)


def test_seeded_stories_stand_in_every_state(installation):
    address, env = installation
    auditor = Visitor(address, token(env, "auditor", "read"))

    states = {row["state"] for row in auditor.api("GET", "review-requests/?page_size=100").json["results"]}

    assert states >= {"draft", "review_requested", "changes_requested", "approved", "rejected", "withdrawn", "expired"}


def test_P07_W03_body_in_chunks_is_a_body_like_any_other(installation):
    address, env = installation
    owner = Visitor(address, token(env, "owner", "read", "draft"))
    plan = owner.api("GET", "plans/?state=draft").json["results"][0]
    path, headers = f"/api/v1/plans/{plan['id']}/", {"If-Match": f'"{plan["version"]}"', "Content-Type": "application/json"}

    unknown = owner.call("PATCH", path, iter([b'{"state": ', b'"approved"}']), **headers)
    large = owner.call("PATCH", path, iter([b'{"name": "', b"x" * 200_000, b'"}']), **headers)
    renamed = owner.call("PATCH", path, iter([b'{"name": ', b'"In chunks"}']), **headers)

    assert (unknown.status, large.status, renamed.status, renamed.json["name"]) == (400, 413, 200, "In chunks")

"""The schema: valid OpenAPI 3.1, made from every route, with an example that fits each shape; and the page that shows it."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import jsonschema
import pytest
import rfc8785
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.validation import validate_schema

from config.errors import TITLES
from readiness.openapi import document
from receipts.api import CheckpointOutput, InclusionOutput
from receipts.verify import verify
from reviews.serializers_reading import EXAMPLES
from tests.calls import Caller
from tests.factories import Story
from tests.test_docs import methods, routes

pytestmark = pytest.mark.usefixtures("both_stores")
CALLS = [(path, method, about) for path, item in document()["paths"].items() for method, about in item.items()]
ROOT_OF_THE_EXAMPLES = {
    "root_key_id": "root-1",
    "public_key_b64": "MhWkPRqmE9UciCfq+QvGLGra7nlLsPMiET9E8KlP/iY=",
    "public_key_fingerprint_sha256": "e6f3d9e9a6f5b4daf7f98a8c3f52c111e6c475e33a9d3fc1d3209a8fe90da89e",
    "sig_alg": "ed25519",
}
IDS = [f"{method} {path}" for path, method, _ in CALLS]


def shape(schema: dict) -> dict:
    """A part of the document as a schema of its own."""
    return {**schema, "components": document()["components"]}


def fits(value: object, schema: dict) -> None:
    jsonschema.Draft202012Validator(shape(schema), format_checker=jsonschema.FormatChecker()).validate(value)


def test_schema_is_valid_openapi_3_1_and_served_to_anybody():
    answer = Client().get("/api/v1/schema")

    assert (answer.status_code, answer["Content-Type"], answer.json()["openapi"]) == (200, "application/json", "3.1.0")
    assert answer.json() == json.loads(json.dumps(document()))
    validate_schema(document())
    assert "http" not in "".join(server["url"] for server in document().get("servers", []))


def test_every_route_of_the_api_is_in_it_and_no_other():
    there = {(path, method) for path, view in routes() if path.startswith("/api/v1/") for method in methods(view)}
    assert {(path, method.upper()) for path, method, _ in CALLS} == there
    assert get_resolver()


def test_operation_ids_are_unique():
    names = [about["operationId"] for _, _, about in CALLS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("path", "method", "about"), CALLS, ids=IDS)
def test_every_call_says_its_statuses_with_problems_and_its_headers(path, method, about):
    said, headers = set(about["responses"]), {each["name"]: each for each in about.get("parameters", []) if each["in"] == "header"}
    done = {status for status in said if status < "400"}

    assert len(done) == 1
    if path in ("/api/v1/readiness", "/api/v1/schema"):
        return
    assert {"400", "413", "415", "429", "503"} <= said
    assert ("404" in said) >= ("{" in path)
    assert {"401", "403"} <= said or path.startswith("/api/v1/log/")
    assert ("428" in said) == headers.get("If-Match", {}).get("required", False)
    assert ("412" in said) == ("If-Match" in headers)
    assert ("422" in said) == (method == "post") == ("Idempotency-Key" in headers)
    for status in said - done:
        assert list(about["responses"][status]["content"]) == ["application/problem+json"]


def examples(content: dict) -> list:
    """The values of a body's examples, those that it refers to, too."""
    found = [each.get("$ref", "").rpartition("/")[2] for each in content.get("examples", {}).values()]
    named = document()["components"]["examples"]
    return [(named[name] if name else each)["value"] for name, each in zip(found, content.get("examples", {}).values(), strict=True)]


@pytest.mark.parametrize(("path", "method", "about"), CALLS, ids=IDS)
def test_every_body_has_an_example_that_fits_its_shape(path, method, about):
    empty = [status for status, answer in about["responses"].items() if not answer.get("content")]
    bodies = [about["requestBody"]] if "requestBody" in about else []
    contents = [part for each in [*bodies, *about["responses"].values()] for part in each.get("content", {}).values()]

    assert empty == (["204"] if method == "delete" and path == "/api/v1/plans/{plan_id}/" else [])
    assert [content["schema"] for content in contents if not examples(content)] == []
    for content in contents:
        for value in examples(content):
            fits(value, content["schema"])


@pytest.mark.parametrize(("path", "method", "about"), CALLS, ids=IDS)
def test_an_example_of_a_problem_has_the_status_of_its_answer(path, method, about):
    problems = {status: answer["content"] for status, answer in about["responses"].items() if status >= "400"}
    assert {status: examples(content["application/problem+json"])[0]["status"] for status, content in problems.items()} == {
        status: int(status) for status in problems
    }


def test_examples_of_packet_receipt_and_bundle_hold_together():
    packet, receipt, bundle = (EXAMPLES[name] for name in ("packet", "receipt", "bundle"))
    body = rfc8785.dumps(packet["packet"])
    payload = json.loads(base64.b64decode(receipt["receipt"]["payload_b64"]))

    assert hashlib.sha256(body).hexdigest() == packet["digest"]
    salt = base64.urlsafe_b64decode(packet["salt"] + "=")
    committed = hmac.digest(salt, b"readiness.commitment.v1\0" + body, "sha256")
    assert packet["commitment_id"] == "rdc1_" + base64.urlsafe_b64encode(committed).decode().rstrip("=")
    assert payload["commitment_id"] == receipt["commitment_id"] == packet["commitment_id"]
    assert payload["request_id"] == receipt["request_id"] == packet["packet"]["request_id"]
    assert bundle["receipt"] == receipt["receipt"]
    found = verify(
        json.dumps(bundle).encode(), root=ROOT_OF_THE_EXAMPLES, now=datetime(2026, 11, 24, 13, tzinfo=UTC),
        issuer="https://readiness.example.org", environment="production", require_log=True, require_status=True,
    )  # fmt: skip
    assert (found.verified, found.reasons) == (True, ())


def test_log_examples_are_those_of_the_bundle():
    told = EXAMPLES["bundle"]["log"]
    leaf = hashlib.sha256(b"\0" + base64.b64decode(told["leaf_b64"])).hexdigest()
    said = {name: told[name] for name in ("leaf_index", "tree_size", "hashes")}
    assert InclusionOutput.example == {"leaf_hash": leaf, **said}
    assert CheckpointOutput.example == told["checkpoint"]


def members(answer: dict) -> set[str]:
    """Names of an answer's members, and of the members of the first row of a list."""
    return set(answer) | {f"results/{name}" for row in answer.get("results", [])[:1] for name in row}


def test_answers_fit_the_schema_and_its_examples_leave_nothing_out():
    story = Story()
    review_request = story.approved()
    caller, ids = Caller(story.owner), {"plan_id": story.plan.pk, "request_id": review_request.pk, "kind": "sla"}
    asked = {
        "/api/v1/gate/": {"plan": str(story.plan.pk), "environment": "production"},
    }

    for path, _, about in [call for call in CALLS if call[1] == "get" and "/log/" not in call[0]]:
        answer = caller.client.get(path.format(**ids), asked.get(path, {}))
        assert answer.status_code == 200, path
        content = about["responses"]["200"]["content"]["application/json"]
        fits(json.loads(answer.content), content["schema"])
        assert path == "/api/v1/schema" or members(json.loads(answer.content)) <= members(examples(content)[0]), path
    problem = caller.get("plans/", surprise="x").json()
    fits(problem, {"$ref": "#/components/schemas/ProblemOutput"})


def test_inputs_refuse_what_they_do_not_know():
    schemas = document()["components"]["schemas"]
    inputs = [name for name in schemas if not name.endswith("Output")]
    assert len(inputs) > 5
    assert [name for name in inputs if schemas[name].get("additionalProperties") is not False] == []


# --- the page ---------------------------------------------------------------------------------------------------------------------


def test_docs_name_every_error_and_every_call_under_the_strict_policy():
    client = Client()
    answer, other = client.get("/api/docs"), client.get("/protocol")
    text = answer.content.decode()

    assert answer["Content-Security-Policy"] == other["Content-Security-Policy"]
    assert "<script" not in text
    assert len(answer.content) < 60 * 1024 * 2
    assert [slug for _, (slug, _) in TITLES.items() if f'id="{slug}"' not in text] == []
    assert [path for path, _, _ in CALLS if f"<code>{path}</code>" not in text] == []

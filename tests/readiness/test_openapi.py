"""The schema: valid OpenAPI 3.1, made from every route, with an example that fits each shape; and the page that shows it."""

import json

import jsonschema
import pytest
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.validation import validate_schema

from config.errors import TITLES
from readiness.openapi import document
from tests.calls import Caller
from tests.factories import Story
from tests.test_docs import methods, routes

pytestmark = pytest.mark.usefixtures("both_stores")
CALLS = [(path, method, about) for path, item in document()["paths"].items() for method, about in item.items()]
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


@pytest.mark.parametrize(("path", "method", "about"), CALLS, ids=IDS)
def test_examples_fit_what_they_are_examples_of(path, method, about):
    bodies = [about["requestBody"]] if "requestBody" in about else []
    for content in [part for each in [*bodies, *about["responses"].values()] for part in each.get("content", {}).values()]:
        for example in content.get("examples", {}).values():
            fits(example["value"], content["schema"])
    assert not bodies or bodies[0]["content"]["application/json"]["examples"]


def test_answers_fit_the_schema():
    story = Story()
    review_request = story.approved()
    caller, ids = Caller(story.owner), {"plan_id": story.plan.pk, "request_id": review_request.pk, "kind": "sla"}
    asked = {
        "/api/v1/gate/": {"plan": str(story.plan.pk), "environment": "production"},
    }

    for path, _, about in [call for call in CALLS if call[1] == "get" and "/log/" not in call[0]]:
        answer = caller.client.get(path.format(**ids), asked.get(path, {}))
        assert answer.status_code == 200, path
        fits(json.loads(answer.content), about["responses"]["200"]["content"]["application/json"]["schema"])
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

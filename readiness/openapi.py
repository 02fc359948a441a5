"""The schema as it is served, and the page that shows it. What is no view of the API's library is written here."""

import json
from functools import cache

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from drf_spectacular.generators import SchemaGenerator

from config.errors import TITLES
from config.methods import require_safe
from readiness import words
from readiness.gate import BLOCKED, READY, UNKNOWN
from readiness.views import signed_in

FLAG = {"type": "boolean"}
READINESS = {
    "type": "object",
    "properties": {
        "draft_store_isolation": {"enum": ["dedicated", "shared", "unavailable"]},
        "environment": {"type": "string"},
        "launch_gate": {
            "type": "object",
            "properties": dict.fromkeys(
                ("passes_enterprise_db_gate", "recommended_require_flag", "requires_self_service_database_url"), FLAG
            ),
            "required": ["passes_enterprise_db_gate", "recommended_require_flag", "requires_self_service_database_url"],
            "additionalProperties": False,
        },
        "production_write_from_self_service": {"type": ["boolean", "null"]},
        "status": {"enum": [READY, BLOCKED, UNKNOWN]},
        **dict.fromkeys(
            (
                "local_production_db_override_enabled",
                "primary_database_url_configured",
                "production_like",
                "require_self_service_database_url",
                "self_service_database_url_configured",
            ),
            FLAG,
        ),
    },
    "additionalProperties": False,
}
READINESS["required"] = sorted(READINESS["properties"])
READINESS_EXAMPLE = {
    "draft_store_isolation": "dedicated",
    "environment": "production",
    "launch_gate": {"passes_enterprise_db_gate": True, "recommended_require_flag": True, "requires_self_service_database_url": True},
    "local_production_db_override_enabled": False,
    "primary_database_url_configured": True,
    "production_like": True,
    "production_write_from_self_service": False,
    "require_self_service_database_url": True,
    "self_service_database_url_configured": True,
    "status": READY,
}
SCHEMA_EXAMPLE = {"openapi": "3.1.0", "info": {"title": "Readiness", "version": "1"}, "paths": {}, "components": {}}


def _open(name: str, summary: str, schema: dict, *, example: dict) -> dict:
    content = {"schema": schema, "examples": {"Answer": {"value": example}}}
    answer = {"description": summary, "content": {"application/json": content}}
    return {"get": {"operationId": name, "summary": summary, "tags": [name.split("_")[0]], "responses": {"200": answer}}}


def public_routes(result: dict, **options) -> dict:
    """The API and nothing else: with the two routes that are plain views, without what only lies beside it."""
    result["components"]["schemas"]["ReadinessOutput"] = READINESS
    result["paths"] = {path: about for path, about in result["paths"].items() if path.startswith("/api/")} | {
        "/api/v1/readiness": _open(
            "readiness_read", "Is this installation ready?", {"$ref": "#/components/schemas/ReadinessOutput"}, example=READINESS_EXAMPLE
        ),
        "/api/v1/schema": _open("schema_read", "This schema", {"type": "object"}, example=SCHEMA_EXAMPLE),
    }
    return result


@cache
def document() -> dict:
    """The OpenAPI 3.1 document. The code does not change while it runs, so one is enough."""
    return SchemaGenerator().get_schema(request=None, public=True)


@require_safe
@gzip_page
def schema(request) -> JsonResponse:
    return JsonResponse(document(), json_dumps_params={"indent": 1}, headers={"Cache-Control": "public, max-age=60"})


@require_safe
@gzip_page
def docs(request) -> HttpResponse:
    """Error types, and every call of the schema in words. Plain HTML, so that it needs no script and no wider policy."""
    shown = {"problems": words.PROBLEMS, "account": signed_in(request)[0], "rooms": _rooms()}
    return render(request, "readiness/api_docs.html", shown)


@cache
def _rooms() -> list[tuple[str, list[dict]]]:
    """The calls of each first word of the path, as the page shows them."""
    found: dict[str, list[dict]] = {}
    for path, item in sorted(document()["paths"].items()):
        for method, about in item.items():
            found.setdefault(about["tags"][0], []).append(_call(path, method, about))
    return list(found.items())


def _call(path: str, method: str, about: dict) -> dict:
    body = about.get("requestBody", {}).get("content", {}).get("application/json", {})
    done = next(status for status in about["responses"] if status < "400")
    answer = next(iter(about["responses"][done].get("content", {}).values()), {})
    return {
        "method": method.upper(),
        "path": path,
        "summary": about["summary"],
        "parameters": about.get("parameters", []),
        "sends": _example(body),
        "done": done,
        "answers": _example(answer),
        "refusals": [(status, TITLES[int(status)][0]) for status in about["responses"] if status >= "400"],
    }


def _example(content: dict) -> str:
    found = next(iter(content.get("examples", {}).values()), None)
    return json.dumps(found["value"], indent=1, ensure_ascii=False) if found else ""

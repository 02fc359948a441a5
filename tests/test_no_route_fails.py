"""Every route, with every method and with input that nobody sane would send: an answer in words, and never a 500."""

import json
import re

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.calls import Caller
from tests.factories import Story, make_user

pytestmark = pytest.mark.usefixtures("both_stores")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
WEIRD = [
    None, [], {}, 0, -1, 1.5, 10**15, True, "", " ", "\x00", "a\x00b", "\u202e", "\U0001d518", "\u00e9" * 5000, "'; DROP TABLE x; --",
    "<script>", "%00", "../..", {"a": {"b": {"c": []}}}, [[[[[]]]]], "2026-13-45", "NaN", "\u0661\u0662\u0663",
]  # fmt: skip
BODIES = [
    b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 3000, b'{"a": "\\ud800"}', b'{"\\u0000": 1}',
    b'{"a": 1e999}', b'{"a": 99999999999999999999999}', b"\xef\xbb\xbf{}",
]  # fmt: skip
NAMES = [
    "partner", "name", "gate_type", "system_scope", "authority_context", "external_reference", "archived", "corrects", "plan",
    "environment", "subject", "predecessor", "fields", "evidence_url", "evidence_sha256", "valid_until", "comment", "receipt",
    "receipt_text",
]  # fmt: skip
HIDDEN = ["version", "choice", "digest", "conditions", "username", "password", "next", "plan_version"]
QUERIES = [
    "", "a=b", "cursor=x", "page_size=-1", "page_size=99999999999", "state=x", "plan=x", "q=%00", "q=%FF", "o=999.x", "e=1", "p=abc",
    "plan=&plan=", "environment=%F0%9F%92%A9", "queue=nonsense", "after=x", "next=//evil.example", "_popup=1", "state__exact=x",
]  # fmt: skip


def routes(resolver=None, prefix: str = "") -> list[str]:
    """Every route of the URLconf, with its converters still in it."""
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        found += [route] if isinstance(entry, URLPattern) else routes(entry, route)
    return sorted(set(found))


def filled(route: str, story: Story, review_request) -> str:
    request_id = review_request.pk
    values = {
        "<uuid:plan_id>": story.plan.pk, "<uuid:request_id>": request_id, "<uuid:object_id>": request_id, "<uuid:public_id>": request_id,
        "<path:object_id>": request_id,
        "<slug:slug>": "production",
        "<slug:kind>": "sla", "<str:kind>": "sla", "<path:url>": "x", "<int:content_type_id>": 1, "<path:content_type_id>": 1,
        "<int:user_id>": 10**9,
    }  # fmt: skip
    for converter, value in values.items():
        route = route.replace(converter, str(value))
    return "/" + route


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def paths(story):
    review_request = story.in_review()
    made = [filled(route, story, review_request) for route in routes()]
    assert len(made) > 60
    return [path for path in made if "(?P" not in path]


def failed(response) -> bool:
    """503 is an answer only for what is away, and nothing is away here."""
    return response.status_code >= 500


def test_every_converter_of_the_urlconf_is_filled(paths):
    assert [path for path in paths if "<" in path] == []


@pytest.mark.parametrize("username", ["", "owner", "viewer", "release", "operator"])
def test_pages_answer_every_method_and_query(story, paths, username):
    client = Client(raise_request_exception=False)
    if username:
        client.force_login(make_user("operator", groups=("operators",)) if username == "operator" else getattr(story, username))

    for path in paths:
        for method in METHODS:
            assert not failed(client.generic(method, path, content_type="application/x-www-form-urlencoded")), (method, path)
        for query in QUERIES:
            assert not failed(client.get(f"{path}?{query}")), (path, query)


@pytest.mark.parametrize("bad", ["%00", "%ED%A0%80", "9" * 40, "a" * 3000, "%2E%2E%2F", "%25%30%30", "%F0%9F%92%A9"])
def test_addresses_with_an_id_that_is_none_are_answered(story, bad):
    review_request, client = story.in_review(), Client(raise_request_exception=False)
    client.force_login(make_user("operator", groups=("operators",)))
    caller = Caller(story.owner)
    places = [(route, place) for route in routes() for place in re.findall(r"<\w+:\w+>", route)]
    assert len(places) > 80

    for route, place in places:
        path = filled(route.replace(place, "@"), story, review_request).replace("@", bad)
        for method in ("GET", "POST"):
            if path.startswith("/api/"):
                answer = caller.client.generic(method, path, b"{}", content_type="application/json", HTTP_IF_MATCH='"1"')
            else:
                answer = client.generic(method, path, content_type="application/x-www-form-urlencoded")
            assert not failed(answer), (method, path)


@pytest.mark.parametrize("username", ["owner", "release"])
def test_forms_answer_weird_fields(story, paths, username):
    client = Client(raise_request_exception=False)
    client.force_login(getattr(story, username))
    pages = [path for path in paths if not path.startswith("/api/") and "logout" not in path]

    for path in pages:
        for value in ("", "\x00", "é" * 5000, "-1", "9" * 30, "x\r\nSet-Cookie: a=b", "<script>"):
            fields = dict.fromkeys((*NAMES, *HIDDEN), value)
            body = "&".join(f"{name}={text}" for name, text in fields.items()).encode()
            assert not failed(client.generic("POST", path, body, content_type="application/x-www-form-urlencoded")), (path, value)


@pytest.mark.parametrize("username", ["owner", "viewer", "release"])
def test_api_answers_weird_bodies(story, paths, username):
    caller = Caller(getattr(story, username), "read", "draft", "request", "gate")
    versions = [{}, {"HTTP_IF_MATCH": '"1"'}, {"HTTP_IF_MATCH": '"7"'}, {"HTTP_IF_MATCH": "x\u00ff"}]

    for path in (path for path in paths if path.startswith("/api/")):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for number, body in enumerate(BODIES):
                answer = caller.client.generic(method, path, body, content_type="application/json", **versions[number % 4])
                assert not failed(answer), (method, path, body)


def test_api_answers_weird_values_in_every_field(story):
    caller = Caller(story.owner, "read", "draft", "request")
    review_request = story.open()
    targets = [
        ("POST", "plans/", {}), ("PATCH", f"plans/{story.plan.pk}/", {}), ("POST", f"plans/{story.plan.pk}/moves/", {}),
        ("POST", "review-requests/", {}), ("PATCH", f"review-requests/{review_request.pk}/", {}),
        ("PUT", f"review-requests/{review_request.pk}/confirmations/rollback/", {}),
        ("PUT", f"review-requests/{review_request.pk}/staging-validation/", {}),
        ("POST", f"review-requests/{review_request.pk}/comment/", {}), ("POST", f"review-requests/{review_request.pk}/withdraw/", {}),
    ]  # fmt: skip

    for method, path, _ in targets:
        for name in NAMES:
            for value in WEIRD:
                answer = caller.client.generic(
                    method, f"/api/v1/{path}", json.dumps({name: value}), content_type="application/json", HTTP_IF_MATCH='"1"'
                )
                assert answer.status_code < 500, (method, path, name, value)
                assert answer.status_code not in (200, 201) or method in ("PATCH", "POST"), (method, path, name, value)


def test_every_error_of_the_api_is_a_problem(story, paths):
    caller = Caller(story.owner)

    for path in (path for path in paths if path.startswith("/api/v1/") and path not in ("/api/v1/readiness",)):
        for method in ("GET", "PUT", "POST", "DELETE"):
            answer = caller.client.generic(method, path, b"{", content_type="application/json")
            if answer.status_code >= 400:
                assert answer["Content-Type"] == "application/problem+json", (method, path)
                assert {"type", "title", "status", "detail", "errors", "request_id"} == set(answer.json()), (method, path)

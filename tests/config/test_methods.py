"""Methods that a route does not know, and the two that every route knows: HEAD and OPTIONS."""

import pytest
from django.test import Client

from access.models import ApiToken
from tests.calls import Caller
from tests.factories import Story

pytestmark = pytest.mark.usefixtures("both_stores")
PUBLIC = [
    "/", "/self-service/readiness", "/self-service/rollout-gates", "/protocol", "/protocol/v1/jwks.json", "/livez", "/readyz",
    "/api/v1/readiness", "/api/docs",
]  # fmt: skip
OTHERS = ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "x"]


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("method", OTHERS)
def test_H04_public_pages_refuse_every_other_method_with_allow(path, method):
    response = Client(enforce_csrf_checks=True).generic(method, path)

    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")
    if path.startswith("/api/"):
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["errors"][0]["code"] == "method_not_allowed"
    else:
        assert "The methods here are: GET, HEAD, OPTIONS." in response.content.decode()


@pytest.mark.parametrize("path", PUBLIC)
def test_options_says_what_there_is_and_head_is_get_without_a_body(path):
    client = Client(enforce_csrf_checks=True)
    options, head, get = client.options(path), client.head(path), client.get(path)

    assert (options.status_code, options["Allow"], options.content) == (204, "GET, HEAD, OPTIONS", b"")
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head["Content-Type"] == get["Content-Type"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "x"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/", "/self-service/plans/new"])
def test_pages_with_forms_take_post_and_nothing_else(path, method):
    client = Client(enforce_csrf_checks=True)
    client.force_login(Story().release)

    assert client.generic(method, path).status_code == 405


def test_api_answers_options_to_who_has_a_token_and_names_no_field():
    story = Story()
    path = f"/api/v1/plans/{story.plan.pk}/"
    caller = Caller(story.owner)

    answer = caller.client.options(path)

    assert (answer.status_code, answer["Allow"], answer.content) == (204, "DELETE, GET, HEAD, OPTIONS, PATCH", b"")
    assert Client().options(path).status_code == 401
    refused = caller.client.generic("TRACE", path)
    assert (refused.status_code, refused["Allow"], refused.json()["errors"][0]["code"]) == (
        405,
        "DELETE, GET, HEAD, OPTIONS, PATCH",
        "method_not_allowed",
    )


@pytest.mark.parametrize("header", ["HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE"])
def test_method_override_headers_change_nothing(header):
    story = Story()
    caller, path = Caller(story.owner), f"/api/v1/plans/{story.plan.pk}/"

    read = caller.client.get(path, **{header: "DELETE"})
    posted = caller.client.post(path, {"_method": "DELETE"}, HTTP_IF_MATCH='"1"', **{header: "DELETE"})

    assert (read.status_code, posted.status_code) == (200, 405)
    assert caller.get(f"plans/{story.plan.pk}/").status_code == 200


def test_session_on_the_checks_is_told_405_and_not_csrf():
    client = Client(enforce_csrf_checks=True)
    client.force_login(Story().owner)

    assert client.get("/api/v1/readiness/checks").status_code == 200
    assert client.generic("POST", "/api/v1/readiness/checks").status_code == 405
    assert ApiToken.objects.count() == 0

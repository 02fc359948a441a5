"""What holds for every request, before any view: bodies by header, ids, and errors as answers."""

import re

import pytest
from django.test import Client

# Both stores, because an answer to a database error looks at the connections that are open.
pytestmark = [pytest.mark.urls("tests.config.urls"), pytest.mark.usefixtures("both_stores")]

PATHS = ["/api/v1/echo/", "/plain/", "/protected/", "/nowhere/", "/static/readiness.css"]
URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "multipart/mixed", "Multipart/Form-Data", "multipart/"])
def test_p03_multipart_is_415_on_every_route_and_method(client, path, method, kind):
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nsecret\r\n--x--\r\n'
    response = client.generic(method, path, body, content_type=kind)
    assert response.status_code == 415
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/plain/", URLENCODED, 200),
        ("/plain/", f"{URLENCODED}; charset=utf-8", 200),
        ("/plain/", "application/json", 415),
        ("/plain/", "text/plain", 415),
        ("/api/v1/echo/", URLENCODED, 415),
        ("/api/v1/echo/", "application/json; charset=utf-8", 200),
    ],
)
def test_pages_take_forms_and_the_api_takes_json(client, path, kind, status):
    body = b'{"name": "x"}' if "json" in kind else b"name=x"
    assert client.generic("POST", path, body, content_type=kind).status_code == status


@pytest.mark.parametrize("path", ["/api/v1/echo/", "/plain/"])
@pytest.mark.parametrize(
    ("length", "status"), [("65537", 413), ("9999999999", 413), ("9" * 400, 413), ("-1", 400), ("1e3", 400), ("٣", 400), ("x", 400)]
)
def test_p07_length_over_the_limit_or_no_number_is_refused_unread(client, path, length, status):
    response = client.generic("POST", path, b"", CONTENT_LENGTH=length, CONTENT_TYPE="application/json")
    assert response.status_code == status


def test_p07_body_of_exactly_the_limit_is_read(client):
    body = b"name=" + b"x" * (64 * 1024 - 5)
    assert client.generic("POST", "/plain/", body, content_type=URLENCODED).status_code == 200
    assert client.generic("POST", "/plain/", body + b"x", content_type=URLENCODED).status_code == 413


def test_too_many_fields_are_400(client):
    assert client.generic("POST", "/plain/", b"&".join(b"a=%d" % n for n in range(300)), content_type=URLENCODED).status_code == 400


@pytest.mark.parametrize("path", ["/plain/", "/nowhere/"])
@pytest.mark.parametrize(
    ("query", "named"),
    [("a=%00", ["a"]), ("a=1&b=x%00y&c=%00", ["b", "c"]), ("%00", [""]), ("a%00b=1", ["ab"]), ("a=%00&a=%00", ["a"])],
)
def test_null_character_in_the_query_is_400_and_names_the_parameter(client, path, query, named):
    answer = client.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert re.findall(r"The parameter (\w*) holds a null character", answer.text) == named
    assert "\0" not in answer.text


def test_null_character_in_the_query_of_a_call_is_told_with_whatever_else_is_wrong(client):
    answer = client.get("/api/v1/echo/?a=%00&c=%00")

    found = [(error["parameter"], error["code"]) for error in answer.json()["errors"]]
    assert (answer.status_code, found) == (400, [("c", "unknown_parameter"), ("a", "null_character"), ("c", "null_character")])


def test_encoded_percent_sign_is_no_null_character(client):
    assert client.get("/api/v1/echo/?a=%2500").json() == {"a": "%00"}


def test_request_id_is_ours_and_new_each_time(client):
    answers = [client.get("/plain/", headers={"x-request-id": "forged\r\n"}) for _ in range(2)]
    ids = [answer["X-Request-ID"] for answer in answers]
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize("path", ["/plain/", "/nowhere/", "/api/v1/echo/", "/api/v1/nowhere/", "/fails/operational/", "/protected/"])
def test_h10_h13_headers_stand_on_every_answer(client, path):
    headers = client.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("what", "status", "sentence"),
    [
        ("refused", 400, "Two."),
        ("not-found", 404, "There is no such plan"),
        ("operational", 503, "A database does not answer"),
        ("integrity", 409, "something else changed first"),
        ("data", 400, "does not fit"),
    ],
)
def test_h16_refusal_that_a_page_lets_out_is_a_page_with_its_reasons(client, what, status, sentence):
    response = client.get(f"/fails/{what}/")
    assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert sentence in response.text
    assert response["X-Request-ID"] in response.text
    assert response.has_header("Retry-After") is (status == 503)


def test_a_fault_of_ours_is_a_page_without_its_text(client):
    client.raise_request_exception = False
    response = client.get("/fails/fault/")
    assert response.status_code == 500
    assert "db.internal" not in response.text


def test_h04_form_without_its_token_is_403_with_a_way_on():

    response = Client(enforce_csrf_checks=True).post("/protected/", b"name=x", content_type=URLENCODED)
    assert response.status_code == 403
    assert "reload the page" in response.text


@pytest.mark.parametrize("host", ["evil.example", "localhost:8000@evil.example", "testserver\\@evil", "a b", ""])
def test_h02_unknown_host_is_400(client, host):
    assert client.get("/plain/", headers={"host": host}).status_code == 400


def test_h02_forwarded_host_is_ignored(client):
    response = client.get("/api/v1/nowhere/", headers={"x-forwarded-host": "evil.example"})
    assert response.status_code == 404
    assert "evil.example" not in response.text

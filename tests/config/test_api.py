"""What every room's API shares: strict bodies, parameters, ETags, keyset pages, problem+json."""

import json
import time
from base64 import urlsafe_b64encode

import pytest
from django.db.models.functions import Now

from config.refusals import Refused
from config.strict import parse_json
from drafts.models import Partner

# Both stores, because an answer to a database error looks at the connections that are open.
pytestmark = [pytest.mark.urls("tests.config.urls"), pytest.mark.usefixtures("both_stores")]

ECHO = "/api/v1/echo/"


def post(client, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(ECHO, content, content_type="application/json", headers=headers)


def problem(response, status: int) -> dict:
    """The body, after checking that it is a whole problem (RFC 9457)."""
    body = response.json()
    assert response.status_code == body["status"] == status
    assert response["Content-Type"] == "application/problem+json"
    assert list(body) == ["type", "title", "status", "detail", "errors", "request_id"]
    assert body["request_id"] == response["X-Request-ID"]
    return body


def codes(response, status: int = 400) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in problem(response, status)["errors"]]


# --- bodies ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, -2.5, true, null, "\xc3\xa9", "\\ud83d\\ude00"]}', {"a": [1, -2.5, True, None, "é", "😀"]}),
        (b"9007199254740991", 9_007_199_254_740_991),
        (b'"[[[[[[[[[[[[[[[[[[[["', "[" * 20),
        (b'"\\"[[[[[[[[[[[[[[[[[[[["', '"' + "[" * 20),
        (b"[" * 16 + b"]" * 16, [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]),
    ],
)
def test_strict_json_reads_what_is_json(body, value):
    assert parse_json(body) == value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"{'a': 1}", "invalid_json"),
        (b'{"a": 1,}', "invalid_json"),
        (b'{"a": 1} x', "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b'{"a": "\xff"}', "invalid_json"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_json"),
        ('{"a": 1}'.encode("utf-16"), "invalid_json"),
        (b'{"a": "\n"}', "invalid_json"),
        (b'{"a": NaN}', "invalid_json"),
        (b"[Infinity]", "invalid_json"),
        (b"[-Infinity]", "invalid_json"),
        (b"[1e400]", "invalid_json"),
        (b"[-1e400]", "invalid_json"),
        (b"[" + b"9" * 5000 + b"]", "invalid_json"),
        (b"[99999999999999999]", "invalid_json"),
        (b'{"a": 1, "a": 1}', "duplicate_key"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "duplicate_key"),
        (b'[{"": 1, "": 2}]', "duplicate_key"),
        (b'"\\u0000"', "null_character"),
        (b'"\\ud800"', "null_character"),
        (b'"\\ude00\\ud83d"', "null_character"),
        (b'{"\\u0000": 1}', "null_character"),
        (b"[" * 17 + b"]" * 17, "too_deep"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too_deep"),
        (b'["\\\\", ' + b"[" * 17, "too_deep"),
    ],
)
def test_strict_json_refuses_the_rest_with_a_reason(body, code):
    with pytest.raises(Refused) as refusal:
        parse_json(body)
    assert (refusal.value.codes, refusal.value.status) == ([code], 400)


@pytest.mark.parametrize("body", [b"[" * 10_000, b'{"a":' * 10_000, b"[" * 30_000 + b"]" * 30_000])
def test_p07_deep_json_costs_next_to_nothing(body):
    start = time.perf_counter()
    with pytest.raises(Refused) as refusal:
        parse_json(body)
    assert refusal.value.codes == ["too_deep"]
    assert time.perf_counter() - start < 0.1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "\x00"}, "/name"),
        ({"name": "x", "inner": {"text": "a\x00b"}}, "/inner/text"),
        ({"many": [{"text": "x"}, {"text": "\ud800"}]}, "/many/1/text"),
        ({"a/b~c": "\x00"}, "/a~1b~0c"),
    ],
)
def test_null_characters_and_half_characters_are_refused_where_they_stand(client, body, pointer):
    assert codes(post(client, body)) == [(pointer, "null_character")]


def test_valid_body_passes(client):
    body = {"name": "x", "inner": {"text": "y"}, "many": [{"text": "z"}]}
    response = post(client, body)
    assert (response.status_code, response.json()) == (200, body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "x", "other": 1}, [("/other", "unknown_field")]),
        ({"name": "x", "derived": "y"}, [("/derived", "unknown_field")]),
        ({"name": "x", "inner": {"text": "y", "deep": 1}}, [("/inner/deep", "unknown_field")]),
        ({"name": "x", "many": [{"text": "y"}, {"text": "y", "deep": 1}]}, [("/many/1/deep", "unknown_field")]),
        ({"name": "x", "b": 1, "a": 1}, [("/a", "unknown_field"), ("/b", "unknown_field")]),
        ({}, [("/name", "required")]),
        ({"name": None}, [("/name", "null")]),
        ({"name": ""}, [("/name", "blank")]),
        ({"name": "  "}, [("/name", "blank")]),
        ({"name": 1}, [("/name", "invalid")]),
        ({"name": True}, [("/name", "invalid")]),
        ({"name": ["x"]}, [("/name", "invalid")]),
        ({"name": {"text": "x"}}, [("/name", "invalid")]),
        ({"name": "123456"}, [("/name", "max_length")]),
        ({"name": "x", "inner": "y"}, [("/inner", "invalid")]),
        ({"name": "x", "many": {"text": "y"}}, [("/many", "not_a_list")]),
        ([], [("", "invalid")]),
        ("text", [("", "invalid")]),
        (None, [("", "null")]),
        (1, [("", "invalid")]),
    ],
)
def test_serializers_name_every_unknown_and_wrong_field(client, body, expected):
    assert codes(post(client, body)) == expected


def test_unknown_long_key_is_not_echoed_whole(client):
    response = post(client, {"name": "x", "k" * 5000: 1})
    assert response.status_code == 400
    assert "k" * 100 not in response.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonx", ""])
def test_other_media_types_are_415(client, kind):
    assert codes(client.generic("POST", ECHO, b"{}", content_type=kind), 415) == [("", "media_type")]


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "application/json;q=0"])
def test_h12_accept_header_changes_nothing(client, accept):
    response = client.get(ECHO, headers={"accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


# --- parameters -----------------------------------------------------------------------------------------------------------------


def test_known_parameters_pass(client):
    assert client.get(f"{ECHO}?a=1&b=%C3%A9").json() == {"a": "1", "b": "é"}


@pytest.mark.parametrize("query", ["c=1", "a=1&a=2", "format=api", "a__gt=1", "=1", "a[]=1", "A=1"])
def test_h07_unknown_or_repeated_parameters_are_400(client, query):
    assert codes(client.get(f"{ECHO}?{query}")) == [("", "unknown_parameter")]


# --- versions -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ['"3"', '"1", "3"', ' "3" '])
def test_if_match_with_the_current_version_passes_and_answers_the_next(client, given):
    response = client.patch(ECHO, b"{}", content_type="application/json", headers={"if-match": given})
    assert (response.status_code, response["ETag"]) == (200, '"4"')


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 428, ["if_match_required"]),
        ({"if-match": " "}, 428, ["if_match_required"]),
        ({"if-match": '"2"'}, 412, ["stale_version"]),
        ({"if-match": "3"}, 412, ["if_match_invalid", "stale_version"]),
        ({"if-match": 'W/"3"'}, 412, ["stale_version"]),
        ({"if-match": '"03"'}, 412, ["stale_version"]),
        ({"if-match": '"2", W/"3", "x,"3"'}, 412, ["if_match_invalid", "stale_version"]),
        ({"if-match": '"2", W/"3", "x,"'}, 412, ["stale_version"]),
        ({"if-match": "'3'"}, 412, ["if_match_invalid", "stale_version"]),
        ({"if-match": '"3", *'}, 412, ["if_match_invalid", "stale_version"]),
    ],
)
def test_if_match_missing_or_stale_is_refused_with_the_current_tag(client, headers, status, code):
    response = client.patch(ECHO, b"{}", content_type="application/json", headers=headers)
    assert codes(response, status) == [("", word) for word in code]
    assert response.get("ETag") == ('"3"' if status == 412 else None)


@pytest.mark.parametrize("tag", ['"3"', '"2", "3"', "*", ' "3" ', '"x","3"'])
def test_if_match_takes_one_of_several_tags_and_a_star(client, tag):
    response = client.patch(ECHO, b"{}", content_type="application/json", headers={"if-match": tag})
    assert (response.status_code, response["ETag"]) == (200, '"4"')


# --- lists ----------------------------------------------------------------------------------------------------------------------

PARTNERS = "/api/v1/partners/"


def make_partners(number: int) -> set[str]:
    """They all have one created_at, the transaction's, which is the hard case for a keyset."""
    made = Partner.objects.bulk_create([Partner(slug=f"p{index}", name="P", created_at=Now()) for index in range(number)])
    return {partner.slug for partner in made}


def make_partners_of_different_times(number: int) -> None:
    times = [f"2026-01-0{index + 1}T00:00:00Z" for index in range(number)]
    Partner.objects.bulk_create([Partner(slug=f"p{index}", name="P", created_at=time) for index, time in enumerate(times)])


def walk(client, url: str, *, towards: str = "next") -> list[str]:
    seen = []
    while url:
        body = client.get(url).json()
        assert list(body) == ["next", "previous", "results"]
        seen += [row["slug"] for row in body["results"]]
        url = body[towards]
    return seen


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_keyset_pages_show_every_row_once(client, size):
    slugs = make_partners(7)
    seen = walk(client, f"{PARTNERS}?page_size={size}")
    assert (len(seen), set(seen)) == (7, slugs)


def test_keyset_page_keeps_its_place_when_a_row_is_added_in_front(client):
    make_partners_of_different_times(4)
    first = client.get(f"{PARTNERS}?page_size=2").json()
    Partner.objects.create(slug="new", name="New", created_at="2099-01-01T00:00:00Z")
    rest = walk(client, first["next"])
    assert ([row["slug"] for row in first["results"]], rest) == (["p3", "p2"], ["p1", "p0"])


def test_page_size_is_50_and_at_most_200(client):
    make_partners(201)
    assert len(client.get(PARTNERS).json()["results"]) == 50
    for given in ("200", "201", "999999"):
        assert len(client.get(f"{PARTNERS}?page_size={given}").json()["results"]) == 200


@pytest.mark.parametrize("given", ["0", "-1", "x", "", "1.5", "1e2", "٣", "9999999", "%31x"])
def test_page_size_that_is_no_number_from_1_is_400(client, given):
    assert codes(client.get(PARTNERS, {"page_size": given})) == [("", "invalid_page_size")]


def test_more_rows_of_one_time_than_any_page_has_are_all_shown(client):
    slugs = make_partners(1300)
    there = walk(client, f"{PARTNERS}?page_size=200")
    assert (len(there), set(there)) == (1300, slugs)


def test_pages_lead_back_the_way_they_came(client):
    make_partners(7)
    there = walk(client, f"{PARTNERS}?page_size=2")
    first = client.get(f"{PARTNERS}?page_size=2").json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()

    again = client.get(third["previous"]).json()

    assert first["previous"] is None
    assert again["results"] == second["results"]
    assert client.get(again["next"]).json()["results"] == third["results"]
    assert (client.get(again["previous"]).json()["results"], client.get(again["previous"]).json()["previous"]) == (first["results"], None)
    assert walk(client, f"{PARTNERS}?page_size=7")[::-1] == there[::-1]


def test_a_page_whose_rows_are_gone_leads_to_the_beginning(client):
    make_partners_of_different_times(3)
    last = client.get(client.get(f"{PARTNERS}?page_size=2").json()["next"]).json()
    Partner.objects.filter(slug__in=["p1", "p2"]).delete()

    gone = client.get(last["previous"]).json()

    assert gone["results"] == []
    assert [row["slug"] for row in client.get(gone["next"]).json()["results"]] == ["p0"]


def cursor_of(*said: object) -> str:
    return urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


MOMENT, ID = "2026-01-01T00:00:00+00:00", "00000000-0000-4000-8000-000000000000"


def test_a_cursor_as_a_page_writes_it_is_taken(client):
    assert client.get(PARTNERS, {"cursor": cursor_of(False, MOMENT, ID)}).status_code == 200


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "====",
        "%%%",
        *(urlsafe_b64encode(text).decode().rstrip("=") for text in (b"p=garbage", b"[", b"\xff", b"5", b"{}", b"[]", b"[" * 300, b"null")),
        cursor_of(False),
        cursor_of(False, MOMENT),
        cursor_of(False, MOMENT, ID, ID),
        cursor_of(0, MOMENT, ID),
        cursor_of("false", MOMENT, ID),
        cursor_of(False, MOMENT, 5),
        cursor_of(False, ID, MOMENT),
        *(
            cursor_of(False, moment, ID)
            for moment in ("2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-13-01T00:00:00+00:00")
        ),
        *(cursor_of(False, MOMENT, given) for given in ("1", ID.upper()[:-1] + "A", "'; --", "\0", "9" * 400)),
        cursor_of(False, MOMENT, ID) + "=",
    ],
)
def test_h07_foreign_cursor_is_400(client, cursor):
    make_partners(2)
    assert codes(client.get(PARTNERS, {"cursor": cursor})) == [("", "invalid_cursor")]


def test_h02_links_of_a_page_keep_to_the_host_that_was_asked(client):
    make_partners(2)
    assert client.get(f"{PARTNERS}?page_size=1").json()["next"].startswith(f"http://testserver{PARTNERS}?cursor=")


# --- errors ---------------------------------------------------------------------------------------------------------------------


def test_h16_refusal_lists_all_reasons_and_takes_the_first_status_that_applies(client):
    body = problem(client.get("/api/v1/fails/refused/"), 400)
    assert body["type"] == "/api/docs#invalid"
    assert body["detail"] == "One. Two."
    assert body["errors"] == [
        {"pointer": "/a", "code": "one", "detail": "One."},
        {"pointer": "", "code": "two", "detail": "Two.", "clear_by": "owner"},
    ]


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("not-found", 404, "not_found"),
        ("operational", 503, "database_unavailable"),
        ("integrity", 409, "conflict"),
        ("data", 400, "invalid"),
    ],
)
def test_errors_of_the_database_have_their_status(client, what, status, code):
    response = client.get(f"/api/v1/fails/{what}/")
    assert codes(response, status) == [("", code)]
    assert response.has_header("Retry-After") is (status == 503)


def test_a_fault_of_ours_is_a_500_without_its_text(client):
    client.raise_request_exception = False
    response = client.get("/api/v1/fails/fault/")
    assert codes(response, 500) == [("", "internal")]
    assert "db.internal" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("delete", ECHO, 405), ("get", "/api/v1/nowhere/", 404), ("get", "/api/v1/echo", 404)]
)
def test_method_and_path_that_do_not_exist(client, method, path, status):
    problem(getattr(client, method)(path), status)

"""Every URL × method × role against the written table tests/routes.txt. A route that is not in it fails.

Each call says nothing: no body, no If-Match, no parameter. So every verb is refused, and the table tells for which reason first.
A method that has no row is not there: 405 for whoever may come so far, 204 for OPTIONS, HEAD as GET.
A `*` in a row stands for one part of an address of admin, whose pages are alike; a row without it goes first.
"""

from re import fullmatch

import pytest
from django.test import Client

from tests.calls import ALL_SCOPES, Caller
from tests.conftest import PROJECT
from tests.factories import Story, make_partner, make_user
from tests.test_no_route_fails import filled, routes

pytestmark = pytest.mark.usefixtures("both_stores")
TABLE = PROJECT / "tests" / "routes.txt"
FORM = "application/x-www-form-urlencoded"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Sessions on pages; on the API a token of each scope of the owner, and a token of read, draft, request and gate of everybody else.
PEOPLE = ("anonymous", "owner", "viewer", "other", "reviewer", "auditor", "operator")
TOKENS = ("anonymous", "read", "draft", "request", "gate", "viewer", "other", "reviewer", "auditor", "operator")


def is_api(route: str) -> bool:
    return route.startswith("api/v1/") and route not in ("api/v1/readiness", "api/v1/schema")


def written() -> dict[tuple[str, str], list[int]]:
    """(route, method) → expected status for each column."""
    rows = [line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return {(route.removeprefix("/"), method): [int(status) for status in statuses] for method, route, *statuses in rows}


@pytest.fixture
def callers(settings):
    """Column → how it calls: (method, path) → response."""
    settings.SIGN_IN_TRIES = 100
    story = Story()
    other = make_user("other")
    make_partner("elsewhere", owners=(other,))
    people = {
        "owner": story.owner, "viewer": story.viewer, "other": other, "reviewer": story.release,
        "auditor": make_user("auditor", groups=("auditors",)), "operator": make_user("operator", groups=("operators",)),
    }  # fmt: skip
    tokens = {scope: Caller(story.owner, scope).client for scope in (*ALL_SCOPES, "gate")}
    tokens |= {name: Caller(user, *ALL_SCOPES, "gate").client for name, user in people.items() if name != "owner"}
    sessions = {name: Client(raise_request_exception=False) for name in PEOPLE}
    for name, user in people.items():
        sessions[name].force_login(user)
    return story, story.in_review(), sessions, tokens | {"anonymous": sessions["anonymous"]}


def found(callers, route: str, method: str) -> list[int]:
    story, review_request, sessions, tokens = callers
    path, api = filled(route, story, review_request), is_api(route)
    columns, kind = (TOKENS, "application/json") if api else (PEOPLE, FORM)
    return [(tokens if api else sessions)[name].generic(method, path, content_type=kind).status_code for name in columns]


def known_routes() -> list[str]:
    """Signing out ends the sessions that all the others need; the pattern of static files is no page."""
    return [route for route in routes() if "(?P" not in route and not route.endswith("/logout/")]


def row_for(route: str, method: str, table: dict) -> list[int] | None:
    names = [route, *(name for name, _ in table if "*" in name and fullmatch(name.replace("*", "[^/]+"), route))]
    return next((table[name, method] for name in names if (name, method) in table), None)


def row(route: str, method: str, statuses: list[int]) -> str:
    return " ".join([f"{method:6} /{route:85}", *map(str, statuses)])


def test_A16_every_route_answers_every_method_to_every_role_as_written(callers):
    table, wrong = written(), []
    for route in known_routes():
        for method in METHODS:
            statuses, expected = found(callers, route, method), row_for(route, method, table)
            absent = 405 in statuses and set(statuses) <= {302, 401, 403, 405}
            wrong += [row(route, method, statuses)] if statuses != expected and not (absent and expected is None) else []

    assert wrong == [], "these rows of tests/routes.txt are missing or say something else:\n" + "\n".join(wrong)


@pytest.mark.parametrize("serves", ["self-service", "review"])
def test_a_process_of_one_kind_answers_404_on_the_paths_of_the_other_and_as_ever_on_its_own(callers, settings, serves):
    """The same table: what is not served is 404 to everybody, by any method, and nothing else changes."""
    settings.SERVES, table, wrong = serves, written(), []
    for route in known_routes():
        for method in METHODS:
            statuses, expected = found(callers, route, method), row_for(route, method, table)
            if not SERVED[serves](route):
                wrong += [] if set(statuses) == {404} else [row(route, method, statuses)]
            elif expected is not None and statuses != expected:
                wrong += [row(route, method, statuses)]
    assert wrong == []


SERVED = {
    "self-service": lambda route: not route.startswith("admin/"),
    "review": lambda route: route.startswith("api/v1/readiness") or not route.startswith(("self-service/plans/", "api/")),
}


def test_both_kinds_of_process_together_serve_every_route():
    assert [route for route in known_routes() if not any(served(route) for served in SERVED.values())] == []


def test_every_row_has_a_route():
    known, table = known_routes(), written()
    used = set(known) | {name for name, _ in table if any(fullmatch(name.replace("*", "[^/]+"), route) for route in known)}
    assert sorted({route for route, _ in table} - used) == []


def test_head_is_as_get_and_options_tell_the_methods(callers):
    for route in known_routes():
        if "admin/" in route or route == "accounts/login/":
            continue  # stock pages, whose OPTIONS is a page or none
        assert found(callers, route, "HEAD") == found(callers, route, "GET"), route
        assert set(found(callers, route, "OPTIONS")) <= {200, 204, 302, 401, 403, 404}, route
        assert set(found(callers, route, "TRACE")) <= {302, 401, 403, 404, 405}, route


@pytest.mark.parametrize("change", [str.upper, lambda path: path.rstrip("/"), "{}/".format, "{}%20".format, "{}/.".format])
def test_other_spellings_of_a_path_are_404(callers, change):
    story, review_request, sessions, tokens = callers
    for route in known_routes():
        path = filled(route, story, review_request)
        if (spelt := change(path)) == path or "object_id" in route or spelt.strip("/.") == "":
            continue
        caller = tokens["operator"] if is_api(route) else sessions["operator"]
        assert caller.get(spelt).status_code == 404, spelt

"""The public pages and probes: they answer whoever asks, say what is true, and show no inside."""

import json
import re

import pytest

from tests.calls import Caller
from tests.factories import Story, make_user
from tests.test_no_route_fails import filled, routes

pytestmark = pytest.mark.usefixtures("both_stores")
LABELS = [
    "Readiness", "Is your environment ready for deployment?", "Can continue", "Blocked by", "Missing next", "Runtime boundary", "Start",
    "Rollout gates", "Protocol / verify", "Draft store", "Store requirement", "Production writes", "Launch gate", "Open checks",
    "Pre-execution Boundary", "Database Isolation", "Verification Surface", "Deployment Review", "Boundary posture",
    "Minimum boundary fields", "No payload custody", "Machine-verifiable receipt", "Readiness detail",
    "1. Scope", "2. Review", "3. Deploy", "4. Continue",
]  # fmt: skip
PUBLIC = [
    "/self-service/readiness", "/self-service/rollout-gates", "/protocol", "/protocol/v1/jwks.json", "/livez", "/readyz",
    "/api/v1/readiness", "/api/docs", "/accounts/login/",
]  # fmt: skip


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


TITLED = re.compile(r'<(?:p class="eyebrow"|h1|h2|h3|dt|summary)[^>]*>(.*?)</(?:p|h1|h2|h3|dt|summary)>', re.DOTALL)


def test_page_has_the_seeds_labels_in_their_order_each_once(client):
    """As titles of their own, not somewhere in a sentence; what else is titled comes after the seed's last block, or is the verdict."""
    main = re.search(r"<main.*</main>", client.get("/self-service/readiness").content.decode(), re.DOTALL)[0]
    titles = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", title)).strip() for title in TITLED.findall(main)]
    # A panel's title stands between its number and how many pass.
    titles = [re.sub(r"^0\d (.*) \d+ of \d+ pass$", r"\1", title) for title in titles]

    assert [title for title in titles if title in LABELS] == LABELS
    assert titles[-3:] == ["The answer as JSON", "For a pipeline", "Changes of verdict"]
    assert len(titles) == len(LABELS) + 4


def test_page_shows_the_json_it_serves(client):
    served = client.get("/api/v1/readiness").content.decode()
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", client.get("/self-service/readiness").content.decode(), re.DOTALL)[1]

    assert shown.replace("&quot;", '"').strip() == served.strip()


def test_page_follows_the_facts(client):
    story = Story()
    assert "Nothing in this gate" in text_of(client.get("/self-service/readiness"))

    story.release.groups.clear()

    page = text_of(client.get("/self-service/readiness"))
    assert "Nobody could approve for production" in page
    assert "Nothing in this gate" not in page


def test_json_is_public_uncached_and_aged(client):
    response = client.get("/api/v1/readiness")

    assert (response.status_code, response["Cache-Control"], response["Content-Type"]) == (200, "no-store", "application/json")
    assert response["Age"].isdigit()
    assert json.loads(response.content)["environment"] == "test"
    assert client.post("/api/v1/readiness", content_type="application/json").status_code == 405


# product.md, "Anonymous routes, all of them"; static files are served before the routes.
ANONYMOUS = re.compile(
    r"/|/self-service/(readiness|rollout-gates)|/protocol(/.*)?|/verify(/.*)?|/self-service/verify-keys/offline-bundle|/livez|/readyz"
    r"|/api/v1/(readiness|schema|log/.*)|/api/docs(/.*)?|/accounts/login/"
)


def is_shut(response) -> bool:
    """Asked to sign in, refused for want of a token, or told that there is nothing; a page that a deed needs a form for is shut, too."""
    # Admin sends who signs out, and is not in, to its start page, which asks to sign in.
    to_sign_in = response.status_code == 302 and re.fullmatch(r"/(accounts|admin)/login/.*|/admin/", response["Location"])
    return bool(to_sign_in) or response.status_code in (401, 404, 405)


def test_A16_anonymous_routes_are_exactly_those_of_the_contract(client):
    story = Story()
    review_request = story.in_review()
    paths = [path for route in routes() if "(?P" not in (path := filled(route, story, review_request))]
    assert len(paths) > 60

    found = {path for path in paths if not is_shut(client.get(path))}

    assert [path for path in sorted(found) if not ANONYMOUS.fullmatch(path)] == []
    assert set(PUBLIC) <= found
    assert [path for path in paths if ANONYMOUS.fullmatch(path) and client.get(path).status_code in (401, 403)] == []


@pytest.mark.parametrize("path", PUBLIC)
def test_A16_anonymous_may_read(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/self-service/readiness/", "/SELF-SERVICE/readiness", "/protocol/", "/api/v1/readiness/", "/metrics", "/livez/"]
)
def test_other_spelling_is_404(client, path):
    assert client.get(path).status_code == 404


def test_anonymous_sees_no_inside(client, settings):
    inside = {value for database in settings.DATABASES.values() for value in (database["PASSWORD"], database["USER"]) if value} | {
        "127.0.0.1:"
    }

    for path in PUBLIC:
        content = client.get(path).content.decode()
        assert not [word for word in inside if word in content], path


def test_checks_are_for_who_is_signed_in_or_has_a_token(client):
    user = make_user("somebody")
    by_token = Caller(user, "read").get("readiness/checks")
    client.force_login(user)
    by_session = client.get("/api/v1/readiness/checks")

    assert (by_token.status_code, by_session.status_code) == (200, 200)
    check = by_token.json()["checks"][0]
    assert {"id", "title", "area", "result", "evidence", "age", "remedy"} <= set(check)


def test_readyz_names_no_side_when_both_are_there(client):
    assert client.get("/readyz").json() == {"ready": True, "away": []}


@pytest.mark.parametrize("path", [*PUBLIC, "/nothing-here", "/api/v1/nothing-here", "/self-service/plans/"])
def test_H13_security_headers_are_on_every_answer(client, path):
    response = client.get(path)

    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Request-ID"]


@pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/plans/", "/self-service/readiness", "/nothing"])
def test_P03_multipart_is_415_everywhere(client, path):
    assert client.post(path, {"a": "b"}).status_code == 415


def test_H02_foreign_host_is_400(client):
    assert client.get("/self-service/readiness", HTTP_HOST="evil.example").status_code == 400
    assert "evil.example" not in client.get("/self-service/readiness", HTTP_X_FORWARDED_HOST="evil.example").content.decode()

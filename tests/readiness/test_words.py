"""The page's sentences follow the findings, and the pipeline snippet stops a job on everything but yes, run as a script."""

import html
import json
import re
import subprocess
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.test import Client

from readiness import registry, words
from readiness.gate import Readiness, json_text, readiness
from receipts.keys import register_key
from receipts.signing import signer

YES = {"environment": "production", "production_like": True, "status": "ready_for_review"}


def finding(result: str, *, area: str = registry.ISOLATION, remedy: str = "") -> registry.Finding:
    return registry.Finding("a_check", 1, "A check", area, registry.Result(result), "Seen.", remedy)


def page(*results: str, status: str = "ready_for_review", passes: bool = True) -> dict:
    answer = {
        "draft_store_isolation": "dedicated", "production_write_from_self_service": False, "require_self_service_database_url": True,
        "launch_gate": {"passes_enterprise_db_gate": passes},
    }  # fmt: skip
    found = Readiness(status, tuple(finding(result) for result in results), answer, datetime.now(UTC), 0.0)
    return words.page(found)


@pytest.mark.parametrize(
    ("results", "shown"),
    [
        (["pass", "pass"], "It holds: every check here passes."),
        (["pass", "not_applicable"], "It holds as far as can be asked here: 1 check does not apply."),
        (["not_applicable", "warn"], "Not all of it is shown: 1 check warns."),
        (["warn", "warn", "unknown"], "Whether it holds cannot be told now: 1 check has no answer."),
        (["unknown", "unknown", "pass"], "Whether it holds cannot be told now: 2 checks have no answer."),
        (["unknown", "block", "block", "warn"], "It does not hold now: 2 checks block."),
    ],
)
def test_panel_says_that_something_holds_only_where_its_checks_show_it(results, shown):
    panel = page(*results)["areas"][1]

    assert (panel["title"], panel["shown"]) == ("Database Isolation", shown)
    assert panel["open"] is any(result in ("block", "unknown", "warn") for result in results)


@pytest.mark.parametrize(
    ("status", "passes", "words"),
    [
        ("ready_for_review", True, "The database gate is passed"),
        ("ready_for_review", False, "The database gate is not passed; this environment does not ask for it"),
        ("blocked", True, "The database gate is passed; launches are shut by what blocks"),
        ("blocked", False, "The database gate is not passed; launches are shut by what blocks"),
        ("unknown", True, "The database gate is passed; launches are shut until every check has an answer"),
    ],
)
def test_launch_gate_is_never_called_passed_while_launches_are_shut(status, passes, words):
    assert page(status=status, passes=passes)["launch_gate"] == words


@pytest.mark.parametrize(
    ("remedy", "parts"),
    [
        ("", []),
        ("Restart.", [("Restart.", False)]),
        ("Run `manage.py provision` now.", [("Run ", False), ("manage.py provision", True), (" now.", False)]),
        ("`ALTER ROLE x`.", [("ALTER ROLE x", True), (".", False)]),
    ],
)
def test_what_to_type_is_set_apart_in_a_remedy(remedy, parts):
    assert words.typed(remedy) == parts


def as_served(answer: dict) -> str:
    return json.dumps(answer, indent=2, sort_keys=True) + "\n"


@pytest.fixture
def answering():
    """answering(body, status, **headers) → the address of a server that says just that."""
    servers = []

    def serve(body: str, status: int = 200, **headers: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == "/api/v1/readiness" else 200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *arguments):
                """Nothing."""

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def run(issuer: str) -> int:
    script = words.ci_snippet(issuer).replace("--max-time 10", "--max-time 2")
    return subprocess.run(["sh"], input=script, text=True, capture_output=True, check=False).returncode


def test_yes_passes_and_a_slash_at_the_end_of_the_issuer_too(answering):
    address = answering(as_served(YES))

    assert (run(address), run(f"{address}/")) == (0, 0)


@pytest.mark.usefixtures("both_stores")
def test_the_answer_that_is_really_served_passes(answering):
    register_key(signer())
    found = readiness()

    assert (found.status, run(answering(json_text(found)))) == ("ready_for_review", 0)


@pytest.mark.parametrize(
    "body",
    ["", "{}", "<html>ready_for_review</html>", as_served(YES | {"status": "blocked"}), as_served(YES | {"status": "unknown"}),
     as_served(YES | {"status": "not_ready_for_review"}), as_served(YES | {"status": "ready_for_review_soon"}),
     as_served(YES | {"status": "blocked", "environment": '"status": "ready_for_review"'}),
     as_served(YES | {"status": "blocked", "environment": '\n  "status": "ready_for_review"\n'})],
)  # fmt: skip
def test_anything_but_yes_stops(answering, body):
    assert run(answering(body)) == 1


@pytest.mark.parametrize("status", [301, 302, 404, 500, 503])
def test_yes_with_another_status_stops(answering, status):
    elsewhere = {"Location": "/elsewhere"} if status < 400 else {}

    assert run(answering(as_served(YES) if status >= 400 else "", status, **elsewhere)) == 1


def test_nobody_there_stops():
    assert run("http://127.0.0.1:1") == 1


def test_silence_stops():
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
        assert run(f"http://127.0.0.1:{silent.server_port}") == 1


@pytest.mark.parametrize("issuer", ["https://x'; touch /tmp/owned; '", "https://$(touch /tmp/owned)", "https://x`id`"])
def test_address_stays_an_address(issuer, tmp_path):
    script = words.ci_snippet(issuer).replace("/tmp/owned", str(tmp_path / "owned"))

    assert subprocess.run(["sh"], input=script, text=True, capture_output=True, check=False).returncode == 1
    assert not (tmp_path / "owned").exists()


@pytest.mark.usefixtures("both_stores")
def test_H02_page_shows_the_snippet_with_the_issuer_and_never_the_host(settings):
    settings.ALLOWED_HOSTS = ["*"]

    page = Client().get("/self-service/readiness", HTTP_HOST="other.example").content.decode()

    shown = html.unescape(re.search(r'<pre class="copy"[^>]*>(.*?)</pre>', page, re.DOTALL)[1])
    assert shown == words.ci_snippet("https://readiness.test")
    assert "other.example" not in page

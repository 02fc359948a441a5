"""The pipeline snippet: it stops a job on everything but yes. Run as a script against answers of every kind."""

import html
import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.test import Client

from readiness import words
from readiness.gate import json_text, readiness
from receipts.keys import register_key
from receipts.signing import signer

YES = {"environment": "production", "production_like": True, "status": "ready_for_review"}


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

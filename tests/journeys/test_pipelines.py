"""The pipeline files of docs/ci, run as scripts against a running server: they end with 0 on a plain yes and on nothing else."""

import base64
import re
import secrets
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import PROJECT, run_manage
from tests.journeys.test_http_story import DEMO_PASSWORD, SHA, in_review, token
from tests.server import Visitor, free_port, serving

CI = PROJECT / "docs" / "ci"
SCRIPT = (CI / "readiness-gate.sh").read_text()
SNIPPETS = {
    "github-actions": (CI / "github-actions.yml", r"^        run: (sh ci/.*)$"),
    "gitlab-ci": (CI / "gitlab-ci.yml", r"^    - (sh ci/.*)$"),
    "jenkins": (CI / "Jenkinsfile", r"^ *sh '(sh ci/.*)'$"),
    "shell": (PROJECT / "docs" / "pipelines.md", r"^\| Plain shell \| `(sh ci/.*)` \|$"),
}
WORDS = {"PARTNER": "northstar_controls", "REFERENCE": "host-request-124", "DEPLOY_TO": "production", "ARTIFACT": f"sha256:{SHA}"}


@dataclass
class Installation:
    address: str
    env: dict[str, str]
    request_id: str
    folder: Path

    def manage(self, *args: object) -> str:
        done = run_manage(*map(str, args), env=self.env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Two SQLite files with a log, an offline root that vouches, a published status, and one approval."""
    folder, port = tmp_path_factory.mktemp("pipelines"), free_port()
    env = {
        "READINESS_ENVIRONMENT": "test",
        "DATABASE_URL": f"sqlite:///{folder / 'primary.sqlite3'}",
        "SELF_SERVICE_DATABASE_URL": f"sqlite:///{folder / 'store.sqlite3'}",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "LOG_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "RECEIPT_ISSUER": f"http://127.0.0.1:{port}",
    }
    made = Installation(f"http://127.0.0.1:{port}", env, "", folder)
    made.manage("migrate_all")
    made.manage("seed_demo")
    made.manage("keys", "init-root", "--file", folder / "root.pem", "--id", "root", "--anchor", folder / "root.json")
    for more in ([], ["--log"]):
        made.manage("keys", "attest", "--root-file", folder / "root.pem", "--root-id", "root", *more)
    with serving(env, port=port) as address:
        owner = Visitor(address, token(env, "owner", "read", "draft", "request"))
        made.request_id = in_review(owner)["id"]
        for username in ("release", "security"):
            reviewer = Visitor(address)
            reviewer.sign_in(username, DEMO_PASSWORD)
            decide = f"/admin/reviews/deploymentreviewrequest/{made.request_id}/decide/"
            assert reviewer.submit(decide, choice="approve", comment="").status == 302
        made.manage("publish_status")
        (folder / "jwks.json").write_bytes(Visitor(address).get("/self-service/verify-keys/offline-bundle").body)
        made.env["READINESS_TOKEN"] = token(env, "owner", "gate", "read")
        yield made


@pytest.fixture
def checkout(installation, tmp_path) -> Path:
    """The repository that is deployed, with the three files in ci/."""
    (tmp_path / "ci").mkdir()
    shutil.copy(CI / "readiness-gate.sh", tmp_path / "ci")
    shutil.copy(PROJECT / "receipts" / "verify.py", tmp_path / "ci")
    shutil.copy(installation.folder / "root.json", tmp_path / "ci")
    return tmp_path


def script_of(snippet: str) -> str:
    path, pattern = SNIPPETS[snippet]
    (line,) = re.findall(pattern, path.read_text(), re.M)
    return line


@pytest.fixture
def job(installation, checkout):
    """job(script, VARIABLE=…) runs it in the checkout as a pipeline does."""
    # The virtual environment's Python is the one that has cryptography.
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"

    def run(script: str = script_of("shell"), **changes: str) -> subprocess.CompletedProcess:
        asked = {"READINESS_URL": installation.address, "READINESS_TOKEN": installation.env["READINESS_TOKEN"]}
        env = {"PATH": path, **asked, **WORDS, **changes}
        return subprocess.run(["sh", "-c", script], cwd=checkout, env=env, capture_output=True, text=True, timeout=120, check=False)

    return run


def stopped(done: subprocess.CompletedProcess, *words: str) -> None:
    assert done.returncode != 0
    assert "May launch" not in done.stdout
    for said in words:
        assert said in done.stderr, done.stderr


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_each_snippet_says_yes_to_an_approved_rollout(job, snippet):
    done = job(script_of(snippet))

    assert (done.returncode, done.stdout) == (0, "May launch to production.\n"), done.stderr


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_each_snippet_stops_on_another_artifact(job, snippet):
    stopped(job(script_of(snippet), ARTIFACT="sha256:" + "0" * 64), "the gate does not say a plain yes")


@pytest.mark.parametrize("snippet", ["github-actions", "gitlab-ci", "jenkins"])
def test_each_job_sets_what_the_script_asks_for(snippet):
    """The token and, in GitLab, the artifact are variables of the project."""
    asked = set(re.findall(r"\$\{(\w+):\?", SCRIPT))
    text = SNIPPETS[snippet][0].read_text()

    assert {name for name in asked if not re.search(rf"\b{name}\b", text)} == set()


def test_the_documentation_names_every_variable_of_the_script():
    page = (PROJECT / "docs" / "pipelines.md").read_text()

    assert {name for name in re.findall(r"\$\{(\w+):[?=]", SCRIPT) if f"`{name}`" not in page} == set()


def test_pinned_keys_do_where_there_is_no_root(job, installation, checkout):
    (checkout / "ci" / "root.json").unlink()
    shutil.copy(installation.folder / "jwks.json", checkout / "ci")

    assert job().returncode == 0
    (checkout / "ci" / "jwks.json").write_text('{"keys": []}')
    stopped(job(), "unknown_kid")


@pytest.mark.parametrize("name", ["READINESS_URL", "READINESS_TOKEN", "PARTNER", "REFERENCE", "DEPLOY_TO", "ARTIFACT"])
def test_an_unset_variable_stops_the_job(job, name):
    stopped(job(**{name: ""}), name)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DEPLOY_TO": "staging"}, "the gate does not say a plain yes"),
        ({"DEPLOY_TO": "nowhere"}, "/api/v1/gate/ answered 404"),
        ({"REFERENCE": "nothing"}, "/api/v1/gate/ answered 404"),
        ({"READINESS_TOKEN": "rdy_wrong"}, "/api/v1/gate/ answered 401"),
        ({"READINESS_ISSUER": "https://other.test"}, "issuer_mismatch"),
        ({"DEMANDS": "--max-age 1s"}, "receipt_too_old"),
        ({"DEMANDS": "--max-status-age 0s"}, "status_stale"),
        ({"READINESS_URL": "http://127.0.0.1:9"}, "gave no answer"),
    ],
)
def test_anything_else_stops_the_job(job, changes, words):
    stopped(job(**changes), words)


def test_a_root_that_is_not_ours_stops_the_job(job, installation, checkout):
    anchor = checkout / "ci" / "root.json"
    anchor.unlink()
    installation.manage("keys", "init-root", "--file", checkout / "other.pem", "--id", "root", "--anchor", anchor)

    stopped(job(), "attestation_root_fingerprint_mismatch")


# --- answers that are none, told by something that stands in the installation's place ---------------------------------------------------


@pytest.fixture
def between(installation):
    """between(change) → the address of a server that passes everything on, but for what `change(path, status, body)` makes of it."""
    servers = []

    def stand(change) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer = Visitor(installation.address, installation.env["READINESS_TOKEN"]).get(self.path)
                status, body, headers = change(self.path, answer.status, answer.text)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *arguments):
                """Nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield stand
    for server in servers:
        server.shutdown()
        server.server_close()


def only_at(part: str, status: int, body: str, **headers: str):
    return lambda path, was, said: (status, body, headers) if part in path else (was, said, {})


def test_whoever_passes_everything_on_changes_nothing(job, between, installation):
    address = between(only_at("nothing-like-this", 200, ""))

    assert job(READINESS_URL=address, READINESS_ISSUER=installation.address).returncode == 0


@pytest.mark.parametrize("part", ["/gate/", "/bundle/"])
@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (302, "", "answered 302"),
        (500, "{}", "answered 500"),
        (503, '{"may_launch": true, "verdict": "allow"}', "answered 503"),
        (200, "", "something else than a JSON object"),
        (200, "<html>may_launch true</html>", "something else than a JSON object"),
        (200, "[]", "something else than a JSON object"),
        (200, "{}", "Stop: "),
    ],
)
def test_an_answer_that_is_none_stops_the_job(job, between, installation, part, status, body, words):
    address = between(only_at(part, status, body, Location=f"{installation.address}/api/v1/gate/"))

    stopped(job(READINESS_URL=address, READINESS_ISSUER=installation.address), words)


@pytest.mark.parametrize(
    ("part", "old", "new", "words"),
    [
        ("/gate/", '"may_launch":true', '"may_launch":false', "a plain yes"),
        ("/gate/", '"may_launch":true', '"may_launch":"true"', "a plain yes"),
        ("/gate/", '"verdict":"allow"', '"verdict":"constrain"', "a plain yes"),
        ("/gate/", '"request":"', '"request":"../', "names no request"),
        ("/gate/", '"request":"', '"request":"x\\n', "names no request"),
        ("/bundle/", '"payload_b64":"ey', '"payload_b64":"ez', "signature_invalid"),
        ("/bundle/", '"status":', '"statuz":', "malformed_bundle"),
        ("/bundle/", '"tree_size":', '"tree_size":1', "log_inconsistent"),
    ],
)
def test_a_changed_answer_stops_the_job(job, between, installation, part, old, new, words):
    def change(path: str, status: int, body: str):
        if part in path:
            assert old in body
            return status, body.replace(old, new, 1), {}
        return status, body, {}

    stopped(job(READINESS_URL=between(change), READINESS_ISSUER=installation.address), words)


def test_the_bundle_of_another_request_stops_the_job(job, between, installation):
    owner = Visitor(installation.address, installation.env["READINESS_TOKEN"])
    others = owner.api("GET", "review-requests/?state=approved").json["results"]
    other = next(each["id"] for each in others if each["id"] != installation.request_id)

    def change(path: str, status: int, body: str):
        return (status, body.replace(installation.request_id, other), {}) if "/gate/" in path else (status, body, {})

    stopped(job(READINESS_URL=between(change), READINESS_ISSUER=installation.address), "the receipt does not verify")


def test_Z_a_revoked_approval_stops_the_job_at_the_gate_and_in_an_old_answer_of_it(job, between, installation):
    """Last in this module: it ends the approval."""
    owner = Visitor(installation.address, token(installation.env, "owner", "read", "request"))
    asked = f"/api/v1/gate/?partner=northstar_controls&external_reference=host-request-124&environment=production&subject=sha256:{SHA}"
    yes = Visitor(installation.address, installation.env["READINESS_TOKEN"]).get(asked).text
    etag = owner.api("GET", f"review-requests/{installation.request_id}/").headers["etag"]
    assert owner.api("POST", f"review-requests/{installation.request_id}/revoke/", {"comment": "stop"}, etag=etag).status == 200

    stopped(job(), "the gate does not say a plain yes")
    replayed = between(only_at("/gate/", 200, yes))
    stopped(job(READINESS_URL=replayed, READINESS_ISSUER=installation.address), "receipt_revoked")

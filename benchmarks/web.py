"""The cycle through HTTP: this project (the owner by API, votes on the decision page) beside Wagtail's submit-and-approve in its admin."""

import os
import secrets
import statistics
import subprocess
import sys
import venv
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from benchmarks.browser import Browser, fields
from benchmarks.contest.said import CONFIRMATIONS, EVIDENCE, MOVE, PLAN, SUBJECT, VALID_UNTIL
from benchmarks.report import Goal, Part, median_ratio
from benchmarks.servers import OURS, installation, manage, serve, until_alive

HERE = Path(__file__).resolve().parent
VENV = HERE / ".wagtail"
PACKAGES = ("wagtail==7.4.4", "psycopg2-binary==2.9.13", "granian==2.8.7")
PASSWORD = "readiness-demo"  # noqa: S105  the demo's, public
ROUNDS, CYCLES, WARM_UP = 9, 5, 2
DESK = "/admin/reviews/deploymentreviewrequest"
TASK = """SELECT task.id FROM wagtailcore_taskstate task JOIN wagtailcore_workflowstate flow ON flow.current_task_state_id = task.id
WHERE flow.object_id = %s AND flow.status = 'in_progress'"""


# --- ours -----------------------------------------------------------------------------------------------------------------------------


class Ours:
    """Nine calls that write; before each vote the decision page is read, whose form carries the digest seen."""

    def __init__(self, stack: ExitStack, env: dict[str, str]) -> None:
        token = manage(env, "create_token", "owner", "--scope=read", "--scope=draft", "--scope=request").split()[-1]
        self.server = serve(stack, env, OURS)
        until_alive(self.server)
        self.owner = Browser(stack, self.server.port, token)
        self.reviewers = [Browser(stack, self.server.port) for _ in range(2)]
        for username, reviewer in zip(("release", "security"), self.reviewers, strict=True):
            reviewer.sign_in("/accounts/login/", username, PASSWORD)

    def prepare(self) -> str:
        said = PLAN | {"partner": "northstar_controls", "external_reference": f"bench-{secrets.token_hex(8)}"}
        plan = self.owner.api("POST", "plans/", said)
        moves, etag = f"plans/{plan.json['id']}/moves/", plan.headers["ETag"]
        for _ in range(2):
            self.owner.api("POST", moves, {name: value for name, value in MOVE.items() if value}, etag=etag)
            etag = self.owner.api("GET", f"plans/{plan.json['id']}/").headers["ETag"]
        return plan.json["id"]

    def cycle(self, plan: str) -> tuple[float, float]:
        """Seconds of the calls that write, and of all calls."""
        writes = []
        opened = self.owner.api("POST", "review-requests/", {"plan": plan, "environment": "production", "subject": SUBJECT})
        writes.append(opened.seconds)
        base, etag = f"review-requests/{opened.json['id']}", opened.headers["ETag"]
        for kind, said in CONFIRMATIONS.items():
            body = {"fields": said, "evidence_url": EVIDENCE, "valid_until": VALID_UNTIL}
            answer = self.owner.api("PUT", f"{base}/confirmations/{kind}/", body, etag=etag)
            writes.append(answer.seconds)
            etag = answer.headers["ETag"]
        writes.append(self.owner.api("POST", f"{base}/request-review/", {}, etag=etag).seconds)
        read = 0.0
        for reviewer in self.reviewers:
            path = f"{DESK}/{opened.json['id']}/decide/"
            page = reviewer.get(path)
            writes.append(reviewer.post(path, fields(page.text) | {"choice": "approve"}).seconds)
            read += page.seconds
        return sum(writes), sum(writes) + read

    def check(self, plan: str) -> None:
        (state,) = {each["state"] for each in self.owner.api("GET", f"review-requests/?plan={plan}").json["results"]}
        if state != "approved":
            raise SystemExit(f"our cycle ended as {state}")


# --- Wagtail --------------------------------------------------------------------------------------------------------------------------


def install() -> Path:
    """Wagtail in a venv of its own, once; its python."""
    python = VENV / "bin" / "python"
    marker = VENV / "installed"
    if not marker.exists() or marker.read_text() != " ".join(PACKAGES):
        print("installing Wagtail into benchmarks/.wagtail, once", file=sys.stderr)
        venv.create(VENV, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
        marker.write_text(" ".join(PACKAGES))
    return python


def database(stack: ExitStack, env: dict[str, str]) -> str:
    """One beside our primary, in the same cluster."""
    connection = psycopg2.connect(env["DATABASE_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("wagtail")))
    connection.close()
    return urlsplit(env["DATABASE_URL"])._replace(path="/wagtail").geturl()


class Wagtail:
    """Nine calls that write: add a draft, save it five times, submit it, two approvals of which the second publishes."""

    def __init__(self, stack: ExitStack, env: dict[str, str]) -> None:
        python, url = install(), database(stack, env)
        own = {
            "WAGTAIL_DATABASE_URL": url,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "WAGTAIL_PASSWORD": PASSWORD,
            "PATH": os.environ["PATH"],
        }
        prepared = subprocess.run([python, "-m", "wagtail_site.prepare"], cwd=HERE, env=own, check=True, stdout=subprocess.PIPE, text=True)
        self.parent = prepared.stdout.split()[-1]
        self.server = serve(stack, own, "wagtail_site.wsgi:application", python=python, cwd=HERE)
        until_alive(self.server)
        self.owner, *self.reviewers = (Browser(stack, self.server.port) for _ in range(3))
        for username, browser in zip(("owner", "release", "security"), (self.owner, *self.reviewers), strict=True):
            browser.sign_in("/admin/login/", username, PASSWORD)
        self._store = psycopg2.connect(url)
        stack.callback(self._store.close)
        self._store.autocommit = True

    def _one(self, query: str, value: str) -> str:
        with self._store.cursor() as cursor:
            cursor.execute(query, [value])
            return str(cursor.fetchone()[0])

    def prepare(self) -> str:
        return secrets.token_hex(8)

    def cycle(self, name: str) -> tuple[float, float]:
        writes = []
        path = f"/admin/pages/add/wagtail_site/coveragepage/{self.parent}/"
        page = self.owner.get(path)
        read, form = page.seconds, _own(fields(page.text)) | {"title": name, "slug": name}
        writes.append(self.owner.post(path, form).seconds)
        number = self._one("SELECT id FROM wagtailcore_page WHERE slug = %s", name)
        path = f"/admin/pages/{number}/edit/"
        for kind, said in CONFIRMATIONS.items():
            page = self.owner.get(path)
            form = _own(fields(page.text)) | {f"{kind}_said": str(said)}
            read += page.seconds
            writes.append(self.owner.post(path, form).seconds)
        page = self.owner.get(path)
        read += page.seconds
        writes.append(self.owner.post(path, _own(fields(page.text)) | {"action-submit": "1"}).seconds)
        for reviewer in self.reviewers:
            page = reviewer.get(path)
            read += page.seconds
            action = f"/admin/pages/workflow/action/{number}/approve/{self._one(TASK, number)}/"
            writes.append(reviewer.post(action, {"next": path}).seconds)
        return sum(writes), sum(writes) + read

    def check(self, name: str) -> None:
        if self._one("SELECT live FROM wagtailcore_page WHERE slug = %s", name) != "True":
            raise SystemExit("Wagtail's cycle did not end in a published page")


def _own(found: dict[str, str]) -> dict[str, str]:
    """Without the cookie's token, which is the client's to send, and fields of other forms of the page."""
    return {name: value for name, value in found.items() if name != "csrfmiddlewaretoken"}


# --- both -----------------------------------------------------------------------------------------------------------------------------


def slice_of(contestant, cycles: int) -> dict[str, float]:
    """Milliseconds and server CPU per cycle."""
    names = [contestant.prepare() for _ in range(cycles)]
    before = contestant.server.cpu_seconds()
    found = [contestant.cycle(name) for name in names]
    spent = contestant.server.cpu_seconds() - before
    contestant.check(names[-1])
    writes, every = (sum(part) / cycles * 1e3 for part in zip(*found, strict=True))
    return {"writes_ms": writes, "all_ms": every, "cpu_ms": spent / cycles * 1e3}


def measure(*, rounds: int, cycles: int) -> list[dict[str, dict[str, float]]]:
    with ExitStack() as stack:
        env = installation(stack)
        both = {"this project": Ours(stack, env), "Wagtail": Wagtail(stack, env)}
        found = []
        for number in range(rounds + WARM_UP):
            print(f"cycle through HTTP, round {number + 1} of {rounds + WARM_UP}", file=sys.stderr)
            found.append({name: slice_of(each, cycles) for name, each in both.items()})
        return found[WARM_UP:]


def goals(rounds: list[dict[str, dict[str, float]]]) -> list[Goal]:
    def ratio(measured: str) -> float:
        return median_ratio((each["this project"][measured], each["Wagtail"][measured]) for each in rounds)

    return [
        Goal("cycle through HTTP, this project / Wagtail, ms of the nine calls that write", ratio("writes_ms"), at_most=1),
        Goal("the same with the pages that are read in between", ratio("all_ms")),
        Goal("the same, server CPU", ratio("cpu_ms")),
    ]


def table(rounds: list[dict[str, dict[str, float]]]) -> list[str]:
    lines = [f"{'per cycle':16}{'writes ms':>12}{'all ms':>12}{'server CPU ms':>16}"]
    for name in rounds[0]:
        cells = [statistics.median(each[name][word] for each in rounds) for word in ("writes_ms", "all_ms", "cpu_ms")]
        lines.append(f"{name:16}{cells[0]:12.1f}{cells[1]:12.1f}{cells[2]:16.1f}")
    return lines


def run(*, quick: bool = False) -> Part:
    rounds = measure(rounds=1 if quick else ROUNDS, cycles=1 if quick else CYCLES)
    return Part("cycle through HTTP", goals(rounds), table(rounds), rounds)

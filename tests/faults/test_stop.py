"""A stop under load, with the flags of the Procfile: whatever was acknowledged is there, and what was under way is answered."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path

import psycopg2
import pytest

from tests.conftest import PROJECT, run_python
from tests.faults.installation import DEMO_PASSWORD
from tests.faults.test_away import PLAN
from tests.server import Answer, Visitor, await_life, free_port

STOP_SECONDS = 30
VOTES = 24
IN_REVIEW = """
import django
django.setup()
import json
from access.models import User
from drafts.models import Partner
from reviews import decisions
from tests.factories import actor, confirm_all, make_plan
owner, partner, ids = User.objects.get(username="owner"), Partner.objects.get(slug="northstar_controls"), []
for number in range({votes}):
    plan = make_plan(owner, partner, external_reference=f"stop-{marker}-{{number}}")
    opened = decisions.open_request(actor(owner), plan_id=plan.pk, environment_slug="staging")
    confirm_all(owner, opened)
    ids.append(str(decisions.request_review(actor(owner), opened.pk).pk))
print(json.dumps(ids))
"""


def flags() -> list[str]:
    """Those of the Procfile's web line, on loopback and a port of our own."""
    line = next(line for line in (PROJECT / "Procfile").read_text().splitlines() if line.startswith("web: granian "))
    words = shlex.split(line.removeprefix("web: granian ").replace("${PORT:-8000}", "PORT").replace("${WEB_CONCURRENCY:-2}", "2"))
    return ["127.0.0.1" if word == "0.0.0.0" else word for word in words]  # noqa: S104  it is what stands there


@contextmanager
def server(env: dict[str, str], log: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    port = free_port()
    words = [str(port) if word == "PORT" else word for word in flags()]
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | env
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", "granian", *words], cwd=PROJECT, env=clean, stdout=output, stderr=output)
        try:
            await_life(f"http://127.0.0.1:{port}/livez", process)
            yield process, f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def stopped(process: subprocess.Popen) -> float:
    """Seconds from SIGTERM to the end."""
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(STOP_SECONDS + 10)
    return time.monotonic() - start


@dataclass
class Work:
    """What clients were told was done. `cut`: calls that got no answer, of which nothing is claimed; `slow`: before the stop came."""

    plans: list[str] = field(default_factory=list)
    votes: list[str] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    cut: int = 0
    slow: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def attempt(self, call, note, good: int) -> bool:
        """False once the server is gone."""
        try:
            answer = call()
        except (OSError, HTTPException):
            self.cut += self.stopping.is_set()
            self.slow += not self.stopping.is_set()
            return not self.stopping.is_set()
        note(answer) if answer.status == good else self.others.append(answer.status)
        return True


def drafts(work: Work, visitor: Visitor, name: str) -> None:
    for number in range(10_000):
        reference = f"{name}-{number}"
        call = partial(visitor.api, "POST", "plans/", PLAN | {"external_reference": reference})
        if not work.attempt(call, partial(noted, work.plans, reference), 201):
            return


def votes(work: Work, visitor: Visitor, ids: list[str]) -> None:
    for request_id in ids:
        path, done = f"/admin/reviews/deploymentreviewrequest/{request_id}/decide/", partial(noted, work.votes, request_id)
        if not work.attempt(partial(visitor.submit, path, choice="approve", comment="seen"), done, 302):
            return


def noted(where: list[str], what: str, answer: Answer) -> None:
    where.append(what)


@pytest.fixture(scope="module")
def waiting(environment) -> list[str]:
    """Ids of requests that one approval decides."""
    code = IN_REVIEW.format(votes=VOTES, marker=os.getpid())
    done = run_python(code, env=environment | {"DJANGO_SETTINGS_MODULE": "config.settings"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def rows(databases: dict[str, str], statement: str) -> list[tuple]:
    connection = psycopg2.connect(databases["self_service"], options="-c search_path=self_service_drafts")
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        found = cursor.fetchall()
    connection.close()
    return found


def test_nothing_that_was_acknowledged_is_lost_by_a_stop_under_load(databases, environment, tokens, waiting, tmp_path):
    work, name = Work(), f"stop-{os.getpid()}-{time.monotonic_ns()}"
    with server(environment, tmp_path / "log") as (process, address):
        release = Visitor(address)
        release.sign_in("release", DEMO_PASSWORD)
        clients = [threading.Thread(target=drafts, args=(work, Visitor(address, tokens["owner"]), f"{name}-{n}")) for n in range(5)]
        clients.append(threading.Thread(target=votes, args=(work, release, waiting)))
        for client in clients:
            client.start()
        until = time.monotonic() + 60
        while (len(work.votes) < VOTES // 3 or len(work.plans) < 40) and time.monotonic() < until:
            time.sleep(0.02)
        work.stopping.set()
        seconds = stopped(process)
        for client in clients:
            client.join(30)

    stored = {reference for (reference,) in rows(databases, "SELECT external_reference FROM drafts_coverageplan")}
    approved = {str(pk) for (pk,) in rows(databases, APPROVED)}
    assert (process.returncode, seconds < STOP_SECONDS) == (0, True), (tmp_path / "log").read_text()
    assert set(work.plans) - stored == set()
    assert set(work.votes) - approved == set()
    assert (len(work.plans) >= 40, len(work.votes) >= VOTES // 3) == (True, True), (work.slow, Counter(work.others))
    # Every client met the end once, and nobody was told of a fault of ours.
    assert work.cut <= len(clients)
    assert [status for status in work.others if status >= 500] == []


APPROVED = """
SELECT request.id FROM reviews_deploymentreviewrequest request
JOIN reviews_decision decision ON decision.review_request_id = request.id AND decision.verdict = 'allow'
JOIN receipts_receipt receipt ON receipt.request_id = request.id AND receipt.verdict = 'allow'
JOIN receipts_lognode leaf ON leaf.request_id = request.id AND leaf.kind = 'decision'
JOIN reviews_vote vote ON vote.review_request_id = request.id
JOIN reviews_event event ON event.review_request_id = request.id AND event.to_state = 'approved'
WHERE request.state = 'approved'
"""


def test_a_call_that_is_under_way_when_the_stop_comes_is_answered(databases, environment, tokens, tmp_path):
    with server(environment, tmp_path / "log") as (process, address):
        owner = Visitor(address, tokens["owner"])
        made = owner.api("POST", "plans/", PLAN | {"external_reference": f"under-way-{time.monotonic_ns()}"})
        path, etag, answers = f"plans/{made.json['id']}/", made.headers["etag"], []
        holder = psycopg2.connect(databases["self_service"])
        holder.cursor().execute("SELECT 1 FROM self_service_drafts.drafts_coverageplan WHERE id = %s FOR UPDATE", [made.json["id"]])
        call = threading.Thread(target=lambda: answers.append(owner.api("PATCH", path, {"name": "Under way"}, etag=etag)))
        call.start()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        holder.rollback()
        holder.close()
        call.join(20)
        process.wait(STOP_SECONDS)

    assert [(answer.status, answer.json["name"]) for answer in answers] == [(200, "Under way")]
    assert rows(databases, f"SELECT name FROM drafts_coverageplan WHERE id = '{made.json['id']}'") == [("Under way",)]
    assert process.returncode == 0

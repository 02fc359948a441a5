"""What a run needs: two PostgreSQL clusters, an installation with the demo's stories on them, and servers. All end with the stack."""

import base64
import os
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg2

from benchmarks.load import BadAnswer, Target, ask_once
from tests.pgplugin import free_port, start_two

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
STOP_SECONDS = 20
FLAGS = ("--interface", "wsgi", "--workers", "1", "--blocking-threads", "8", "--log-level", "error")
OURS, REFERENCE = "config.wsgi:application", "benchmarks.reference.wsgi:application"
APPROVED = "SELECT plan_id::text FROM self_service_drafts.reviews_deploymentreviewrequest WHERE state = 'approved' AND expires_at > now()"


@dataclass(frozen=True)
class Server:
    """A granian with one worker."""

    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """User and system time of the server and its worker until now."""
        times = [process.cpu_times() for process in (self.process, *self.process.children(recursive=True))]
        return sum(each.user + each.system for each in times)


def installation(stack: ExitStack) -> dict[str, str]:
    """Two clusters, migrated and seeded by the commands an operator runs. Returns the environment that leads to them."""
    primary, store = start_two(SimpleNamespace(add_cleanup=stack.callback))
    env = {
        "READINESS_ENVIRONMENT": "test",
        "API_CALLS_PER_MINUTE": "999999999",  # load is what is measured here
        "DATABASE_URL": primary.url,
        "SELF_SERVICE_DATABASE_URL": store.url,
        "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "RECEIPT_ISSUER": "https://readiness.test",
    }
    env |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    for command in (["migrate_all", "--verbosity", "0"], ["seed_demo"]):
        manage(env, *command)
    return env


def manage(env: dict[str, str], *words: str) -> str:
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=PROJECT, env=env, check=True, stdout=subprocess.PIPE, text=True, timeout=120).stdout


def approved_plan(env: dict[str, str]) -> str:
    """The plan of the one story that ends in an approval for production."""
    connection = psycopg2.connect(env["SELF_SERVICE_DATABASE_URL"])
    try:
        with connection.cursor() as cursor:
            cursor.execute(APPROVED)
            return cursor.fetchone()[0]
    finally:
        connection.close()


def serve(stack: ExitStack, env: dict[str, str], application: str, *, python: str | Path = sys.executable, cwd: Path = PROJECT) -> Server:
    """Start a server; it is ended by its process with the stack. `until_alive` waits for it."""
    port = free_port()
    command = [python, "-m", "granian", "--host", "127.0.0.1", "--port", str(port), *FLAGS, application]
    process = subprocess.Popen(command, cwd=cwd, env=env)
    stack.callback(end, process)
    return Server(port, psutil.Process(process.pid))


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(BrokenPipeError):  # one that died left what it had not read
            if pipe is not None:
                pipe.close()


def until_alive(server: Server) -> None:
    """Raises BadAnswer when it does not come alive in time."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            ask_once(Target(server.port, "/livez"))
        except OSError as failure:
            if time.monotonic() > end:
                raise BadAnswer(f"the server did not come alive: {failure}") from None
            time.sleep(0.1)
        else:
            return

"""A demo of its own on two SQLite files, served by granian on loopback, and a real Chromium; for the tests and for the pictures."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.processes import PROJECT, run_manage

PASSWORD = "readiness-demo"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)


@dataclass(frozen=True)
class Site:
    """A served demo: its address, and the environment its commands take."""

    url: str
    env: dict[str, str]

    def manage(self, *args: str) -> str:
        done = run_manage(*args, env=self.env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def token(self, username: str, *scopes: str) -> str:
        return self.manage("create_token", username, *(word for scope in scopes for word in ("--scope", scope))).split()[-1]

    def get(self, path: str, *, token: str = "") -> dict:
        headers = {"Authorization": f"Token {token}"} if token else {}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}{path}", headers=headers), timeout=10) as answer:
            return json.load(answer)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    """A demo in this folder, served until the end of the block."""
    port = free_port()
    env = {
        "READINESS_ENVIRONMENT": "test",
        "DATABASE_URL": f"sqlite:///{folder / 'primary.sqlite3'}",
        "SELF_SERVICE_DATABASE_URL": f"sqlite:///{folder / 'store.sqlite3'}",
        "SECRET_KEY": "for-these-tests-only-" + "x" * 32,
        "RECEIPT_SIGNING_KEY_FILE": str(folder / "signing-key.pem"),
        "WEBHOOK_KEY": "for-these-tests-only-" + "w" * 32,
        "RECEIPT_ISSUER": f"http://127.0.0.1:{port}",
    }
    served = Site(f"http://127.0.0.1:{port}", env)
    for command in (["migrate_all"], ["keys", "create"], ["seed_demo"]):
        served.manage(*command)
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--blocking-threads", "4", "--log-level", "warning", "config.wsgi:application"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT, env=inherited | env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until_served(served, process)
            yield served
        finally:
            process.terminate()
            process.wait(timeout=20)


def wait_until_served(served: Site, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended by itself"
        try:
            urllib.request.urlopen(f"{served.url}/livez", timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not answer within a minute")


@contextmanager
def chromium() -> Iterator[Browser]:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()

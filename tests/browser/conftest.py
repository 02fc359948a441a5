"""A demo of its own on two SQLite files, served by granian on loopback, and a real Chromium to look at it."""

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
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import PROJECT, run_manage

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


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("browser")) as served:
        yield served


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


@pytest.fixture(scope="module")
def browser():
    """Of this module alone: while it is open its event loop would trip Django's guard in tests of other modules."""
    with chromium() as opened:
        yield opened


@dataclass
class Visit:
    """One person's window. Complaints of the console, foreign requests and pages that are too wide are held against the test at its end."""

    site: Site
    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda said: self.complain(said.type in ("error", "warning"), said.text))
        self.page.on("pageerror", lambda error: self.complain(True, str(error)))
        self.page.on("request", lambda asked: self.complain(not asked.url.startswith(self.site.url), asked.url))

    def complain(self, wrong: bool, words: str) -> None:
        if wrong:
            self.complaints.append(words)

    def expect(self, status: int) -> None:
        """Chromium's console reports every page with an error status, also where the test asks for one."""
        self.expected.append(f"status of {status}")

    @property
    def held_against(self) -> list[str]:
        return [words for words in self.complaints if not any(said in words for said in self.expected)]

    def look(self) -> None:
        """After each step: no page may be wider than the window."""
        self.page.wait_for_load_state()
        width = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        self.complain(width > 0, f"{width} px too wide: {self.page.url}")

    def sign_in(self, username: str) -> None:
        self.go("/accounts/login/")
        self.fill(Username=username, Password=PASSWORD)
        self.press("Sign in")

    def sign_out(self) -> None:
        self.press("Sign out")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site.url}{path}")
        self.look()

    def follow(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).first.click()
        self.look()

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()
        self.look()

    def fill(self, **answers: str) -> None:
        """By label; `_` stands for a space."""
        for label, answer in answers.items():
            self.page.get_by_label(label.replace("_", " "), exact=False).first.fill(answer)

    def reads(self, *words: str) -> None:
        text = " ".join(self.page.inner_text("body").split())
        for said in words:
            assert said in text, f"{said!r} is not on {self.page.url}:\n{text}"


@pytest.fixture
def visit(site: Site, browser: Browser):
    """visit(username, **options of the browser's context) → Visit, signed in unless the name is empty."""
    opened: list[Visit] = []

    def visit(username: str = "", **options) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        context.set_default_timeout(15_000)
        visitor = Visit(site, context.new_page())
        visitor.watch()
        opened.append(visitor)
        if username:
            visitor.sign_in(username)
        return visitor

    yield visit
    for visitor in opened:
        visitor.page.context.close()
    assert [complaint for visitor in opened for complaint in visitor.held_against] == []

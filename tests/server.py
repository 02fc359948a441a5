"""A real server in its own process, on loopback, for stories told over HTTP; and a pair of fresh PostgreSQL databases for it."""

import http.cookiejar
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from tests.conftest import PROJECT

START_SECONDS = 30


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def fresh_database(url: str, name: str) -> Iterator[str]:
    """A new database beside the one that the URL names, owned by its role; dropped afterwards. Yields its URL."""
    connection = psycopg2.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            _drop(cursor, name)
    connection.close()


def _drop(cursor, name: str) -> None:
    """A superuser's connection that was closed a moment ago may still be on its way out, and only a superuser may end it."""
    end = time.monotonic() + 10
    while True:
        try:
            return cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        except psycopg2.errors.InsufficientPrivilege:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@contextmanager
def serving(env: dict[str, str], *, port: int, log: Path | None = None) -> Iterator[str]:
    """granian with this environment and no other; yields its address once it is alive, and ends it. `log`: takes all that it prints."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | env
    flags = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "8", "--log-level", "warning"]
    with ExitStack() as stack:
        output = {} if log is None else {"stdout": stack.enter_context(log.open("ab")), "stderr": subprocess.STDOUT}
        process = subprocess.Popen([sys.executable, "-m", "granian", *flags, "config.wsgi:application"], cwd=PROJECT, env=clean, **output)
        try:
            await_life(f"http://127.0.0.1:{port}/livez", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def await_life(url: str, process: subprocess.Popen, *, within: float = START_SECONDS) -> None:
    end = time.monotonic() + within
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended at its start"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not come alive")


class _Form(HTMLParser):
    """The named inputs of the one form on a page that posts to where the page is."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        if tag == "input" and said.get("name") and said.get("type") not in ("radio", "checkbox", "submit"):
            self.fields[said["name"]] = said.get("value") or ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Visitor:
    """Somebody with a browser's cookies, or a client with a token."""

    address: str
    token: str = ""
    cookies: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def call(self, method: str, path: str, data: bytes | None = None, **headers: str) -> Answer:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), _NoRedirect)
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        request = urllib.request.Request(self.address + path, data=data, method=method, headers=headers)
        try:
            with opener.open(request, timeout=20) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def get(self, path: str, **query: str) -> Answer:
        return self.call("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def api(self, method: str, path: str, body: object = None, *, etag: str = "", key: str = "") -> Answer:
        headers = {"Content-Type": "application/json"} | ({"If-Match": etag} if etag else {}) | ({"Idempotency-Key": key} if key else {})
        return self.call(method, f"/api/v1/{path}", None if body is None else json.dumps(body).encode(), **headers)

    def submit(self, path: str, **fields: str) -> Answer:
        """Read the form at `path`, fill in `fields`, and post it there as a browser would."""
        return self.post(path, self.form(path) | fields)

    def form(self, path: str) -> dict[str, str]:
        """Name → value of what the form at `path` holds already."""
        form = _Form()
        form.feed(self.get(path).text)
        return form.fields

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        return self.call(
            "POST",
            path,
            urllib.parse.urlencode(fields).encode(),
            **{"Content-Type": "application/x-www-form-urlencoded", "Referer": self.address + path},
        )

    def sign_in(self, username: str, password: str) -> None:
        answer = self.submit("/accounts/login/", username=username, password=password)
        assert answer.status == 302, answer.text

"""A client for stories over HTTP: one kept connection, cookies, forms as a page holds them, and the API with a token."""

import http.client
import json
import time
import urllib.parse
from contextlib import ExitStack
from dataclasses import dataclass, field
from html.parser import HTMLParser

ANSWER_SECONDS = 30


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class _Fields(HTMLParser):
    """The fields of every form on a page, as a browser would send them untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._area = ""

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        name = said.get("name")
        if tag == "input" and name and said.get("type") not in ("radio", "checkbox", "submit", "file", "search"):
            self.found[name] = said.get("value") or ""
        self._area = name if tag == "textarea" else ""
        if self._area:
            self.found.setdefault(self._area, "")

    def handle_data(self, data):
        if self._area:
            self.found[self._area] += data

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = ""


def fields(page: str) -> dict[str, str]:
    parser = _Fields()
    parser.feed(page)
    return parser.found


@dataclass
class Browser:
    """Somebody with cookies, or a client with a token. Its connection ends with the stack."""

    stack: ExitStack
    port: int
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._channel = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        self.stack.callback(self._channel.close)

    def call(self, method: str, path: str, data: bytes | None = None, **headers: str) -> Answer:
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        began = time.perf_counter()
        try:
            self._channel.request(method, path, body=data, headers=headers)
            response = self._channel.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            # A server ends a connection on which nobody has asked for a while.
            self._channel.close()
            self._channel.request(method, path, body=data, headers=headers)
            response = self._channel.getresponse()
        body = response.read()
        seconds = time.perf_counter() - began
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(response.status, response.headers, body, seconds)

    def get(self, path: str) -> Answer:
        return self.expect(self.call("GET", path), 200, path)

    def api(self, method: str, path: str, body: object = None, *, etag: str = "") -> Answer:
        headers = {"Content-Type": "application/json"} | ({"If-Match": etag} if etag else {})
        answer = self.call(method, f"/api/v1/{path}", None if body is None else json.dumps(body).encode(), **headers)
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.text[:500]}")
        return answer

    def post(self, path: str, said: dict[str, str], *, referer: str = "") -> Answer:
        """A form. Django asks for the cookie's own value of its CSRF token."""
        form = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **said}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"http://127.0.0.1:{self.port}{referer or path}"}
        return self.expect(self.call("POST", path, urllib.parse.urlencode(form).encode(), **headers), 302, path)

    def expect(self, answer: Answer, status: int, path: str) -> Answer:
        if answer.status != status:
            raise SystemExit(f"{path}: {answer.status} instead of {status}: {answer.text[:1500]}")
        return answer

    def sign_in(self, path: str, username: str, password: str) -> None:
        form = fields(self.get(path).text)
        self.post(path, form | {"username": username, "password": password})

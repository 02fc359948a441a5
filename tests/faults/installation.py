"""A served installation whose two databases stand behind proxies, and visitors who look at every answer for what must not be in it."""

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from tests.faults.proxy import Proxy
from tests.server import Answer, Visitor, free_port, serving

# As /readyz names them → the variable that leads there.
SIDES = {"primary": "DATABASE_URL", "self_service": "SELF_SERVICE_DATABASE_URL"}
SUPERUSERS = {"primary": "TEST_PRIMARY_SUPERUSER_URL", "self_service": "TEST_STORE_SUPERUSER_URL"}
DEMO_PASSWORD = "readiness-demo"
# Words of exceptions, of the driver and of the server; hosts, roles, databases and ports are added by the installation.
INSIDE = (
    "Traceback",
    "psycopg2",
    "OperationalError",
    "ProgrammingError",
    "FATAL",
    "connection to server",
    "SELECT ",
    "INSERT ",
    "site-packages",
)


def until(holds: Callable[[], object], *, within: float) -> float:
    """Ask every 50 ms until it holds; seconds that it took. Fails when it does not in time."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < within, f"not within {within} s"
        time.sleep(0.05)
    return time.monotonic() - start


@dataclass
class Watched(Visitor):
    """A visitor who fails at an answer that tells of the inside, and notes how long each took."""

    inside: tuple[str, ...] = ()
    seen: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def call(self, method: str, path: str, data: bytes | None = None, **headers: str) -> Answer:
        start = time.monotonic()
        answer = super().call(method, path, data, **headers)
        self.seconds = time.monotonic() - start
        whole = f"{answer.headers}\n{answer.body.decode(errors='replace')}"
        self.seen.append(whole)
        assert not [word for word in (*INSIDE, *self.inside) if word in whole], (method, path)
        return answer


@dataclass
class Installation:
    """`urls`: straight to the databases; `env`: what the server was given, which leads through the proxies."""

    urls: dict[str, str]
    tokens: dict[str, str]
    env: dict[str, str]
    proxies: dict[str, Proxy]
    log: Path
    address: str = ""
    seen: list[str] = field(default_factory=list)

    @property
    def inside(self) -> tuple[str, ...]:
        """Hosts with ports, roles, passwords and database names."""
        parts = [urlsplit(self.env[variable]) for variable in SIDES.values()]
        parts += [urlsplit(url) for url in self.urls.values()]
        return tuple(word for part in parts for word in (f":{part.port}", f"port {part.port}", part.username, part.password, part.path[1:]))

    def visitor(self, token: str = "") -> Watched:
        return Watched(self.address, self.tokens.get(token, ""), inside=self.inside, seen=self.seen)

    def needing(self, side: str) -> Watched:
        """A client whose every call needs the side. Where that is the primary: with a token that it was not asked about a moment ago."""
        visitor = self.visitor("owner")
        visitor.token = f"rdy_{secrets.token_hex(32)}" if side == "primary" else visitor.token
        return visitor

    def signed_in(self, username: str) -> Watched:
        visitor = self.visitor()
        visitor.sign_in(username, DEMO_PASSWORD)
        return visitor

    def readiness(self) -> dict:
        answer = self.visitor().get("/api/v1/readiness")
        assert answer.status == 200
        return answer.json

    def status(self) -> str:
        return self.readiness()["status"]

    def until_away(self, *sides: str) -> None:
        """/readyz names exactly these."""
        until(lambda: self.visitor().get("/readyz").json["away"] == list(sides), within=10)

    def results(self) -> dict[str, str]:
        """Check → its result, from /metrics, which asks for neither session nor token of ours."""
        answer = self.visitor().call("GET", "/metrics", Authorization=f"Bearer {self.env['METRICS_TOKEN']}")
        return dict(re.findall(r'readiness_check\{check="(\w+)",result="(\w+)"\} 1\n', answer.text))

    def execute(self, side: str, *statements: str) -> list[tuple]:
        """Run statements as the owner of a side's database, straight; the rows of the last one."""
        return self._execute(self.urls[side], *statements)

    def execute_as_superuser(self, side: str, *statements: str) -> list[tuple]:
        name = urlsplit(self.urls[side]).path
        return self._execute(urlunsplit(urlsplit(os.environ[SUPERUSERS[side]])._replace(path=name)), *statements)

    @staticmethod
    def _execute(url: str, *statements: str) -> list[tuple]:
        connection = psycopg2.connect(url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def name(self, side: str) -> str:
        return urlsplit(self.urls[side]).path[1:]

    def hashes(self, side: str) -> dict[str, tuple]:
        """Table → (rows, hash of all of them), of every table of a side but the denials."""
        schema = {"primary": "public", "self_service": "self_service_drafts"}[side]
        tables = self.execute(side, f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' AND tablename <> 'reviews_denial'")
        asked = " UNION ALL ".join(
            f"SELECT '{table}', count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {schema}.{table} t"
            for (table,) in tables
        )
        return {table: (count, digest) for table, count, digest in self.execute(side, asked)}

    def heal(self) -> None:
        """Both databases are there again, and the installation has noticed."""
        for proxy in self.proxies.values():
            proxy.pass_on()
        until(lambda: self.status() == "ready_for_review", within=10)


def through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"))


@contextmanager
def proxied(urls: dict[str, str]) -> Iterator[dict[str, Proxy]]:
    with ExitStack() as stack:
        proxies = {}
        for side, url in urls.items():
            proxies[side] = Proxy((urlsplit(url).hostname, urlsplit(url).port))
            stack.callback(proxies[side].close)
        yield proxies


@contextmanager
def installed(urls: dict[str, str], *, env: dict[str, str], tokens: dict[str, str], log: Path, **modes: str) -> Iterator[Installation]:
    """A server on these databases. `modes`: side → the mode that its proxy is in when the server starts."""
    with proxied(urls) as proxies:
        for side, mode in modes.items():
            getattr(proxies[side], mode)()
        given = env | {SIDES[side]: through(url, proxies[side]) for side, url in urls.items()}
        with serving(given, port=free_port(), log=log) as address:
            yield Installation(urls, tokens, given, proxies, log, address)


def planted(marker: str) -> str:
    """A secret that is found again wherever it turns up."""
    return f"planted-{marker}-{secrets.token_hex(12)}"


def problem(answer: Answer) -> dict:
    """The body of a 503 under /api/, which says when to come back."""
    assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json"), answer.text
    assert answer.headers["retry-after"].isdigit()
    return json.loads(answer.body)

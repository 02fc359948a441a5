"""A database that accepts and says nothing costs a request seconds, never a worker. Real sockets, in processes of their own."""

import json
import os
import socket
import time
from urllib.parse import urlsplit

import psycopg2
import pytest

from tests.config.listener import Listener, Relay, opened
from tests.conftest import run_python

ASK = """
import json, sys, time
import psycopg2
from config import deadline

deadline.install(server={server})
told = []

def ask(what):
    start = time.monotonic()
    try:
        what()
        word = "answered"
    except psycopg2.OperationalError as failure:
        word = str(failure)
    told.append([word, round(time.monotonic() - start, 2)])

{body}
print(json.dumps(told))
"""


def ask(body: str, *, server: bool = True, **env: str) -> list:
    done = run_python(ASK.format(server=server, body=body), env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("server", [True, False])
def test_connect_to_a_silent_server_gives_up_in_two_seconds(server):
    with opened(Listener()) as (silent,):
        url = f"postgresql://u:p@127.0.0.1:{silent.port}/db"
        ((word, seconds),) = ask(f"ask(lambda: psycopg2.connect({url!r}))", server=server)
        assert silent.connections == 1
    assert word == "the database did not answer in time"
    assert 1.9 <= seconds < 2.6


def addresses_of_localhost() -> list:
    return sorted({info[4][0] for info in socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)})


def test_two_seconds_are_for_all_addresses_together():
    # libpq's own connect_timeout counts each address anew; two hosts stand for one name with two addresses
    with opened(Listener(), Listener()) as (one, two):
        body = f'ask(lambda: psycopg2.connect("host=127.0.0.1,127.0.0.1 port={one.port},{two.port} user=u connect_timeout=2"))'
        ((_, seconds),) = ask(body)
    assert 1.9 <= seconds < 2.6


@pytest.mark.skipif(addresses_of_localhost() != ["127.0.0.1", "::1"], reason="localhost has one address here")
def test_two_seconds_are_for_both_addresses_of_one_name():
    with opened(Listener()) as (four,), opened(Listener(port=four.port, host="::1", family=socket.AF_INET6)):
        ((_, seconds),) = ask(f'ask(lambda: psycopg2.connect("host=localhost port={four.port} user=u connect_timeout=2"))')
    assert 1.9 <= seconds < 2.6


def test_connect_to_a_silent_server_fails_at_once_the_second_time():
    with opened(Listener()) as (silent,):
        url = f"postgresql://u:p@127.0.0.1:{silent.port}/db"
        connect = f"ask(lambda: psycopg2.connect({url!r}))\n"
        first, second, third = ask(f"{connect}{connect}time.sleep(1.1)\n{connect}")
    assert second == ["the database did not answer a moment ago", second[1]]
    assert second[1] < 0.2
    assert third[1] > 1.9 < first[1]


def test_refused_connection_fails_at_once():
    with opened(Listener()) as (listener,):
        port = listener.port
    ((word, seconds),) = ask(f'ask(lambda: psycopg2.connect("host=127.0.0.1 port={port} user=u"))')
    assert "refused" in word
    assert seconds < 1


@pytest.fixture
def relayed():
    """A real database behind a relay that falls silent at the word `hush`: (url, relay)."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    with opened(Relay((parts.hostname, parts.port), word=b"hush")) as (relay,):
        yield f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{relay.port}{parts.path}?sslmode=disable", relay


SILENCE = """
connection = psycopg2.connect({url!r})
connection.autocommit = True
cursor = connection.cursor()
ask(lambda: cursor.execute("SELECT 1"))
ask(lambda: cursor.execute("SELECT 'hush'"))
ask(lambda: psycopg2.connect({url!r}))
"""


def test_statement_to_a_server_that_falls_silent_gives_up_and_the_reconnect_does_not_wait_again(relayed):
    url, _ = relayed
    (before, _), (word, seconds), (again, more) = ask(SILENCE.format(url=url))
    assert before == "answered"
    assert (word, again) == ("the database did not answer in time", "the database did not answer a moment ago")
    assert 2.6 <= seconds < 3.2
    assert seconds + more < 3.3


def test_command_may_wait_longer_than_a_request(relayed):
    url, _ = relayed
    body = f"cursor = psycopg2.connect({url!r}).cursor()\nask(lambda: cursor.execute('SELECT pg_sleep(3)'))"
    ((word, seconds),) = ask(body, server=False)
    assert word == "answered"
    assert seconds >= 3


LIMITS = """
import json
{server}
import django
django.setup()
from django.db import connections, OperationalError
import time
start = time.monotonic()
with connections["default"].cursor() as cursor:
    cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
    limits = cursor.fetchone()
    try:
        cursor.execute("SELECT pg_sleep({sleep})")
        word = "answered"
    except OperationalError as failure:
        word = str(failure).strip()
print(json.dumps([*limits, word, time.monotonic() - start]))
"""


@pytest.mark.parametrize(
    ("server", "expected"),
    [(True, ["2500ms", "2s", "canceling statement due to statement timeout"]), (False, ["0", "0", "answered"])],
    ids=["server", "command"],
)
def test_statement_limits_hold_in_a_server_and_not_in_a_command(server, expected):
    names = ("DATABASE_URL", "SELF_SERVICE_DATABASE_URL", "READINESS_ENVIRONMENT", "SECRET_KEY")
    env = {name: os.environ[name] for name in names} | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    code = LIMITS.format(server="import config.wsgi" if server else "", sleep=5 if server else 0.1)
    *limits, seconds = json.loads(run_python(code, env=env).stdout)
    assert limits == expected
    assert seconds < 3.5


def test_lost_server_is_noticed_while_waiting():
    # a server that closes in the middle of the handshake is an error, not an endless wait
    with opened(Listener()) as (silent,):
        url = f"postgresql://u:p@127.0.0.1:{silent.port}/db"
        start = time.monotonic()
        with pytest.raises(psycopg2.OperationalError):
            closing(silent, url)
    assert time.monotonic() - start < 1.5


def closing(listener: Listener, url: str) -> None:
    listener.serve = lambda connection: connection.close()
    psycopg2.connect(url)

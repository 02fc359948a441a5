"""API tokens: hashed at rest, shown once, expiring, scoped, and one answer to every wrong one (A09, A11, A14)."""

import io
import os
import socket
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections
from django.utils import timezone
from knox.crypto import hash_token

from access.actors import actor_of
from access.models import ApiToken, Scope, User
from access.tokens import create_token, revoke_token
from tests.conftest import PROJECT
from tests.pgplugin import free_port

pytestmark = [pytest.mark.urls("tests.config.urls"), pytest.mark.usefixtures("both_stores")]

CLOSED = "/api/v1/closed/"


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ada", password="correct-horse")


def token_of(user, *, scopes=("read",), lifetime=timedelta(days=1), **options) -> str:
    return create_token(user, scopes=list(scopes), lifetime=lifetime, **options)


def ask(client, authorization, path=CLOSED):
    return client.get(path, headers={} if authorization is None else {"authorization": authorization})


def test_a_token_opens_the_api_with_its_users_name_and_scopes(client, user):
    response = ask(client, f"Token {token_of(user, scopes=['read', 'draft'])}")
    assert (response.status_code, response.json()) == (200, {"username": "ada", "scopes": ["draft", "read"]})


@pytest.mark.parametrize("word", ["Token", "token", "TOKEN"])
def test_scheme_is_read_without_regard_to_case(client, user, word):
    assert ask(client, f"{word} {token_of(user)}").status_code == 200


def test_authentication_is_one_query_and_notes_its_use_once_a_minute(client, user, django_assert_num_queries):
    token = token_of(user)
    with django_assert_num_queries(2):
        assert ask(client, f"Token {token}").status_code == 200
    with django_assert_num_queries(1) as queries:
        assert ask(client, f"Token {token}").status_code == 200
    assert queries[0]["sql"].startswith("SELECT")
    assert (timezone.now() - ApiToken.objects.get().last_used_at).total_seconds() < 60


def test_a_primary_that_takes_no_writes_stops_no_token(client, user):
    def read_only(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise OperationalError("cannot execute UPDATE in a read-only transaction")
        return execute(sql, params, many, context)

    token = token_of(user)
    with connections["default"].execute_wrapper(read_only):
        assert ask(client, f"Token {token}").status_code == 200


def test_a08_a_revoked_token_stays_on_record_and_opens_nothing(client, user):
    token = token_of(user)
    kept = ApiToken.objects.get()
    revoke_token(kept, by="operator")
    first = ApiToken.objects.get().revoked_at
    revoke_token(kept, by="somebody else")

    assert ask(client, f"Token {token}").status_code == 401
    assert (ApiToken.objects.get().revoked_by, ApiToken.objects.get().revoked_at) == ("operator", first)


def test_revoke_token_command_takes_an_id_or_a_user(user):
    for _ in range(3):
        token_of(user)
    one = ApiToken.objects.order_by("created").first()

    call_command("revoke_token", str(one.public_id))
    assert ApiToken.objects.filter(revoked_at__isnull=False).count() == 1
    call_command("revoke_token", "--user", "ada")
    assert set(ApiToken.objects.values_list("revoked_by", flat=True)) == {"command line"}
    for wrong in ([], ["no-id"], [str(one.public_id), "--user", "ada"], ["--user", "nobody"]):
        with pytest.raises(CommandError):
            call_command("revoke_token", *wrong)


WRONG = {
    "none": None,
    "empty": "",
    "scheme_only": "Token",
    "unknown": f"Token {'0' * 64}",
    "basic": "Basic YWRhOmNvcnJlY3QtaG9yc2U=",
    "latin_1": "Token \xff\xfe\xe9",
    "scheme_latin_1": "\xff\xfe",
    "utf_8_in_latin_1": "Token " + "☃".encode().decode("latin-1"),
    "beyond_latin_1": "Token ☃",
    "null": "Token \x00",
    "long": "Token " + "x" * 5000,
    "sql": "Token ';DROP/**/TABLE/**/access_user--",
}
ALMOST = {
    "cut": lambda token: f"Token {token[:-1]}",
    "longer": lambda token: f"Token {token}0",
    "upper": lambda token: f"Token {token.upper()}",
    "two": lambda token: f"Token {token} {token}",
    "bearer": lambda token: f"Bearer {token}",
    "digest": lambda token: f"Token {hash_token(token)}",
}


def refused(response) -> bool:
    return (response.status_code, response["WWW-Authenticate"], response["Content-Type"]) == (401, "Token", "application/problem+json")


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a14_wrong_authorization_is_401_and_never_500(client, wrong):
    assert refused(ask(client, wrong))


@pytest.mark.parametrize("change", ALMOST.values(), ids=ALMOST)
def test_a14_almost_the_right_authorization_is_401(client, user, change):
    assert refused(ask(client, change(token_of(user))))


def test_a09_token_in_the_query_string_is_401(client, user):
    token = token_of(user)
    for name in ("token", "access_token", "Authorization", "api_key"):
        assert ask(client, None, f"{CLOSED}?{name}={token}").status_code == 401


def test_h04_session_cookie_opens_nothing_in_the_api(client, user):
    client.force_login(user)
    assert ask(client, None).status_code == 401


def test_a08_a11_expired_revoked_inactive_and_unknown_are_told_apart_by_nothing(client, user):
    expired, revoked, inactive = token_of(user), token_of(user), token_of(User.objects.create_user("bob"))
    ApiToken.objects.filter(digest=hash_token(expired)).update(expiry=timezone.now())
    ApiToken.objects.filter(digest=hash_token(revoked)).delete()
    User.objects.filter(username="bob").update(is_active=False)

    bodies = []
    for token in (expired, revoked, inactive, "0" * 64):
        response = ask(client, f"Token {token}")
        assert response.status_code == 401
        bodies.append(response.json() | {"request_id": ""})

    assert bodies == [bodies[0]] * 4


def test_a14_token_ends_when_its_time_is_over(client, user):
    token = token_of(user, lifetime=timedelta(seconds=-1))
    assert ask(client, f"Token {token}").status_code == 401


def test_a14_token_without_an_end_is_no_token(client, user):
    token = token_of(user)
    ApiToken.objects.update(expiry=None)
    assert ask(client, f"Token {token}").status_code == 401


def test_a14_database_holds_nothing_that_works_as_a_token(client, user):
    token = token_of(user, name="ci")
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT * FROM access_apitoken")
        (row,) = cursor.fetchall()
    assert token not in map(str, row)
    assert hash_token(token) in row
    for value in map(str, row):
        assert ask(client, f"Token {value}").status_code == 401


def test_a14_tokens_are_long_and_never_the_same(user):
    tokens = {token_of(user) for _ in range(20)}
    assert len(tokens) == 20
    assert all(token.startswith("rdy_") and len(token) == 68 for token in tokens)


@pytest.mark.parametrize("scopes", [[], ["vote"], ["read", "admin"], ["Read"], [""]])
def test_a09_unknown_scope_makes_no_token(user, scopes):
    with pytest.raises(ValueError, match="Name at least one scope out of: read, draft, request, gate"):
        create_token(user, scopes=scopes, lifetime=timedelta(days=1))
    assert not ApiToken.objects.exists()


def test_a09_there_is_no_scope_that_votes():
    assert Scope.values == ["read", "draft", "request", "gate"]


# --- the actor ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", Scope.values)
def test_actor_of_a_token_may_what_its_scopes_say_and_no_more(user, scope):
    token_of(user, scopes=[scope])
    actor = actor_of(user, channel="api", token=ApiToken.objects.get())
    assert [each for each in Scope.values if actor.may(each)] == [scope]
    assert actor.token_id == str(ApiToken.objects.get().public_id)


def test_actor_of_a_page_has_every_scope(user):
    actor = actor_of(user, channel="page")
    assert all(actor.may(scope) for scope in Scope.values)
    assert (actor.covers("any"), actor.token_id, actor.user_id, actor.username) == (True, "", user.pk, "ada")


@pytest.mark.parametrize(("partners", "covered"), [(None, ["a", "b"]), (["a"], ["a"]), ([], []), (["aa"], [])])
def test_actor_of_a_token_covers_its_partners(user, partners, covered):
    token_of(user, partners=partners)
    actor = actor_of(user, channel="api", token=ApiToken.objects.get())
    assert [slug for slug in ("a", "b") if actor.covers(slug)] == covered


@pytest.mark.parametrize(("groups", "reads_all"), [([], False), (["other"], False), (["auditors"], True), (["other", "operators"], True)])
def test_actor_reads_all_as_auditor_or_operator(user, groups, reads_all):
    user.groups.set([user.groups.model.objects.create(name=name) for name in groups])
    assert actor_of(user, channel="page").reads_all is reads_all


def test_actor_reads_all_as_superuser():
    assert actor_of(User.objects.create_superuser("root"), channel="page").reads_all is True


# --- manage.py create_token -----------------------------------------------------------------------------------------------------


def command(*args: str) -> str:
    out = io.StringIO()
    call_command("create_token", *args, stdout=out)
    return out.getvalue()


def test_create_token_prints_the_token_as_the_last_word(client, user):
    said = command("ada", "--scope", "read", "--scope", "draft", "--partner", "acme", "--days", "3", "--name", "ci")
    response = ask(client, f"Token {said.split()[-1]}")
    assert response.json() == {"username": "ada", "scopes": ["draft", "read"]}
    token = ApiToken.objects.get()
    assert (token.partners, token.name, str(token)) == (["acme"], "ci", "ci")
    assert timedelta(days=2, hours=23) < token.expiry - timezone.now() < timedelta(days=3)


def test_create_token_lives_90_days_unless_told(user):
    command("ada", "--scope", "gate")
    assert (ApiToken.objects.get().expiry - timezone.now()).days == 89


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["bob", "--scope", "read"], "There is no active user of that name"),
        (["gone", "--scope", "read"], "There is no active user of that name"),
        (["ada", "--scope", "vote"], "invalid choice: 'vote'"),
        (["ada"], "required: --scope"),
        (["ada", "--scope", "read", "--days", "0"], "--days must be from 1 to 3650"),
        (["ada", "--scope", "read", "--days", "3651"], "--days must be from 1 to 3650"),
    ],
)
def test_create_token_refuses_with_one_sentence(user, args, sentence):
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(CommandError, match=sentence.replace("(", r"\(")):
        command(*args)
    assert not ApiToken.objects.exists()


# --- a real server --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(sqlite_installation):
    """Granian, as the Procfile runs it, on a port of its own."""
    port = free_port()
    flags = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "1", "--no-log"]
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", *flags, "config.wsgi:application"],
        env={"PATH": os.environ["PATH"]} | sqlite_installation.env,
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield wait_for(port, process)
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen) -> int:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
        else:
            return port
    raise AssertionError("the server does not listen")


def raw_status(port: int, authorization: bytes) -> bytes:
    """The status line of an answer to a header of exactly these bytes."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(
            b"GET /api/v1/whoami/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: " + authorization + b"\r\n\r\n"
        )
        return connection.makefile("rb").readline()


def test_a14_authorization_of_any_bytes_is_401_on_a_real_server(server):
    for value in (b"Token x", b"Token \xff\xfe", b"\xff", b"Token \xe2\x98\x83", b"Token \xc3\x28", b"", b"Token \x80 \x81"):
        assert raw_status(server, value).split()[1] == b"401", value

"""H09: a session is new at sign-in, over at sign-out, and ends by itself: idle, and at most."""

import logging
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connections
from django.test import Client
from django.utils import timezone

from access.models import User
from access.sessions import SIGNED_IN_AT, signed_in_at
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.usefixtures("both_stores")
PAGE = "/self-service/plans/"


FORM_TYPE = "application/x-www-form-urlencoded"


def signed_in(username: str = "owner") -> Client:
    make_user(username)
    client = Client()
    answer = client.post("/accounts/login/", f"username={username}&password={PASSWORD}", content_type=FORM_TYPE)
    assert answer.status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def row() -> Session:
    return Session.objects.get()


def aged(by: timedelta) -> None:
    """As if everything in the session had been that long ago."""
    session = row()
    store = session.get_session_store_class()(session.session_key)
    said = session.get_decoded()
    said[SIGNED_IN_AT] = (signed_in_at(said) - by).isoformat()
    Session.objects.filter(pk=session.pk).update(expire_date=session.expire_date - by, session_data=store.encode(said))


def test_H09_a_session_that_is_not_used_ends(settings):
    settings.SESSION_IDLE = timedelta(minutes=30)
    client = signed_in()
    aged(timedelta(minutes=29))
    assert is_in(client)
    aged(timedelta(minutes=31))
    assert not is_in(client)


def test_H09_use_prolongs_a_session_and_is_noted_once_a_minute(settings):
    settings.SESSION_IDLE = timedelta(minutes=30)
    client = signed_in()
    first = row().expire_date
    assert is_in(client)
    assert row().expire_date == first
    aged(timedelta(minutes=10))
    before = row()
    assert is_in(client)
    assert timedelta(minutes=9) < row().expire_date - before.expire_date < timedelta(minutes=11)
    assert row().session_data == before.session_data


def test_H09_no_use_prolongs_a_session_past_eight_hours(settings):
    settings.SESSION_IDLE = timedelta(minutes=30)
    client = signed_in()
    for _ in range(23):
        aged(timedelta(minutes=20))
        assert is_in(client)
    aged(timedelta(minutes=19))
    assert is_in(client)
    left = row().expire_date - timezone.now()
    assert left < timedelta(minutes=2)
    aged(timedelta(minutes=2))
    assert not is_in(client)


def test_H09_signing_in_takes_a_new_key(client, settings):
    make_user("owner")
    session = client.session
    session["from"] = "before"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = session.session_key
    client.post("/accounts/login/", f"username=owner&password={PASSWORD}", content_type=FORM_TYPE)
    assert row().session_key != planted


def test_H09_signing_out_ends_the_row():
    client = signed_in()
    client.post("/accounts/logout/", "", content_type=FORM_TYPE)
    assert Session.objects.count() == 0
    assert not is_in(client)


def test_H09_a_half_done_sign_in_is_not_held_open(client, settings):
    settings.SESSION_IDLE = timedelta(minutes=30)
    session = client.session
    session["half"] = "done"
    session.save()
    Session.objects.update(expire_date=timezone.now() + timedelta(minutes=5))
    before = row().expire_date
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    client.get(PAGE)
    assert row().expire_date == before


def test_H09_a_primary_that_takes_no_writes_lets_people_read(both_stores_committed, settings):
    settings.SESSION_IDLE = timedelta(minutes=30)
    client = signed_in()
    aged(timedelta(minutes=10))
    with connections["default"].execute_wrapper(no_writes):
        assert is_in(client)


def no_writes(execute, sql, params, many, context):
    if sql.startswith("UPDATE"):
        raise OperationalError("read-only")
    return execute(sql, params, many, context)


def test_signing_in_is_told_to_the_log_and_so_is_a_wrong_try(caplog):
    caplog.set_level(logging.INFO, "readiness.verbs")
    signed_in()
    Client().post("/accounts/login/", "username=owner&password=canary-password", content_type=FORM_TYPE)
    said = [(record.verb, record.outcome, record.reasons, record.actor_id) for record in caplog.records if record.name == "readiness.verbs"]
    assert said == [("sign_in", "done", None, User.objects.get().pk), ("sign_in", "refused", ["wrong"], None)]
    assert "canary-password" not in caplog.text

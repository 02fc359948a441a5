"""The second factor: set up with the password, asked for at sign-in, each code once, and reset by an operator with an event."""

import time

import pytest
from django.core.management import CommandError, call_command
from django_otp.plugins.otp_totp.models import TOTPDevice

from access import second_factor
from access.models import User
from reviews.models import Event
from tests.codes import LOGIN, PAGE, code_of, equip
from tests.factories import PASSWORD, make_user
from tests.pages import Visitor, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
PLANS = "/self-service/plans/"


def equipped(username: str = "ada") -> User:
    user = make_user(username)
    equip(user)
    return user


def test_setting_up_shows_the_secret_once_and_needs_a_code_and_the_password():
    user = make_user("ada")
    visitor = Visitor(user)
    shown = visitor.get(PAGE)
    device = TOTPDevice.objects.get()

    assert second_factor.secret_text(device) in text_of(shown)
    assert "<svg" in shown.content.decode()
    assert "style=" not in shown.content.decode()
    assert second_factor.device_of(user) is None
    for wrong in ({"code": code_of(user), "password": "wrong"}, {"code": "abc", "password": PASSWORD}, {"code": code_of(user)}):
        assert visitor.post(PAGE, **wrong).status_code == 400
    assert visitor.post(PAGE, code=code_of(user), password=PASSWORD).status_code == 302
    assert second_factor.device_of(user) == device
    assert second_factor.secret_text(device) not in text_of(visitor.get(PAGE))


def test_sign_in_asks_for_the_code_and_opens_nothing_before_it():
    user = equipped()
    visitor = Visitor()

    asked = visitor.post(LOGIN, username="ada", password=PASSWORD, next="/self-service/plans/new")
    assert (asked.status_code, "Now the code" in text_of(asked)) == (200, True)
    assert visitor.get(PLANS).status_code == 302

    done = visitor.post(LOGIN, code=code_of(user), next="/self-service/plans/new")
    assert (done.status_code, done["Location"]) == (302, "/self-service/plans/new")
    assert visitor.get(PLANS).status_code == 200
    assert second_factor.is_verified(visitor.client.session)


def test_a_code_counts_once():
    user, code = equipped(), None
    for expected in (302, 400):
        visitor = Visitor()
        visitor.post(LOGIN, username="ada", password=PASSWORD)
        code = code or code_of(user)
        assert visitor.post(LOGIN, code=code).status_code == expected


def test_wrong_codes_make_the_next_try_wait():
    user = equipped()
    visitor = Visitor()
    visitor.post(LOGIN, username="ada", password=PASSWORD)
    assert [visitor.post(LOGIN, code="000000").status_code for _ in range(4)] == [400] * 4

    assert visitor.post(LOGIN, code=code_of(user)).status_code == 400


def test_a_code_without_a_password_before_it_opens_nothing():
    user = equipped()
    answer = Visitor().post(LOGIN, code=code_of(user))
    assert (answer.status_code, "came too late" in text_of(answer)) == (400, True)


@pytest.mark.parametrize("change", ["inactive", "password", "time"])
def test_what_changes_between_password_and_code_starts_again(change):
    user = equipped()
    visitor = Visitor()
    visitor.post(LOGIN, username="ada", password=PASSWORD)
    if change == "time":
        session = visitor.client.session
        session[second_factor.WAITING] |= {"until": int(time.time()) - 1}
        session.save()
    elif change == "inactive":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user.set_password("another-long-password")
        user.save()

    assert visitor.post(LOGIN, code=code_of(user)).status_code == 400
    assert visitor.get(PLANS).status_code == 302


def test_replacing_needs_a_code_and_ends_this_sessions_word():
    user = equipped()
    visitor = Visitor()
    visitor.post(LOGIN, username="ada", password=PASSWORD)
    visitor.post(LOGIN, code=code_of(user))

    assert visitor.post(PAGE, code="000000").status_code == 400
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert visitor.post(PAGE, code=code_of(user, step=1)).status_code == 302
    assert (second_factor.device_of(user), second_factor.is_verified(visitor.client.session)) == (None, False)


def test_an_operator_resets_it_with_an_event_first():
    user = equipped()

    call_command("reset_second_factor", "ada")

    assert second_factor.device_of(user) is None
    assert Event.objects.get(verb="reset_second_factor").detail == {"user_id": user.pk, "username": "ada"}
    with pytest.raises(CommandError):
        call_command("reset_second_factor", "nobody")


def test_the_secret_is_shown_nowhere_in_admin():
    make_user("root", is_superuser=True)
    equipped()
    visitor = Visitor(User.objects.get(username="root"))

    assert visitor.get("/admin/otp_totp/totpdevice/").status_code == 404

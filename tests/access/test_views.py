"""The one sign-in: where it leads, what it never says, and what ends a session."""

import pytest

from tests.factories import PASSWORD, Story, make_user
from tests.pages import DESK, Visitor, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
LOGIN = "/accounts/login/"


def signed_in_at(username: str, **said) -> str:
    answer = Visitor().post(LOGIN, username=username, password=PASSWORD, **said)
    assert answer.status_code == 302
    return answer["Location"]


def test_owner_arrives_at_plans_and_reviewer_at_the_desk():
    Story()

    assert (signed_in_at("owner"), signed_in_at("release")) == ("/self-service/plans/", DESK)


def test_H14_next_leads_only_to_pages_of_this_origin():
    make_user("owner")

    assert signed_in_at("owner", next="/self-service/plans/new") == "/self-service/plans/new"
    for elsewhere in (
        "https://evil.example.org/", "//evil.example.org/", "/\\evil.example.org", "javascript:alert(1)", "http:///evil.example.org",
        "\thttps://evil.example.org/", "ftp://testserver/", "/accounts/login/", "/accounts/logout/", "/accounts/login/?next=/x",
    ):  # fmt: skip
        assert signed_in_at("owner", next=elsewhere) == "/self-service/plans/", elsewhere


def test_H14_the_form_carries_no_foreign_next():
    assert "evil" not in Visitor().get(LOGIN, next="https://evil.example.org/").content.decode()


@pytest.mark.parametrize("parameters", [{}, {"next": "/accounts/login/"}, {"next": "https://evil.example.org/"}])
def test_who_is_signed_in_already_goes_on(parameters):
    answer = Visitor(make_user("owner")).get(LOGIN, **parameters)

    assert (answer.status_code, answer["Location"]) == (302, "/self-service/plans/")


def test_wrong_unknown_and_inactive_are_told_the_same():
    make_user("owner")
    make_user("gone", is_active=False)
    answers = [
        Visitor().post(LOGIN, username=name, password=word) for name, word in [("owner", "no"), ("nobody", "no"), ("gone", PASSWORD)]
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert len({text_of(answer) for answer in answers}) == 1


def test_password_is_never_echoed():
    answer = Visitor().post(LOGIN, username="owner", password="hunter2-hunter2")

    assert "hunter2" not in answer.content.decode()


@pytest.mark.parametrize("said", [{"groups": "release"}, {"is_superuser": "1"}, {"username": ["owner", "release"]}])
def test_fields_that_the_form_does_not_know_are_refused(said):
    make_user("owner")
    visitor = Visitor()

    answer = visitor.post(LOGIN, **{"username": "owner", "password": PASSWORD, **said})

    assert (answer.status_code, "sessionid" in visitor.client.cookies) == (400, False)
    assert next(iter(said)) in text_of(answer)


def test_null_character_is_a_400():
    assert Visitor().post(LOGIN, username="ow\x00ner", password="x").status_code == 400


def test_sign_out_is_a_post_and_ends_the_session():
    visitor = Visitor(make_user("owner"))

    assert visitor.get("/accounts/logout/").status_code == 405
    assert visitor.post("/accounts/logout/").status_code == 302
    assert visitor.get("/self-service/plans/").status_code == 302


@pytest.mark.parametrize("path", [LOGIN, "/accounts/logout/", "/accounts/password/"])
def test_H04_each_form_needs_its_csrf_token(path):
    user = None if path == LOGIN else make_user("owner")

    assert Visitor(user, csrf=True).post(path, username="owner").status_code == 403


def test_changing_the_password_keeps_this_session_and_ends_the_others():
    user = make_user("owner")
    here, elsewhere = Visitor(user), Visitor(user)
    before = here.client.cookies["sessionid"].value
    new = "another-long-password-of-mine"

    answer = here.post("/accounts/password/", old_password=PASSWORD, new_password1=new, new_password2=new)

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/")
    assert here.client.cookies["sessionid"].value != before
    assert "Your password has been changed" in text_of(here.get("/accounts/password/"))
    assert elsewhere.get("/self-service/plans/").status_code == 302


def test_weak_or_mismatched_passwords_are_refused_with_the_reason():
    visitor = Visitor(make_user("owner"))

    answer = visitor.post("/accounts/password/", old_password=PASSWORD, new_password1="short", new_password2="short")

    assert answer.status_code == 400
    assert "This password is too short" in text_of(answer)
    assert 'value="short"' not in answer.content.decode()


def test_A08_a_session_dies_with_its_account():
    user = make_user("owner")
    visitor = Visitor(user)
    assert visitor.get("/self-service/plans/").status_code == 200

    user.is_active = False
    user.save()

    assert visitor.get("/self-service/plans/").status_code == 302


def test_password_page_sends_strangers_to_sign_in():
    answer = Visitor().get("/accounts/password/")

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/accounts/password/")


@pytest.mark.parametrize("path", ["/accounts/login", "/accounts/password", "/accounts/", "/accounts/Login/"])
def test_any_other_spelling_is_404(path):
    assert Visitor().get(path).status_code == 404

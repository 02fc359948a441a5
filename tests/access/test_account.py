"""Tokens that a person makes and revokes on a page: shown once, their own alone."""

import re
from datetime import timedelta

import pytest

from access.models import ApiToken
from access.tokens import create_token
from tests.calls import Caller
from tests.factories import make_user
from tests.pages import Visitor, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
PAGE = "/accounts/tokens/"
SAID = {"name": "nightly", "scopes": ["read", "gate"], "partners": "northstar_controls, lumen_foods", "days": "30"}


def test_a_token_is_made_shown_once_and_works():
    user = make_user("ada")
    visitor = Visitor(user)

    made = visitor.post(PAGE, **SAID)

    assert (made.status_code, made["Cache-Control"]) == (200, "no-store")
    token = re.search(r'<code class="copy">(\S+)</code>', made.content.decode())[1]
    assert token not in visitor.get(PAGE).content.decode()
    kept = ApiToken.objects.get()
    assert (kept.scopes, kept.partners, kept.created_by, kept.name) == (
        ["gate", "read"],
        ["lumen_foods", "northstar_controls"],
        "ada",
        "nightly",
    )
    assert timedelta(days=29) < kept.expiry - kept.created < timedelta(days=31)
    caller = Caller(user)
    caller.client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert caller.get("whoami/").json()["partners"] == ["lumen_foods", "northstar_controls"]
    assert "nightly" in text_of(visitor.get(PAGE))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"name": "x" * 81}, {"name": ["a", "b"]}, {"name": "a\x00b"}, {"scopes": []}, {"scopes": ["vote"]},
        {"scopes": ["read", "admin"]}, {"days": "0"}, {"days": "3651"}, {"days": "x"}, {"partners": "UPPER"}, {"partners": "a b"},
        {"partners": ",".join(f"p{number}" for number in range(21))}, {"user": "1"}, {"public_id": "1"},
    ],
)  # fmt: skip
def test_bad_input_makes_no_token(wrong):
    answer = Visitor(make_user("ada")).post(PAGE, **{**SAID, **wrong})

    assert (answer.status_code, ApiToken.objects.count()) == (400, 0)


def test_revoking_shows_what_it_does_then_does_it():
    user = make_user("ada")
    caller = Caller(user)
    kept = ApiToken.objects.get()
    visitor = Visitor(user)
    path = f"{PAGE}{kept.public_id}/revoke/"

    assert "refused, for good" in text_of(visitor.get(path))
    assert caller.get("whoami/").status_code == 200
    assert visitor.post(path).status_code == 302
    assert caller.get("whoami/").status_code == 401
    assert "revoked already" in text_of(visitor.get(path))
    assert "revoked (ada)" in text_of(visitor.get(PAGE))


def test_a_strangers_token_is_404():
    create_token(make_user("ada"), scopes=["read"], lifetime=timedelta(days=1), name="mine")
    path = f"{PAGE}{ApiToken.objects.get().public_id}/revoke/"
    stranger = Visitor(make_user("bob", groups=("operators",)))

    assert [stranger.get(path).status_code, stranger.post(path).status_code] == [404, 404]
    assert ApiToken.objects.get().revoked_at is None
    assert "mine" not in text_of(stranger.get(PAGE))


@pytest.mark.parametrize("path", [PAGE, "/accounts/second-factor/"])
def test_account_pages_are_for_who_is_signed_in_and_need_csrf(path):
    assert Visitor().get(path)["Location"] == f"/accounts/login/?next={path}"
    assert Visitor(make_user("ada"), csrf=True).post(path, **SAID).status_code == 403


def test_operators_see_tokens_at_the_desk_and_nothing_to_guess_from():
    token = create_token(make_user("ada"), scopes=["read"], lifetime=timedelta(days=1), name="nightly")
    seen = Visitor(make_user("op", groups=("operators",))).get("/admin/access/apitoken/").content.decode()

    kept = ApiToken.objects.get()
    assert ("nightly" in seen, token[:8] in seen, kept.digest[:8] in seen, kept.token_key[:8] in seen) == (True, False, False, False)

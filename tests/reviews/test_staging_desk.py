"""The operators' page that pins a staging installation: what the command pins, and no private key comes back or stays."""

import json

import pytest

from receipts.signing import public_jwk
from reviews.models import Event, StagingPin
from tests.factories import Story, make_user
from tests.pages import Visitor, text_of
from tests.reviews.test_staging import ISSUER, STAGING_KEY, jwks, pin
from tests.test_no_payload import everything_stored

pytestmark = pytest.mark.usefixtures("both_stores")
PIN_PAGE, PINS = "/admin/organisation/staging/pin/", "/admin/reviews/stagingpin/"


def pinning(**changed) -> dict[str, str]:
    return {"issuer": ISSUER, "environment": "production", "key_set": jwks(STAGING_KEY).decode(), **changed}


@pytest.fixture
def operator():
    Story()
    return Visitor(make_user("operator", groups=("operators",)))


def test_an_operator_pins_at_the_desk_what_the_command_would(operator):
    assert "Production: nothing is pinned" in text_of(operator.get(PIN_PAGE))

    answer = operator.submit(PIN_PAGE, **pinning())

    made = StagingPin.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, PINS)
    assert (made.issuer, made.jwks, made.environment) == (ISSUER, {"keys": [public_jwk(STAGING_KEY.public_key)]}, "production")
    event = Event.objects.filter(verb="pin_staging").get()
    assert (event.actor, event.channel, event.role) == ("operator", "admin", "operator")
    listed = text_of(operator.get(PINS))
    assert f"Receipts of {ISSUER} count as staging's from now on. Keys: {STAGING_KEY.kid}" in listed
    assert f"{ISSUER} production {STAGING_KEY.kid}" in listed
    assert "Pin a staging installation" in listed
    pin(issuer="https://other.test")
    assert "every environment" in text_of(operator.get(PINS))
    assert "Production: https://other.test, since" in text_of(operator.get(PIN_PAGE))


PRIVATE_KEY, UNREADABLE = (f"Key set (JWKS): The key set {words}" for words in ("holds a private key", "cannot be pinned"))
NO_ADDRESS = "Issuer: The issuer is an http:// or https:// address."
PRIVATE = "c2VjcmV0LXBhcnQtb2YtYS1rZXk"
BAD_PINS = {
    "a private key": ({"key_set": json.dumps({"keys": [public_jwk(STAGING_KEY.public_key) | {"d": PRIVATE}]})}, PRIVATE_KEY),
    "a shared secret": ({"key_set": json.dumps({"keys": [{"kty": "oct", "k": PRIVATE}]})}, PRIVATE_KEY),
    "a private key of another kind": ({"key_set": json.dumps({"keys": [{"kty": "RSA", "qi": PRIVATE}]})}, PRIVATE_KEY),
    "a key as PEM": ({"key_set": f"-----BEGIN PRIVATE KEY-----\n{PRIVATE}\n-----END PRIVATE KEY-----"}, UNREADABLE),
    "no JSON": ({"key_set": PRIVATE}, UNREADABLE),
    "nothing": ({"key_set": ""}, "Key set (JWKS): This field is required."),
    "no usable key": ({"key_set": '{"keys": []}'}, "Key set (JWKS): The key set holds no Ed25519 key"),
    "no address": ({"issuer": PRIVATE}, NO_ADDRESS),
    "an address with a password": ({"issuer": f"https://x:{PRIVATE}@staging.test"}, NO_ADDRESS),
    "no environment of ours": ({"environment": PRIVATE}, "Which review requests: Choose from what is proposed."),
    "staging itself": ({"environment": "staging"}, "Which review requests: Choose from what is proposed."),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_PINS)
def test_P04_what_cannot_be_pinned_is_refused_in_words_and_no_key_comes_back(operator, bad):
    said, words = BAD_PINS[bad]

    answer = operator.submit(PIN_PAGE, **pinning(**said))

    assert (answer.status_code, words in text_of(answer)) == (400, True), text_of(answer)
    assert answer.text.split("<textarea")[1].split(">", 1)[1].split("</textarea>")[0].strip() == ""
    assert (PRIVATE in answer.text) == (bad == "no address")
    assert PRIVATE not in everything_stored()
    assert (StagingPin.objects.count(), Event.objects.filter(verb="pin_staging").count()) == (0, 0)


def test_R08_pinning_twice_makes_one_pin_and_says_so_both_times(operator):
    answers = [operator.submit(PIN_PAGE, **pinning()) for _ in range(2)]

    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, PINS)] * 2
    assert (StagingPin.objects.count(), Event.objects.filter(verb="pin_staging").count()) == (1, 1)

"""How often somebody may call or try: throttles and the sign-in lock-out, counted in the primary."""

import statistics
import time

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import OperationalError, connections
from django.test import RequestFactory

from access import limits
from access.address import address_of
from access.models import Tally
from tests.barrier import at_once, won
from tests.calls import Caller, codes
from tests.factories import PASSWORD, make_user
from tests.pages import Visitor, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
LOGIN = "/accounts/login/"


# --- calls --------------------------------------------------------------------------------------------------------------------------


def statuses(caller: Caller, number: int) -> list[int]:
    return [caller.get("whoami/").status_code for _ in range(number)]


def test_calls_over_the_limit_are_429_with_words_and_a_time(settings):
    settings.API_CALLS_PER_MINUTE = 3
    caller = Caller(make_user("ada"))

    assert statuses(caller, 3) == [200] * 3
    answer = caller.get("whoami/")
    assert (answer.status_code, answer["Content-Type"], codes(answer)) == (429, "application/problem+json", ["throttled"])
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_the_limit_is_the_persons_over_all_their_tokens(settings):
    settings.API_CALLS_PER_MINUTE = 4
    user = make_user("ada")

    assert statuses(Caller(user), 3) + statuses(Caller(user), 2) == [200] * 4 + [429]
    assert statuses(Caller(make_user("bob")), 1) == [200]


def test_lots_never_pass_the_limit_and_write_seldom(settings, django_assert_num_queries):
    """Two processes, each with lots of its own, share one count."""
    settings.API_CALLS_PER_MINUTE = 120
    key = "k"
    here, there = limits.Calls(), limits.Calls()
    passed = 0
    while here.take(key, limit=120) is None:
        passed += 1
        passed += there.take(key, limit=120) is None
    passed += sum(there.take(key, limit=120) is None for _ in range(5))

    assert passed == 120
    assert Tally.objects.get(key=key).count >= 120
    fresh = limits.Calls()
    fresh.take("other", limit=600)
    with django_assert_num_queries(0):
        assert [fresh.take("other", limit=600) for _ in range(9)] == [None] * 9


def test_a_primary_that_is_away_stops_no_caller_at_once_but_an_eager_one():
    def away(execute, sql, params, many, context):
        raise OperationalError("the database did not answer in time")

    calls = limits.Calls()
    with connections["default"].execute_wrapper(away):
        taken = [calls.take("k", limit=600) for _ in range(limits.UNCOUNTED_CALLS)]
        assert taken == [None] * limits.UNCOUNTED_CALLS


@pytest.mark.usefixtures("both_stores_committed")
def test_A12_parallel_calls_never_pass_the_limit():
    """Each thread is a process of its own here: none has seen the lots of another."""
    taken = []
    for _ in range(5):
        taken += won(at_once(*[lambda: limits.Calls().take("k", limit=40)] * 20))
    assert sum(wait is None for wait in taken) == 40


# --- signing in ---------------------------------------------------------------------------------------------------------------------


def tried(name: str = "ada", word: str = "wrong"):
    return Visitor().post(LOGIN, username=name, password=word)


def test_lock_out_after_five_wrong_passwords_says_how_long(settings):
    make_user("ada")
    assert [tried().status_code for _ in range(5)] == [400] * 5

    answer = tried(word=PASSWORD)

    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= settings.SIGN_IN_LOCK_SECONDS
    assert "Too many tries to sign in. Wait 15 minutes, then try again." in text_of(answer)


def test_A11_lock_out_and_refusal_of_unknown_and_known_names_are_the_same():
    make_user("ada")
    known, unknown = [[tried(name) for _ in range(6)] for name in ("ada", "nobody")]

    assert [answer.status_code for answer in known] == [answer.status_code for answer in unknown]
    assert [text_of(answer) for answer in known] == [text_of(answer) for answer in unknown]


class Slow(PBKDF2PasswordHasher):
    """Slow enough to be seen when it is left out, and quick enough for 200 tries."""

    algorithm, iterations = "slow", 60_000


def test_A11_unknown_and_known_names_take_the_same_time(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.Slow"]
    settings.SIGN_IN_TRIES = 100_000
    make_user("ada")
    took: dict[str, list[float]] = {"ada": [], "nobody": []}
    for number in range(200):
        name = ("ada", "nobody")[number % 2]
        started = time.perf_counter()
        tried(name)
        took[name].append(time.perf_counter() - started)

    assert abs(statistics.median(took["ada"]) - statistics.median(took["nobody"])) < 0.020


def test_spellings_of_a_name_are_one_name():
    for name in ("ada", "ADA", "ada ", "ａｄａ", "Ada"):
        tried(name)
    assert tried("ada").status_code == 429


def test_success_clears_what_this_name_did_wrong_from_here():
    make_user("ada")
    for _ in range(3):
        assert [tried().status_code for _ in range(4)] == [400] * 4
        assert tried(word=PASSWORD).status_code == 302


def test_one_name_is_guarded_from_many_addresses_and_one_address_from_many_names(settings):
    make_user("ada")
    for number in range(50):
        limits.try_to_sign_in("ada", RequestFactory().get("/", REMOTE_ADDR=f"10.0.0.{number}"))
        limits.try_to_sign_in(f"name{number}", RequestFactory().get("/", REMOTE_ADDR="10.9.9.9"))

    assert limits.try_to_sign_in("ada", RequestFactory().get("/", REMOTE_ADDR="10.0.1.1")) is not None
    assert limits.try_to_sign_in("fresh", RequestFactory().get("/", REMOTE_ADDR="10.9.9.9")) is not None
    assert limits.try_to_sign_in("fresh", RequestFactory().get("/", REMOTE_ADDR="10.8.8.8")) is None


@pytest.mark.usefixtures("both_stores_committed")
def test_A12_of_a_hundred_parallel_tries_at_most_five_look_at_the_password():
    request = RequestFactory().get("/")
    waits = []
    for _ in range(5):
        waits += won(at_once(*[lambda: limits.try_to_sign_in("ada", request)] * 20))
    assert sum(wait is None for wait in waits) == 5


def test_no_name_and_no_address_is_kept():
    tried("somebody-who-typed-a-password-here")
    kept = " ".join(Tally.objects.values_list("key", flat=True))
    assert ("somebody" in kept, "127.0.0.1" in kept, Tally.objects.count()) == (False, False, 3)


# --- wrong tokens -------------------------------------------------------------------------------------------------------------------


def test_A12_wrong_tokens_from_one_address_are_429_after_fifty(client):
    answers = [client.get("/api/v1/whoami/", headers={"authorization": f"Token {number:064}"}) for number in range(52)]

    assert [answer.status_code for answer in answers] == [401] * 50 + [429] * 2
    assert int(answers[-1]["Retry-After"]) > 1


def test_a_right_token_passes_beside_wrong_ones(client):
    for number in range(51):
        client.get("/api/v1/whoami/", headers={"authorization": f"Token {number:064}"})
    assert Caller(make_user("ada")).get("whoami/").status_code == 200


# --- addresses ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hops", "remote", "forwarded", "address"),
    [
        (0, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (1, "10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1", "198.51.100.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (1, "10.0.0.1", "", "10.0.0.1"),
        (1, "10.0.0.1", "nonsense", "unknown"),
        (0, "", "", "unknown"),
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
    ],
)
def test_address_is_believed_only_as_far_as_trusted_proxies_go(settings, hops, remote, forwarded, address):
    settings.TRUSTED_PROXIES = hops
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert address_of(RequestFactory().get("/", REMOTE_ADDR=remote, **headers)) == address

"""Counters of the primary: exact under parallel calls, by the database's clock, on both back ends."""

import time

import pytest

from access.counting import count, forget, key_of, take_back
from access.models import Tally
from tests.barrier import at_once, won
from tests.conftest import run_python

pytestmark = pytest.mark.usefixtures("both_stores")


def test_a_window_opens_with_its_first_event_and_ends_by_itself():
    assert [count("k", seconds=0.2)[0] for _ in range(3)] == [1, 2, 3]
    time.sleep(0.25)
    counted, left = count("k", seconds=60)
    assert (counted, 59 < left <= 60) == (1, True)


def test_lots_are_counted_whole_and_a_window_is_not_prolonged():
    count("k", seconds=60, by=10)
    counted, left = count("k", seconds=3600, by=10)
    assert (counted, left <= 60) == (20, True)


def test_taking_back_never_goes_below_nothing():
    count("k", seconds=60)
    take_back("k")
    take_back("k")
    take_back("other")
    assert (Tally.objects.get(key="k").count, count("k", seconds=60)[0]) == (0, 1)


def test_forgetting_opens_a_new_window():
    count("k", seconds=60, by=7)
    forget("k")
    assert count("k", seconds=60)[0] == 1


def test_windows_that_ended_are_swept_up():
    for number in range(3):
        count(f"old{number}", seconds=0.01)
    time.sleep(0.05)
    count("new", seconds=60)
    assert list(Tally.objects.values_list("key", flat=True)) == ["new"]


def test_keys_tell_no_name_and_keep_parts_apart():
    key = key_of("sign-in", "ada", "127.0.0.1")
    assert (len(key), "ada" in key, key == key_of("sign-in", "ada127.0.0.1", ""), key == key_of("sign-in", "ada", "127.0.0.1")) == (
        64, False, False, True,
    )  # fmt: skip


SQLITE = """
import django; django.setup()
from access.counting import count, forget, take_back
print(count("k", seconds=60)[0], count("k", seconds=60, by=4)[0], end=" ")
take_back("k"); print(count("k", seconds=60)[0], end=" ")
forget("k"); print(count("k", seconds=60)[0])
"""


def test_sqlite_counts_the_same(sqlite_installation):
    done = run_python(SQLITE, env=sqlite_installation.env | {"DJANGO_SETTINGS_MODULE": "config.settings"})
    assert done.stdout.split() == ["1", "5", "5", "1"], done.stderr


@pytest.mark.usefixtures("both_stores_committed")
def test_A12_a_hundred_at_once_are_counted_one_by_one():
    counted = []
    for _ in range(5):
        counted += won(at_once(*[lambda: count("k", seconds=60)[0]] * 20))
    assert sorted(counted) == list(range(1, 101))

"""A database that accepts and says nothing, also in the middle of a kept connection: it costs its own calls seconds, and others nothing."""

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.installation import SIDES, Installation, until
from tests.faults.test_away import assert_unavailable

UNRELATED = ("/livez", "/api/v1/readiness", "/self-service/rollout-gates")
AFFECTED = 4
# What we owe is 100 ms, and `make faults` holds us to it; beside another worker's tests the two cores owe us less.
SECONDS_P95 = 0.1 if os.environ.get("FAULTS_WHOLE") else 0.3


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def timed(installation: Installation, path: str) -> float:
    visitor = installation.visitor()
    assert visitor.get(path).status == 200, path
    return visitor.seconds


def sampled(installation: Installation, path: str, *, going_on: Callable[[], bool]) -> list[float]:
    """Seconds of call after call, 50 ms apart."""
    seconds = []
    while going_on():
        seconds.append(timed(installation, path))
        time.sleep(0.05)
    return seconds


def affected(installation: Installation, side: str) -> None:
    machine = installation.needing(side)
    assert_unavailable(machine, machine.api("GET", "plans/"))


def warm(installation: Installation) -> None:
    """Most threads of the server hold a connection to each side then."""
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: installation.visitor("owner").api("GET", "plans/").status, range(32)))
    assert set(answers) == {200}


@pytest.mark.parametrize("kept", [True, False], ids=["kept_connections", "new_connections"])
@pytest.mark.parametrize("side", SIDES)
def test_F03_silence_delays_only_calls_that_need_the_side(installation, side, kept):
    warm(installation)
    if not kept:
        installation.proxies[side].cut()

    installation.proxies[side].fall_silent()
    with ThreadPoolExecutor(AFFECTED + len(UNRELATED)) as callers:
        calls = [callers.submit(affected, installation, side) for _ in range(AFFECTED)]
        end = time.monotonic() + 4
        samples = {path: callers.submit(sampled, installation, path, going_on=lambda: time.monotonic() < end) for path in UNRELATED}
        flipped = until(lambda: installation.status() == "unknown", within=2.5)
        for call in calls:
            call.result()
        found = {path: p95(sample.result()) for path, sample in samples.items()}

    assert flipped < 2.5
    assert {path: seconds for path, seconds in found.items() if seconds > SECONDS_P95} == {}
    assert installation.readiness()["draft_store_isolation"] == "unavailable"


@pytest.mark.parametrize("side", SIDES)
def test_F03_lasting_crowd_of_affected_calls_does_not_take_every_thread(installation, side):
    """More callers than the server has threads, again and again: once the silence is known, a call that needs the side fails at once."""
    warm(installation)
    installation.proxies[side].fall_silent()
    until(lambda: installation.status() == "unknown", within=4)
    affected(installation, side)

    end = time.monotonic() + 4
    with ThreadPoolExecutor(12 + 1) as callers:
        crowd = [callers.submit(crowding, installation, side, going_on=lambda: time.monotonic() < end) for _ in range(12)]
        others = sampled(installation, "/livez", going_on=lambda: time.monotonic() < end)
        waited = [seconds for call in crowd for seconds in call.result() if seconds > 1]

    # One tries whether it is over; what a kept connection waits at most is short by then.
    assert len(waited) <= 4
    assert p95(others) < SECONDS_P95


def crowding(installation: Installation, side: str, *, going_on: Callable[[], bool]) -> list[float]:
    seconds = []
    while going_on():
        machine = installation.needing(side)
        assert machine.api("GET", "plans/").status == 503
        seconds.append(machine.seconds)
        time.sleep(0.05)
    return seconds

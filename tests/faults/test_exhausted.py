"""No connection is to be had: calls are refused in time, nobody waits for one side while holding the other, readiness says so."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.installation import SIDES, Installation, until
from tests.faults.test_away import assert_unavailable


def limit(installation: Installation, side: str, connections: int) -> None:
    """For roles that are no superuser's; whoever is in stays in."""
    installation.execute_as_superuser(side, f"ALTER DATABASE {installation.name(side)} CONNECTION LIMIT {connections}")


@pytest.fixture
def limited(installation):
    yield lambda side, connections: limit(installation, side, connections)
    for side in SIDES:
        limit(installation, side, -1)


@pytest.mark.parametrize("side", SIDES)
def test_F20_F22_exhausted_connections_are_noticed_though_the_probes_hold_one(installation, limited, side):
    limited(side, 0)
    until(lambda: installation.status() == "unknown", within=10)
    installation.until_away(side)

    limited(side, -1)
    until(lambda: installation.status() == "ready_for_review", within=10)


@pytest.mark.parametrize("side", SIDES)
def test_F20_call_without_a_connection_is_503_in_time(installation, limited, side):
    limited(side, 0)
    installation.proxies[side].cut()
    machine = installation.needing(side)

    assert_unavailable(machine, machine.api("GET", "plans/"))


def asked(installation: Installation) -> tuple[int, bool]:
    machine = installation.visitor("owner")
    return machine.api("GET", "plans/").status, machine.seconds < 3


def test_F20_crowd_that_needs_both_sides_does_not_deadlock(installation, limited):
    """Fewer connections on each side than threads that want one of each."""
    for side in SIDES:
        limited(side, 3)
        installation.proxies[side].cut()

    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda _: asked(installation), range(64)))

    assert {status for status, _ in answers} <= {200, 503}
    assert {in_time for _, in_time in answers} == {True}

    for side in SIDES:
        limited(side, -1)
    assert asked(installation) == (200, True)

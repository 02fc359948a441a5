"""F08 F10 and the rest of a bad day: processes killed, lines cut, machines slow, while a crowd works. Nothing acknowledged is lost.

A few seconds of each in every test run; minutes, and more than 1,000 acknowledged approvals, by `make faults`.
"""

import json
import os
import random
import secrets
import time
from collections.abc import Callable

import psycopg2
import pytest

from tests.faults.crowd import REVIEWERS, Crowd
from tests.faults.durable import Site, site
from tests.faults.history import Stored, contradictions
from tests.faults.installation import DEMO_PASSWORD, SIDES, until
from tests.server import Visitor

APPROVALS = int(os.environ.get("FAULT_APPROVALS", 2))
SECONDS = float(os.environ.get("FAULT_SECONDS", 2))
STOP_SECONDS = 30
PATH = "SET search_path = self_service_drafts"
EVENTS = """
SELECT review_request_id::text, number, verb, to_state, comment, extract(epoch FROM at)::float8 FROM reviews_event
WHERE review_request_id IS NOT NULL
"""
# approved ⇔ decision ⇔ event ⇔ receipt ⇔ log leaf, each asked of the tables with nothing of ours between; every row is one that breaks it.
UNEQUAL = """
WITH said AS (
    SELECT r.id, r.state, r.revision, r.digest,
        d.verdict, d.revision AS decided_revision, d.digest AS decided_digest,
        c.verdict AS signed, c.revision AS signed_revision, c.packet_digest AS signed_digest,
        (SELECT count(*) FROM reviews_event e WHERE e.review_request_id = r.id
            AND (e.from_state, e.to_state) = ('review_requested', 'approved')) AS yes,
        (SELECT count(*) FROM reviews_event e WHERE e.review_request_id = r.id
            AND (e.from_state, e.to_state) = ('review_requested', 'rejected')) AS no,
        (SELECT count(*) FROM receipts_lognode l WHERE l.request_id = r.id AND l.kind = 'decision' AND l.data IS NOT NULL) AS leaves
    FROM reviews_deploymentreviewrequest r
    LEFT JOIN reviews_decision d ON d.review_request_id = r.id
    LEFT JOIN receipts_receipt c ON c.request_id = r.id
)
SELECT id::text FROM said
WHERE yes + no > 1
   OR (state = 'approved' AND yes <> 1) OR (state = 'rejected' AND no <> 1)
   OR (yes + no = 1) <> (verdict IS NOT NULL) OR (yes + no = 1) <> (leaves = 1)
   OR (yes = 1 AND (signed IS DISTINCT FROM verdict OR verdict NOT IN ('allow', 'constrain')))
   OR (no = 1 AND verdict <> 'reject')
   OR (verdict IS NOT NULL AND (decided_revision, decided_digest) IS DISTINCT FROM (revision, digest))
   OR (signed IS NOT NULL AND (signed_revision, signed_digest) IS DISTINCT FROM (revision, digest))
"""


def asked(place: Site, statement: str) -> list[tuple]:
    connection = psycopg2.connect(place.direct[SIDES["self_service"]])
    try:
        with connection.cursor() as cursor:
            cursor.execute(PATH)
            cursor.execute(statement)
            return cursor.fetchall()
    finally:
        connection.close()


def assert_whole(place: Site, crowd: Crowd) -> None:
    """The invariant by SQL, the crowd's notes against the events, and what an operator would run afterwards."""
    for server in place.servers:
        until(lambda: Visitor(server.address).get("/api/v1/readiness").json["status"] == "ready_for_review", within=30)  # noqa: B023
    assert asked(place, UNEQUAL) == []
    assert contradictions(crowd.notes, [Stored(*row) for row in asked(place, EVENTS)]) == []
    place.manage("verify_history")
    place.manage("log", "verify")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Whole at the start of each test, since each ends with looking."""
    with site(tmp_path_factory.mktemp("ordeal"), servers=2) as found:
        yield found


@pytest.fixture
def crowd(place) -> Crowd:
    return staffed(place)


def staffed(place: Site) -> Crowd:
    """The people there are, and a token for the owners."""
    for name in REVIEWERS:
        place.manage("set_person", name, "--group", "release", stdin=DEMO_PASSWORD + "\n")
    token = place.manage("create_token", "owner", "--scope=read", "--scope=draft", "--scope=request").split()[-1]
    return Crowd([server.address for server in place.servers], token)


def approvals(crowd: Crowd) -> int:
    return crowd.notes.done("approve")


def going_on(crowd: Crowd, least: int, seconds: float) -> Callable[[], bool]:
    """True until the time is over and enough was acknowledged; never for more than ten times as long, nor when somebody has failed."""
    start = time.monotonic()

    def now() -> bool:
        passed = time.monotonic() - start
        assert passed < max(10 * seconds, 120 + 10.0 * least), f"only {approvals(crowd)} acknowledged in {passed:.0f} s"
        return not crowd.stopping.is_set() and (passed < seconds or approvals(crowd) < least)

    return now


# --- troubles -----------------------------------------------------------------------------------------------------------------------


def kill_a_database(place: Site, chance: random.Random) -> None:
    cluster = place.clusters[chance.choice(list(SIDES))]
    cluster.crash()
    time.sleep(chance.uniform(0, 0.5))
    cluster.start_again()


def kill_a_server(place: Site, chance: random.Random) -> None:
    server = chance.choice(place.servers)
    server.crash()
    server.start()


def restart_in_order(place: Site, chance: random.Random) -> None:
    """One after the other, as a new release comes in."""
    for server in place.servers:
        assert server.stop() <= STOP_SECONDS
        server.start()


def cut_the_lines(place: Site, chance: random.Random) -> None:
    place.proxies[chance.choice(list(SIDES))].cut()


def cut_at_commit(place: Site, chance: random.Random) -> None:
    place.proxies["self_service"].cut_at_commit(reached=chance.random() < 0.5)


def slow_down(place: Site, chance: random.Random) -> None:
    proxy = place.proxies[chance.choice(list(SIDES))]
    proxy.delay_seconds = chance.uniform(0.005, 0.02)
    time.sleep(1)
    proxy.delay_seconds = 0.0


def fall_silent(place: Site, chance: random.Random) -> None:
    proxy = place.proxies[chance.choice(list(SIDES))]
    proxy.fall_silent()
    time.sleep(chance.uniform(0.2, 3))
    proxy.pass_on()


def refuse(place: Site, chance: random.Random) -> None:
    proxy = place.proxies[chance.choice(list(SIDES))]
    proxy.refuse()
    time.sleep(chance.uniform(0.1, 1))
    proxy.pass_on()


TROUBLES = {
    "databases killed": [kill_a_database],
    "servers killed": [kill_a_server],
    "servers restarted in order": [restart_in_order],
    "lines cut": [cut_the_lines, cut_at_commit],
    "everything at random": [
        restart_in_order,
        kill_a_database, kill_a_server, cut_the_lines, cut_at_commit, cut_at_commit, slow_down, fall_silent, refuse,
    ],
}  # fmt: skip


@pytest.mark.parametrize("troubles", TROUBLES.values(), ids=TROUBLES)
def test_F08_F10_nothing_acknowledged_is_lost_and_every_answer_fits_the_record(place, crowd, troubles, record_property):
    chance, counted = random.Random(secrets.randbits(32)), dict.fromkeys([trouble.__name__ for trouble in troubles], 0)

    with crowd.at_work(owners=4):
        more = going_on(crowd, APPROVALS, SECONDS)
        while more():
            trouble = chance.choice(troubles)
            trouble(place, chance)
            counted[trouble.__name__] += 1
            time.sleep(chance.uniform(0.5, 3))

    assert_whole(place, crowd)
    outcomes = [call.outcome for call in crowd.notes.calls]
    said = {
        "troubles": counted,
        "outcomes": {word: outcomes.count(word) for word in sorted(set(outcomes))},
        "looks": len(crowd.notes.looks),
    }
    record_property("ordeal", json.dumps(said))
    print(json.dumps(said))
    assert approvals(crowd) >= APPROVALS
    assert all(counted.values()) or SECONDS < 60

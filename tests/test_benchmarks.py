"""That the benchmarks still start and count rightly. Nothing here is timed; `make bench` measures."""

from contextlib import ExitStack

import pytest

from benchmarks import approvals, cycle, growth, pages, readiness, receipts, verify_startup
from benchmarks.__main__ import arguments
from benchmarks.browser import fields
from benchmarks.load import BadAnswer, is_whole
from benchmarks.readiness import Ratio, Slice
from benchmarks.report import Goal, median_ratio
from benchmarks.servers import installation


def rounds(*pairs: tuple[float, float]) -> list[dict[str, Slice]]:
    """Rounds of two subjects that differ in requests per second."""
    return [{"one": Slice(1, one, 1, 1, 1), "other": Slice(1, other, 1, 1, 1)} for one, other in pairs]


def test_defaults_end_within_four_minutes():
    chosen = readiness.arguments([])

    subjects, start_and_warm_up = 7, 40
    assert chosen.seconds * chosen.rounds * subjects + start_and_warm_up < 240


def test_ratio_is_taken_within_each_round():
    measured = rounds((100, 10), (10, 1), (50, 50))

    found = [Ratio("one", "other", "requests_per_second", **goal) for goal in ({}, {"at_least": 10}, {"at_least": 11}, {"at_most": 9})]

    assert [ratio.found(measured) for ratio in found] == [10] * 4
    assert [ratio.is_missed(measured) for ratio in found] == [False, False, True, True]


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nage: 0\r\n\r\n{}", True),
    ],
)
def test_answer_is_counted_when_it_is_whole(said, whole):
    assert is_whole(said) is whole


@pytest.mark.parametrize("said", [b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n\r\n{}"])
def test_bad_answer_is_not_counted(said):
    with pytest.raises(BadAnswer):
        is_whole(said)


def test_only_what_was_measured_is_compared():
    alone = [{"gate": Slice(1, 1, 1, 1, 3), "gate reference": Slice(1, 1, 1, 1, 2)}]

    found = {str(ratio): ratio.found(alone) for ratio in readiness.ratios(alone)}

    assert found == {"gate / gate reference, server CPU per request": 1.5, "gate / gate reference, requests/s": 1}


def test_start_of_the_verifier_is_measured_in_each_way():
    found = verify_startup.measure(1)

    assert list(found) == ["imports", "readiness-verify", "python -m verify", "python verify.py"]
    assert all(value > 0 for value in found.values())


def test_growth_is_measured_against_the_logarithm():
    small = {"leaves": 10, "append_us": 2.0, "inclusion_us": 4.0, "consistency_us": 1.0}
    large = {"leaves": 100, "append_us": 3.0, "inclusion_us": 4.0, "consistency_us": 3.0}

    assert receipts.growth([small, large]) == {"append_us": 1.5, "inclusion_us": 1.0, "consistency_us": 3.0, "log_n": 2.0}


# --- each part, as small as it gets, on one installation ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def env():
    with ExitStack() as stack:
        yield installation(stack)


def test_cycle_ends_in_an_approval_for_every_contestant(env):
    rounds = cycle.measure(env, rounds=1, cycles=1)

    assert list(rounds[0]) == [cycle.OURS, cycle.PLAIN, cycle.RAW, cycle.UNGUARDED]
    assert {name: found["statements"]["decide"] for name, found in rounds[0].items()} == dict.fromkeys(rounds[0], 21)
    assert len(cycle.table(rounds)) == 5
    assert not next(goal for goal in cycle.goals(rounds) if goal.what.startswith("statements")).missed


def test_clients_decide_at_once_on_their_own_and_on_one(env, tmp_path):
    with ExitStack() as stack:
        clients = approvals.clients_of(stack, env, 2)
        (place,) = approvals.scripts(clients[0], approvals.undecided(clients[:1], 1), tmp_path)

        assert approvals.per_second(clients, 2, 2) > 0
        assert sorted(outcome for outcome, _ in approvals.on_one(clients)) == ["approved", "state_approved"]
        assert place.read_text().count("INSERT INTO") == 6


def test_workers_and_pages_are_counted(env):
    found = pages.measure(env, starts=1, asks=1)

    assert found["statements"]["readiness"] == [0, 0]
    assert min(found["start_seconds"].values()) > 0
    assert found["megabytes"]["used"] >= found["megabytes"]["fresh"] > 0
    assert len(pages.goals(found)) == 3


def test_growth_asks_everything_of_a_filled_installation(env):
    found = growth.measure({40: env}, rounds=1)

    assert list(found) == list(growth.ASKED)
    assert all(ms > 0 for each in found.values() for ms in each.values())
    assert not any(goal.missed for goal in growth.goals(found))


def test_form_is_sent_as_a_browser_would():
    page = '<input name="a" value="1"><input type="submit" name="b" value="2"><textarea name="c">\nx &amp; y</textarea><input name="d">'

    assert fields(page) == {"a": "1", "c": "\nx & y", "d": ""}


def test_goal_says_whether_it_is_missed():
    found = [Goal("x", 2, **wanted) for wanted in ({}, {"at_least": 2}, {"at_least": 2.1}, {"at_most": 1.9}, {"at_most": 2})]

    assert [goal.verdict for goal in found] == ["", "met", "MISSED", "MISSED", "met"]
    assert median_ratio([(1, 2), (30, 10), (2, 2)]) == 1


def test_parts_that_are_not_there_are_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        arguments(["--only", "nonsense"])

    assert ended.value.code == 2
    assert "nonsense" in capsys.readouterr().err

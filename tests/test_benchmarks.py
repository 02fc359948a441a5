"""That the benchmarks still start and count rightly. Nothing here is timed; `make bench` measures."""

import pytest

from benchmarks import readiness, receipts, verify_startup
from benchmarks.load import BadAnswer, is_whole
from benchmarks.readiness import Ratio, Slice


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


def test_start_of_the_verifier_is_measured_in_three_ways():
    found = verify_startup.measure(1)

    assert list(found) == ["imports", "readiness-verify", "python verify.py"]
    assert all(value > 0 for value in found.values())


def test_growth_is_measured_against_the_logarithm():
    small = {"leaves": 10, "append_us": 2.0, "inclusion_us": 4.0, "consistency_us": 1.0}
    large = {"leaves": 100, "append_us": 3.0, "inclusion_us": 4.0, "consistency_us": 3.0}

    assert receipts.growth([small, large]) == {"append_us": 1.5, "inclusion_us": 1.0, "consistency_us": 3.0, "log_n": 2.0}

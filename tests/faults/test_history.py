"""The checker itself: it must find each kind of lie."""

import pytest

from tests.faults.history import DONE, REFUSED, UNKNOWN, Call, Look, Notes, Stored, contradictions

EVENTS = [
    Stored("r", 1, "open", "draft", "", 1.0),
    Stored("r", 2, "request_review", "review_requested", "", 2.0),
    Stored("r", 3, "comment", "review_requested", "mark 1", 3.0),
    Stored("r", 4, "vote", "approved", "mark 2", 4.0),
]
TRUE = [Call("r", "comment", "mark 1", 2.9, 3.1, DONE), Call("r", "vote", "mark 2", 3.9, 4.1, DONE)]


def said(*, calls=TRUE, looks=(), events=EVENTS) -> list[str]:
    return contradictions(Notes(list(calls), list(looks)), events)


def test_what_fits_is_no_contradiction():
    looks = [Look("r", "review_requested", 3.2, 3.3), Look("r", "approved", 3.95, 4.05), Look("r", "review_requested", 3.95, 4.05)]
    assert said(looks=looks) == []
    assert said(calls=[*TRUE, Call("r", "vote", "mark 3", 1, 2, UNKNOWN), Call("r", "vote", "mark 4", 1, 2, REFUSED)]) == []


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (Call("r", "vote", "mark 9", 4, 5, DONE), "vote mark 9 was done and left 0 events"),
        (Call("r", "vote", "mark 2", 4, 5, REFUSED), "vote mark 2 was refused and left 1 events"),
    ],
    ids=["lost", "done though refused"],
)
def test_an_answer_that_the_events_do_not_bear_out_is_found(call, found):
    assert said(calls=[call]) == [found]


def test_what_was_done_twice_is_found():
    twice = [*EVENTS, Stored("r", 5, "vote", "approved", "mark 2", 4.5)]
    assert said(events=twice) == ["vote mark 2 was done and left 2 events"]


def test_an_order_that_time_forbids_is_found():
    calls = [Call("r", "comment", "mark 1", 5.0, 5.1, DONE), Call("r", "vote", "mark 2", 3.9, 4.1, DONE)]
    assert said(calls=calls) == ["comment mark 1 began after vote mark 2 was answered, and stands before it"]


@pytest.mark.parametrize(
    "look",
    [Look("r", "review_requested", 4.2, 4.3), Look("r", "approved", 3.2, 3.3), Look("r", "rejected", 3.2, 9.0)],
    ids=["the past", "the future", "never"],
)
def test_a_state_that_was_not_there_is_found(look):
    assert len(said(looks=[look])) == 1

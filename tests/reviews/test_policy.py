"""Seats and who fills them, against brute force."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviews import policy

GROUPS = ("release", "security", "legal")
rules = st.lists(
    st.builds(lambda group, quorum: {"name": group, "group": group, "quorum": quorum}, st.sampled_from(GROUPS), st.integers(1, 2)),
    min_size=1,
    max_size=3,
)
people = st.dictionaries(st.integers(1, 9), st.frozensets(st.sampled_from(GROUPS)), max_size=5)


def most_seats(chairs: list[str], groups: list[frozenset[str]]) -> int:
    """The most seats that can be filled, by trying every order of people."""
    padded = groups + [frozenset()] * max(0, len(chairs) - len(groups))
    return max(sum(chair in theirs for chair, theirs in zip(chairs, order, strict=False)) for order in permutations(padded, len(chairs)))


@settings(deadline=None)
@given(rules, people)
def test_open_seats_agrees_with_brute_force(rules, people):
    chairs = [rule["group"] for rule in rules for _ in range(rule["quorum"])]
    left = policy.open_seats(rules, people)
    assert len(chairs) - len(left) == most_seats(chairs, list(people.values()))
    assert all(rule in rules for rule in left)


@settings(deadline=None)
@given(rules, people)
def test_open_seats_does_not_depend_on_the_order_of_people(rules, people):
    backwards = dict(reversed(people.items()))
    assert len(policy.open_seats(rules, people)) == len(policy.open_seats(rules, backwards))


@settings(deadline=None)
@given(rules, people, st.integers(10, 20), st.frozensets(st.sampled_from(GROUPS)))
def test_one_more_person_fills_at_most_one_more_seat(rules, people, user_id, groups):
    before, after = (len(policy.open_seats(rules, found)) for found in (people, {**people, user_id: groups}))
    assert after in (before, before - 1)


def test_a_person_in_both_groups_moves_to_make_room():
    rules = [{"name": "r", "group": "release", "quorum": 1}, {"name": "s", "group": "security", "quorum": 1}]
    both, release, security = frozenset({"release", "security"}), frozenset({"release"}), frozenset({"security"})
    assert policy.open_seats(rules, {1: both, 2: release}) == []
    assert policy.open_seats(rules, {1: both, 2: security}) == []
    assert policy.open_seats(rules, {1: both}) == [rules[1]]
    assert policy.open_seats(rules, {1: release, 2: release}) == [rules[1]]
    assert policy.open_seats(rules, {}) == rules


def test_two_rules_of_one_group_need_two_people():
    rules = [{"name": "first", "group": "release", "quorum": 1}, {"name": "second", "group": "release", "quorum": 1}]
    assert policy.open_seats(rules, {1: frozenset({"release"})}) == [rules[1]]
    assert policy.open_seats(rules, {1: frozenset({"release"}), 2: frozenset({"release"})}) == []


GOOD = {"name": "release", "group": "release", "quorum": 1}


@pytest.mark.parametrize("rules", [[GOOD], [GOOD, GOOD], [{**GOOD, "quorum": 7}], [GOOD] * 20, [{**GOOD, "quorum": 20}]])
def test_sound_rules(rules):
    assert policy.is_sound(rules)


@pytest.mark.parametrize(
    "rules",
    [None, [], {}, "", "x", (GOOD,), [None], ["x"], [[]], [{}], [GOOD, {}]]
    + [[{**GOOD, "quorum": quorum}] for quorum in (0, -1, None, "1", 1.0, True, False, [1])]
    + [[{key: value for key, value in GOOD.items() if key != gone}] for gone in GOOD]
    + [[{**GOOD, "group": ""}], [{**GOOD, "name": None}], [GOOD] * 21, [{**GOOD, "quorum": 21}]],
)
def test_rules_that_ask_for_nobody_are_not_sound(rules):
    assert not policy.is_sound(rules)


def test_rules_in_words():
    assert policy.in_words([GOOD, {"name": "security", "group": "security", "quorum": 2}]) == "1 release and 2 security"

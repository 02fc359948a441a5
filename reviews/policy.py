"""Seats and who fills them. Pure: rules and people in, open seats out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Rule = Mapping[str, object]
# Of rules, and of seats of a rule: more than any policy needs, and little enough to match at every probe.
MOST = 20


@dataclass(frozen=True)
class Approvers:
    """Who approved a revision. `groups`: user id → groups, of active members now; `proved`: user id → whether with a second factor."""

    groups: Mapping[int, frozenset[str]]
    proved: Mapping[int, bool]

    def counted(self, *, second_factor: bool) -> dict[int, frozenset[str]]:
        """Those whose approval counts under a policy that asks for a second factor, or does not."""
        members = [user_id for user_id in self.proved if user_id in self.groups]
        return {user_id: self.groups[user_id] for user_id in members if self.proved[user_id] or not second_factor}


def seats(rules: Iterable[Rule]) -> list[Rule]:
    """Each rule once per seat of its quorum."""
    return [rule for rule in rules for _ in range(int(rule["quorum"]))]


def open_seats(rules: Iterable[Rule], people: Mapping[int, frozenset[str]]) -> list[Rule]:
    """The seats that stay empty when each person fills at most one, in a maximum matching (Kuhn's augmenting paths).

    `people`: user id → names of the groups they are in.
    """
    chairs = seats(rules)
    taken: dict[int, int] = {}

    def sit(person: int, tried: set[int]) -> bool:
        for number, rule in enumerate(chairs):
            if rule["group"] not in people[person] or number in tried:
                continue
            tried.add(number)
            if number not in taken or sit(taken[number], tried):
                taken[number] = person
                return True
        return False

    for person in people:
        sit(person, set())
    return [rule for number, rule in enumerate(chairs) if number not in taken]


def is_sound(rules: object) -> bool:
    """At least one rule, every quorum at least 1, and neither beyond MOST; anything else opens nothing."""
    return isinstance(rules, list) and 1 <= len(rules) <= MOST and all(_is_rule(rule) for rule in rules)


def _is_rule(rule: object) -> bool:
    if not isinstance(rule, Mapping) or not (rule.get("group") and rule.get("name")):
        return False
    quorum = rule.get("quorum")
    return isinstance(quorum, int) and not isinstance(quorum, bool) and 1 <= quorum <= MOST


def in_words(rules: Iterable[Rule]) -> str:
    """`1 release and 1 security`."""
    return " and ".join(f"{rule['quorum']} {rule['name']}" for rule in rules)

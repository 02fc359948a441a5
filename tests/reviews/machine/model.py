"""What product.md says about one plan, two environments and their policies, written once more, sharing no code with the verbs."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import permutations

OPEN = ("draft", "review_requested", "changes_requested")
EDITABLE = ("draft", "changes_requested")
KINDS = frozenset({"owner", "environment", "sla", "rollback", "support"})


@dataclass(frozen=True)
class Rules:
    """One version of a policy. `seats`: the group of each; `conditions`: whether an approval may have some; `coded`: a second factor."""

    seats: tuple[str, ...]
    conditions: bool = True
    coded: bool = False

    def more_than(self, other: "Rules") -> bool:
        return not Counter(self.seats) <= Counter(other.seats) or self.coded > other.coded


# environment → its first version
FIRST = {"production": Rules(("release", "security")), "staging": Rules(("release",))}


@dataclass
class Asked:
    """One review request. `votes`: who approves this revision → (with conditions, with a second factor); `voters`: who ever voted;
    `bytes`: which state of the plan its newest packet holds; `hands`: who had one in that packet; `pinned`: the version that it names.
    """

    key: object
    environment: str
    opened_by: str
    state: str = "draft"
    written: bool = True
    revision: int = 0
    confirmed_by: dict[str, str] = field(default_factory=dict)
    edited_by: set[str] = field(default_factory=set)
    asked_by: str = ""
    votes: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    voters: set[str] = field(default_factory=set)
    pinned: Rules | None = None
    digests: list[str] = field(default_factory=list)
    hands: frozenset[str] = frozenset()
    bytes: int = 0
    verdict: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Model:
    """Everybody's groups, the plan, and all its requests."""

    def __init__(self, groups: dict[str, set[str]]) -> None:
        self.groups, self.inactive = groups, set()
        self.authors, self.bytes, self.expanded = {"requester", "release_author"}, 0, False
        self.in_force = dict(FIRST)
        self.requests: list[Asked] = []
        self.resting: list[Asked] = []

    # --- people -------------------------------------------------------------------------------------------------------------------

    def groups_of(self, who: str) -> set[str]:
        return set() if who in self.inactive else self.groups[who]

    def filled(self, rules: Rules, people: set[str]) -> bool:
        found = [self.groups_of(name) for name in people]
        rows = permutations(found, len(rules.seats))
        return any(all(seat in theirs for seat, theirs in zip(rules.seats, row, strict=True)) for row in rows)

    def decided(self, rules: Rules, asked: Asked) -> bool:
        """Whether the approvals that count under a version fill all its seats."""
        return self.filled(rules, {name for name, (_, coded) in asked.votes.items() if coded or not rules.coded})

    # --- policies -----------------------------------------------------------------------------------------------------------------

    def rulings(self, asked: Asked) -> tuple[Rules, ...]:
        return (asked.pinned, self.in_force[asked.environment])

    def groups_asked(self, asked: Asked) -> set[str]:
        return {seat for rules in self.rulings(asked) for seat in rules.seats}

    def accept(self, environment: str, newer: Rules) -> int:
        """What is approved and does not satisfy it is revoked; how many those are."""
        older, self.in_force[environment] = self.in_force[environment], newer
        approved = [asked for asked in self.requests if asked.environment == environment and asked.state == "approved"]
        ended = [asked for asked in approved if not self._satisfies(asked, newer, older)]
        for asked in ended:
            asked.state = "revoked"
        if ended:
            self.carry()
        return len(ended)

    def _satisfies(self, asked: Asked, newer: Rules, older: Rules) -> bool:
        asks_more = newer.more_than(older) and newer.more_than(asked.pinned)
        seats = not asks_more or self.decided(newer, asked)
        return seats and (newer.conditions or asked.verdict == "allow")

    def hands_in(self, asked: Asked, *, asked_by: str) -> set[str]:
        return self.authors | asked.edited_by | {asked.opened_by, asked_by} | set(asked.confirmed_by.values())

    # --- the plan -------------------------------------------------------------------------------------------------------------------

    @property
    def plan_state(self) -> str:
        """Rests on what was there at the last verb that set it; what has lapsed since holds it no longer."""
        states = {asked.state for asked in self.resting}
        return "review_requested" if "review_requested" in states else "approved" if "approved" in states else "draft"

    def carry(self, *, expanding: bool = False) -> None:
        in_review = [asked for asked in self.requests if asked.state == "review_requested"]
        same = [asked for asked in self.requests if asked.state == "approved" and asked.bytes == self.bytes and not expanding]
        self.resting = in_review + same

    def edit(self, by: str) -> None:
        self.bytes += 1
        self.authors.add(by)

    # --- requests -------------------------------------------------------------------------------------------------------------------

    def newest(self, environment: str) -> Asked | None:
        return next((asked for asked in reversed(self.requests) if asked.environment == environment), None)

    def may_open(self, environment: str, predecessor: Asked | None) -> bool:
        newest = self.newest(environment)
        return not (newest and newest.is_open) and not (predecessor and predecessor.is_open)

    def may_request(self, asked: Asked, by: str) -> bool:
        people = {name for name in self.groups if self.groups_of(name)} - self.hands_in(asked, asked_by=by)
        return asked.state in EDITABLE and set(asked.confirmed_by) == KINDS and self.filled(self.in_force[asked.environment], people)

    def request_review(self, asked: Asked, by: str, digest: str) -> None:
        asked.state, asked.asked_by, asked.votes, asked.bytes = "review_requested", by, {}, self.bytes
        asked.revision, asked.pinned = asked.revision + 1, self.in_force[asked.environment]
        asked.hands = frozenset(self.hands_in(asked, asked_by=by))
        asked.digests.append(digest)
        self.carry()

    def may_vote(self, asked: Asked, who: str, *, digest: str, approves: bool, conditions: bool, coded: bool) -> bool:
        fits = asked.state == "review_requested" and digest == asked.digests[-1]
        proved = coded or not any(rules.coded for rules in self.rulings(asked))
        allowed = not conditions or all(rules.conditions for rules in self.rulings(asked))
        mine = self.groups_asked(asked) & self.groups_of(who)
        return fits and proved and allowed and bool(mine) and who not in asked.hands and not (approves and who in asked.votes)

    def may_revoke(self, asked: Asked, who: str) -> bool:
        """A member of a group of the version that is in force alone sees the request only if they voted on it."""
        if asked.state != "approved":
            return False
        theirs = self.groups_of(who)
        return bool(theirs & set(asked.pinned.seats)) or bool(theirs & self.groups_asked(asked)) and who in asked.voters

    def approve(self, asked: Asked, who: str, *, conditions: bool, coded: bool) -> None:
        asked.votes[who] = (conditions, coded)
        counted = {name for name in asked.votes if self.groups_asked(asked) & self.groups_of(name)}
        if not all(self.decided(rules, asked) for rules in self.rulings(asked)):
            return
        for other in self.requests:
            if other.environment == asked.environment and other.state == "approved":
                other.state = "revoked"
        asked.state = "approved"
        asked.verdict = "constrain" if any(asked.votes[name][0] for name in counted) else "allow"
        self.carry()

    def end(self, asked: Asked, state: str) -> None:
        asked.state = state
        self.carry()

"""What product.md says about one plan and two environments, written once more, sharing no code with the verbs."""

from dataclasses import dataclass, field
from itertools import permutations

OPEN = ("draft", "review_requested", "changes_requested")
EDITABLE = ("draft", "changes_requested")
# environment → the group of each seat. A policy with a later version would be pinned here, per request, when it goes into review.
SEATS = {"production": ("release", "security"), "staging": ("release",)}
KINDS = frozenset({"owner", "environment", "sla", "rollback", "support"})


@dataclass
class Asked:
    """One review request. `bytes`: which state of the plan its newest packet holds; `hands`: who had one in that packet."""

    key: object
    environment: str
    opened_by: str
    state: str = "draft"
    written: bool = True
    revision: int = 0
    confirmed_by: dict[str, str] = field(default_factory=dict)
    edited_by: set[str] = field(default_factory=set)
    asked_by: str = ""
    votes: dict[str, bool] = field(default_factory=dict)
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
        self.requests: list[Asked] = []
        self.resting: list[Asked] = []

    # --- people -------------------------------------------------------------------------------------------------------------------

    def groups_of(self, who: str) -> set[str]:
        return set() if who in self.inactive else self.groups[who]

    def filled(self, environment: str, people: set[str]) -> bool:
        seats = SEATS[environment]
        found = [self.groups_of(name) for name in people]
        return any(all(seat in theirs for seat, theirs in zip(seats, row, strict=True)) for row in permutations(found, len(seats)))

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
        return asked.state in EDITABLE and set(asked.confirmed_by) == KINDS and self.filled(asked.environment, people)

    def request_review(self, asked: Asked, by: str, digest: str) -> None:
        asked.state, asked.asked_by, asked.votes, asked.bytes = "review_requested", by, {}, self.bytes
        asked.revision += 1
        asked.hands = frozenset(self.hands_in(asked, asked_by=by))
        asked.digests.append(digest)
        self.carry()

    def may_vote(self, asked: Asked, who: str, *, digest: str, approves: bool) -> bool:
        fits = asked.state == "review_requested" and digest == asked.digests[-1]
        mine = {seat for seat in SEATS[asked.environment] if seat in self.groups_of(who)}
        return fits and bool(mine) and who not in asked.hands and not (approves and who in asked.votes)

    def approve(self, asked: Asked, who: str, *, conditions: bool) -> None:
        asked.votes[who] = conditions
        counted = {name for name in asked.votes if set(SEATS[asked.environment]) & self.groups_of(name)}
        if not self.filled(asked.environment, counted):
            return
        for other in self.requests:
            if other.environment == asked.environment and other.state == "approved":
                other.state = "revoked"
        asked.state = "approved"
        asked.verdict = "constrain" if any(asked.votes[name] for name in counted) else "allow"
        self.carry()

    def end(self, asked: Asked, state: str) -> None:
        asked.state = state
        self.carry()

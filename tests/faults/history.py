"""A small model of what clients may have seen: every answer they got must fit one order of the events that are stored."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

# What a client knows of a call: it was done, it was refused, or nobody said.
DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"


@dataclass(frozen=True)
class Call:
    """One call that would leave an event. `mark`: a text of its own in the event's comment. Times: seconds since 1970, by this machine."""

    request: str
    verb: str
    mark: str
    began: float
    ended: float
    outcome: str


@dataclass(frozen=True)
class Look:
    """One reading of a request's state."""

    request: str
    state: str
    began: float
    ended: float


@dataclass(frozen=True)
class Stored:
    """One stored event. `at`: the database's time before it committed."""

    request: str
    number: int
    verb: str
    to_state: str
    comment: str
    at: float


@dataclass
class Notes:
    """What all clients noted, whoever of them is writing at the moment."""

    calls: list[Call] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, request: str, verb: str, mark: str, began: float, outcome: str) -> None:
        with self.lock:
            self.calls.append(Call(request, verb, mark, began, time.time(), outcome))

    def look(self, request: str, state: str, began: float) -> None:
        with self.lock:
            self.looks.append(Look(request, state, began, time.time()))

    def done(self, verb: str) -> int:
        with self.lock:
            return sum((call.verb, call.outcome) == (verb, DONE) for call in self.calls)


def contradictions(notes: Notes, events: Iterable[Stored]) -> list[str]:
    """What the clients were told that the events do not bear out; empty when all of it fits."""
    by_request: dict[str, list[Stored]] = {}
    for event in sorted(events, key=lambda each: (each.request, each.number)):
        by_request.setdefault(event.request, []).append(event)
    calls = sorted(notes.calls, key=lambda call: call.ended)
    found = [said for call in calls if (said := _counted(call, by_request.get(call.request, [])))]
    for request, theirs in by_request.items():
        numbered = [(call, number) for call in calls if call.request == request and (number := _number(call, theirs))]
        found += _order(numbered)
        found += [said for look in notes.looks if look.request == request and (said := _seen(look, theirs, numbered))]
    return found


def _marked(call: Call, events: list[Stored]) -> list[Stored]:
    return [event for event in events if call.mark in event.comment]


def _number(call: Call, events: list[Stored]) -> int:
    return next((event.number for event in _marked(call, events)), 0)


def _counted(call: Call, events: list[Stored]) -> str:
    """Done leaves one event, refused none, and what nobody answered at most one."""
    left = _marked(call, events)
    allowed = {DONE: {1}, REFUSED: {0}, UNKNOWN: {0, 1}}[call.outcome]
    return "" if len(left) in allowed else f"{call.verb} {call.mark} was {call.outcome} and left {len(left)} events"


def _order(numbered: list[tuple[Call, int]]) -> list[str]:
    """Who had an answer before another asked comes first."""
    return [
        f"{later.verb} {later.mark} began after {earlier.verb} {earlier.mark} was answered, and stands before it"
        for earlier, first in numbered
        for later, second in numbered
        if earlier.outcome == DONE and earlier.ended < later.began and second < first
    ]


def _seen(look: Look, events: list[Stored], numbered: list[tuple[Call, int]]) -> str:
    """A state is one that the request was in between the last thing known before the question and the last before the answer."""
    first = max((number for call, number in numbered if call.outcome == DONE and call.ended < look.began), default=0)
    possible = {event.to_state for event in events if event.number >= max(first, 1) and event.at <= look.ended}
    return "" if look.state in possible else f"{look.state} was seen, where only {', '.join(sorted(possible)) or 'nothing'} was possible"

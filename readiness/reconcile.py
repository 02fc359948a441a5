"""Everything that should agree, compared: the record in itself, the log, the signed status, plans, and the two databases. Reads only."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from access.roll import Roll, roll
from config.clock import database_now
from config.databases import PRIMARY, STORE
from config.snapshot import snapshot
from readiness.people_check import Named, people_findings, people_notes
from readiness.remedies import REMEDIES
from receipts import log_check, status_check
from reviews import frozen, history, logged, revoked, standing

Progress = Callable[[str], None]
Moment = Callable[[str], AbstractContextManager]
Found = tuple[str, str, str]


@dataclass(frozen=True)
class Mismatch:
    """`area`: what was compared; `where`: which row; `code`: a stable word; `remedy`: what to do."""

    area: str
    where: str
    code: str
    detail: str
    remedy: str


@dataclass
class Report:
    """`checked`: how many of each; `notes`: what explains itself, and what waits for the key."""

    mismatches: list[Mismatch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)

    def add(self, area: str, found: Iterable[Found]) -> None:
        self.mismatches += [Mismatch(area, where, code, detail, REMEDIES[code]) for where, code, detail in found]


def compare(copies: Mapping[str, str], *, progress: Progress, moment: Moment = snapshot) -> Report:
    """`copies`: name → text of checkpoints kept outside; `moment`: how a database is held still.

    Raises DatabaseError or InterfaceError where a database does not answer.
    """
    report = Report()
    with moment(STORE):
        _record(report, progress)
        _log(report, copies, progress)
        _plans(report, progress)
    _people(report, progress, moment)
    return report


def _record(report: Report, progress: Progress) -> None:
    keys, now, count = history.stored_keys(), database_now(), 0
    for batch in history.batches():
        stories = history.stories(batch)
        report.add("record", _of_requests(stories, keys, now))
        count += len(batch)
        progress(f"{count} review requests")
    report.add("record", _plain([*history.organisation_findings(), *history.stray_findings()]))
    report.checked["review_requests"] = count


def _of_requests(stories: list[history.Story], keys: dict, now: datetime) -> Iterator[Found]:
    made_of = frozen.sources(stories)
    for story in stories:
        yield from _plain(_of_request(story, keys, made_of))
    yield from _plain(revoked.revoked_findings(stories, now=now))


def _of_request(story: history.Story, keys: dict, made_of: frozen.Sources) -> list[history.Finding]:
    """A row that no release of ours writes is a finding of its own, whatever reading it raises."""
    try:
        return [*history.request_findings(story, keys), *frozen.frozen_findings(story, made_of)]
    except (ValueError, TypeError, LookupError, AttributeError):
        return [story.at_fault("record_unreadable", "A row of this request holds what no release of ours writes.")]


def _plain(found: Iterable[history.Finding]) -> Iterator[Found]:
    for each in found:
        yield each.chain if each.number is None else f"{each.chain} event {each.number}", each.code, each.detail


def _log(report: Report, copies: Mapping[str, str], progress: Progress) -> None:
    progress("the log")
    size, found = log_check.check(copies, more=logged.decision_findings, last=logged.unlogged_findings)
    report.add("log", _of_leaves(found))
    report.add("status", _of_leaves(status_check.listed_findings()))
    report.notes += status_check.waiting(database_now())
    report.checked["leaves"] = size


def _of_leaves(found: Iterable[log_check.Finding]) -> Iterator[Found]:
    for each in found:
        yield "the log" if each.leaf is None else f"leaf {each.leaf}", each.code, each.detail


def _plans(report: Report, progress: Progress) -> None:
    now, count = database_now(), 0
    for plan in standing.plans_in_question().iterator(chunk_size=standing.BATCH):
        report.add("plans", _plain(standing.plan_findings(plan, now=now)))
        count += 1
        if count % standing.BATCH == 0:
            progress(f"{count} plans")
    report.add("plans", _plain([*standing.partner_findings(), *standing.numbering_findings()]))
    report.checked["plans_in_question"] = count


def _people(report: Report, progress: Progress, moment: Moment) -> None:
    """What differs is looked at twice: between the two looks at one moment, a verb may have come."""
    progress("people")
    named, there = _both(moment)
    found = list(people_findings(named, there))
    if found:
        named, there = _both(moment)
        found = [each for each in people_findings(named, there) if each in found]
    report.add("people", found)
    report.notes += people_notes(named, there)
    report.checked["people"] = len(there.users)


def _both(moment: Moment) -> tuple[Named, Roll]:
    """The draft store first, so that everybody it names had an account by then."""
    with moment(STORE):
        named = Named.read()
    with moment(PRIMARY):
        return named, roll()

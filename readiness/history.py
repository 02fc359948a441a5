"""The history of verdicts: one row when the verdict or what stands in its way changes, and the strip that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from config.databases import STORE
from readiness.gate import BLOCKED, READY, Readiness
from readiness.models import VerdictChange
from readiness.registry import Finding, Result
from reviews.record import database_now

IN_THE_WAY = (Result.BLOCK, Result.UNKNOWN)
CLEAR = "clear"
SHOWN = 20
WIDTH, HEIGHT, NARROWEST = 1000, 40, 12


def record(found: Readiness) -> VerdictChange | None:
    """Append the verdict if it, or the checks that block or cannot be told, differ from the last row; None when they do not."""
    last = VerdictChange.objects.first()
    standing = {finding.id: str(finding.result) for finding in found.findings if finding.result in IN_THE_WAY}
    if last is not None and (last.status, last.standing) == (found.status, standing):
        return None
    change = VerdictChange(
        number=last.number + 1 if last else 1,
        status=found.status,
        was=last.status if last else "",
        standing=standing,
        cause=_cause(last.standing if last else {}, standing, found.findings),
    )
    try:
        with transaction.atomic(using=STORE):
            change.save(force_insert=True)
    except IntegrityError:  # somebody else recorded under this number a moment ago
        return None
    return change


def _cause(before: dict[str, str], after: dict[str, str], findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Each check that came to stand in the way, stands there otherwise, or went, with what was seen of it."""
    known = {finding.id: finding for finding in findings}
    changed = [check for check in sorted(before | after) if before.get(check) != after.get(check)]
    return [
        {
            "check": check,
            "title": known[check].title if check in known else check,
            "was": before.get(check, CLEAR),
            "now": after.get(check, CLEAR),
            "evidence": known[check].evidence if check in known else "The check is no longer there.",
        }
        for check in changed
    ]


# --- showing it ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Segment:
    """One verdict on the strip, in the units of its view box. A worse verdict is taller, so that colour says nothing alone."""

    x: int
    y: int
    width: int
    height: int
    change: VerdictChange


@dataclass(frozen=True)
class History:
    """The newest changes, newest first, and the strip of the time that they span."""

    changes: list[VerdictChange]
    segments: list[Segment]


def recent() -> History:
    """Two statements. Raises DatabaseError when the draft store is away."""
    changes = list(VerdictChange.objects.all()[:SHOWN])
    return History(changes, segments(changes[::-1], database_now()) if changes else [])


def segments(changes: Sequence[VerdictChange], now: datetime) -> list[Segment]:
    """Side by side from the oldest change to now, each as wide as its verdict lasted, none too narrow to be seen."""
    ends = [change.at for change in changes[1:]] + [now]
    lasted = [max((end - change.at).total_seconds(), 0.0) for change, end in zip(changes, ends, strict=True)]
    spare, total = WIDTH - NARROWEST * len(changes), sum(lasted) or 1.0
    made, x = [], 0
    for change, seconds in zip(changes, lasted, strict=True):
        width, height = NARROWEST + int(spare * seconds / total), _height(change.status)
        made.append(Segment(x, HEIGHT - height, width, height, change))
        x += width
    return made


def _height(status: str) -> int:
    return {READY: HEIGHT // 4, BLOCKED: HEIGHT}.get(status, HEIGHT // 2)

"""What a check is: registered under a published number and id, judged on facts that were looked up, and one that raises cannot tell."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from django.utils.translation import gettext_noop

from config.databases import Installation
from config.serving import ALL
from readiness.probes import Facts

logger = logging.getLogger(__name__)

AREAS = BOUNDARY, ISOLATION, VERIFICATION, REVIEW = (
    gettext_noop("Pre-execution Boundary"),
    gettext_noop("Database Isolation"),
    gettext_noop("Verification Surface"),
    gettext_noop("Deployment Review"),
)


class Result(StrEnum):
    PASS = "pass"  # noqa: S105  a result, not a password
    BLOCK = "block"
    WARN = "warn"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Situation:
    """Everything a check may look at. `production_like` may be stricter than the installation's own word; `serves`: config/serving.py."""

    installation: Installation
    facts: Facts
    debug: bool
    production_like: bool
    web: tuple[tuple[str, bool], ...] = ()
    serves: str = ALL


@dataclass(frozen=True)
class Finding:
    """One check's word. `age`: seconds since its facts were looked up; `cost`: milliseconds that the databases took to tell them."""

    id: str
    number: int
    title: str
    area: str
    result: Result
    evidence: str
    remedy: str = ""
    age: float = 0.0
    cost: float = 0.0


Outcome = tuple[Result, str, str]
Judge = Callable[[Situation], Outcome]
# Number → id, title, area, check.
_registry: dict[int, tuple[str, str, str, Judge]] = {}


def check(number: int, title: str, area: str):
    """Register a check under its function's name. Numbers are published as `readiness.E…`: none is ever given twice."""

    def register(judge_one: Judge) -> Judge:
        if number in _registry:
            raise ValueError(f"check {number} is taken")
        _registry[number] = (judge_one.__name__, title, area, judge_one)
        return judge_one

    return register


def judge(situation: Situation) -> list[Finding]:
    """Every check's finding, by number. A check that raises cannot tell, and says so."""
    return [_finding(number, entry, situation) for number, entry in sorted(_registry.items())]


def _finding(number: int, entry: tuple[str, str, str, Judge], situation: Situation) -> Finding:
    name, title, area, judge_one = entry
    facts = situation.facts
    cost = sum(look.cost for look in (facts.primary, facts.store) if look)
    found = Finding(name, number, title, area, Result.UNKNOWN, "The check failed to run.", "Look into this process's log.", facts.age, cost)
    try:
        result, evidence, remedy = judge_one(situation)
    except Exception:  # a guard that raises is a no, in words
        logger.exception("the check %s raised", name)
        return found
    return replace(found, result=result, evidence=evidence, remedy=remedy)


# --- what several checks say ----------------------------------------------------------------------------------------------------

MIGRATE = "Run `manage.py migrate_all` with this release, then reload."


def ok(evidence: str) -> Outcome:
    return Result.PASS, evidence, ""


def silent(which: str) -> Outcome:
    return Result.UNKNOWN, f"The {which} does not answer, so this cannot be told.", f"Bring the {which} back; nothing else is needed."


def either_silent(facts: Facts) -> Outcome | None:
    """The outcome where both databases are needed and one is silent; None where both answered."""
    if facts.primary is None:
        return silent("primary database")
    return silent("draft store") if facts.store is None else None


def block_when_production_like(situation: Situation, evidence: str, remedy: str) -> Outcome:
    return Result.BLOCK if situation.production_like else Result.WARN, evidence, remedy

"""What every part of the benchmarks comes to: goals, met or missed, a table for people, figures for JSON."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Goal:
    """One figure. With `at_least` or `at_most` it is a goal, without either it is there for the reader."""

    what: str
    found: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def missed(self) -> bool:
        return (self.at_least is not None and self.found < self.at_least) or (self.at_most is not None and self.found > self.at_most)

    @property
    def wanted(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}" if self.at_most is not None else ""

    @property
    def verdict(self) -> str:
        return "" if not self.wanted else "MISSED" if self.missed else "met"


@dataclass(frozen=True)
class Part:
    """`table`: lines with the figures behind the goals; `figures`: the same and more, for JSON."""

    name: str
    goals: Sequence[Goal]
    table: Sequence[str]
    figures: object


def median_ratio(pairs: Iterable[tuple[float, float]]) -> float:
    """The median of the ratios within each round, so that what slows a whole round down cancels out."""
    return statistics.median(one / other for one, other in pairs)


def shown(part: Part) -> str:
    lines = [f"## {part.name}", "", *part.table, ""]
    width = max((len(goal.what) for goal in part.goals), default=0)
    lines += [f"{goal.what:{width}}  {goal.found:8.2f}  {goal.wanted:>8}  {goal.verdict}".rstrip() for goal in part.goals]
    return "\n".join(lines)


def as_json(parts: Sequence[Part], chosen: dict) -> dict:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()},
        "chosen": chosen,
        "parts": {
            part.name: {"goals": [asdict(goal) | {"missed": goal.missed} for goal in part.goals], "figures": part.figures} for part in parts
        },
    }


def write(found: dict) -> Path:
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    place.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return place

"""Readiness and gate beside what else one could run, in one interleaved run. README.md says how to read the result."""

import argparse
import json
import os
import platform
import signal
import statistics
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load import Target, ask_once, drive
from benchmarks.report import Goal, Part
from benchmarks.servers import OURS, REFERENCE, Server, approved_plan, installation, manage, serve, until_alive

MEASURES = {"requests_per_second": "requests/s", "cpu_us": "server CPU per request"}
RESULTS = Path(__file__).resolve().parent / "results"
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Subject:
    """One thing that is measured: a name, who serves it, and what is asked."""

    name: str
    server: Server
    target: Target


@dataclass(frozen=True)
class Slice:
    """What one subject did in one round. Latencies in milliseconds, CPU in microseconds of server time per request."""

    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


Round = dict[str, Slice]


@dataclass(frozen=True)
class Ratio:
    """Two subjects compared. With `at_least` or `at_most` it is a goal, without either it is there for the reader."""

    of: str
    to: str
    measure: str
    at_least: float | None = None
    at_most: float | None = None

    def found(self, rounds: list[Round]) -> float:
        """The median of the ratios within each round, so that what slows a whole round down cancels out."""
        return statistics.median(getattr(each[self.of], self.measure) / getattr(each[self.to], self.measure) for each in rounds)

    def is_missed(self, rounds: list[Round]) -> bool:
        found = self.found(rounds)
        return (self.at_least is not None and found < self.at_least) or (self.at_most is not None and found > self.at_most)

    @property
    def goal(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}" if self.at_most is not None else ""

    def __str__(self) -> str:
        return f"{self.of} / {self.to}, {MEASURES[self.measure]}"


RATIOS = (
    Ratio("readiness", "django-health-check", "requests_per_second", at_least=8),
    Ratio("readiness", "hand-written", "cpu_us", at_most=1.3),
    Ratio("gate", "gate reference", "cpu_us", at_most=1.5),
    Ratio("readiness", "django-health-check, kept", "requests_per_second"),
    Ratio("readiness", "hand-written", "requests_per_second"),
    Ratio("readiness", "bare view", "requests_per_second"),
    Ratio("gate", "gate reference", "requests_per_second"),
)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure readiness and gate against references, on two PostgreSQL clusters of its own.")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds per subject and round (default: 3)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds over all subjects (default: 7)")
    parser.add_argument("--connections", type=int, default=8, help="kept connections that ask at the same time (default: 8)")
    parser.add_argument("--only", action="append", metavar="SUBJECT", help="measure this subject and those of the other --only alone")
    return parser.parse_args(argv)


def subjects(stack: ExitStack, only: list[str] | None) -> list[Subject]:
    """Every server up and warm, every answer looked at once. `only`: names; every one without."""
    env = installation(stack)
    token = manage(env, "create_token", "owner", "--scope=gate").split()[-1]
    question = f"?plan={approved_plan(env)}&environment=production"
    ours = serve(stack, env, OURS)
    found = [
        Subject("readiness", ours, Target(ours.port, "/api/v1/readiness")),
        _reference(stack, env, "bare view", "/bare"),
        _reference(stack, env, "hand-written", "/hand-written"),
        _reference(stack, env, "django-health-check", "/peer?format=json"),
        _reference(stack, env, "django-health-check, kept", "/peer-kept?format=json"),
        Subject("gate", ours, Target(ours.port, f"/api/v1/gate/{question}", token)),
        _reference(stack, env, "gate reference", f"/gate{question}", token),
    ]
    found = [subject for subject in found if only is None or subject.name in only]
    for subject in found:
        until_alive(subject.server)
    _look_at_answers(found)
    return found


def _reference(stack: ExitStack, env: dict[str, str], name: str, path: str, token: str = "") -> Subject:
    server = serve(stack, env, REFERENCE)
    return Subject(name, server, Target(server.port, path, token))


def _look_at_answers(found: list[Subject]) -> None:
    """A fast wrong answer is not measured."""
    for subject in found:
        answer = json.loads(ask_once(subject.target))
        if answer.get("status", "ready_for_review") not in ("ready_for_review", "ok") or not answer.get("may_launch", True):
            raise SystemExit(f"{subject.name} gives an answer that is not worth measuring: {answer}")


def measure(subject: Subject, *, seconds: float, connections: int) -> Slice:
    before = subject.server.cpu_seconds()
    latencies, took = drive(subject.target, seconds=seconds, connections=connections)
    cpu = subject.server.cpu_seconds() - before
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    return Slice(len(latencies), len(latencies) / took, cuts[49] * 1e3, cuts[98] * 1e3, cpu / len(latencies) * 1e6)


def run(chosen: argparse.Namespace) -> list[Round]:
    """Rounds of one slice per subject, in turn: what disturbs the machine disturbs all of them."""
    with ExitStack() as stack:
        found = subjects(stack, chosen.only)
        for subject in found:
            drive(subject.target, seconds=min(WARM_UP_SECONDS, chosen.seconds), connections=chosen.connections)
        rounds = []
        for number in range(chosen.rounds):
            print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr)
            rounds.append({each.name: measure(each, seconds=chosen.seconds, connections=chosen.connections) for each in found})
    return rounds


def medians(rounds: list[Round]) -> dict[str, dict[str, float]]:
    names = list(rounds[0])
    measures = list(asdict(rounds[0][names[0]]))
    return {name: {word: statistics.median(getattr(each[name], word) for each in rounds) for word in measures} for name in names}


def lines_of(rounds: list[Round]) -> list[str]:
    lines = [f"{'':26}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'CPU µs/request':>16}"]
    for name, found in medians(rounds).items():
        speed, cpu = found["requests_per_second"], found["cpu_us"]
        lines.append(f"{name:26}{speed:12.0f}{found['p50_ms']:10.2f}{found['p99_ms']:10.2f}{cpu:16.0f}")
    return lines


def table(rounds: list[Round]) -> str:
    lines = [*lines_of(rounds), "", f"{'ratio (median of the rounds)':62}{'found':>8}{'goal':>8}"]
    for ratio in ratios(rounds):
        verdict = "" if not ratio.goal else "  MISSED" if ratio.is_missed(rounds) else "  met"
        lines.append(f"{ratio!s:62}{ratio.found(rounds):8.2f}{ratio.goal:>8}{verdict}".rstrip())
    return "\n".join(lines)


def ratios(rounds: list[Round]) -> list[Ratio]:
    """Those whose two subjects were both measured."""
    return [ratio for ratio in RATIOS if {ratio.of, ratio.to} <= rounds[0].keys()]


def part(*, quick: bool = False) -> Part:
    """The whole of it as a part of `make bench`."""
    rounds = run(arguments(["--seconds", "0.2", "--rounds", "1"] if quick else []))
    goals = [Goal(str(ratio), ratio.found(rounds), ratio.at_least, ratio.at_most) for ratio in ratios(rounds)]
    return Part("readiness and gate", goals, lines_of(rounds), {"medians": medians(rounds), "rounds": _plain(rounds)})


def _plain(rounds: list[Round]) -> list[dict]:
    return [{name: asdict(found) for name, found in each.items()} for each in rounds]


def as_json(rounds: list[Round], chosen: argparse.Namespace) -> dict:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()},
        "chosen": vars(chosen),
        "medians": medians(rounds),
        "ratios": [asdict(ratio) | {"found": ratio.found(rounds), "missed": ratio.is_missed(rounds)} for ratio in ratios(rounds)],
        "rounds": _plain(rounds),
    }


def write(found: dict) -> Path:
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / f"readiness-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    place.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return place


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: every goal met; 1: one was missed."""
    chosen = arguments(argv)
    # So that being ended ends the servers, too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    rounds = run(chosen)
    print(f"{table(rounds)}\n\nWritten to {write(as_json(rounds, chosen))}")
    return int(any(ratio.is_missed(rounds) for ratio in ratios(rounds)))


if __name__ == "__main__":
    sys.exit(main())

"""The cycle in process: open, five confirmations, request, two votes, approved; by our verbs, by a plain Django script, and by bare SQL."""

import statistics
import sys
from contextlib import ExitStack

from benchmarks.contest.stopwatch import STEPS
from benchmarks.report import Goal, Part, median_ratio
from benchmarks.servers import installation
from benchmarks.worker import Worker

OURS, PLAIN, RAW, UNGUARDED = "this project", "plain Django script", "bare SQL", "bare SQL without triggers"
ROUNDS, CYCLES = 9, 12


def measure(env: dict[str, str], *, rounds: int, cycles: int) -> list[dict[str, dict]]:
    """Rounds of: contestant → what it measured of itself, in turn."""
    with ExitStack() as stack:
        ours, plain, raw = (Worker(stack, f"benchmarks.contest.{name}", env) for name in ("ours", "plain", "raw"))

        def once(number: int) -> dict[str, dict]:
            return {
                OURS: ours.ask("cycles", number=number),
                PLAIN: plain.ask("cycles", plans=ours.ask("prepared", number=number)),
                RAW: raw.ask("cycles", plans=ours.ask("prepared", number=number)),
                UNGUARDED: raw.ask("cycles", plans=ours.ask("prepared", number=number), unguarded=True),
            }

        once(2)
        found = []
        for number in range(rounds):
            print(f"cycle, round {number + 1} of {rounds}", file=sys.stderr)
            found.append(once(cycles))
        return found


def total(found: dict) -> float:
    return sum(found["ms"].values())


def cpu(found: dict) -> float:
    return sum(found["cpu"].values())


def goals(rounds: list[dict[str, dict]]) -> list[Goal]:
    decide = rounds[-1][OURS]["statements"]["decide"]
    return [
        Goal("cycle in process, this project / plain Django script, ms", ratio(rounds, OURS, PLAIN, total), at_most=1.5),
        Goal("the same, CPU of client and databases", ratio(rounds, OURS, PLAIN, cpu)),
        Goal("cycle in process, this project / bare SQL, ms", ratio(rounds, OURS, RAW, total)),
        Goal("triggers: bare SQL with / without, ms", ratio(rounds, RAW, UNGUARDED, total)),
        Goal("statements of the deciding vote, both databases", decide, at_most=22),
    ]


def ratio(rounds: list[dict[str, dict]], of: str, to: str, measure_of) -> float:
    return median_ratio((measure_of(each[of]), measure_of(each[to])) for each in rounds)


def table(rounds: list[dict[str, dict]]) -> list[str]:
    """Milliseconds and statements of each step, medians over the rounds."""
    lines = [f"{'ms (statements) per cycle':28}" + "".join(f"{name:>14}" for name in (*STEPS, "all", "CPU ms"))]
    for name in rounds[0]:
        each = [found[name] for found in rounds]
        cells = [(statistics.median(one["ms"][step] for one in each), each[-1]["statements"][step]) for step in STEPS]
        cells.append((statistics.median(map(total, each)), sum(each[-1]["statements"].values())))
        line = "".join(f"{ms:9.1f} ({count:g})".rjust(14) for ms, count in cells)
        lines.append(f"{name:28}{line}{statistics.median(map(cpu, each)):14.1f}")
    return lines


def run(*, quick: bool = False) -> Part:
    with ExitStack() as stack:
        rounds = measure(installation(stack), rounds=1 if quick else ROUNDS, cycles=1 if quick else CYCLES)
    return Part("cycle in process", goals(rounds), table(rounds), rounds)

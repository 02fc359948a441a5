"""`make bench` and `make growth`: every part, one table, one file of JSON. README.md says how to read the result."""

import argparse
import signal
import sys
from collections.abc import Callable

from benchmarks import approvals, cycle, growth, pages, proofs, readiness, report, web

PARTS: dict[str, Callable[..., report.Part]] = {
    "readiness": readiness.part,
    "cycle": cycle.run,
    "web": web.run,
    "approvals": approvals.run,
    "receipts": proofs.run,
    "pages": pages.run,
    "growth": growth.run,
}
# By itself it takes as long as half of the others, and some 10 GB.
APART = ("growth",)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure this project beside what else one could run.")
    named = f"one of: {', '.join(PARTS)}; may be repeated; without it all but {', '.join(APART)}"
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=named)
    parser.add_argument("--quick", action="store_true", help="the smallest run of each part: shows that it works, measures nothing")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: every goal met; 1: one was missed; 2: usage."""
    chosen = arguments(argv)
    # So that being ended ends the servers, too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    found = []
    for name in chosen.only or [name for name in PARTS if name not in APART]:
        found.append(PARTS[name](quick=chosen.quick))
        print(f"{report.shown(found[-1])}\n", flush=True)
    print(f"Written to {report.write(report.as_json(found, vars(chosen)))}")
    missed = [goal.what for part in found for goal in part.goals if goal.missed]
    print("\n".join(["Missed:", *missed]) if missed else "Every goal met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.mutation [--module reviews/policy.py …] [--at LEAST]`: how many small slips in the core would the tests notice?

Writes test-results/mutation.json, prints a table and the survivors. Exit code 0 when at least `--at` percent are killed, 1 when fewer.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.mutation.plugin import PROJECT, Oracle

MODULES = (
    "config/env.py",
    "config/router.py",
    "reviews/policy.py",
    "reviews/packet.py",
    "reviews/lifecycle.py",
    "reviews/decisions.py",
    "reviews/opening.py",
    "reviews/ballot.py",
)
ORACLE = (
    "tests/config/test_env.py",
    "tests/config/test_router.py",
    "tests/reviews/test_policy.py",
    "tests/reviews/test_packet.py",
    "tests/reviews/test_lifecycle.py",
    "tests/reviews/test_decisions.py",
    "tests/reviews/test_each_verb.py",
    "tests/reviews/test_named.py",
    "tests/reviews/test_second_factor.py",
    "tests/reviews/test_explain.py",
    "tests/reviews/test_expire.py",
    "tests/reviews/test_verdict.py",
)


def table(answers: list[dict]) -> list[str]:
    counted = Counter((answer["path"], answer["answer"]) for answer in answers)
    rows = ["| module | mutants | killed | survived | not reached | not tried | killed |", "|---|---|---|---|---|---|---|"]
    for path in [*dict.fromkeys(answer["path"] for answer in answers), "all"]:
        of = {word: sum(n for (one, answer), n in counted.items() if answer == word and path in (one, "all")) for word in WORDS}
        whole = sum(of.values())
        rows.append(f"| `{path}` | {whole} | {' | '.join(str(of[word]) for word in WORDS)} | {100 * of['killed'] / whole:.1f} % |")
    return rows


WORDS = ("killed", "survived", "not reached", "not tried")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--module", action="append", help="a file to change; all of the core without this")
    parser.add_argument("--only", default="", help="only mutants whose line of the report holds this text")
    parser.add_argument("--missed", type=Path, help="a report of an earlier run: only what was not killed there")
    parser.add_argument("--at", type=float, default=90.0, help="percent that must be killed")
    parser.add_argument("--report", type=Path, default=PROJECT / "test-results" / "mutation.json")
    options = parser.parse_args()
    options.report.parent.mkdir(exist_ok=True)
    options.report.unlink(missing_ok=True)
    missed = None
    if options.missed:
        missed = {one["mutant"] for one in json.loads(options.missed.read_text()) if one["answer"] != "killed"}
    oracle = Oracle(options.module or list(MODULES), options.report, only=options.only, missed=missed)
    flags = ["-q", "-s", "-p", "no:cacheprovider", "-p", "tests.pgplugin", "-o", "faulthandler_timeout=0"]
    status = pytest.main([*flags, *ORACLE], plugins=[oracle])
    if not options.report.exists():
        print(f"nothing was measured: pytest ended with {int(status)}", file=sys.stderr)
        return 2
    answers = json.loads(options.report.read_text())
    print("\n".join(["", *table(answers), "", *(f"{one['answer']}: {one['mutant']}" for one in answers if one["answer"] != "killed")]))
    return 0 if 100 * sum(one["answer"] == "killed" for one in answers) >= options.at * len(answers) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Signing, verifying, the log and the verifier's start: the commands of receipts.py and verify_startup.py as one part."""

import json
import subprocess
import sys

from benchmarks import receipts, verify_startup
from benchmarks.report import Goal, Part
from benchmarks.servers import PROJECT

STARTS = 40


def run(*, quick: bool = False) -> Part:
    """The log and the keys in a process of their own, because their settings are."""
    sizes = ["--sizes", "10,40"] if quick else []
    command = [sys.executable, "-m", "benchmarks.receipts", *sizes]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    found = json.loads(done.stdout)
    starts = verify_startup.measure(1 if quick else STARTS)
    return Part("receipts and the log", goals(found, starts), table(found, starts), found | {"starts": starts})


def goals(found: dict, starts: dict[str, float]) -> list[Goal]:
    grown = found["growth"]
    return [
        Goal("signatures a second, this project / bare cryptography", found["sign"]["ratio"], at_least=receipts.SIGN_GOAL),
        Goal("verifications a second, this project / bare cryptography", found["verify"]["ratio"], at_least=receipts.VERIFY_GOAL),
        Goal("append to the log, largest / smallest", grown["append_us"], at_most=grown["log_n"]),
        Goal("inclusion proof, largest / smallest", grown["inclusion_us"], at_most=grown["log_n"]),
        Goal("consistency proof, largest / smallest", grown["consistency_us"]),
        Goal("a whole run of readiness-verify / its imports", starts["readiness-verify"] / starts["imports"], at_most=verify_startup.GOAL),
    ]


def table(found: dict, starts: dict[str, float]) -> list[str]:
    lines = [f"{'µs':24}{'ours':>10}{'bare':>10}"]
    lines += [f"{name:24}{found[name]['ours_us']:10.1f}{found[name]['bare_us']:10.1f}" for name in ("sign", "verify")]
    lines += ["", f"{'log of so many leaves':24}{'append µs':>12}{'inclusion µs':>14}{'consistency µs':>16}"]
    lines += [
        f"{row['leaves']:<24,}{row['append_us']:12.1f}{row['inclusion_us']:14.1f}{row['consistency_us']:16.1f}" for row in found["log"]
    ]
    return [*lines, "", *(f"{name:24}{ms:10.1f} ms" for name, ms in starts.items())]

"""A whole run of the verifier beside a Python that only imports what any verifier needs. Interleaved; medians; the figure is their ratio.

python -m benchmarks.verify_startup [--rounds 40] [--json]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.receipts.bundles import ROOT, attestation, bundle, status
from tests.receipts.samples import as_bytes, payload

GOAL = 1.5
PROJECT = Path(__file__).resolve().parent.parent
IMPORTS = "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey; import json, base64, argparse"
# What pip writes for the console script `readiness-verify`.
SCRIPT = "import sys; from receipts.verify import main; sys.exit(main())"


def timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def files(folder: Path) -> list[str]:
    """A bundle with everything in it, in date on any day, and the root to check it with."""
    ends = datetime.now(UTC) + timedelta(days=36500)
    held = {"attestation": attestation(not_after=timestamp(ends)), "status": status(next_update=timestamp(ends))}
    (folder / "bundle.json").write_bytes(as_bytes(bundle(payload(expires_at=ends), **held)))
    (folder / "root.json").write_bytes(as_bytes(ROOT))
    return [str(folder / "bundle.json"), "--root", str(folder / "root.json"), "--require-log", "--require-status"]


def once(command: list[str], env: dict[str, str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - start) * 1000


def measure(rounds: int) -> dict[str, float]:
    """Milliseconds: medians of interleaved runs. Where Python keeps byte code it lies ready, as after a first run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {"PATH": os.environ["PATH"], "PYTHONPYCACHEPREFIX": str(folder / "byte-code")}
        arguments = files(folder)
        shutil.copy(PROJECT / "receipts" / "verify.py", folder)
        commands = {
            "imports": ([sys.executable, "-c", IMPORTS], PROJECT),
            "readiness-verify": ([sys.executable, "-c", SCRIPT, *arguments], PROJECT),
            "python -m verify": ([sys.executable, "-m", "verify", *arguments], folder),
            "python verify.py": ([sys.executable, "verify.py", *arguments], folder),
        }
        taken: dict[str, list[float]] = {word: [] for word in commands}
        for number in range(rounds + 2):
            for word, (command, place) in commands.items():
                milliseconds = once(command, env, place)
                if number >= 2:
                    taken[word].append(milliseconds)
    return {word: round(statistics.median(values), 1) for word, values in taken.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    ratios = {word: round(value / found["imports"], 2) for word, value in found.items()}
    if arguments.json:
        print(json.dumps({"milliseconds": found, "ratios": ratios, "goal": GOAL}))
    else:
        for word, value in found.items():
            print(f"{word:20} {value:8.1f} ms  {ratios[word]:5.2f}x")
        print(f"goal: readiness-verify at most {GOAL}x")
    return 0 if ratios["readiness-verify"] <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())

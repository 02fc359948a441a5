"""Ages: packages of the locks whose pinned release is older than 24 months, by the index's word, save those with a reason here."""

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.audit import PROJECT
from tests.audit.flaws import LOCKS

MONTHS_24 = timedelta(days=730)
FINISHED = "small and finished: it does one thing that does not change"
JUSTIFIED = {
    "appdirs": "only in development, by the migration linter: " + FINISHED,
    "colorama": "only in development and on Windows: " + FINISHED,
    "defusedxml": "only in development, by the bill of materials: " + FINISHED,
    "detect-secrets": "only its plug-ins, called value by value (config/payload); ours find what they miss, and 337 bad texts test both",
    "inflection": "by drf-spectacular, for names in the schema: " + FINISHED,
    "isoduration": "only in development, for formats of JSON schema: " + FINISHED,
    "mdurl": "only in development, for coloured output: " + FINISHED,
    "pip-requirements-parser": "only in development, by pip-audit",
    "rfc3339-validator": "only in development, for formats of JSON schema: " + FINISHED,
    "rfc3986-validator": "only in development, for formats of JSON schema: " + FINISHED,
    "rfc8785": "the RFC is final and the code small; three more implementations agree on its bytes in our tests",
    "shellingham": "only in development, by a client generator: " + FINISHED,
    "sortedcontainers": "only in development, by hypothesis: " + FINISHED,
    "toml": "only in development, by the migration linter: " + FINISHED,
    "uri-template": "only in development, for formats of JSON schema: " + FINISHED,
}


def audit() -> tuple[list[str], list[str]]:
    return judged(pins(), asked)


def pins() -> dict[str, str]:
    text = "\n".join((PROJECT / lock).read_text() for lock in LOCKS)
    return dict(re.findall(r"^([A-Za-z0-9][\w.-]*)==([^\s;]+)", text, re.M))


def judged(wanted: dict[str, str], ask: Callable[[str, str], bool | None]) -> tuple[list[str], list[str]]:
    """`ask`: whether a release is older; None where it cannot be told."""
    with ThreadPoolExecutor(4) as askers:
        old = dict(zip(wanted, askers.map(lambda name: ask(name, wanted[name]), wanted), strict=True))
    silent = sorted(name for name, answer in old.items() if answer is None)
    found = [
        f"{name} {wanted[name]} is older than 24 months, and no reason is given"
        for name in sorted(old)
        if old[name] and name not in JUSTIFIED
    ]
    stale = [f"{name} is not old any more; take its reason out" for name in JUSTIFIED if old.get(name) is False]
    return found + stale, [f"ages of {len(silent)} packages"] if silent else []


def asked(name: str, version: str) -> bool | None:
    """A resolver that may use nothing newer finds this release only if it is old."""
    before = f"{datetime.now(UTC) - MONTHS_24:%Y-%m-%d}"
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--no-deps", "--no-header", "--quiet", "--exclude-newer", before]
    try:
        done = subprocess.run(command, input=f"{name}=={version}", capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode == 0:
        return True
    return False if "exclude-newer" in done.stderr else None

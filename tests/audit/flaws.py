"""Known flaws: pip-audit over each lock, as the lock has it. Some packages skipped is a finding; no answer at all is *not audited*."""

import json
import subprocess
import sys

from tests.audit import PROJECT

LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
SECONDS = 300


def audit() -> tuple[list[str], list[str]]:
    found, unasked = [], []
    for lock in LOCKS:
        problems, silent = judged(lock, *asked(lock))
        found += problems
        unasked += silent
    return found, unasked


def asked(lock: str) -> tuple[str, str]:
    """What pip-audit prints, and what it complains of."""
    flags = ["--requirement", lock, "--require-hashes", "--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off"]
    command = [sys.executable, "-m", "pip_audit", *flags]
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "", "no answer in time"
    return done.stdout, done.stderr


def judged(lock: str, printed: str, complaint: str) -> tuple[list[str], list[str]]:
    """Findings, and what was not audited. Its exit status is not asked: it is 0 with every package skipped."""
    try:
        packages = list(json.loads(printed)["dependencies"])
    except (ValueError, KeyError, TypeError):
        return [], [f"{lock} ({_why(complaint)})"]
    skipped = [package for package in packages if "skip_reason" in package or "vulns" not in package]
    if len(skipped) == len(packages):
        return [], [f"{lock} (every package was skipped)"]
    found = [f"{lock}: {package['name']} was skipped: {package.get('skip_reason', 'no answer')}" for package in skipped]
    for package in packages:
        found += [f"{lock}: {package['name']} {package['version']}: {flaw['id']}" for flaw in package.get("vulns", [])]
    return found, []


def _why(complaint: str) -> str:
    return "the source of advisories does not answer" if complaint else "no answer"

"""Secrets in the history: detect-secrets over every line that was ever added, less the throw-away ones of tests and documentation."""

import subprocess
from collections.abc import Iterator

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

from tests.audit import PROJECT

# Words about secrets and numbers of high entropy are everywhere here: the shapes of real credentials are what counts.
NOISY = {"Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector"}
# Where throw-away credentials belong: they test that such things are refused.
THROW_AWAY = ("tests/", "docs/vectors/", "benchmarks/")
# The line with which every private key begins, as what is looked for or written: no key follows it.
MARKERS = {("receipts/signing.py", "Private Key"), ("config/payload/__init__.py", "Private Key")}
EXAMPLES = ("change-me", "readiness-demo", "example.org", "user:password", "app:pw", "u:p@", "name:password")


def audit() -> tuple[list[str], list[str]]:
    plugins = [kind() for kind in get_mapping_from_secret_type_to_class().values() if kind.__name__ not in NOISY]
    try:
        lines = list(added())
    except (OSError, subprocess.CalledProcessError):
        return [], ["the history (there is no repository here)"]
    found = set()
    for commit, path, line in lines:
        if path.startswith(THROW_AWAY) or any(word in line for word in EXAMPLES) or len(line) > 5000:
            continue
        for plugin in plugins:
            if (path, plugin.secret_type) not in MARKERS and any(plugin.analyze_string(line)):
                found.add(f"{commit[:12]} {path}: {plugin.secret_type}")
    return sorted(found), []


def added() -> Iterator[tuple[str, str, str]]:
    """(commit, path, line) of every line that a commit added, on any branch."""
    command = ["git", "log", "--all", "--unified=0", "--no-color", "--no-ext-diff", "--format=commit %H", "--patch"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, errors="replace", check=True)
    commit = path = ""
    for line in done.stdout.splitlines():
        if line.startswith("commit "):
            commit = line[7:]
        elif line.startswith("+++ "):
            path = line[6:]
        elif line.startswith("+"):
            yield commit, path, line[1:]

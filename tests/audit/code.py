"""Risky code: bandit over the rooms; anything of high severity is a finding. Ruff's own rules `S` run with every lint."""

import json
import subprocess
import sys

from tests.audit import PROJECT

ROOMS = ("config", "access", "drafts", "receipts", "reviews", "readiness", "examples", "manage.py")


def audit() -> tuple[list[str], list[str]]:
    command = [sys.executable, "-m", "bandit", "--quiet", "--recursive", "--format", "json", *ROOMS]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return [], ["bandit (it does not run here)"]
    unread = [f"bandit could not read {each['filename']}" for each in report["errors"]]
    high = [each for each in report["results"] if each["issue_severity"] == "HIGH"]
    return unread + [f"{each['filename']}:{each['line_number']}: {each['test_id']} {each['issue_text']}" for each in high], []

"""`manage.py readiness [--json]`: the gate on the command line."""

import json
import sys

from django.core.management.base import BaseCommand

from readiness.checks import Result
from readiness.gate import BLOCKED, READY, json_text, readiness

EXIT = {READY: 0, BLOCKED: 1}
CANNOT_TELL = 3


class Command(BaseCommand):
    help = "Is this installation ready? Exit status: 0 it can continue, 1 it is blocked, 2 wrong usage, 3 it cannot be told."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print the readiness JSON and nothing else")
        parser.add_argument("--checks", action="store_true", help="with --json: print every check instead")

    # The gate has checks of its own; those of Django are for `check`.
    requires_system_checks = []

    def handle(self, **options):
        found = readiness()
        if options["json"]:
            self.stdout.write(self._checks(found) if options["checks"] else json_text(found), ending="")
        else:
            self._say(found)
        sys.exit(EXIT.get(found.status, CANNOT_TELL))

    def _checks(self, found) -> str:
        rows = [
            {"id": each.id, "title": each.title, "area": each.area, "result": each.result, "evidence": each.evidence, "remedy": each.remedy}
            for each in found.findings
        ]
        return json.dumps({"status": found.status, "checks": rows}, indent=2) + "\n"

    def _say(self, found) -> None:
        style = {Result.BLOCK: self.style.ERROR, Result.UNKNOWN: self.style.ERROR, Result.WARN: self.style.WARNING}
        for each in found.findings:
            self.stdout.write(style.get(each.result, str)(f"{each.result:15} {each.title}. {each.evidence}"))
            if each.remedy and each.result != Result.PASS:
                self.stdout.write(f"{'':15} {each.remedy}")
        self.stdout.write(found.status)

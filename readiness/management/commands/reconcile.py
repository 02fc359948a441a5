"""`manage.py reconcile`: does everything agree that should, also after one of the databases was restored? Changes nothing."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from readiness.reconcile import Report, compare

AGREE, MISMATCHES, USAGE, CANNOT_TELL = 0, 1, 2, 3
SECONDS_BETWEEN = 5.0


class Command(BaseCommand):
    help = (
        "Compare packets, votes, decisions, events, receipts, the log, the signed status and plans with one another, and the two databases "
        "on people; list every mismatch and what to do. Changes nothing. "
        "Exit status: 0 all agree, 1 mismatches, 2 wrong usage, 3 cannot tell."
    )
    # It is run when something is wrong; what else is wrong is for `check`.
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--checkpoint", metavar="FILE", action="append", default=[], help="a checkpoint of the log kept outside; may be repeated"
        )
        parser.add_argument("--json", action="store_true", help="print {agree, checked, mismatches, notes} as JSON and nothing else")

    def handle(self, *, checkpoint, **options):
        copies = {f"the checkpoint in {path}": self._text(path) for path in checkpoint}
        self._said = time.monotonic()
        try:
            report = compare(copies, progress=self._progress)
        except (DatabaseError, InterfaceError) as error:
            self._give_up(f"A database does not answer or is not migrated ({type(error).__name__})", as_json=options["json"])
        except Exception as error:  # noqa: BLE001  whatever it is, the answer is neither yes nor a list that looks whole
            self._give_up(f"Something in the way could not be read ({type(error).__name__})", as_json=options["json"])
        self._say(report, as_json=options["json"])
        sys.exit(MISMATCHES if report.mismatches else AGREE)

    def _give_up(self, why: str, *, as_json: bool) -> NoReturn:
        if as_json:
            self.stdout.write(json.dumps({"agree": None, "checked": {}, "mismatches": None, "notes": []}))
        self.stderr.write(f"{why}, so nothing can be told.")
        sys.exit(CANNOT_TELL)

    def _text(self, path: str) -> str:
        try:
            return Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise CommandError("A checkpoint cannot be read.", returncode=USAGE) from None

    def _progress(self, what: str) -> None:
        """On standard error, every few seconds."""
        if time.monotonic() - self._said >= SECONDS_BETWEEN:
            self._said = time.monotonic()
            self.stderr.write(f"so far: {what}")

    def _say(self, report: Report, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"agree": not report.mismatches, **asdict(report)}))
            return
        for each in report.mismatches:
            self.stdout.write(f"{each.area}: {each.where}: {each.code}: {each.detail}\n    {each.remedy}")
        self.stdout.writelines(f"note: {note}\n" for note in report.notes)
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.checked.items())
        self.stdout.write(f"{counts} checked, {len(report.mismatches)} mismatches.")

"""`manage.py readiness`: both answers on the command line, for people, cron and CI."""

import argparse
import json
import os
import re
import sys
import time
import uuid
from pathlib import Path
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError

from config import deadline
from drafts.models import CoveragePlan
from readiness import history, report
from readiness.gate import BLOCKED, READY, Gate, Readiness, gate, json_text, readiness
from reviews.models import Environment

CAN_CONTINUE, SHUT, USAGE, CANNOT_TELL = 0, 1, 2, 3
EXIT = {READY: CAN_CONTINUE, BLOCKED: SHUT}
DURATION = re.compile(r"(\d{1,5})(s|m|h)")
SECONDS = {"s": 1, "m": 60, "h": 3600}
# CI services name a file to which a job may append its summary.
SUMMARY_FILE = "GITHUB_STEP_SUMMARY"


def duration(text: str) -> int:
    found = DURATION.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError("a duration is a number with s, m or h, for example 90s")
    return int(found[1]) * SECONDS[found[2]]


class Command(BaseCommand):
    help = (
        "Is this installation ready, and may a plan launch? Exit status: 0 yes, 1 no, 2 wrong usage, 3 it cannot be told. Doubt is never 0."
    )
    # The gate has checks of its own; those of Django are for `check`.
    requires_system_checks = []

    def add_arguments(self, parser):
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print the answer as JSON and nothing else")
        form.add_argument("--markdown", action="store_true", help=f"print Markdown, and append it to the file that {SUMMARY_FILE} names")
        parser.add_argument("--checks", action="store_true", help="with --json: every check")
        parser.add_argument("--junit", metavar="FILE", help="also write JUnit XML")
        parser.add_argument("--wait", type=duration, default=0, metavar="DURATION", help="ask until yes, at most this long: 90s, 5m")
        parser.add_argument("--record", action="store_true", help="keep the verdict in the history if it changed; for cron")
        parser.add_argument("--plan", type=uuid.UUID, help="may this plan launch? Needs --environment")
        parser.add_argument("--environment", help="slug of the environment to launch to")
        parser.add_argument("--subject", help="digest of what is launched: sha256:… or gitCommit:…")

    def handle(self, **options):
        """Whatever goes wrong on the way, a pipe that nobody reads included, is a doubt."""
        if bool(options["plan"]) != bool(options["environment"]):
            raise CommandError("--plan and --environment go together.", returncode=USAGE)
        try:
            status = self._answer(options)
            sys.stdout.flush()
        except (CommandError, ImproperlyConfigured):
            raise
        except Exception as failure:  # noqa: BLE001  any other end would be an exit status of somebody else's choice
            self._give_up(failure)
        sys.exit(status)

    def _give_up(self, failure: Exception) -> NoReturn:
        if isinstance(failure, BrokenPipeError):
            # What is left in the buffer would fail once more at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        self.stderr.write(f"It cannot be told: {type(failure).__name__} stopped the answer.")
        sys.exit(CANNOT_TELL)

    def _answer(self, options) -> int:
        # A silent database must cost an answer, not the rest of the day.
        deadline.install(server=True)
        found, launch, status = self._ask_until(time.monotonic() + options["wait"], options)
        if options["record"]:
            self._record(found)
        self._say(found, launch, options)
        return status

    def _ask_until(self, end: float, options) -> tuple[Readiness, Gate | None, int]:
        while True:
            found = readiness()
            launch, status = self._launch(options, EXIT.get(found.status, CANNOT_TELL))
            if status == CAN_CONTINUE or time.monotonic() >= end:
                return found, launch, status
            time.sleep(min(1.0, max(0.0, end - time.monotonic())))

    def _launch(self, options, status: int) -> tuple[Gate | None, int]:
        """The answer for the plan; a database that is away makes it a doubt."""
        if not options["plan"]:
            return None, status
        try:
            plan = CoveragePlan.objects.select_related("partner").filter(pk=options["plan"]).first()
            environment = Environment.objects.filter(slug=options["environment"]).first()
            if plan is None or environment is None:
                raise CommandError(f"There is no such {'plan' if plan is None else 'environment'}.", returncode=USAGE)
            found = gate(plan, environment, subject=options["subject"])
        except (DatabaseError, InterfaceError):
            return None, CANNOT_TELL
        if status == CANNOT_TELL:
            return found, CANNOT_TELL
        return found, CAN_CONTINUE if found.may_launch else SHUT

    def _record(self, found: Readiness) -> None:
        """What it says goes to standard error, and it changes no exit status: the verdict is the same, recorded or not."""
        try:
            change = history.record(found)
        except (DatabaseError, InterfaceError):
            self.stderr.write("The verdict could not be recorded: the draft store does not answer, takes no writes, or is not migrated.")
        else:
            self.stderr.write(f"Recorded as change {change.number}." if change else "Nothing has changed since the last record.")

    def _say(self, found: Readiness, launch: Gate | None, options) -> None:
        if options["junit"]:
            Path(options["junit"]).write_text(report.junit(found, launch), encoding="utf-8")
        if options["json"]:
            self.stdout.write(self._json(found, launch, options), ending="")
        elif options["markdown"]:
            self._summarise(report.markdown(found) + (report.launch_markdown(launch) if launch else ""))
        else:
            self.stdout.write(report.text(found) + (f"\n{report.launch_text(launch)}" if launch else ""))

    def _summarise(self, text: str) -> None:
        self.stdout.write(text, ending="")
        if name := os.environ.get(SUMMARY_FILE):
            with Path(name).open("a", encoding="utf-8") as summary:
                summary.write(text)

    def _json(self, found: Readiness, launch: Gate | None, options) -> str:
        if launch is not None:
            return json.dumps(launch.as_json(), indent=2, cls=DjangoJSONEncoder) + "\n"
        if not options["checks"]:
            return json_text(found)
        return json.dumps({"status": found.status, "checks": [vars(finding) for finding in found.findings]}, indent=2) + "\n"

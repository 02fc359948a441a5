"""`manage.py export --output FOLDER`: the record as files, of one request or of all in a period, with a sample where one is wanted."""

import argparse
import csv
import json
import os
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from reviews import evidence
from reviews.evidence import COLUMNS, Row, Scope
from reviews.models import DeploymentReviewRequest

DONE, REFUSED, USAGE, CANNOT_TELL = 0, 1, 2, 3


def moment(text: str) -> datetime:
    """A day, meaning its beginning in UTC, or a time with its zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a time is 2026-11-01 or 2026-11-01T12:00:00Z") from None
    if found.tzinfo is None and len(text) > 10:
        raise argparse.ArgumentTypeError("a time names its zone, such as 2026-11-01T12:00:00Z")
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and int(text)):
        raise argparse.ArgumentTypeError("a sample is a whole number from 1")
    return int(text)


class Command(BaseCommand):
    help = (
        "Write events, votes, decisions, receipts, confirmations and refused attempts into files of a new folder, with the population "
        "list. No packet, salt or address is among them. "
        "Exit status: 0 written, 1 the folder cannot be written, 2 wrong usage, 3 cannot tell."
    )

    def add_arguments(self, parser):
        parser.add_argument("--output", required=True, metavar="FOLDER", help="a folder that is not there yet; only its maker can read it")
        parser.add_argument("--format", choices=["csv", "jsonl"], default="csv", help="default: %(default)s")
        parser.add_argument("--request", type=uuid.UUID, metavar="ID", help="one review request alone")
        parser.add_argument("--from", dest="start", type=moment, metavar="TIME", help="what happened from here on")
        parser.add_argument("--to", dest="end", type=moment, metavar="TIME", help="and before here")
        parser.add_argument("--sample", type=count, default=0, metavar="N", help="evidence of N decided requests; the lists stay whole")
        parser.add_argument("--seed", type=int, default=0, metavar="N", help="what the sample is drawn with (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON and nothing else")

    def handle(self, *, request, start, end, sample, seed, **options):
        if request and (start or end or sample):
            raise CommandError("--request goes with neither a period nor a sample.", returncode=USAGE)
        if start and end and start >= end:
            raise CommandError("--from is before --to.", returncode=USAGE)
        scope = Scope(request, start, end, sample, seed)
        try:
            if request and not DeploymentReviewRequest.objects.filter(pk=request).exists():
                raise CommandError("There is no such review request.", returncode=USAGE)
            counts = self._written(scope, Path(options["output"]), options["format"])
        except (DatabaseError, InterfaceError):
            self.stderr.write("The draft store does not answer; what was written so far is not whole.")
            sys.exit(CANNOT_TELL)
        except OSError as error:
            raise CommandError(f"The folder cannot be written: {error.strerror}.", returncode=REFUSED) from None
        self._say(scope, counts, options)

    def _written(self, scope: Scope, folder: Path, form: str) -> Counter:
        folder.mkdir(mode=0o700)
        counts: Counter = Counter(dict.fromkeys(COLUMNS, 0))
        with ExitStack() as stack:
            files = {record: _opened(stack, folder / f"{record}.{form}", record, form) for record in COLUMNS}
            for record, row in evidence.records(scope, told=self._progress):
                files[record](row)
                counts[record] += 1
        return counts

    def _progress(self, number: int) -> None:
        self.stderr.write(f"{number} review requests")

    def _say(self, scope: Scope, counts: Counter, options) -> None:
        about = {name: evidence.plain(value) for name, value in vars(scope).items()}
        summary = {**about, "format": options["format"], "rows": {record: counts[record] for record in COLUMNS}}
        if options["json"]:
            self.stdout.write(json.dumps(summary))
        else:
            self.stdout.write(", ".join(f"{counts[record]} {record}" for record in COLUMNS) + f" in {options['output']}.")


def _opened(stack: ExitStack, path: Path, record: str, form: str) -> Callable[[Row], object]:
    """A new file, and what writes a row into it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    file = stack.enter_context(os.fdopen(descriptor, "w", encoding="utf-8", newline=""))
    if form == "jsonl":
        return lambda row: file.write(evidence.line(record, row) + "\n")
    writer = csv.writer(file)
    writer.writerow(COLUMNS[record])
    return lambda row: writer.writerow(evidence.cells(record, row))

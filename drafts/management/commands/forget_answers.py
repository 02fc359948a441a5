"""`manage.py forget_answers`: for cron. Deletes what was kept under idempotency keys for longer than a day."""

import json
import sys

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError

from drafts.idempotency import forget

DONE, CANNOT_TELL = 0, 3


class Command(BaseCommand):
    help = (
        "Delete the answers kept under idempotency keys for more than 24 hours; their keys may then be used anew. Many may run at once. "
        "Exit status: 0 none of them is left, 3 the draft store does not answer."
    )

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print the count as JSON and nothing else")

    def handle(self, **options):
        try:
            deleted = forget()
        except (DatabaseError, InterfaceError):
            self.stderr.write("The draft store does not answer, so nothing was deleted.")
            sys.exit(CANNOT_TELL)
        self.stdout.write(json.dumps({"deleted": deleted}) if options["json"] else f"{deleted} answers deleted.")
        sys.exit(DONE)

"""`manage.py send_notifications`: for cron. Sends the mail that verbs left in the outbox."""

import json
import sys
from collections import Counter

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError

from config.refusals import Refused
from reviews.mailing import claim, handle
from reviews.models import OutboxStatus

DONE, LEFT_OVER, CANNOT_TELL = 0, 1, 3
COUNTED = ("sent", "addressed", "cancelled", "failed", "waiting")


class Command(BaseCommand):
    help = (
        "Send what is due in the outbox: requests for review, reminders, escalations, decisions. Many may run at once. "
        "Exit status: 0 all of it, 1 mail is off or something waits for another try, 3 a database does not answer."
    )

    def add_arguments(self, parser):
        parser.add_argument("--batch", type=int, default=50, help="how many are claimed at a time (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON and nothing else")

    def handle(self, *, batch, **options):
        if not settings.MAIL_ON:
            self.stderr.write("EMAIL_URL is not set, so nothing is sent.")
            sys.exit(LEFT_OVER)
        counts = Counter(dict.fromkeys(COUNTED, 0))
        try:
            self._send(max(1, min(batch, 1000)), counts)
        except (DatabaseError, InterfaceError, Refused) as reason:
            self.stderr.write(f"A database does not answer ({type(reason).__name__}). What was claimed is tried again in some minutes.")
            self._say(counts, as_json=options["json"])
            sys.exit(CANNOT_TELL)
        self._say(counts, as_json=options["json"])
        sys.exit(LEFT_OVER if counts["waiting"] or counts["failed"] else DONE)

    def _send(self, batch: int, counts: Counter) -> None:
        while messages := claim(batch):
            for message in messages:
                counts[str(OutboxStatus(handle(message)).value)] += 1

    def _say(self, counts: Counter, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({name: counts[name] for name in COUNTED}))
        else:
            self.stdout.write(", ".join(f"{counts[name]} {name}" for name in COUNTED) + ".")

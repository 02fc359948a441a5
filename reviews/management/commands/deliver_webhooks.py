"""`manage.py deliver_webhooks`: for cron. Delivers the transitions that wait for webhooks."""

import json
import sys
from collections import Counter

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError

from reviews.delivering import MOST_AT_ONCE, claim, deliver
from reviews.models import OutboxStatus

DONE, LEFT_OVER, CANNOT_TELL = 0, 1, 3
COUNTED = ("sent", "waiting", "failed")


class Command(BaseCommand):
    help = (
        "Deliver what is due to webhooks. Many may run at once. Exit status: 0 all of it, "
        "1 webhooks are off or something waits for another try or was given up, 3 the draft store does not answer."
    )

    def add_arguments(self, parser):
        parser.add_argument("--limit", type=int, default=500, help="how many are tried at most (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON and nothing else")

    def handle(self, *, limit, **options):
        if not settings.WEBHOOK_KEY:
            self.stderr.write("WEBHOOK_KEY is not set, so nothing is delivered.")
            sys.exit(LEFT_OVER)
        counts = Counter(dict.fromkeys(COUNTED, 0))
        try:
            self._deliver(max(1, limit), counts)
        except (DatabaseError, InterfaceError) as error:
            self.stderr.write(f"The draft store does not answer ({type(error).__name__}). What was claimed is tried again in some minutes.")
            self._say(counts, as_json=options["json"])
            sys.exit(CANNOT_TELL)
        self._say(counts, as_json=options["json"])
        sys.exit(LEFT_OVER if counts["waiting"] or counts["failed"] else DONE)

    def _deliver(self, limit: int, counts: Counter) -> None:
        while limit > 0 and (messages := claim(min(limit, MOST_AT_ONCE))):
            limit -= len(messages)
            for message in messages:
                counts[str(OutboxStatus(deliver(message)).value)] += 1

    def _say(self, counts: Counter, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({name: counts[name] for name in COUNTED}))
        else:
            self.stdout.write(", ".join(f"{counts[name]} {name}" for name in COUNTED) + ".")

"""`manage.py expire`: for cron. Reads apply expiry by themselves; this writes it down, with its event."""

import json
import sys
import uuid
from collections import Counter

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError

from reviews.lifecycle import due_expiries, expire

DONE, LEFT_OVER, CANNOT_TELL = 0, 1, 3


class Command(BaseCommand):
    help = (
        "Write every expiry that is due: state, event, plan. One transaction per request; many may run at once. "
        "Exit status: 0 nothing due is left, 1 something could not be written, 3 the draft store does not answer."
    )

    def add_arguments(self, parser):
        parser.add_argument("--batch", type=int, default=200, help="how many are looked up at a time (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON and nothing else")

    def handle(self, *, batch, **options):
        try:
            counts = self._expire(max(1, min(batch, 10_000)))
        except (DatabaseError, InterfaceError):
            counts = None
        self._say(counts, as_json=options["json"])
        sys.exit(CANNOT_TELL if counts is None else LEFT_OVER if counts["failed"] else DONE)

    def _expire(self, batch: int) -> Counter:
        """First what nobody holds, then what was held: who held it may have written it, or something else."""
        counts, held, last = Counter(expired=0, failed=0), [], None
        while due := due_expiries(after=last, most=batch):
            held += [request_id for _, request_id in due if self._one(request_id, counts, wait=False) is None]
            last = due[-1]
        for request_id in held:
            self._one(request_id, counts, wait=True)
        return counts

    def _one(self, request_id: uuid.UUID, counts: Counter, *, wait: bool) -> bool | None:
        try:
            written = expire(request_id, wait=wait)
        except (DatabaseError, InterfaceError) as error:
            self.stderr.write(f"{request_id}: {type(error).__name__}; left as it is.")
            counts["failed"] += 1
            return False
        counts["expired"] += written is True
        return written

    def _say(self, counts: Counter | None, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(counts and dict(counts)))
        elif counts is None:
            self.stderr.write("The draft store does not answer, so nothing can be told.")
        else:
            self.stdout.write(f"{counts['expired']} expiries written, {counts['failed']} could not be written.")

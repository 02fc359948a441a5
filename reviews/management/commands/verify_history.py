"""`manage.py verify_history [REQUEST]`: was anything of the record edited, removed or reordered?"""

import json
import sys
import uuid
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from reviews import history
from reviews.history import Finding
from reviews.models import DeploymentReviewRequest

CLEAN, FINDINGS, USAGE, CANNOT_TELL = 0, 1, 2, 3


class Command(BaseCommand):
    help = (
        "Verify the record: each event against its digest, its chain and its number, and against packets, votes, decisions and receipts. "
        "Changes nothing. Exit status: 0 clean, 1 findings, 2 wrong usage, 3 cannot tell."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "request", nargs="?", type=uuid.UUID, help="only this review request (default: all, and the organisation's events)"
        )
        parser.add_argument("--json", action="store_true", help="print {checked, findings} as JSON and nothing else")

    def handle(self, *, request, **options):
        try:
            checked, found = self._one(request) if request else self._all()
        except (DatabaseError, InterfaceError):
            checked, found = 0, None
        self._say(checked, found, as_json=options["json"])
        sys.exit(CANNOT_TELL if found is None else FINDINGS if found else CLEAN)

    def _one(self, request_id: uuid.UUID) -> tuple[int, list[Finding]]:
        row = DeploymentReviewRequest.objects.filter(pk=request_id).first()
        if row is None:
            raise CommandError("There is no such review request. Whether there was one is told by the whole run only.", returncode=USAGE)
        return 1, history.verified([row], history.stored_keys())

    def _all(self) -> tuple[int, list[Finding]]:
        keys, checked, found = history.stored_keys(), 0, []
        for batch in history.batches():
            checked += len(batch)
            found += history.verified(batch, keys)
        return checked, found + history.organisation_findings() + history.stray_findings()

    def _say(self, checked: int, found: list[Finding] | None, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"checked": checked, "findings": None if found is None else [asdict(each) for each in found]}))
        elif found is None:
            self.stderr.write("The draft store does not answer, so nothing can be told.")
        else:
            self.stdout.writelines(f"{each.chain}: {each.code}: {each.detail}\n" for each in found)
            self.stdout.write(f"{checked} review requests checked, {len(found)} findings.")

"""`manage.py publish_status`: for cron, in a process that holds the signing key."""

import json

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from receipts import log, status
from receipts.signing import SigningUnavailable
from receipts.verify import parse


class Command(BaseCommand):
    help = (
        "Sign the next status document, with everything that is revoked now, and a checkpoint of the log where its key is here. "
        "Run it from cron, more often than STATUS_HOURS. Exit status: 0 signed, 1 not."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--json", action="store_true", help="print {seq, issued_at, next_update, revoked, checkpoint_signed}")

    def handle(self, **options) -> None:
        try:
            document, signed = status.publish(), log.sign_checkpoint()
        except SigningUnavailable as unavailable:
            raise CommandError(str(unavailable)) from None
        except (DatabaseError, InterfaceError):
            raise CommandError("The draft store does not answer or takes no writes; nothing was signed.") from None
        said = parse(bytes(document.payload))
        revoked = len(said["revoked"])
        if options["json"]:
            shown = {name: said[name] for name in ("seq", "issued_at", "next_update")}
            self.stdout.write(json.dumps({**shown, "revoked": revoked, "checkpoint_signed": signed}))
            return
        self.stdout.write(f"Status {document.seq} lists {revoked} receipts; the next one is due by {said['next_update']}.")
        self.stdout.write("The log's checkpoint is signed." if signed else "The log's key in force is not here: no checkpoint was signed.")

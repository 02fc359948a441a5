"""`manage.py log verify|export-checkpoint`: does the log hold, and a checkpoint to keep outside."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from receipts import log, log_check
from receipts.log_check import Finding
from reviews.logged import decision_findings, unlogged_findings

CLEAN, FINDINGS, USAGE, CANNOT_TELL = 0, 1, 2, 3
SILENT = (DatabaseError, InterfaceError)


class Command(BaseCommand):
    help = (
        "verify: compute the log anew from its first leaf, and compare it with receipts, decisions, events, statuses, keys, the newest "
        "checkpoint and copies from outside. export-checkpoint: sign one where the log's key is, and give out the newest."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="Exit status: 0 it holds, 1 findings, 2 wrong usage, 3 cannot tell. Changes nothing.")
        verify.add_argument("--against", metavar="FILE", action="append", default=[], help="a checkpoint kept outside; may be repeated")
        export = verbs.add_parser("export-checkpoint", help="Exit status: 0 done, 1 there is none to give, 3 cannot tell.")
        export.add_argument("--file", metavar="PATH", default="", help="write it to this new file instead of standard output")
        for each in (verify, export):
            each.add_argument("--json", action="store_true", help="answer as JSON")

    def handle(self, *, verb: str, **options) -> None:
        getattr(self, verb.replace("-", "_"))(**options)

    # --- verify -------------------------------------------------------------------------------------------------------------------

    def verify(self, *, against: list[str], json: bool, **_) -> None:
        copies = {f"the copy in {path}": _text(path) for path in against}
        try:
            size, found = log_check.check(copies, more=decision_findings, last=unlogged_findings)
        except SILENT:
            size, found = 0, None
        self._say(size, found, as_json=json)
        sys.exit(CANNOT_TELL if found is None else FINDINGS if found else CLEAN)

    def _say(self, size: int, found: list[Finding] | None, *, as_json: bool) -> None:
        if as_json:
            findings = None if found is None else [each._asdict() for each in found]
            self.stdout.write(json.dumps({"leaves": size, "findings": findings}))
        elif found is None:
            self.stderr.write("The draft store does not answer, so nothing can be told.")
        else:
            self.stdout.writelines(f"{each.code}: {each.detail}\n" for each in found)
            self.stdout.write(f"{size} leaves checked, {len(found)} findings.")

    # --- export-checkpoint --------------------------------------------------------------------------------------------------------

    def export_checkpoint(self, *, file: str, json: bool, **_) -> None:
        try:
            fresh = log.sign_checkpoint()
            head = log.head()
            key = log.verifier_key(head.note_kid)
        except SILENT:
            raise CommandError("The draft store does not answer or takes no writes.", returncode=CANNOT_TELL) from None
        if not head.note:
            raise CommandError(
                "There is no checkpoint, and the log's key in force is not here: run keys create --log, or run this where it is."
            )
        if file:
            _write_anew(file, head.note)
        self._give(head, key, fresh=fresh, file=file, as_json=json)

    def _give(self, head, key: str | None, *, fresh: bool, file: str, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"checkpoint": head.note, "tree_size": head.note_size, "key": key, "signed_now": fresh}, indent=2))
        elif file:
            self.stdout.write(f"The checkpoint of {head.note_size} leaves is written.")
        else:
            self.stdout.write(head.note, ending="")
        if not fresh:
            self.stderr.write("The log's key in force is not here; this is the newest checkpoint that was signed elsewhere.")


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise CommandError("A copy cannot be read.", returncode=USAGE) from None


def _write_anew(path: str, text: str) -> None:
    try:
        with open(path, "x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(f"The checkpoint cannot be written: {error.strerror}. A file that is there is left as it is.") from None

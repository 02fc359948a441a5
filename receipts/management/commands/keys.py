"""`manage.py keys …`: makes, rotates, retires, revokes and lists the keys that sign, and lets an offline root vouch for them."""

import json
from datetime import UTC, datetime

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from config.refusals import Refused
from receipts import attestation, keys, note, signing
from receipts.canonical import unb64
from receipts.models import Attestation, KeyState, SigningKey, Use

SETTING = {Use.RECEIPTS: "RECEIPT_SIGNING_KEY", Use.LOG: "LOG_SIGNING_KEY"}


class Command(BaseCommand):
    help = (
        "Make (create), put in force (rotate), take out of force (retire), revoke and list the keys that sign receipts, with --log the "
        "log's; make an offline root (init-root) and let it vouch for a key (attest). Private keys go into files, never into a database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = {name: verbs.add_parser(name, help=text, description=text) for name, text in VERBS.items()}
        for name in ("create", "rotate", "attest"):
            add[name].add_argument("--log", action="store_true", help="the log's key instead of the receipts'")
        for each in add.values():
            each.add_argument("--json", action="store_true", help="answer as JSON")
        add["create"].add_argument("--file", metavar="PATH", default="", help="where to make the key; default: the configured file")
        add["rotate"].add_argument("--kid", default="", help="which key takes over, where several are next")
        add["attest"].add_argument("--kid", default="", help="the key to vouch for; default: the active one")
        for name in ("retire", "revoke"):
            add[name].add_argument(
                "--kid", required=True, help="the key's name, as `keys list` shows it; as --kid=NAME, since a name may begin with a dash"
            )
        add["revoke"].add_argument("--reason", required=True, help="why, in one line; it stays in the draft store")
        add["revoke"].add_argument("--since", metavar="TIME", default="", help="compromised since, RFC 3339; default: now")
        add["init-root"].add_argument("--file", metavar="PATH", required=True, help="where the root's private half goes: offline media")
        add["init-root"].add_argument("--id", metavar="NAME", required=True, help="the root's name, which verifiers pin")
        add["init-root"].add_argument("--anchor", metavar="PATH", default="", help="write the public trust anchor there, too")
        add["attest"].add_argument("--root-file", metavar="PATH", required=True, help="the root's private half")
        add["attest"].add_argument("--root-id", metavar="NAME", required=True, help="the root's name")
        add["attest"].add_argument("--days", type=int, default=365, help="how long it holds (default: %(default)s)")

    def handle(self, *, verb: str, **options) -> None:
        try:
            said = getattr(self, verb.replace("-", "_"))(**options)
        except (Refused, signing.SigningUnavailable) as refusal:
            raise CommandError(str(refusal)) from None
        except DatabaseError:
            raise CommandError("The draft store takes no keys; run migrate_all, then this again.") from None
        self._say(said, as_json=options["json"])

    def _say(self, said: dict, *, as_json: bool) -> None:
        words = said.pop("words")
        self.stdout.write(json.dumps(said, indent=2) if as_json else words)

    # --- keys ---------------------------------------------------------------------------------------------------------------------

    def create(self, *, file: str, log: bool, **_) -> dict:
        use = Use.LOG if log else Use.RECEIPTS
        signer, made = _found_or_made(file, use)
        key = keys.register_key(signer, use=use)
        words = ["Made a new signing key." if made else "The configured signing key is in order."]
        if made and file and file != _configured_file(use):
            words.append(f"Put {SETTING[use]}_FILE on that file, or the file in place of the configured one, when it comes into force.")
        words.append(f"Its public half is registered as {key.kid} ({key.state}).")
        return {"made": made, **_row(key), "words": "\n".join(words)}

    def rotate(self, *, kid: str, log: bool, **_) -> dict:
        key = keys.rotate(use=Use.LOG if log else Use.RECEIPTS, kid=kid)
        words = f"{key.kid} is active. Give it to the processes that sign now: those with another key cannot sign any more."
        return {**_row(key), "words": words}

    def retire(self, *, kid: str, **_) -> dict:
        key = keys.retire(kid)
        return {**_row(key), "words": f"{key.kid} is retired. What it signed verifies; nothing is signed until another key is active."}

    def revoke(self, *, kid: str, reason: str, since: str, **_) -> dict:
        key = keys.revoke(kid, reason=reason, since=_moment(since) if since else None)
        words = f"{key.kid} is revoked and has left the key set. Tell whoever pinned it; what it signed verifies no more."
        return {**_row(key), "words": words}

    def list(self, **_) -> dict:
        rows = [_row(key) for key in SigningKey.objects.all()]
        lines = [f"{row['kid']}  {row['use']:<15}  {row['state']:<7}  {_latest(row)}" for row in rows]
        return {"keys": rows, "words": "\n".join(lines) or "No key is registered; run keys create."}

    # --- the root -----------------------------------------------------------------------------------------------------------------

    def init_root(self, *, file: str, id: str, anchor: str, **_) -> dict:
        attestation.demand_root_id(id)
        found = attestation.trust_anchor(id, _made(file).public_key)
        if anchor:
            _write_anew(anchor, attestation.anchor_text(found))
        return {**found, "words": attestation.anchor_text(found).rstrip()}

    def attest(self, *, root_file: str, root_id: str, kid: str, days: int, log: bool, **_) -> dict:
        use = Use.LOG if log else Use.RECEIPTS
        named = SigningKey.objects.filter(use=use)
        key = named.filter(kid=kid).first() if kid else named.filter(state=KeyState.ACTIVE).first()
        if key is None:
            raise CommandError("There is no such key; `keys list` shows all.")
        said = attestation.attest(_root_in(root_file), key, root_key_id=root_id, subject_kid=_name(key), days=days)
        words = f"{root_id} vouches for {said.subject_kid} until {said.not_after.isoformat()}."
        return {**attestation.document(said), "words": words}


def _root_in(path: str) -> signing.Signer:
    try:
        return signing.signer_in(path)
    except signing.SigningUnavailable as refusal:
        if refusal.code == signing.SAMPLE:
            raise
        raise CommandError("No root's private half can be read there; name the file that `keys init-root` wrote.") from None


VERBS = {
    "create": "Register the configured key, or make one in a new file; it is active where none is, else next.",
    "rotate": "Put the next key in force and retire the active one, in one step.",
    "retire": "Take the active key out of force with nothing in its place.",
    "revoke": "Believe a key no more: it leaves the key set for good.",
    "list": "Show every key, its use and its state.",
    "init-root": "Make an offline root: its private half in a new file, its public trust anchor on standard output. No database is asked.",
    "attest": "Let the offline root vouch for a key, and keep its public statement.",
}


def _name(key: SigningKey) -> str:
    """As an attestation calls the key: the log's by the name in its signed notes."""
    name = note.origin(settings.RECEIPT_ISSUER)
    return note.key_name(name, unb64(key.public_key_b64)) if key.use == Use.LOG else key.kid


def _configured_file(use: Use) -> str:
    return getattr(settings, f"{SETTING[use]}_FILE")


def _found_or_made(path: str, use: Use) -> tuple[signing.Signer, bool]:
    """The configured signer where no other file is named, else one whose key was made just now; and whether it was."""
    configured = _configured_file(use)
    if path and path != configured:
        return _made(path), True
    try:
        return (signing.log_signer if use == Use.LOG else signing.signer)(), False
    except signing.SigningUnavailable as unavailable:
        if unavailable.code != signing.MISSING:
            raise
    if not configured:
        raise CommandError(f"Say where: set {SETTING[use]}_FILE, or give --file PATH.")
    return _made(configured), True


def _made(path: str) -> signing.Signer:
    try:
        return signing.write_private_key(path)
    except FileExistsError:
        raise CommandError("There is a file already, and it is left as it is; name another one.") from None
    except OSError as error:
        raise CommandError(f"The file cannot be made: {error.strerror}.") from None


def _write_anew(path: str, text: str) -> None:
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(f"The trust anchor cannot be written: {error.strerror}.") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError("--since is a time such as 2026-11-23T09:30:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _row(key: SigningKey) -> dict:
    times = ("created_at", "activated_at", "retired_at", "revoked_at")
    said = {name: value and value.isoformat() for name in times for value in [getattr(key, name)]}
    until = Attestation.objects.filter(kid=key.kid).order_by("-not_after").values_list("not_after", flat=True).first()
    return {
        "kid": key.kid, "use": key.use, "state": key.state, "public_key_b64": key.public_key_b64, **said, "reason": key.reason,
        "attested_until": until and until.isoformat(),
    }  # fmt: skip


def _latest(row: dict) -> str:
    """What happened last, for the line of a key."""
    said = [f"{name.removesuffix('_at')} {row[name]}" for name in ("created_at", "activated_at", "retired_at", "revoked_at") if row[name]]
    attested = f"; attested until {row['attested_until']}" if row["attested_until"] else ""
    return said[-1] + (f": {row['reason']}" if row["reason"] else "") + attested

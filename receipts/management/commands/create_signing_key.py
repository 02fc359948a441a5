"""Makes the receipt signing key where there is none, and registers its public half."""

import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from receipts import signing
from receipts.issue import register_key


class Command(BaseCommand):
    help = "Register the configured receipt signing key; where there is none, make one in a file that only this user can read."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--file", metavar="PATH", default="", help="where to make the key; default: RECEIPT_SIGNING_KEY_FILE")

    def handle(self, *args, **options) -> None:
        configured = settings.RECEIPT_SIGNING_KEY_FILE
        path = options["file"] or configured
        signer, made = _found_or_made(path)
        try:
            register_key(signer)
        except DatabaseError:
            raise CommandError("The key is there, but the draft store took no public half; run migrate_all, then this again.") from None
        self.stdout.write("Made a new signing key." if made else "The configured signing key is in order.")
        if made and path != configured:
            self.stdout.write("Set RECEIPT_SIGNING_KEY_FILE to that file, so that the next process finds it.")
        self.stdout.write(f"Its public half is registered as {signer.kid}")


def _found_or_made(path: str) -> tuple[signing.Signer, bool]:
    """The signer, and whether its key was made just now."""
    try:
        found = signing.signer()
    except signing.SigningUnavailable as unavailable:
        if unavailable.code != signing.MISSING:
            raise CommandError(str(unavailable)) from None
        return _made(path), True
    if path != settings.RECEIPT_SIGNING_KEY_FILE:
        raise CommandError("Another signing key is configured and in order; unset it before you make a new one.")
    return found, False


def _made(path: str) -> signing.Signer:
    """A new key in a new file with mode 0600. Never writes to a file that is there."""
    if not path:
        raise CommandError("Say where: set RECEIPT_SIGNING_KEY_FILE, or give --file PATH.")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError("There is a file already, and it is left as it is; name another one.") from None
    except OSError as error:
        raise CommandError(f"The file cannot be made: {error.strerror}.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(signing.new_private_key_pem())
        file.flush()
        os.fsync(file.fileno())
    return signing.signer_in(path)

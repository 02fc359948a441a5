"""`manage.py pin_staging --issuer https://staging.example.org --jwks jwks.json [--environment production]`."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from config.refusals import Refused
from reviews.organisation import COMMAND_LINE
from reviews.staging import TEXT_LIMIT, pin


class Command(BaseCommand):
    help = (
        "Say whose receipts count as staging's: the issuer and the public keys of the staging installation. Fetch its "
        "/protocol/v1/jwks.json over a connection that you trust. The newest pin rules; earlier ones stay on record."
    )

    def add_arguments(self, parser):
        parser.add_argument("--issuer", required=True, metavar="URL", help="the RECEIPT_ISSUER of the staging installation")
        parser.add_argument("--jwks", required=True, metavar="FILE", help="its key set (RFC 7517), a JSON file")
        parser.add_argument("--environment", default="", metavar="SLUG", help="only for requests to this environment (default: to all)")

    def handle(self, *, issuer, jwks, environment, **options):
        try:
            pinned = pin(COMMAND_LINE, issuer=issuer, jwks=self._content(jwks), environment=environment)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        place = f"review requests to {environment}" if environment else "all review requests"
        kids = ", ".join(key["kid"] for key in pinned.jwks["keys"])
        self.stdout.write(f"Receipts of {issuer} for staging count for {place} from now on. Keys: {kids}")

    def _content(self, path: str) -> bytes:
        try:
            with Path(path).open("rb") as file:
                content = file.read(TEXT_LIMIT + 1)
        except OSError as error:
            raise CommandError(f"The key set cannot be read: {error.strerror}.") from None
        if len(content) > TEXT_LIMIT:
            raise CommandError("The key set is larger than 64 KiB.")
        return content

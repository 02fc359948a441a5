"""`manage.py sign_pending`: for cron, in a process that holds the signing key."""

from django.core.management.base import BaseCommand, CommandError

from config.refusals import Refused
from reviews.verdict import sign_pending


class Command(BaseCommand):
    help = "Sign what had to wait for the signing key: receipts of rejections, and the status of what was revoked. Safe to repeat."

    def handle(self, **options):
        try:
            receipts, status = sign_pending()
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{receipts} receipts signed; {'a status signed' if status else 'no status was due'}.")

"""`manage.py sign_pending`: for cron, in a process that holds the signing key."""

from django.core.management.base import BaseCommand, CommandError

from config.refusals import Refused
from reviews.verdict import sign_pending


class Command(BaseCommand):
    help = "Sign the receipts of rejections that were made while there was no signing key. Safe to repeat."

    def handle(self, **options):
        try:
            self.stdout.write(f"{sign_pending()} receipts signed.")
        except Refused as refusal:
            raise CommandError(str(refusal)) from None

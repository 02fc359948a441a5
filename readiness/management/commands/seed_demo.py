"""`manage.py seed_demo`: realistic data in every state, on whichever pair of databases is configured."""

from django.core.management.base import BaseCommand, CommandError

from access.models import User
from config.refusals import Refused
from drafts.models import Partner
from readiness.seeding import PASSWORD, PEOPLE, seed
from receipts.keys import register_key
from receipts.signing import SigningUnavailable, signer
from reviews.models import Environment


class Command(BaseCommand):
    help = "Fill two migrated, empty databases with the demo. Its password is public, so a production-like gate stays shut."

    def handle(self, **options):
        if Partner.objects.exists() or Environment.objects.exists() or User.objects.filter(username__in=PEOPLE).exists():
            raise CommandError("There is data already; the demo is seeded into a fresh pair of databases only.")
        try:
            register_key(signer())
            plans = seed()
        except (SigningUnavailable, Refused) as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{plans} plans. Logins: {', '.join(PEOPLE)}; password for all: {PASSWORD}")

"""`manage.py reset_second_factor alice`."""

from django.core.management.base import BaseCommand, CommandError

from access.models import User
from reviews.organisation import COMMAND_LINE, reset_second_factor


class Command(BaseCommand):
    help = "Forget the second factor of somebody who has lost their app; they set up a new one. Leaves an event first."

    def add_arguments(self, parser):
        parser.add_argument("username")

    def handle(self, *, username, **options):
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError("There is no such user.")
        found = reset_second_factor(COMMAND_LINE, user)
        self.stdout.write(f"{username}: {'second factor forgotten' if found else 'there was none'}.")

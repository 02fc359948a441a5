"""`manage.py create_token USER --scope read [--scope draft] [--partner SLUG] [--days N]`."""

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from access.models import Scope, User
from access.tokens import create_token


class Command(BaseCommand):
    help = "Make an API token for a user and print it once, as the last word of the output. Only its digest is stored."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--scope", action="append", required=True, choices=Scope.values, help="may be given several times")
        parser.add_argument("--partner", action="append", help="limit the token to this partner's slug; may be given several times")
        parser.add_argument("--name", default="", help="what the token is for")
        parser.add_argument("--days", type=int, default=settings.API_TOKEN_DAYS, help="lifetime in days (default: %(default)s)")

    def handle(self, *, username, scope, partner, name, days, **options):
        if not 1 <= days <= 3650:
            raise CommandError("--days must be from 1 to 3650.")
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError("There is no active user of that name.")
        try:
            token = create_token(user, scopes=scope, partners=partner, name=name, lifetime=timedelta(days=days), created_by="command line")
        except ValidationError as error:
            raise CommandError(f"The token's name, or a partner: {error.messages[0]}") from None
        self.stdout.write(f"Token for {username} ({', '.join(sorted(set(scope)))}), {days} days, shown this once: {token}")

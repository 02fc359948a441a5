"""`manage.py revoke_token ID`, or every token of a user with `--user`."""

import uuid

from django.core.management.base import BaseCommand, CommandError

from access.models import ApiToken
from access.tokens import revoke_token


class Command(BaseCommand):
    help = "Revoke API tokens: one by its id (which `whoami` and every event name), or all of a user. Its next call is refused."

    def add_arguments(self, parser):
        parser.add_argument("token_id", nargs="?", default="", help="the token's id, a UUID; never the token itself")
        parser.add_argument("--user", default="", metavar="USERNAME", help="all tokens of this user that are not revoked yet")

    def handle(self, *, token_id, user, **options):
        if bool(token_id) == bool(user):
            raise CommandError("Name either a token's id or --user USERNAME.")
        found = list(self._wanted(token_id, user).filter(revoked_at__isnull=True))
        if not found:
            raise CommandError("There is no such token that is not revoked already.")
        for token in found:
            revoke_token(token, by="command line")
        self.stdout.write(f"{len(found)} revoked.")

    def _wanted(self, token_id: str, user: str):
        if user:
            return ApiToken.objects.filter(user__username=user)
        try:
            return ApiToken.objects.filter(public_id=uuid.UUID(token_id))
        except ValueError:
            raise CommandError("A token's id is a UUID.") from None

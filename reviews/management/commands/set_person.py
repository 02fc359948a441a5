"""`manage.py set_person alice --group release --partner northstar_controls:owner`."""

import argparse
import getpass
import sys

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from access.models import User
from config.refusals import Refused
from drafts.models import Role
from reviews.organisation import COMMAND_LINE, add_person, set_email, set_groups, set_membership, set_partner


def membership(text: str) -> tuple[str, str]:
    """SLUG:ROLE."""
    slug, _, role = text.partition(":")
    if not slug or role not in (*Role.values, "none"):
        raise argparse.ArgumentTypeError("a membership is SLUG:owner, SLUG:viewer or SLUG:none")
    return slug, role


class Command(BaseCommand):
    help = "Make a person (or find one), set their groups and their partners. Each change leaves an event first."

    def add_arguments(self, parser):
        parser.add_argument("username", help="letters, digits, dots, dashes, underscores; no e-mail address")
        parser.add_argument("--group", action="append", default=[], help="put into this group, for example release, auditors, operators")
        parser.add_argument("--ungroup", action="append", default=[], help="take out of this group")
        parser.add_argument(
            "--partner", action="append", default=[], type=membership, metavar="SLUG:ROLE", help="owner, viewer or none; made if new"
        )
        parser.add_argument("--machine", action="store_true", help="a job or client: no password, never a reviewer")

        parser.add_argument("--email", metavar="ADDRESS", help="where mail for this person goes; stays in the primary. Empty: nowhere")

    def handle(self, *, username, group, ungroup, partner, machine, email, **options):
        user = User.objects.filter(username=username).first() or self._made(username, machine=machine)
        try:
            if email is not None:
                set_email(COMMAND_LINE, user, email)
            if group or ungroup:
                set_groups(COMMAND_LINE, user, add=set(group), remove=set(ungroup))
            for slug, role in partner:
                set_membership(COMMAND_LINE, user, set_partner(COMMAND_LINE, slug), role=None if role == "none" else role)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{username}: groups {', '.join(sorted(user.groups.values_list('name', flat=True))) or 'none'}.")

    def _made(self, username: str, *, machine: bool) -> User:
        try:
            password = None if machine else self._password(User(username=username))
            return add_person(COMMAND_LINE, username, password=password, machine=machine)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None

    def _password(self, user: User) -> str:
        """Asked on the terminal, or read as one line from standard input."""
        try:
            password = getpass.getpass(f"Password for {user.username}: ") if sys.stdin.isatty() else input()
        except EOFError:
            raise CommandError("Give a password: on the terminal, or as one line of standard input.") from None
        validate_password(password, user)
        return password

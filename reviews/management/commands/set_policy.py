"""`manage.py set_policy production --rule release:release:1 --rule security:security:1 [--as alice]`."""

import argparse

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.databases import STORE
from config.refusals import Refused
from reviews.models import Environment, Kind, PolicyOutcome
from reviews.organisation import COMMAND_LINE, operator_of_command, set_environment
from reviews.policies import propose_policy


def rule(text: str) -> dict:
    """NAME:GROUP:QUORUM, for example release:release-managers:1."""
    name, _, rest = text.partition(":")
    group, _, quorum = rest.partition(":")
    if not (name and group and quorum.isascii() and quorum.isdigit()):
        raise argparse.ArgumentTypeError("a rule is NAME:GROUP:QUORUM, for example release:release-managers:1")
    return {"name": name, "group": group, "quorum": int(quorum)}


def maximum_age(text: str) -> tuple[str, int]:
    """KIND:DAYS, for example rollback:30."""
    kind, _, days = text.partition(":")
    if kind not in Kind.values or not (days.isascii() and days.isdigit() and 1 <= int(days) <= 3650):
        raise argparse.ArgumentTypeError(f"a maximum age is KIND:DAYS, for example rollback:30, with one of {', '.join(Kind.values)}")
    return kind, int(days) * 86400


class Command(BaseCommand):
    help = (
        "Set up an environment, and give it the next version of its review policy. The first takes effect at once; a later one is proposed "
        "in the name of an operator (--as) and waits for another, with accept_policy. Versions are never edited."
    )

    def add_arguments(self, parser):
        parser.add_argument("environment", help="slug, for example production; made if it is new")
        parser.add_argument("--as", dest="username", metavar="USER", help="the operator who proposes; needed from the second version on")
        parser.add_argument("--name", help="what people call the environment (default: the slug)")
        parser.add_argument("--unprotected", action="store_true", help="the environment needs no fillable policy for the gate to open")
        parser.add_argument("--rule", action="append", type=rule, required=True, metavar="NAME:GROUP:QUORUM", help="all rules must hold")
        parser.add_argument("--confirmation", action="append", choices=Kind.values, help="required confirmation (default: all five)")
        parser.add_argument("--max-age", action="append", default=[], type=maximum_age, metavar="KIND:DAYS", help="older ones do not count")
        parser.add_argument("--session-minutes", type=int, help="who decides has signed in within this time (default: any)")
        parser.add_argument("--second-factor", action="store_true", help="who decides has signed in with a code of an authenticator app")
        parser.add_argument("--due-hours", type=int, default=48, help="a review is due after this time (default: %(default)s)")
        parser.add_argument("--review-hours", type=int, default=336, help="a review expires after this time (default: %(default)s)")
        parser.add_argument("--approval-hours", type=int, default=72, help="an approval lasts this long (default: %(default)s)")
        parser.add_argument("--no-conditions", action="store_true", help="allow no approval with conditions")

    def handle(self, *, environment, rule, **options):
        if options["session_minutes"] is not None:
            options["session_seconds"] = options["session_minutes"] * 60
        lifetimes = {f"{name}_seconds": options[f"{name}_hours"] * 3600 for name in ("due", "review", "approval")}
        try:
            # Both or neither: an environment without a policy that could be satisfied would shut the gate.
            with transaction.atomic(using=STORE):
                actor = operator_of_command(options["username"]) if options["username"] else COMMAND_LINE
                place = set_environment(actor, environment, name=self._name(environment, options), protected=not options["unprotected"])
                made = propose_policy(
                    actor,
                    place,
                    rules=rule,
                    required_confirmations=options["confirmation"] or list(Kind.values),
                    conditions_allowed=not options["no_conditions"],
                    maximum_ages=dict(options["max_age"]),
                    session_seconds=options.get("session_seconds"),
                    second_factor=options["second_factor"],
                    **lifetimes,
                )
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        said = f"Policy version {made.version} of {environment}, digest {made.digest},"
        if PolicyOutcome.objects.filter(policy=made).exists():
            self.stdout.write(f"{said} is in force from the next review on.")
        else:
            self.stdout.write(f"{said} waits for another operator: accept_policy {environment}.")

    def _name(self, slug: str, options) -> str:
        known = Environment.objects.filter(slug=slug).first()
        return options["name"] or (known.name if known else slug)

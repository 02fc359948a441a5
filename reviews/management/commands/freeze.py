"""`manage.py freeze production --as alice --from 2026-12-20T00:00Z --until 2027-01-04T06:00Z --reason "Year end"`."""

import argparse
import json
import uuid

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from config.refusals import Refused
from reviews import confirmations, freezes
from reviews.confirmations import utc_text
from reviews.models import Environment, FreezeWindow
from reviews.organisation import operator_of_command
from reviews.record import database_now


def moment(text: str):
    try:
        return confirmations.moment(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(error.messages[0]) from None


class Command(BaseCommand):
    help = (
        "Shut the gate of an environment for a time, or end a freeze early; without --from and --end, list the freezes that are not over. "
        "Reviews go on. Whoever runs this names the operator who answers for it."
    )

    def add_arguments(self, parser):
        parser.add_argument("environment", help="slug, for example production")
        parser.add_argument("--as", dest="username", metavar="USER", help="the operator who answers for it")
        parser.add_argument("--from", dest="starts_at", type=moment, metavar="TIME", help="for example 2026-12-20T00:00Z")
        parser.add_argument("--until", dest="ends_at", type=moment, metavar="TIME", help="likewise")
        parser.add_argument("--reason", default="", help="everybody whose gate it shuts reads it; with --end: why")
        parser.add_argument("--person", action="append", default=[], metavar="USER", help="their requests may cross, with a comment")
        parser.add_argument("--end", type=uuid.UUID, metavar="ID", help="end this freeze now")
        parser.add_argument("--json", action="store_true", help="print the freezes that are not over as JSON")

    def handle(self, *, environment, username, starts_at, ends_at, end, **options):
        place = Environment.objects.filter(slug=environment).first()
        if place is None:
            raise CommandError("There is no such environment.")
        if bool(starts_at) != bool(ends_at) or (starts_at and end):
            raise CommandError("Give --from and --until, or --end, or neither to list.")
        try:
            if starts_at:
                actor, times = operator_of_command(username), {"starts_at": starts_at, "ends_at": ends_at}
                freezes.freeze(actor, place, **times, reason=options["reason"], people=options["person"])
            elif end:
                freezes.end_freeze(operator_of_command(username), self._of(place, end), comment=options["reason"])
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self._list(place, as_json=options["json"])

    def _of(self, place: Environment, freeze_id: uuid.UUID) -> uuid.UUID:
        if not place.freezes.filter(pk=freeze_id).exists():
            raise CommandError("There is no such freeze of this environment.")
        return freeze_id

    def _list(self, place: Environment, *, as_json: bool) -> None:
        found = freezes.not_over(place, database_now())
        if as_json:
            self.stdout.write(json.dumps([_said(freeze) for freeze in found], indent=2))
            return
        for freeze in found:
            said = _said(freeze)
            people = f" May cross: {', '.join(said['people'])}." if said["people"] else ""
            self.stdout.write(f"{said['id']} {said['starts_at']} to {said['ends_at']}, by {said['frozen_by']}: {said['reason']}{people}")
        if not found:
            self.stdout.write(f"No freeze of {place.slug} is under way or to come.")


def _said(freeze: FreezeWindow) -> dict:
    times = {"starts_at": utc_text(freeze.starts_at), "ends_at": utc_text(freeze.ends_at)}
    people = [person["username"] for person in freeze.people]
    return {"id": str(freeze.pk), **times, "reason": freeze.reason, "people": people, "frozen_by": freeze.frozen_by}

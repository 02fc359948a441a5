"""`manage.py accept_policy production [--as bob --digest …] [--decline WHY]`: without --as it only says what acceptance would do."""

import json

from django.core.management.base import BaseCommand, CommandError

from config.refusals import Refused
from reviews import policies, reading
from reviews.models import Environment, ReviewPolicy
from reviews.organisation import operator_of_command
from reviews.policies import Failing
from reviews.record import database_now


class Command(BaseCommand):
    help = (
        "Show the policy version that waits for an environment, with the approvals that it would revoke; with --as and --digest accept it, "
        "with --as and --decline say no, or take back one's own. Nobody accepts their own."
    )

    def add_arguments(self, parser):
        parser.add_argument("environment", help="slug, for example production")
        parser.add_argument("--as", dest="username", metavar="USER", help="the operator who answers for it, not the one who proposed")
        parser.add_argument("--digest", default="", help="of the version that was read; this command shows it")
        parser.add_argument("--decline", metavar="WHY", help="decline it; who proposed it withdraws it")
        parser.add_argument("--json", action="store_true", help="print what waits, or what was done, as JSON")

    def handle(self, *, environment, username, digest, decline, **options):
        place = Environment.objects.filter(slug=environment).first()
        if place is None:
            raise CommandError("There is no such environment.")
        proposal = policies.proposal_of(place)
        if proposal is None:
            raise CommandError(f"No policy version of {environment} waits.")
        try:
            done, revoked = self._do(proposal, username, digest, decline)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self._say(proposal, done, revoked, as_json=options["json"])

    def _do(self, proposal: ReviewPolicy, username, digest, decline) -> tuple[str, list[Failing]]:
        if username is None and decline is None and not digest:
            now = database_now()
            return "waiting", policies.failing(policies.standing(proposal.environment, now=now), proposal, now=now)
        actor = operator_of_command(username)
        if decline is not None:
            return policies.decline_policy(actor, proposal.pk, comment=decline).outcome, []
        return "accepted", policies.accept_policy(actor, proposal.pk, digest=digest)

    def _say(self, proposal: ReviewPolicy, done: str, revoked: list[Failing], *, as_json: bool) -> None:
        requests = [{"id": str(each.review_request.pk), "reasons": [reason.detail for reason in each.reasons]} for each in revoked]
        if as_json:
            said = {"version": proposal.version, "digest": proposal.digest, "proposed_by": proposal.proposed_by, "outcome": done}
            self.stdout.write(json.dumps(said | {"revokes": requests}, indent=2))
            return
        self.stdout.write(f"Version {proposal.version}, digest {proposal.digest}, proposed by {proposal.proposed_by}: {done}.")
        for sentence in reading.policy_sentences(proposal):
            self.stdout.write(f"  {sentence}")
        for each in requests:
            self.stdout.write(f"{'Would revoke' if done == 'waiting' else 'Revoked'} {each['id']}: {' '.join(each['reasons'])}")

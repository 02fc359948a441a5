"""`manage.py webhook add https://hooks.example.org/readiness --as alice`."""

import json
import uuid

from django.core.management.base import BaseCommand, CommandError

from access.actors import Actor
from config.refusals import Refused
from reviews import webhooks
from reviews.confirmations import utc_text
from reviews.models import State, WebhookEndpoint
from reviews.organisation import operator_of_command


class Command(BaseCommand):
    help = (
        "Webhooks: add, list, show the secret of, rotate, disable, enable. Whoever changes one names the operator who answers for it. "
        "add, rotate and secret print the secret as the last word of standard output."
    )

    def add_arguments(self, parser):
        verbs = parser.add_subparsers(dest="verb", required=True)
        adding = verbs.add_parser("add", help="tell transitions to an address from now on")
        adding.add_argument("url", help="https://…")
        adding.add_argument("--partner", metavar="SLUG", help="only of this partner's requests (default: of all)")
        adding.add_argument("--event", action="append", default=[], choices=State.values, help="only these states (default: all)")
        verbs.add_parser("list", help="every webhook, without secrets").add_argument("--json", action="store_true")
        for verb, what in (
            ("rotate", "a new secret; the old one signs beside it for a day"), ("disable", "send nothing"), ("enable", "send again"),
            ("secret", "show it"),
        ):  # fmt: skip
            verbs.add_parser(verb, help=what).add_argument("id", type=uuid.UUID)
        for verb, subparser in verbs.choices.items():
            if verb not in ("list", "secret"):
                subparser.add_argument("--as", dest="username", metavar="USER", help="the operator who answers for it")

    def handle(self, *, verb, **options):
        if verb == "list":
            self._list(as_json=options["json"])
            return
        try:
            found = self._done(verb, options)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        if verb in ("add", "rotate", "secret"):
            self.stdout.write(f"{found.pk} {found.host}: {webhooks.shown_secret(found)}")
        else:
            self.stdout.write(f"{found.pk} {found.host}: {'enabled' if found.enabled else 'disabled'}.")

    def _done(self, verb: str, options: dict) -> WebhookEndpoint:
        if verb == "secret":
            return self._of(options["id"])
        actor: Actor = operator_of_command(options["username"])
        if verb == "add":
            return webhooks.add(actor, url=options["url"], partner_slug=options["partner"], events=options["event"])
        return {"rotate": webhooks.rotate, "disable": webhooks.disable, "enable": webhooks.enable}[verb](actor, options["id"])

    def _of(self, endpoint_id: uuid.UUID) -> WebhookEndpoint:
        if webhooks.off_reasons():
            raise CommandError("WEBHOOK_KEY is not set, so there are no webhooks.")
        found = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
        if found is None:
            raise CommandError("There is no such webhook.")
        return found

    def _list(self, *, as_json: bool) -> None:
        found = [_said(endpoint) for endpoint in WebhookEndpoint.objects.select_related("partner").order_by("created_at", "pk")]
        if as_json:
            self.stdout.write(json.dumps(found, indent=2))
            return
        for said in found:
            state = "enabled" if said["enabled"] else f"disabled, {said['disabled_reason']}"
            failing = f", failing since {said['failing_since']}" if said["failing_since"] else ""
            what = f"{said['partner'] or 'every partner'}; {', '.join(said['events']) or 'every state'}"
            self.stdout.write(f"{said['id']} {said['url']} ({what}): {state}{failing}.")
        if not found:
            self.stdout.write("There is no webhook.")


def _said(endpoint: WebhookEndpoint) -> dict:
    return {
        "id": str(endpoint.pk),
        "url": endpoint.url,
        "partner": endpoint.partner.slug if endpoint.partner else None,
        "events": endpoint.events,
        "generation": endpoint.generation,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": utc_text(endpoint.failing_since) if endpoint.failing_since else None,
    }

"""Events in words: what was done, by whom and where, for timelines, the search of the record and its filters."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from reviews.models import ActingRole, Event, Kind, State

EVENT_WORDS = {
    "open": gettext_noop("Opened"),
    "edit_subject": gettext_noop("Subject changed"),
    "confirm": gettext_noop("Confirmation given"),
    "name_person": gettext_noop("Person named"),
    "hand_in_staging": gettext_noop("Staging validation handed in"),
    "request_review": gettext_noop("Review requested"),
    "approve": gettext_noop("Approved"),
    "approve_with_conditions": gettext_noop("Approved with conditions"),
    "request_changes": gettext_noop("Changes requested"),
    "reject": gettext_noop("Rejected"),
    "recall": gettext_noop("Recalled"),
    "withdraw": gettext_noop("Withdrawn"),
    "expire": gettext_noop("Expired"),
    "revoke": gettext_noop("Revoked"),
    "supersede": gettext_noop("Superseded by a newer approval"),
    "comment": gettext_noop("Comment"),
    "expand": gettext_noop("Plan expanded"),
    "cross_freeze": gettext_noop("Freeze crossed"),
}
# What is done to the organisation, not to a review request.
ORGANISATION_WORDS = {
    "set_partner": gettext_noop("Partner added"),
    "set_membership": gettext_noop("Membership set"),
    "add_person": gettext_noop("Person added"),
    "set_groups": gettext_noop("Groups set"),
    "set_active": gettext_noop("Account switched on or off"),
    "set_email": gettext_noop("Mail address set"),
    "reset_second_factor": gettext_noop("Second factor forgotten"),
    "end_token": gettext_noop("Token revoked"),
    "set_environment": gettext_noop("Environment set"),
    "set_policy": gettext_noop("First policy set"),
    "propose_policy": gettext_noop("Policy proposed"),
    "accept_policy": gettext_noop("Policy accepted"),
    "decline_policy": gettext_noop("Policy declined"),
    "withdraw_policy": gettext_noop("Policy proposal withdrawn"),
    "freeze": gettext_noop("Environment frozen"),
    "end_freeze": gettext_noop("Freeze ended"),
    "pin_staging": gettext_noop("Staging pinned"),
    "add_webhook": gettext_noop("Webhook added"),
    "rotate_webhook": gettext_noop("Webhook's secret rotated"),
    "disable_webhook": gettext_noop("Webhook disabled"),
    "enable_webhook": gettext_noop("Webhook enabled"),
    "send_again": gettext_noop("Message sent again"),
}
ALL_VERBS = EVENT_WORDS | ORGANISATION_WORDS
CHANNEL_WORDS = {
    "page": gettext_noop("on a page"),
    "admin": gettext_noop("at the desk"),
    "api": gettext_noop("by API"),
    "command": gettext_noop("on the command line"),
    "clock": gettext_noop("by itself"),
}


@dataclass(frozen=True)
class Line:
    """One event in words: `what` happened, `who` did it and where. `conditions`: all that the decision carries, where it made one."""

    event: Event
    what: str
    who: str
    change: str
    conditions: list[str]


def lines(events: list[Event]) -> list[Line]:
    return [_line(event) for event in events]


def _line(event: Event) -> Line:
    states = [_(State(state).label) for state in (event.from_state, event.to_state) if state in State.values]
    change = " → ".join(states) if event.from_state != event.to_state else ""
    return Line(event, _what(event), _who(event), change, event.detail.get("conditions", []))


def _what(event: Event) -> str:
    words, said = _(ALL_VERBS.get(event.verb, event.verb)), event.detail
    kind = _(dict(Kind.choices).get(said.get("kind"), said.get("kind") or ""))
    if event.verb == "name_person":
        return _named(said.get("named"), kind)
    if kind:
        return _("%(kind)s %(what)s") % {"kind": kind, "what": f"{words[0].lower()}{words[1:]}"}
    given = {"what": words, "id": said.get("successor")}
    return _("%(what)s, review request %(id)s, given") % given if "successor" in said else words


def _named(name: str | None, kind: str) -> str:
    if name:
        return _("%(name)s named for the %(kind)s confirmation") % {"name": name, "kind": kind}
    return _("Nobody named for the %(kind)s confirmation any more") % {"kind": kind}


def _who(event: Event) -> str:
    """`by ada (reviewer for release and security), at the desk`; what the name says already is left out."""
    place = _(CHANNEL_WORDS.get(event.channel, event.channel))
    if event.role == ActingRole.CLOCK:
        return place
    role = _role(event)
    said = {"name": event.actor, "role": role, "place": place}
    return (_("by %(name)s, %(place)s") if role in ("", event.actor) else _("by %(name)s (%(role)s), %(place)s")) % said


def _role(event: Event) -> str:
    rules = _(" and ").join(event.detail.get("rules", []))
    label = _(ActingRole(event.role).label) if event.role else ""
    role = _("%(role)s for %(rules)s") % {"role": label, "rules": rules} if rules else label
    return role + _(", with a second factor") if event.detail.get("second_factor") else role

"""A packet's value as a person reads it: headings, labels, words. Pure, and the same for owner, reviewer and auditor."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from reviews import confirmations
from reviews.models import ActingRole, DeploymentReviewRequest, Event, Kind, ReviewPolicy, State

PLAN_LABELS = {
    "partner": gettext_noop("Partner"),
    "name": gettext_noop("Name"),
    "gate_type": gettext_noop("Gate type"),
    "system_scope": gettext_noop("System scope"),
    "authority_context": gettext_noop("Authority context"),
    "external_reference": gettext_noop("External reference"),
}
Facts = list[tuple[str, object]]


@dataclass(frozen=True)
class Said:
    """One confirmation in words. `confirmed_at` is None for one that nobody has confirmed."""

    kind: str
    title: str
    statement: str
    facts: Facts
    confirmed_by: str
    confirmed_at: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True)
class Reading:
    """What stands in a packet, section by section."""

    environment: str
    subjects: list[tuple[str, str]]
    plan: Facts
    moves: list[dict]
    confirmations: list[Said]
    authors: str
    predecessor: str | None


def read(packet: dict) -> Reading:
    return Reading(
        environment=packet["environment"],
        subjects=subject_lines(packet["subject"]),
        plan=[(_(label), packet["plan"][name]) for name, label in PLAN_LABELS.items()],
        moves=packet["moves"],
        confirmations=[_said(kind, packet["confirmations"][kind]) for kind in Kind.values if kind in packet["confirmations"]],
        authors=", ".join(author["username"] for author in packet["authors"]),
        predecessor=packet["predecessor"],
    )


def subject_lines(subjects: list[dict]) -> list[tuple[str, str]]:
    """Each subject's name with its digests, `sha256:…`."""
    return [(subject["name"], ", ".join(f"{word}:{value}" for word, value in subject["digest"].items())) for subject in subjects]


def _said(kind: str, said: dict) -> Said:
    return Said(
        kind,
        _(Kind(kind).label),
        _(confirmations.STATEMENTS[Kind(kind)]),
        _facts(kind, said),
        said["confirmed_by"]["username"],
        confirmations.moment(said["confirmed_at"]),
        confirmations.moment(said["valid_until"]),
    )


def _facts(kind: str, said: dict) -> Facts:
    typed = [(_(field.label), said["fields"].get(field.name, "")) for field in confirmations.FIELDS[Kind(kind)]]
    evidence = [(_("Evidence"), said["evidence_url"] or _("none given"))]
    return typed + evidence + ([(_("SHA-256 of the evidence"), said["evidence_sha256"])] if said["evidence_sha256"] else [])


# --- events ---------------------------------------------------------------------------------------------------------------------------

EVENT_WORDS = {
    "open": "Opened",
    "edit_subject": "Subject changed",
    "confirm": "Confirmation given",
    "name_person": "Person named",
    "hand_in_staging": "Staging validation handed in",
    "request_review": "Review requested",
    "approve": "Approved",
    "approve_with_conditions": "Approved with conditions",
    "request_changes": "Changes requested",
    "reject": "Rejected",
    "recall": "Recalled",
    "withdraw": "Withdrawn",
    "expire": "Expired",
    "revoke": "Revoked",
    "supersede": "Superseded by a newer approval",
    "comment": "Comment",
    "expand": "Plan expanded",
    "cross_freeze": "Freeze crossed",
}
# What is done to the organisation, not to a review request.
ORGANISATION_WORDS = {
    "set_partner": "Partner added",
    "set_membership": "Membership set",
    "add_person": "Person added",
    "set_groups": "Groups set",
    "set_active": "Account switched on or off",
    "set_email": "Mail address set",
    "reset_second_factor": "Second factor forgotten",
    "end_token": "Token revoked",
    "set_environment": "Environment set",
    "set_policy": "First policy set",
    "propose_policy": "Policy proposed",
    "accept_policy": "Policy accepted",
    "decline_policy": "Policy declined",
    "withdraw_policy": "Policy proposal withdrawn",
    "freeze": "Environment frozen",
    "end_freeze": "Freeze ended",
    "pin_staging": "Staging pinned",
    "add_webhook": "Webhook added",
    "rotate_webhook": "Webhook's secret rotated",
    "disable_webhook": "Webhook disabled",
    "enable_webhook": "Webhook enabled",
    "send_again": "Message sent again",
}
ALL_VERBS = EVENT_WORDS | ORGANISATION_WORDS
CHANNEL_WORDS = {"page": "on a page", "admin": "at the desk", "api": "by API", "command": "on the command line", "clock": "by itself"}


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
    states = [State(state).label for state in (event.from_state, event.to_state) if state in State.values]
    change = " → ".join(states) if event.from_state != event.to_state else ""
    return Line(event, _what(event), _who(event), change, event.detail.get("conditions", []))


def _what(event: Event) -> str:
    words, said = ALL_VERBS.get(event.verb, event.verb), event.detail
    kind = dict(Kind.choices).get(said.get("kind"), said.get("kind"))
    if event.verb == "name_person":
        return f"{said.get('named') or 'Nobody'} named for the {kind} confirmation{'' if said.get('named') else ' any more'}"
    if kind:
        return f"{kind} {words[0].lower()}{words[1:]}"
    return f"{words}, review request {said['successor']}, given" if "successor" in said else words


def _who(event: Event) -> str:
    """`by ada (reviewer for release and security), at the desk`; what the name says already is left out."""
    place = CHANNEL_WORDS.get(event.channel, event.channel)
    if event.role == ActingRole.CLOCK:
        return place
    role = _role(event)
    return f"by {event.actor}{f' ({role})' if role not in ('', event.actor) else ''}, {place}"


def _role(event: Event) -> str:
    rules = " and ".join(event.detail.get("rules", []))
    label = ActingRole(event.role).label if event.role else ""
    return f"{label}{f' for {rules}' if rules else ''}{', with a second factor' if event.detail.get('second_factor') else ''}"


# --- policies -----------------------------------------------------------------------------------------------------------------------


def policy_sentences(ruling: ReviewPolicy) -> list[str]:
    """What a policy asks for, one sentence each."""
    kinds = ", ".join(_required_words(ruling, kind) for kind in ruling.required_confirmations) or "none"
    return [
        *(_rule_sentence(rule) for rule in ruling.rules),
        "Each approval fills one seat, so nobody counts twice. Who requested, wrote or confirmed anything in the packet cannot vote.",
        f"Required confirmations: {kinds}.",
        "An approval may have conditions." if ruling.conditions_allowed else "An approval may not have conditions.",
        f"A review is due after {duration(ruling.due_seconds)} and lapses after {duration(ruling.review_seconds)}; "
        f"an approval lasts {duration(ruling.approval_seconds)} at most.",
        *([f"Who decides has signed in within the last {duration(ruling.session_seconds)}."] if ruling.session_seconds else []),
        *(["Who decides has signed in with a second factor, a code of an authenticator app."] if ruling.second_factor else []),
    ]


def ruling_boxes(review_request: DeploymentReviewRequest) -> list[tuple[str, list[str]]]:
    """The pinned policy and the one that has come into force since: a title with its sentences for each."""
    if review_request.policy is None:
        return []
    place, newer = review_request.environment.name, review_request.rulings[1:]
    return [
        (f"Policy of {place}, version {review_request.policy.version}, pinned in this packet", policy_sentences(review_request.policy)),
        *((_since_title(review_request, ruling), policy_sentences(ruling)) for ruling in newer),
    ]


def _since_title(review_request: DeploymentReviewRequest, newer: ReviewPolicy) -> str:
    """Acceptance has revoked every approval that does not satisfy what was accepted."""
    state = getattr(review_request, "state_now", review_request.state)
    so = {State.REVIEW_REQUESTED: ", and must be satisfied, too", State.APPROVED: "; this approval satisfies it, too"}
    return f"Version {newer.version} has come into force since{so.get(state, '; it rules the next review')}"


def ruling_sentences(review_request: DeploymentReviewRequest) -> list[str]:
    """The same as one list; of a newer version only in review what it asks."""
    first, *newer = ruling_boxes(review_request) or [("", [])]
    in_review = review_request.state == State.REVIEW_REQUESTED
    since = [[f"{title}:", *said] if in_review else [f"{title}."] for title, said in newer]
    return [*first[1], *(sentence for box in since for sentence in box)]


def _required_words(ruling: ReviewPolicy, kind: str) -> str:
    age = ruling.maximum_ages.get(kind)
    what = "rehearsed" if kind == Kind.ROLLBACK else "given"
    return f"{Kind(kind).label} ({what} within {duration(age)})" if age else str(Kind(kind).label)


def _rule_sentence(rule: dict) -> str:
    people = "1 person" if rule["quorum"] == 1 else f"{rule['quorum']} people"
    return f"{str(rule['name']).capitalize()}: {people} out of the group {rule['group']} must approve."


def as_typed(value: object) -> str:
    """An answer as it would be typed into a form again."""
    return confirmations.utc_text(value) if isinstance(value, datetime) else str(value)


def minute(when: datetime) -> str:
    """A time in the reader's zone, which is UTC but on a person's own pages: `30 November 2026, 20:00 UTC`."""
    return date_format(timezone.localtime(when), "j F Y, H:i T")


def duration(seconds: int) -> str:
    """A length of time in its largest whole unit: `3 days`, `90 seconds`."""
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "no time"

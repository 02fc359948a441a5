"""A packet's value as a person reads it: headings, labels, words. Pure, and the same for owner, reviewer and auditor."""

from dataclasses import dataclass
from datetime import UTC, datetime

from reviews import confirmations
from reviews.models import ActingRole, DeploymentReviewRequest, Event, Kind, ReviewPolicy, State

PLAN_LABELS = {
    "partner": "Partner",
    "name": "Name",
    "gate_type": "Gate type",
    "system_scope": "System scope",
    "authority_context": "Authority context",
    "external_reference": "External reference",
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
        plan=[(label, packet["plan"][name]) for name, label in PLAN_LABELS.items()],
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
        Kind(kind).label,
        confirmations.STATEMENTS[Kind(kind)],
        _facts(kind, said),
        said["confirmed_by"]["username"],
        confirmations.moment(said["confirmed_at"]),
        confirmations.moment(said["valid_until"]),
    )


def _facts(kind: str, said: dict) -> Facts:
    typed = [(field.label, said["fields"].get(field.name, "")) for field in confirmations.FIELDS[Kind(kind)]]
    evidence = [("Evidence", said["evidence_url"] or "none given")]
    return typed + evidence + ([("SHA-256 of the evidence", said["evidence_sha256"])] if said["evidence_sha256"] else [])


# --- events ---------------------------------------------------------------------------------------------------------------------------

EVENT_WORDS = {
    "open": "Opened",
    "edit_subject": "Subject changed",
    "confirm": "Confirmed",
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
CHANNEL_WORDS = {"page": "on a page", "admin": "at the desk", "api": "by API", "command": "by a command", "clock": "by itself"}


@dataclass(frozen=True)
class Line:
    """One event in words. `conditions`: all that the decision carries, where it made one."""

    event: Event
    what: str
    role: str
    channel: str
    change: str
    conditions: list[str]


def lines(events: list[Event]) -> list[Line]:
    return [_line(event) for event in events]


def _line(event: Event) -> Line:
    what = EVENT_WORDS.get(event.verb, event.verb)
    if kind := event.detail.get("kind"):
        what = f"{what}: {kind}"
    if "named" in event.detail:
        what = f"{what}, {event.detail['named'] or 'nobody any more'}"
    states = [State(state).label for state in (event.from_state, event.to_state) if state in State.values]
    change = " → ".join(states) if event.from_state != event.to_state else ""
    if successor := event.detail.get("successor"):
        what = f"{what}, review request {successor},"
    return Line(event, what, _role(event), CHANNEL_WORDS.get(event.channel, event.channel), change, event.detail.get("conditions", []))


def _role(event: Event) -> str:
    """`reviewer for release and security`; nothing where the actor's name says it already."""
    if event.role in ("", ActingRole.CLOCK):
        return ""
    rules, code = event.detail.get("rules", []), " with a second factor" if event.detail.get("second_factor") else ""
    return ActingRole(event.role).label + (f" for {' and '.join(rules)}" if rules else "") + code


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
    """The pinned policy and, while it is in review, the one that has come into force since: a title with its sentences for each."""
    if review_request.policy is None:
        return []
    place = review_request.environment.name
    newer = review_request.rulings[1:] if review_request.state == State.REVIEW_REQUESTED else []
    return [
        (f"Policy of {place}, version {review_request.policy.version}, pinned in this packet", policy_sentences(review_request.policy)),
        *(
            (f"Version {ruling.version} has come into force since, and must be satisfied, too", policy_sentences(ruling))
            for ruling in newer
        ),
    ]


def ruling_sentences(review_request: DeploymentReviewRequest) -> list[str]:
    """The same as one list."""
    first, *newer = ruling_boxes(review_request) or [("", [])]
    return [*first[1], *(sentence for title, said in newer for sentence in (f"{title}:", *said))]


def _required_words(ruling: ReviewPolicy, kind: str) -> str:
    age = ruling.maximum_ages.get(kind)
    what = "rehearsed" if kind == Kind.ROLLBACK else "given"
    return f"{Kind(kind).label} ({what} within {duration(age)})" if age else str(Kind(kind).label)


def _rule_sentence(rule: dict) -> str:
    people = "1 person" if rule["quorum"] == 1 else f"{rule['quorum']} people"
    return f"{str(rule['name']).capitalize()}: {people} out of the group {rule['group']} must approve."


def minute(when: datetime) -> str:
    """A time by the clock of UTC: `30 November 2026, 20:00 UTC`."""
    return f"{when.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def duration(seconds: int) -> str:
    """A length of time in its largest whole unit: `3 days`, `90 seconds`."""
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "no time"

"""A packet's value as a person reads it: headings, labels, words. The same for owner, reviewer and auditor."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, ngettext_lazy, override

from reviews import confirmations
from reviews.models import DeploymentReviewRequest, Kind, ReviewPolicy, State

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
class Window:
    """A time from and to, which a page says in words with the exact times beside."""

    starts_at: datetime
    ends_at: datetime


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
    typed = [(_(field.label), _value(field, said["fields"].get(field.name, ""))) for field in confirmations.FIELDS[Kind(kind)]]
    evidence = [(_("Evidence"), said["evidence_url"] or _("none given"))]
    return typed + evidence + ([(_("SHA-256 of the evidence"), said["evidence_sha256"])] if said["evidence_sha256"] else [])


def _value(field: confirmations.Field, value: object) -> object:
    times = confirmations.window_times(value) if field.check is confirmations.window else None
    return Window(*times) if times else value


# --- policies -----------------------------------------------------------------------------------------------------------------------


def policy_sentences(ruling: ReviewPolicy) -> list[str]:
    """What a policy asks for, one sentence each."""
    kinds = ", ".join(_required_words(ruling, kind) for kind in ruling.required_confirmations) or _("none")
    times = {name: lasting(getattr(ruling, f"{name}_seconds")) for name in ("due", "review", "approval")}
    return [
        *(_rule_sentence(rule) for rule in ruling.rules),
        _("Each approval fills one seat, so nobody counts twice. Who requested, wrote or confirmed anything in the packet cannot vote."),
        _("Required confirmations: %(kinds)s.") % {"kinds": kinds},
        _("An approval may have conditions.") if ruling.conditions_allowed else _("An approval may not have conditions."),
        _("A review is due after %(due)s and lapses after %(review)s; an approval lasts %(approval)s at most.") % times,
        *_sign_in_sentences(ruling),
    ]


def _sign_in_sentences(ruling: ReviewPolicy) -> list[str]:
    recent = [_("Who decides has signed in within the last %(time)s.") % {"time": lasting(ruling.session_seconds or 0)}]
    factor = [_("Who decides has signed in with a second factor, a code of an authenticator app.")]
    return (recent if ruling.session_seconds else []) + (factor if ruling.second_factor else [])


def ruling_boxes(review_request: DeploymentReviewRequest) -> list[tuple[str, list[str]]]:
    """The pinned policy and the one that has come into force since: a title with its sentences for each."""
    if review_request.policy is None:
        return []
    pinned = {"place": review_request.environment.name, "number": review_request.policy.version}
    title = _("Policy of %(place)s, version %(number)d, pinned in this packet") % pinned
    return [
        (title, policy_sentences(review_request.policy)),
        *((_since_title(review_request, ruling), policy_sentences(ruling)) for ruling in review_request.rulings[1:]),
    ]


def _since_title(review_request: DeploymentReviewRequest, newer: ReviewPolicy) -> str:
    """Acceptance has revoked every approval that does not satisfy what was accepted."""
    state = getattr(review_request, "state_now", review_request.state)
    words = {
        State.REVIEW_REQUESTED: _("Version %(number)d has come into force since, and must be satisfied, too"),
        State.APPROVED: _("Version %(number)d has come into force since; this approval satisfies it, too"),
    }
    return words.get(state, _("Version %(number)d has come into force since; it rules the next review")) % {"number": newer.version}


def ruling_sentences(review_request: DeploymentReviewRequest) -> list[str]:
    """The same as one list; of a newer version only in review what it asks."""
    first, *newer = ruling_boxes(review_request) or [("", [])]
    in_review = review_request.state == State.REVIEW_REQUESTED
    since = [[f"{title}:", *said] if in_review else [f"{title}."] for title, said in newer]
    return [*first[1], *(sentence for box in since for sentence in box)]


def _required_words(ruling: ReviewPolicy, kind: str) -> str:
    age = ruling.maximum_ages.get(kind)
    label = _(Kind(kind).label)
    words = _("%(kind)s (rehearsed within %(time)s)") if kind == Kind.ROLLBACK else _("%(kind)s (given within %(time)s)")
    return words % {"kind": label, "time": lasting(age)} if age else label


def _rule_sentence(rule: dict) -> str:
    words = ngettext(
        "%(rule)s: %(number)d person out of the group %(group)s must approve.",
        "%(rule)s: %(number)d people out of the group %(group)s must approve.",
        rule["quorum"],
    )
    return words % {"rule": str(rule["name"]).capitalize(), "number": rule["quorum"], "group": rule["group"]}


def as_typed(value: object) -> str:
    """An answer as it would be typed into a form again."""
    return confirmations.utc_text(value) if isinstance(value, datetime) else str(value)


def minute(when: datetime) -> str:
    """A time in the reader's zone, which is UTC but on a person's own pages: `30 November 2026, 20:00 UTC`."""
    return date_format(timezone.localtime(when), "j F Y, H:i T")


UNITS = (
    (86400, ngettext_lazy("%(number)d day", "%(number)d days", "number")),
    (3600, ngettext_lazy("%(number)d hour", "%(number)d hours", "number")),
    (60, ngettext_lazy("%(number)d minute", "%(number)d minutes", "number")),
    (1, ngettext_lazy("%(number)d second", "%(number)d seconds", "number")),
)


def lasting(seconds: int) -> str:
    """A length of time in its largest whole unit, as a page says it: `3 days`, `90 seconds`."""
    for length, words in UNITS:
        if seconds >= length and seconds % length == 0:
            return words % {"number": seconds // length}
    return _("no time")


def duration(seconds: int) -> str:
    """The same in the language of the record, for a reason of a refusal."""
    with override(settings.LANGUAGE_CODE):
        return lasting(seconds)

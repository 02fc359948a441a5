"""The five confirmations: the statement each makes, its typed fields, and what counts as confirmed and in date."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_noop

from config.payload import shown_key
from config.prepared import Prepared
from config.refusals import Reason, Refused
from drafts.custody import evidence_link, plain_text
from reviews.models import Confirmation, DeploymentReviewRequest, Kind

PERCENT = re.compile(r"(?:100(?:\.0{1,4})?|[0-9]{1,2}(?:\.[0-9]{1,4})?)\Z")
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# RFC 3339 section 5.6: full-date, and date-time with its T and Z in capitals; seconds may be left out, as people and forms do.
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-2][0-9]:[0-5][0-9])\Z")
TEXT_LENGTH, LINK_LENGTH = 200, 500
# What a careless client sends for nothing; no person states this.
NOTHING_WORDS = frozenset({"", "false", "null", "undefined"})


def text(value: object, *, length: int = TEXT_LENGTH) -> str:
    if not isinstance(value, str):
        raise ValidationError("This must be a text.", code="invalid_type")
    if value.strip().casefold() in NOTHING_WORDS:
        raise ValidationError("This may not be blank.", code="blank")
    if len(value) > length:
        raise ValidationError(f"This may have {length} characters at most.", code="max_length")
    plain_text(value)
    return value.strip()


def percent(value: object) -> str:
    if not PERCENT.match(text(value)):
        raise ValidationError("This must be a percentage as text, such as 99.9.", code="invalid")
    return str(value).strip()


def count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValidationError("This must be a whole number.", code="invalid_type")
    if not 1 <= value <= 10_000_000:
        raise ValidationError("This must be from 1 to 10,000,000.", code="out_of_range")
    return value


def past_day(value: object) -> str:
    """A day (RFC 3339 full-date) that has come, anywhere on Earth."""
    words = text(value)
    try:
        day = date.fromisoformat(words) if DAY.match(words) else None
    except ValueError:
        day = None
    if day is None:
        raise ValidationError("This must be a day such as 2026-11-30.", code="invalid")
    if (day - datetime.now(UTC).date()).days > 1:
        raise ValidationError("This day has not come yet.", code="in_future")
    return day.isoformat()


def moment(value: object) -> datetime:
    """A date and time with offset (RFC 3339), or a day, which means its end in UTC."""
    # What has the form of a time is nothing worse; the times of a packet are read at every vote.
    words = value if isinstance(value, str) and (MOMENT.match(value) or DAY.match(value)) else text(value)
    whole = f"{words}T23:59:59Z" if DAY.match(words) else words
    try:
        # An offset can carry the ends of the calendar past it.
        in_utc = datetime.fromisoformat(whole).astimezone(UTC) if MOMENT.match(whole) else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None:
        raise ValidationError("This must be a time such as 2026-11-30T20:00Z.", code="invalid")
    return in_utc


def sayable_moment(value: object) -> datetime:
    """A moment that is one in every time zone, with a year of four digits: the calendar has two ends."""
    when = moment(value)
    if not 1000 <= when.year < 9999:
        raise ValidationError("This must be a time in the years 1000 to 9998.", code="out_of_range")
    return when


def utc_text(when: datetime) -> str:
    """RFC 3339 in UTC with whole seconds."""
    return f"{when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def window(value: object) -> str:
    """Two times with a slash between them (an ISO 8601 interval)."""
    parts = text(value).split("/")
    if len(parts) != 2:
        raise ValidationError(
            "This must be two times with a slash between them, such as 2026-11-30T20:00Z/2026-11-30T23:00Z.", code="invalid"
        )
    start, end = (sayable_moment(part) for part in parts)
    if end <= start:
        raise ValidationError("The window must end after it starts.", code="invalid")
    return f"{utc_text(start)}/{utc_text(end)}"


def window_times(value: object) -> tuple[datetime, datetime] | None:
    """From and to of a window that is kept; None for what is none, which no form lets in."""
    start, _, end = str(value).partition("/")
    try:
        return moment(start), moment(end)
    except ValidationError:
        return None


@dataclass(frozen=True)
class Field:
    """One typed field: how to check it, and what a person filling it in reads: label, hint and one real example."""

    name: str
    check: Callable[[object], object]
    label: str
    hint: str
    example: str


STATEMENTS = {
    Kind.OWNER: gettext_noop("These people answer for this rollout, before and after it."),
    Kind.ENVIRONMENT: gettext_noop("The rollout goes to this place, within this change window."),
    Kind.SLA: gettext_noop("These service levels are agreed for what is rolled out."),
    Kind.ROLLBACK: gettext_noop("The rollout can be undone this way, and that has been rehearsed."),
    Kind.SUPPORT: gettext_noop("This team supports the rollout and can be reached like this."),
}
FIELDS = {
    Kind.OWNER: (
        Field(
            "accountable",
            text,
            gettext_noop("Accountable"),
            gettext_noop("The person or role that answers for it."),
            "release owner of the partner",
        ),
        Field("deputy", text, gettext_noop("Deputy"), gettext_noop("Who stands in."), "named deputy"),
    ),
    Kind.ENVIRONMENT: (
        Field("region", text, gettext_noop("Region"), gettext_noop("Where it runs."), "eu-west-1"),
        Field(
            "change_window",
            window,
            gettext_noop("Change window"),
            gettext_noop("The gate is open only in it: from, a slash, and to, in UTC."),
            "2026-11-30T20:00Z/2026-11-30T23:00Z",
        ),
    ),
    Kind.SLA: (
        Field(
            "availability_percent", percent, gettext_noop("Availability in percent"), gettext_noop("Of the time, as it is agreed."), "99.9"
        ),
        Field(
            "p99_ms",
            count,
            gettext_noop("99th percentile in milliseconds"),
            gettext_noop("Of 100 answers 99 come within it. A whole number."),
            "300",
        ),
        Field("support_hours", text, gettext_noop("Support hours"), gettext_noop("When somebody answers for it."), "24x7"),
    ),
    Kind.ROLLBACK: (
        Field("strategy", text, gettext_noop("Strategy"), gettext_noop("How it is undone."), "redeploy previous artifact"),
        Field("max_minutes", count, gettext_noop("Minutes at most"), gettext_noop("How long that takes. A whole number."), "15"),
        Field("rehearsed_on", past_day, gettext_noop("Rehearsed on"), gettext_noop("The day of the last rehearsal."), "2026-11-10"),
    ),
    Kind.SUPPORT: (
        Field("team", text, gettext_noop("Team"), gettext_noop("Who looks after it."), "platform on-call"),
        Field("channel", text, gettext_noop("Channel"), gettext_noop("Where they are reached."), "#platform-oncall"),
        Field("escalation", text, gettext_noop("Escalation"), gettext_noop("Who is called next."), "duty manager"),
    ),
}


def _checked(name: str, check: Callable, value: object, wrong: list[Reason]) -> object:
    try:
        return check(value)
    except ValidationError as error:
        wrong.append(Reason(error.code or "invalid", f"{name}: {error.messages[0]}", pointer=f"/{name}", status=400))
        return None


def clean_fields(kind: str, given: object) -> dict:
    """The typed fields of a kind. Raises Refused (400) naming each that is missing, unknown or wrong, by pointer."""
    if not isinstance(given, dict):
        raise Refused(Reason("invalid_type", "fields: This must be an object.", pointer="/fields", status=400))
    known = {field.name: field for field in FIELDS[Kind(kind)]}
    wrong = [
        Reason("unknown_field", "This field is not known here.", pointer=f"/fields/{shown_key(str(name))}", status=400)
        for name in given
        if name not in known
    ]
    wrong += [
        Reason("required", f"fields/{name}: This is missing.", pointer=f"/fields/{name}", status=400) for name in known if name not in given
    ]
    cleaned = {name: _checked(f"fields/{name}", field.check, given[name], wrong) for name, field in known.items() if name in given}
    if wrong:
        raise Refused(*wrong)
    return cleaned


def _sha256(value: object) -> str:
    if not SHA256.match(text(value)):
        raise ValidationError("This must be 64 hexadecimal digits in lower case.", code="invalid")
    return text(value)


def _link(value: object) -> str:
    link = text(value, length=LINK_LENGTH)
    evidence_link(link)
    return link


def clean_evidence(*, evidence_url: object, evidence_sha256: object, valid_until: object) -> dict:
    """Link and digest (both may be None or empty) and the end date. Raises Refused (400) with all that is wrong."""
    wrong: list[Reason] = []
    cleaned = {
        "evidence_url": _checked("evidence_url", _link, evidence_url, wrong) if evidence_url not in (None, "") else "",
        "evidence_sha256": _checked("evidence_sha256", _sha256, evidence_sha256, wrong) if evidence_sha256 not in (None, "") else "",
        "valid_until": _checked("valid_until", sayable_moment, valid_until, wrong),
    }
    if wrong:
        raise Refused(*wrong)
    return cleaned


_rows = Prepared(lambda pk, kind: Confirmation.objects.filter(review_request_id=pk, kind=kind), uuid.UUID, str)


def row_of(review_request: DeploymentReviewRequest, kind: str) -> Confirmation | None:
    """Under the request's lock, where nobody else can make it in between."""
    found = _rows.first(review_request.pk, kind)
    if found is not None:
        found.review_request = review_request
    return found


def put(confirmation: Confirmation, said: dict) -> Confirmation:
    """Store what is said of a row that `row_of` found, or of a new one."""
    new = confirmation._state.adding
    for name, value in said.items():
        setattr(confirmation, name, value)
    confirmation.save(force_insert=new, update_fields=None if new else said)
    return confirmation


def is_in_date(confirmation: Confirmation | None, now: datetime) -> bool:
    """Confirmed by somebody, with an end that has not come."""
    return confirmation is not None and confirmation.confirmed_at is not None and confirmation.valid_until > now


def section(confirmations: list[Confirmation]) -> dict[str, dict]:
    """The packet section: kind → what was confirmed, by whom and until when."""
    return {
        confirmation.kind: {
            "fields": confirmation.fields,
            "evidence_url": confirmation.evidence_url or None,
            "evidence_sha256": confirmation.evidence_sha256 or None,
            "confirmed_by": {"user_id": confirmation.confirmed_by_id, "username": confirmation.confirmed_by},
            "confirmed_at": utc_text(confirmation.confirmed_at),
            "valid_until": utc_text(confirmation.valid_until),
        }
        for confirmation in confirmations
        if confirmation.confirmed_at
    }

"""The record as rows for who takes it away: columns that stay, oldest first, in batches. Reads only; no address, no salt, no packet."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nsmallest

import rfc8785
from django.db.models import Exists, OuterRef, Q, QuerySet

from receipts.canonical import b64
from receipts.models import LogNode, Receipt
from reviews import onward
from reviews.models import Confirmation, Decision, Denial, DeploymentReviewRequest, Event, Vote
from reviews.onward import Onward

BATCH = 200
# Record → its columns. New ones are added at the end.
COLUMNS: dict[str, tuple[str, ...]] = {
    "population": ("leaf_index", "kind", "at", "request_id", "verdict", "leaf_sha256", "sampled"),
    "requests": (
        "number", "request_id", "plan_id", "partner", "plan_name", "external_reference", "environment", "state", "revision", "digest",
        "commitment_id", "policy_version", "opened_by", "requested_by", "requested_at", "due_at", "expires_at", "predecessor_id",
        "created_at", "sampled", "policy_version_in_force", "changes_ahead",
    ),
    "events": (
        "request_id", "number", "at", "verb", "actor_id", "actor", "role", "channel", "token_id", "from_state", "to_state", "revision",
        "digest", "comment", "detail", "previous_sha256", "sha256", "id",
    ),
    "votes": (
        "request_id", "cast_at", "user_id", "username", "choice", "revision", "digest", "conditions", "comment", "id", "second_factor",
    ),
    "decisions": ("request_id", "decided_at", "verdict", "revision", "digest", "conditions", "expires_at", "supersedes"),
    "receipts": (
        "request_id", "receipt_id", "revision", "verdict", "commitment_id", "issued_at", "expires_at", "kid",
        "payload_b64", "signature",
    ),
    "confirmations": (
        "request_id", "kind", "fields", "evidence_url", "evidence_sha256", "confirmed_by_id", "confirmed_by", "confirmed_at", "valid_until",
    ),
    "denials": ("first_at", "last_at", "actor_id", "actor", "channel", "token_id", "verb", "reasons", "count", "id"),
}  # fmt: skip
Row = Mapping[str, object]


@dataclass(frozen=True)
class Scope:
    """What is taken: one request, or all in a period (from `start` on, before `end`; None is open); of `sample` the evidence."""

    request_id: uuid.UUID | None = None
    start: datetime | None = None
    end: datetime | None = None
    sample: int = 0
    seed: int = 0

    def within(self, *names: str) -> Q:
        """Rows that have a time of this period: begun before its end, and not over before its start."""
        first, last = names[0], names[-1]
        found = Q(**{f"{first}__lt": self.end}) if self.end else Q()
        return found & Q(**{f"{last}__gte": self.start}) if self.start else found


def requests(scope: Scope) -> QuerySet[DeploymentReviewRequest]:
    """The one that is named, or those to which something happened in the period."""
    requests = DeploymentReviewRequest.objects.as_of_now().select_related("plan__partner", "environment", "policy")
    found = onward.annotated(requests).order_by("created_at", "pk")
    if scope.request_id:
        return found.filter(pk=scope.request_id)
    if not (scope.start or scope.end):
        return found
    return found.filter(Exists(Event.objects.filter(scope.within("at"), review_request=OuterRef("pk"))))


def sampled(scope: Scope) -> frozenset[uuid.UUID] | None:
    """Which requests of the population are drawn, None where all are taken. The same seed draws the same ones, on any machine.

    Drawn from the decisions in the log: those with the smallest SHA-256 of the seed and their id.
    """
    if not scope.sample:
        return None
    decided = (leaf.request_id for leaf in leaves(scope) if leaf.kind == "decision")
    return frozenset(nsmallest(scope.sample, decided, key=lambda pk: hashlib.sha256(f"{scope.seed} {pk}".encode()).digest()))


# --- rows ---------------------------------------------------------------------------------------------------------------------------


def leaves(scope: Scope) -> Iterator[LogNode]:
    """Every leaf of the log in the period, of whatever kind, by index: what is left out would leave a gap."""
    for leaf in LogNode.objects.filter(data__isnull=False).order_by("place").iterator(chunk_size=2000):
        at = datetime.fromisoformat(json.loads(bytes(leaf.data))["at"])
        if (scope.start is None or at >= scope.start) and (scope.end is None or at < scope.end):
            yield leaf


def population(scope: Scope, drawn: frozenset | None) -> Iterator[Row]:
    if scope.request_id:
        return
    for leaf in leaves(scope):
        said = json.loads(bytes(leaf.data))
        told = {name: said.get(name) for name in ("kind", "at", "request_id", "verdict")}
        digest = hashlib.sha256(b"\x00" + bytes(leaf.data)).hexdigest()
        yield told | {"leaf_index": leaf.index, "leaf_sha256": digest, "sampled": drawn is None or leaf.request_id in drawn}


def _request(number: int, found: DeploymentReviewRequest, moved: Onward, drawn: frozenset | None) -> Row:
    own = {name: getattr(found, name) for name in COLUMNS["requests"] if hasattr(found, name)}
    plan = found.plan
    about = {"partner": plan.partner.slug, "plan_name": plan.name, "external_reference": plan.external_reference}
    standing = {"environment": found.environment.slug, "state": found.state_now, "policy_version": found.policy and found.policy.version}
    since = {"policy_version_in_force": (moved.policy_in_force or {}).get("version"), "changes_ahead": moved.changes_ahead}
    return own | about | standing | since | {"number": number, "request_id": found.pk, "sampled": drawn is None or found.pk in drawn}


def evidence(review_requests: list[DeploymentReviewRequest]) -> Iterator[tuple[str, Row]]:
    """(record, row) of all that hangs on these requests; one statement for each sort of record."""
    ids = [found.pk for found in review_requests]
    for event in Event.objects.filter(review_request__in=ids).order_by("review_request", "number"):
        yield "events", _event(event)
    for vote in Vote.objects.filter(review_request__in=ids).order_by("review_request", "cast_at", "pk"):
        yield "votes", _own(vote, "votes") | {"request_id": vote.review_request_id}
    for decision in Decision.objects.filter(review_request__in=ids).order_by("pk"):
        yield "decisions", _own(decision, "decisions") | {"request_id": decision.pk}
    for receipt in Receipt.objects.filter(request_id__in=ids).order_by("request_id"):
        signed = {"receipt_id": receipt.pk, "payload_b64": b64(bytes(receipt.payload)), "signature": b64(bytes(receipt.signature))}
        yield "receipts", _own(receipt, "receipts") | signed
    for said in Confirmation.objects.filter(review_request__in=ids).order_by("review_request", "kind"):
        yield "confirmations", _own(said, "confirmations") | {"request_id": said.review_request_id}


def _event(event: Event) -> Row:
    return _own(event, "events") | {"request_id": event.review_request_id}


def _own(row: object, record: str) -> dict[str, object]:
    return {name: getattr(row, name) for name in COLUMNS[record] if hasattr(row, name)}


def records(scope: Scope, *, told: Callable[[int], object] = int) -> Iterator[tuple[str, Row]]:
    """(record, row), all of it, as it is read. `told` hears how many requests are done."""
    drawn, number = sampled(scope), 0
    yield from (("population", row) for row in population(scope, drawn))
    for batch in _batches(requests(scope)):
        moved = onward.of_each(batch)
        for found in batch:
            number += 1
            yield "requests", _request(number, found, moved[found.pk], drawn)
        yield from evidence([found for found in batch if drawn is None or found.pk in drawn])
        told(number)
    if not scope.request_id:
        organisation = Event.objects.filter(scope.within("at"), review_request=None).order_by("number", "pk")
        yield from (("events", _event(event)) for event in organisation.iterator(chunk_size=2000))
        denied = Denial.objects.filter(scope.within("first_at", "last_at")).order_by("first_at", "pk")
        yield from (("denials", _own(denial, "denials")) for denial in denied.iterator(chunk_size=2000))


def _batches(found: QuerySet[DeploymentReviewRequest]) -> Iterator[list[DeploymentReviewRequest]]:
    after = Q()
    while batch := list(found.filter(after)[:BATCH]):
        yield batch
        last = batch[-1]
        after = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)


# --- cells --------------------------------------------------------------------------------------------------------------------------


def plain(value: object) -> object:
    """A value as JSON has it: times in RFC 3339 with microseconds, ids as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, uuid.UUID) else value


def cell(value: object) -> str:
    """A value as CSV has it. A text that a spreadsheet would run (it begins with =, +, -, @, a tab or a return) gets an apostrophe."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else rfc8785.dumps(value).decode() if isinstance(value, dict | list) else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def line(record: str, row: Row) -> str:
    """One row as a line of JSON, in the order of its columns."""
    return json.dumps({name: plain(row.get(name)) for name in COLUMNS[record]}, ensure_ascii=False, separators=(",", ":"))


def cells(record: str, row: Row) -> Iterable[str]:
    return [cell(row.get(name)) for name in COLUMNS[record]]

"""Does the record hold? Each chain of events on its own, and against what the same verbs stored beside it."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from config.databases import STORE
from receipts.canonical import commitment_id, unb64
from receipts.models import LeafKind, LogNode, Receipt, SigningKey
from receipts.signing import public_jwk
from receipts.verify import verify
from reviews.models import APPROVING, Chain, Choice, Decision, DeploymentReviewRequest, Event, Packet, State, Vote
from reviews.record import event_sha256, first_link

BATCH = 200
DECIDED = {State.APPROVED: ("allow", "constrain"), State.REJECTED: ("reject",)}
ORGANISATION = "organisation"


@dataclass(frozen=True)
class Finding:
    """`chain`: a request's id, or `organisation`; `number`: of the event at fault, None where it is another row; `code`: a stable word."""

    chain: str
    number: int | None
    code: str
    detail: str


@dataclass
class Story:
    """All that is stored of one request."""

    review_request: DeploymentReviewRequest
    events: list[Event] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    decision: Decision | None = None
    receipt: Receipt | None = None
    leaves: list[dict] = field(default_factory=list)

    def at_fault(self, code: str, detail: str, event: Event | None = None) -> Finding:
        return Finding(str(self.review_request.pk), event.number if event else None, code, detail)


# --- one chain ------------------------------------------------------------------------------------------------------------------------


def chain_findings(chain: str, events: Iterable[Event], *, counted: int, first: int = 1, previous: str = "") -> Iterator[Finding]:
    """Edited, removed, reordered. `events` in the order of their numbers, from `first` on; `counted`: the last by the database's count."""
    expected = first
    for event in events:
        if event.number != expected:
            yield Finding(chain, expected, "event_missing", f"Event {expected} is missing; event {event.number} comes next.")
        elif event.previous_sha256 != previous:
            yield Finding(chain, event.number, "chain_broken", f"Event {event.number} does not quote what stands before it now.")
        if event_sha256(event) != event.sha256:
            yield _edited(chain, event)
        previous, expected = event.sha256, event.number + 1
    if expected - 1 != counted:
        detail = f"The last event is number {expected - 1}, and by the database's count it is number {counted}."
        yield Finding(chain, expected, "last_events_differ", detail)


def _edited(chain: str, event: Event) -> Finding:
    return Finding(chain, event.number, "event_edited", f"Event {event.number} does not fit its own digest: it was edited or moved.")


def organisation_findings() -> list[Finding]:
    """The chain of events without a request. Those from before it was a chain are all number 1; the first link quotes them together."""
    events = Event.objects.filter(review_request=None).order_by("number", "pk")
    earliest = list(events.filter(number=1))
    counted = Chain.objects.filter(name=ORGANISATION).first()
    last = (counted.events if counted else 0) - len(earliest) + 1
    link = first_link([event.sha256 for event in earliest])
    rest = events.exclude(number=1).iterator(chunk_size=2000)
    edited = [_edited(ORGANISATION, event) for event in earliest if event_sha256(event) != event.sha256]
    return edited + list(chain_findings(ORGANISATION, rest, counted=last, first=2, previous=link))


# --- one request against what stands beside its chain ---------------------------------------------------------------------------------


def request_findings(story: Story, keys: dict) -> list[Finding]:
    chain = chain_findings(str(story.review_request.pk), story.events, counted=story.review_request.event_count)
    return [*chain, *_walk(story), *_packets(story), *_votes(story), *_decided(story), *_receipt(story, keys), *_logged(story)]


def _walk(story: Story) -> Iterator[Finding]:
    """States follow one another up to the stored one, and the version has grown by one with each event that changed the request."""
    review_request, at = story.review_request, ""
    for event in story.events:
        if event.from_state != event.to_state:
            if event.from_state != at:
                yield story.at_fault("states_differ", f"Event {event.number} starts from {event.from_state!r}, not from {at!r}.", event)
            at = event.to_state
    if at != review_request.state:
        yield story.at_fault("states_differ", f"The events end at {at!r}, and the request is stored as {review_request.state!r}.")
    version = 1 + sum(_changes_the_request(event) for event in story.events)
    if version != review_request.version:
        yield story.at_fault("version_differs", f"The events lead to version {version}, and version {review_request.version} is stored.")


def _changes_the_request(event: Event) -> bool:
    """Opening makes version 1; a comment, and an approval that decides nothing, leave the request as it is."""
    return event.verb not in ("open", "comment") and not (event.verb in APPROVING and event.from_state == event.to_state)


def _packets(story: Story) -> Iterator[Finding]:
    put_up = [(event.revision, event.digest) for event in story.events if event.verb == "request_review"]
    if put_up != [(packet.revision, packet.digest) for packet in story.packets]:
        yield story.at_fault("packets_differ", "The packets are not those that the events put up for review.")
    for packet in story.packets:
        body, salt = bytes(packet.body), bytes(packet.salt)
        if hashlib.sha256(body).hexdigest() != packet.digest or commitment_id(salt, body) != packet.commitment_id:
            yield story.at_fault("packet_edited", f"The packet of revision {packet.revision} does not fit its digest and commitment.")
    newest = story.packets[-1] if story.packets else None
    stored = (story.review_request.revision, story.review_request.digest, story.review_request.commitment_id)
    if stored != ((newest.revision, newest.digest, newest.commitment_id) if newest else (0, "", "")):
        yield story.at_fault("packets_differ", "The request does not name its newest packet.")


def _votes(story: Story) -> Iterator[Finding]:
    said = [
        (event.at, event.actor_id, event.actor, event.verb, event.revision, event.digest, event.comment, _with_code(event))
        for event in story.events
        if event.verb in Choice.values
    ]
    cast = [
        (vote.cast_at, vote.user_id, vote.username, vote.choice, vote.revision, vote.digest, vote.comment, vote.second_factor)
        for vote in story.votes
    ]
    if sorted(said) != sorted(cast):
        yield story.at_fault("votes_differ", f"{len(cast)} votes are stored, and the events tell of {len(said)}, or of others.")


def _with_code(event: Event) -> bool:
    return event.detail.get("second_factor") is True


def _decided(story: Story) -> Iterator[Finding]:
    deciding = [event for event in story.events if event.to_state in DECIDED and event.from_state != event.to_state]
    decision = story.decision
    if len(deciding) != (decision is not None):
        yield story.at_fault("decision_differs", "A decision without its event, or an event without its decision.")
    for event in deciding[-1:] if decision else []:
        told = (event.revision, event.digest, event.at.replace(microsecond=0), event.detail.get("conditions", []))
        stored = (decision.revision, decision.digest, decision.decided_at, decision.conditions)
        verdict = event.detail.get("verdict", decision.verdict)
        if told != stored or decision.verdict not in DECIDED[event.to_state] or verdict != decision.verdict:
            yield story.at_fault("decision_differs", f"The stored decision is not the one of event {event.number}.", event)


def _receipt(story: Story, keys: dict) -> Iterator[Finding]:
    """A rejection may wait for its receipt; an approval never does."""
    decision, receipt = story.decision, story.receipt
    if receipt is None:
        if decision and decision.verdict != "reject":
            yield story.at_fault("receipt_missing", "The receipt of the approval is missing.")
        return
    standing = (receipt.revision, receipt.packet_digest, receipt.verdict, receipt.expires_at, receipt.issued_at)
    if decision is None or standing != (
        decision.revision, decision.digest, decision.verdict, decision.expires_at, decision.decided_at,
    ):  # fmt: skip
        yield story.at_fault("receipt_differs", "The stored receipt is not that of the decision.")
    if not verify(receipt.envelope, keys).signature_valid or not _row_is_signed(receipt):
        yield story.at_fault("receipt_edited", "The stored receipt does not fit its signature.")


def _row_is_signed(receipt: Receipt) -> bool:
    """The columns say what the signed bytes say."""
    signed = json.loads(bytes(receipt.payload))
    row = {"receipt_id": str(receipt.pk), "request_id": str(receipt.request_id)}
    row |= {name: getattr(receipt, name) for name in ("revision", "verdict", "commitment_id")}
    return all(signed.get(name) == value for name, value in row.items())


def _logged(story: Story) -> Iterator[Finding]:
    """The log holds the head of the events as it was at the decision; who keeps a checkpoint elsewhere can hold us to that."""
    deciding = [event for event in story.events if event.to_state in DECIDED and event.from_state != event.to_state]
    logged = [leaf for leaf in story.leaves if leaf["kind"] == LeafKind.DECISION]
    if len(logged) != (story.decision is not None):
        yield story.at_fault("leaf_missing", f"{len(logged)} leaves of the log are about a decision on this request.")
    for leaf in logged if story.decision else []:
        told = (leaf["revision"], leaf["verdict"], leaf["event_head"], leaf["commitment_id"])
        stored = (
            story.decision.revision,
            story.decision.verdict,
            deciding[-1].sha256 if deciding else "",
            story.review_request.commitment_id,
        )
        if told != stored:
            yield story.at_fault("leaf_differs", "The log tells of another decision, or of other events before it.")


# --- reading ------------------------------------------------------------------------------------------------------------------------


def stored_keys() -> dict:
    """Every key that ever signed, whatever became of it: whether a receipt is still believed is not the question here."""
    return {"keys": [public_jwk(unb64(key.public_key_b64)) for key in SigningKey.objects.all()]}


def stories(review_requests: list[DeploymentReviewRequest]) -> list[Story]:
    """Six statements, however many requests."""
    found = {review_request.pk: Story(review_request) for review_request in review_requests}
    for event in Event.objects.filter(review_request__in=found).order_by("number"):
        found[event.review_request_id].events.append(event)
    for packet in Packet.objects.filter(review_request__in=found).order_by("revision"):
        found[packet.review_request_id].packets.append(packet)
    for vote in Vote.objects.filter(review_request__in=found):
        found[vote.review_request_id].votes.append(vote)
    for decision in Decision.objects.filter(review_request__in=found):
        found[decision.review_request_id].decision = decision
    for receipt in Receipt.objects.filter(request_id__in=found):
        found[receipt.request_id].receipt = receipt
    for leaf in LogNode.objects.filter(request_id__in=found):
        found[leaf.request_id].leaves.append(_said(leaf))
    return list(found.values())


def _said(leaf: LogNode) -> dict:
    """What cannot be read is no leaf about a decision, which is a finding here; `log verify` says what is wrong with it."""
    try:
        return {"kind": "", **json.loads(bytes(leaf.data))}
    except (ValueError, TypeError):
        return {"kind": ""}


def batches() -> Iterator[list[DeploymentReviewRequest]]:
    """Every request, oldest first, some hundred at a time."""
    last: tuple[datetime, uuid.UUID] | None = None
    while True:
        rows = DeploymentReviewRequest.objects.order_by("created_at", "pk")
        if last:
            rows = rows.filter(created_at__gte=last[0]).exclude(created_at=last[0], pk__lte=last[1])
        batch = list(rows[:BATCH])
        if not batch:
            return
        yield batch
        last = (batch[-1].created_at, batch[-1].pk)


def verified(review_requests: Iterable[DeploymentReviewRequest], keys: dict) -> list[Finding]:
    """The findings in a batch. What looks wrong is read once more under its lock: a verb may have come between two statements."""
    suspects = [story.review_request.pk for story in stories(list(review_requests)) if request_findings(story, keys)]
    found = []
    for request_id in suspects:
        with transaction.atomic(using=STORE):
            if DeploymentReviewRequest.objects.using(STORE).select_for_update().filter(pk=request_id).values("pk").first():
                story = stories([DeploymentReviewRequest.objects.get(pk=request_id)])[0]
                found += request_findings(story, stored_keys())
    return found


def stray_findings() -> list[Finding]:
    """Receipts and leaves of requests that are gone: no row of ours goes away."""
    known = DeploymentReviewRequest.objects.values("pk")
    receipts = Receipt.objects.exclude(request_id__in=known).values_list("request_id", flat=True)[:1000]
    leaves = LogNode.objects.filter(request_id__isnull=False).exclude(request_id__in=known).values_list("request_id", flat=True)[:1000]
    detail = "There is a receipt or a leaf of the log, and its request is gone."
    return [Finding(str(pk), None, "request_missing", detail) for pk in dict.fromkeys([*receipts, *leaves])]

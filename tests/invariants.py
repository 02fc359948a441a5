"""What must hold whatever happened: a refusal leaves its Denial and nothing else, and approved ⇔ decision ⇔ event ⇔ receipt."""

import hashlib
from collections.abc import Callable
from datetime import UTC
from functools import cache

import pytest
import rfc8785
from django.apps import apps
from django.db import connections

from config.refusals import Refused
from receipts.models import Receipt
from reviews import history
from reviews.models import Decision, Denial, DeploymentReviewRequest, Event, Packet, Vote

STORES = ("default", "self_service")
DENIALS = "reviews_denial"
YES = ("allow", "constrain")
# product.md, the table of transitions, written out once more.
EDGES = {
    ("", "draft"),
    ("draft", "review_requested"),
    ("changes_requested", "review_requested"),
    ("review_requested", "approved"),
    ("review_requested", "changes_requested"),
    ("review_requested", "rejected"),
    ("review_requested", "draft"),
    ("draft", "withdrawn"),
    ("review_requested", "withdrawn"),
    ("changes_requested", "withdrawn"),
    ("review_requested", "expired"),
    ("changes_requested", "expired"),
    ("approved", "expired"),
    ("approved", "revoked"),
}
CHAINED = (
    ("verb", "actor_id", "actor", "channel", "token_id", "from_state", "to_state", "revision", "digest", "comment", "detail")
    + ("number", "previous_sha256")
)  # fmt: skip


# --- a refusal leaves nothing -----------------------------------------------------------------------------------------------------


@cache
def _tables(alias: str) -> list[str]:
    home = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    with connections[alias].cursor() as cursor:
        return sorted((home & set(connections[alias].introspection.table_names(cursor))) - {DENIALS})


def fingerprint() -> dict[str, tuple[int, str]]:
    """`alias.table` → row count and hash of all rows, for every table of both databases but the denials."""
    found = {}
    for alias in STORES:
        asked = " UNION ALL ".join(
            f"SELECT '{table}', count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{table}\" t"
            for table in _tables(alias)
        )
        with connections[alias].cursor() as cursor:
            cursor.execute(asked)
            found |= {f"{alias}.{table}": (count, digest) for table, count, digest in cursor.fetchall()}
    return found


def refused(call: Callable, *codes: str, status: int | None = None, verb: str | None = None) -> Refused:
    """Run a call that must be refused, for exactly these reasons where they are given, leaving one counted Denial and nothing else."""
    before, counted = fingerprint(), _denial_counts()
    with pytest.raises(Refused) as caught:
        call()
    refusal = caught.value
    assert fingerprint() == before
    assert sum(_denial_counts().values()) == sum(counted.values()) + 1
    denial = Denial.objects.order_by("-last_at").first()
    assert denial.reasons == ",".join(sorted(set(refusal.codes)))
    assert verb in (None, denial.verb)
    assert all(reason.detail for reason in refusal.reasons)
    if codes:
        assert refusal.codes == list(codes)
    assert status in (None, refusal.status)
    return refusal


def _denial_counts() -> dict:
    return dict(Denial.objects.values_list("pk", "count"))


# --- approved ⇔ decision ⇔ event ⇔ receipt ----------------------------------------------------------------------------------------


def assert_consistent() -> None:
    """The invariant, for every request there is."""
    for review_request in DeploymentReviewRequest.objects.all():
        _assert_request(review_request)
    keys = history.stored_keys()
    assert [finding for batch in history.batches() for finding in history.verified(batch, keys)] == []
    assert Receipt.objects.exclude(request_id__in=Decision.objects.values("pk")).count() == 0


def _assert_request(review_request: DeploymentReviewRequest) -> None:
    events = list(Event.objects.filter(review_request=review_request).order_by("number"))
    changes = [event for event in events if event.from_state != event.to_state]
    _assert_chain(events)
    _assert_walk(changes, review_request.state)
    _assert_packets(review_request)
    _assert_votes(review_request)
    _assert_decided(review_request, changes)


def _assert_chain(events: list[Event]) -> None:
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    previous = ""
    for event in events:
        assert event.previous_sha256 == previous
        assert event.role
        said = {name: getattr(event, name) for name in (*CHAINED, "role")}
        at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
        value = {**said, "id": str(event.pk), "review_request": str(event.review_request_id), "at": at}
        assert event.sha256 == hashlib.sha256(rfc8785.dumps(value)).hexdigest()
        previous = event.sha256


def _assert_walk(changes: list[Event], state: str) -> None:
    at = ""
    for event in changes:
        assert event.from_state == at
        assert (event.from_state, event.to_state) in EDGES
        at = event.to_state
    assert at == state


def _assert_packets(review_request: DeploymentReviewRequest) -> None:
    packets = list(Packet.objects.filter(review_request=review_request).order_by("revision"))
    assert [packet.revision for packet in packets] == list(range(1, review_request.revision + 1))
    assert all(hashlib.sha256(bytes(packet.body)).hexdigest() == packet.digest for packet in packets)
    assert review_request.digest == (packets[-1].digest if packets else "")
    assert review_request.production_write is False


def _assert_votes(review_request: DeploymentReviewRequest) -> None:
    digests = dict(Packet.objects.filter(review_request=review_request).values_list("revision", "digest"))
    votes = list(Vote.objects.filter(review_request=review_request))
    assert all(vote.digest == digests[vote.revision] for vote in votes)
    approvals = [(vote.revision, vote.user_id) for vote in votes if vote.choice.startswith("approve")]
    assert len(approvals) == len(set(approvals))


def _assert_decided(review_request: DeploymentReviewRequest, changes: list[Event]) -> None:
    approvals = [event for event in changes if event.to_state == "approved"]
    rejections = [event for event in changes if event.to_state == "rejected"]
    decision = Decision.objects.filter(pk=review_request.pk).first()
    receipt = Receipt.objects.filter(request_id=review_request.pk).first()
    assert len(approvals) + len(rejections) == (decision is not None)
    assert bool(approvals) == (decision is not None and decision.verdict in YES) == (receipt is not None and receipt.verdict in YES)
    assert bool(rejections) == (decision is not None and decision.verdict == "reject")
    if review_request.state in ("approved", "revoked"):
        assert approvals
    for event in approvals + rejections:
        assert (decision.revision, decision.digest) == (event.revision, event.digest) == (review_request.revision, review_request.digest)
        if receipt is not None:
            assert (receipt.revision, receipt.packet_digest, receipt.verdict) == (event.revision, event.digest, decision.verdict)
            assert receipt.commitment_id == review_request.commitment_id

"""Decisions against the log: each leaf with its decision and the history that it holds the head of, and no decision without a leaf."""

from collections.abc import Iterable, Iterator

from receipts.envelope import rfc3339
from receipts.log_check import Finding, Leaf
from receipts.models import LeafKind, LogNode
from reviews.history import chain_findings
from reviews.models import Decision, Event


def decision_findings(leaves: list[Leaf]) -> Iterator[Finding]:
    """Of one batch of leaves; three statements."""
    decided = {leaf.said["request_id"]: leaf for leaf in leaves if leaf.said["kind"] == LeafKind.DECISION}
    if not decided:
        return
    rows = {str(row.pk): row for row in Decision.objects.filter(pk__in=decided).select_related("review_request")}
    events: dict[str, list[Event]] = {request_id: [] for request_id in decided}
    for event in Event.objects.filter(review_request__in=decided).order_by("number"):
        events[str(event.review_request_id)].append(event)
    for request_id, (index, said) in decided.items():
        yield from _decision(index, said, rows.get(request_id))
        yield from _history(index, said, events[request_id])


def _decision(index: int, said: dict, row: Decision | None) -> Iterator[Finding]:
    stored = row and (row.revision, row.verdict, row.review_request.commitment_id, rfc3339(row.decided_at))
    if stored != (said["revision"], said["verdict"], said["commitment_id"], said["at"]):
        yield Finding(index, "decision_differs", f"The decision of leaf {index} is gone or another.")


def _history(index: int, said: dict, events: list[Event]) -> Iterator[Finding]:
    """The events up to the deciding one, computed anew, end in the digest that the leaf holds."""
    deciding = next((event.number for event in events if event.sha256 == said["event_head"]), 0)
    upto = [event for event in events if event.number <= deciding]
    if not upto or any(chain_findings(said["request_id"], upto, counted=deciding)):
        yield Finding(index, "history_differs", f"The history of the request of leaf {index} is not the one that was logged.")


def unlogged_findings() -> Iterable[Finding]:
    logged = LogNode.objects.filter(kind=LeafKind.DECISION, request_id__isnull=False).values("request_id")
    for request_id in Decision.objects.exclude(pk__in=logged).values_list("pk", flat=True)[:1000]:
        yield Finding(None, "decision_not_logged", f"The decision on request {request_id} is in no leaf.")

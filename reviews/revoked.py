"""Is revoked what should be, and nothing else? Requests, their receipts' revocations, and the keys that signed."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from receipts.models import KeyState, Receipt, Revocation, SigningKey, Why
from reviews.history import Finding, Story
from reviews.models import State


def revoked_findings(stories: list[Story], *, now: datetime) -> Iterator[Finding]:
    """Of one batch; three statements. `now`: by the draft store's clock."""
    told = {story.receipt.pk: story for story in stories if story.receipt}
    revocations = {row.receipt_id: row for row in Revocation.objects.filter(receipt__in=told)}
    distrusted = set(SigningKey.objects.filter(state=KeyState.REVOKED).values_list("kid", flat=True))
    successors = _successors(stories)
    for receipt_id, story in told.items():
        revocation = revocations.get(receipt_id)
        yield from _request(story, revocation)
        yield from _key(story, revocation, distrusted, now)
        if revocation and revocation.reason == Why.SUPERSEDED and revocation.superseded_by != successors.get(_successor(story), ""):
            yield story.at_fault("successor_differs", "The revocation names another successor than the event that superseded it.")


def _request(story: Story, revocation: Revocation | None) -> Iterator[Finding]:
    is_revoked = story.review_request.state == State.REVOKED
    if is_revoked and revocation is None:
        yield story.at_fault("revocation_missing", "The request is revoked, and no revocation of its receipt is stored.")
    if revocation and not is_revoked and revocation.reason != Why.KEY_COMPROMISED:
        yield story.at_fault("revocation_stray", "The receipt counts as revoked, and its request is not revoked.")


def _key(story: Story, revocation: Revocation | None, distrusted: set[str], now: datetime) -> Iterator[Finding]:
    """A revoked key has left the published set; what it signed and has time left is revoked with it."""
    ends = story.receipt.expires_at
    if story.receipt.kid in distrusted and revocation is None and ends and ends > now:
        yield story.at_fault("receipt_of_revoked_key", "A revoked key signed the receipt, it has time left, and it is not revoked.")


def _successor(story: Story) -> str:
    return next((event.detail.get("successor", "") for event in story.events if event.verb == "supersede"), "")


def _successors(stories: list[Story]) -> dict[str, str]:
    """Request id of each successor → SHA-256 of its receipt."""
    named = {UUID(found) for story in stories if (found := _successor(story))}
    return {str(receipt.request_id): receipt.sha256 for receipt in Receipt.objects.filter(request_id__in=named)}

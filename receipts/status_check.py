"""Does the newest signed status say what is revoked? What it does not say yet is waiting for the key; what it says too much is wrong."""

from collections.abc import Iterator
from datetime import datetime

from receipts import status
from receipts.log_check import Finding
from receipts.models import KeyState, Revocation, SigningKey
from receipts.verify import NotVerifiable, parse

BATCH = 500


def listed_findings() -> Iterator[Finding]:
    """Entries of the newest status that no revocation stands behind, and revoked keys of it that are not revoked here."""
    document = status.newest()
    if document is None:
        return
    try:
        said = parse(bytes(document.payload))
        entries, keys = said["revoked"], {entry["kid"] for entry in said["revoked_keys"]}
    except (NotVerifiable, KeyError, TypeError):
        yield Finding(None, "status_unreadable", f"Status {document.seq} is no status of ours.")
        return
    for first in range(0, len(entries), BATCH):
        yield from _unknown(document.seq, entries[first : first + BATCH])
    if not keys <= set(SigningKey.objects.filter(state=KeyState.REVOKED).values_list("kid", flat=True)):
        yield Finding(None, "status_lists_unknown", f"Status {document.seq} calls a key revoked that is not revoked here.")


def _unknown(seq: int, entries: list[dict]) -> Iterator[Finding]:
    names = [entry["commitment_id"] for entry in entries]
    rows = Revocation.objects.filter(receipt__commitment_id__in=names).select_related("receipt")
    known = {(row.receipt.sha256, row.reason) for row in rows}
    for entry in entries:
        if (entry["receipt_sha256"], entry["reason"]) not in known:
            yield Finding(
                None, "status_lists_unknown", f"Status {seq} calls receipt {entry['receipt_sha256'][:16]}… revoked, and no row does."
            )


def waiting(now: datetime) -> list[str]:
    """What is right and not told yet, in words: the next process with the key signs it."""
    found = ["Something is revoked that no signed status says yet; run `manage.py sign_pending` where the key is."] * _is_pending()
    document = status.newest()
    if document and document.next_update < now:
        found.append("The newest signed status is older than it promises; run `manage.py publish_status` where the key is.")
    return found


def _is_pending() -> bool:
    """A status that cannot be read is a finding, and says nothing of what waits."""
    try:
        return status.is_pending()
    except (NotVerifiable, KeyError, TypeError):
        return False

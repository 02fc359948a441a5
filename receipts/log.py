"""The log: append in the transaction of what is logged, sign checkpoints, prove. What it does not prove stands in docs/receipts.md."""

import json
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.db.transaction import TransactionManagementError

from config.databases import STORE
from receipts import merkle, note
from receipts.canonical import canonical_bytes, unb64
from receipts.envelope import rfc3339
from receipts.models import KeyState, LeafKind, LogHead, LogNode, SigningKey, Use
from receipts.signing import Signer, SigningUnavailable, log_signer

LEAF = "readiness.log_leaf.v1"


# --- leaves ---------------------------------------------------------------------------------------------------------------------------


def leaf(kind: LeafKind, at: datetime, **said) -> dict[str, object]:
    """What a leaf says. UUIDs become text."""
    plain = {name: str(value) if isinstance(value, UUID) else value for name, value in said.items()}
    return {"object": LEAF, "kind": kind.value, "at": rfc3339(at), **plain}


def append(*leaves: dict[str, object]) -> None:
    """Append under the head's lock, in the caller's transaction: one SELECT, one INSERT, one UPDATE. No other lock is taken after it.

    With the log's key in this process the new checkpoint is signed at once. Raises TransactionManagementError outside a transaction.
    """
    if not leaves:
        return
    head = locked_head()
    frontier, nodes = _frontier(head), []
    for said in leaves:
        data = canonical_bytes(said)
        frontier, written = merkle.grown(head.size, frontier, merkle.leaf_hash(data))
        nodes += [LogNode(place=place, hash=found) for place, found in written]
        own = nodes[-len(written)]
        own.data, own.kind, own.request_id = data, said["kind"], said.get("request_id")
        head.size += 1
    head.frontier = b"".join(frontier)
    if any(said["kind"] == LeafKind.KEY for said in leaves):
        head.kid = SigningKey.objects.filter(use=Use.LOG, state=KeyState.ACTIVE).values_list("kid", flat=True).first() or ""
    _sign(head)
    LogNode.objects.bulk_create(nodes)
    head.save(update_fields=["size", "frontier", "kid", "note", "note_size", "note_kid"])


def locked_head() -> LogHead:
    """The head, locked until the caller's transaction is over."""
    if not connections[STORE].in_atomic_block:
        raise TransactionManagementError("The log grows inside the transaction of what is logged.")
    rows = LogHead.objects.using(STORE).select_for_update()
    head = rows.first()
    if head is None:
        # The first leaf of all. Two at once: one inserts, and the other waits for it and takes its row.
        LogHead.objects.bulk_create([LogHead()], ignore_conflicts=True)
        head = rows.get()
    return head


def _frontier(head: LogHead) -> list[bytes]:
    whole = bytes(head.frontier)
    return [whole[at : at + merkle.HASH_BYTES] for at in range(0, len(whole), merkle.HASH_BYTES)]


# --- checkpoints ----------------------------------------------------------------------------------------------------------------------


def root(head: LogHead) -> bytes:
    return merkle.root(_frontier(head))


def _sign(head: LogHead) -> bool:
    """Put the checkpoint of the head's size into it, if the log's key in force is in this process."""
    try:
        signer = log_signer()
    except SigningUnavailable:
        return False
    if signer.kid != head.kid:
        return False
    head.note, head.note_size, head.note_kid = checkpoint(signer, size=head.size, root_hash=root(head)), head.size, signer.kid
    return True


def checkpoint(signer: Signer, *, size: int, root_hash: bytes) -> str:
    """A signed note of this log."""
    name = note.origin(settings.RECEIPT_ISSUER)
    text = note.checkpoint(name, size=size, root=root_hash)
    return note.signed(text, name=name, public_key=signer.public_key, signature=signer.sign(text.encode()))


def sign_checkpoint() -> bool:
    """Sign a checkpoint of the log as it is; for a process that holds the log's key. False where it holds none that is in force."""
    with transaction.atomic(using=STORE):
        head = locked_head()
        signed = bool(head.size) and _sign(head)
        if signed:
            head.save(update_fields=["note", "note_size", "note_kid"])
        return signed


def head() -> LogHead:
    """As it is stored; an empty one before the first leaf."""
    return LogHead.objects.first() or LogHead()


def public_key(kid: str) -> bytes | None:
    key = SigningKey.objects.filter(kid=kid, use=Use.LOG).exclude(state=KeyState.REVOKED).first()
    return unb64(key.public_key_b64) if key else None


def verifier_key(kid: str) -> str | None:
    """The text to pin for a key of the log that is not revoked."""
    found = public_key(kid)
    return note.verifier_key(note.origin(settings.RECEIPT_ISSUER), found) if found else None


# --- proofs ---------------------------------------------------------------------------------------------------------------------------


def inclusion(index: int, size: int) -> list[str]:
    """The inclusion proof (RFC 9162 section 2.1.3.1) of a leaf in the tree of `size`, hex. One query, for O(log n) rows."""
    return _proof(merkle.inclusion(index, size))


def consistency(first: int, second: int) -> list[str]:
    """The consistency proof (section 2.1.4.1) between two sizes, hex. One query."""
    return _proof(merkle.consistency(first, second))


def _proof(spans: list[merkle.Span]) -> list[str]:
    wanted = [place for span in spans for place in merkle.places(span)]
    stored = {place: bytes(found) for place, found in LogNode.objects.filter(place__in=wanted).values_list("place", "hash")}
    return [found.hex() for found in merkle.hashes(spans, stored)]


def leaf_with(leaf_hash: bytes) -> LogNode | None:
    return LogNode.objects.filter(hash=leaf_hash, data__isnull=False).order_by("place").first()


def leaf_of_receipt(request_id: UUID, receipt_sha256: str) -> LogNode | None:
    """The leaf that holds a receipt: that of its decision, or a later one where the decision had to wait for the key."""
    leaves = LogNode.objects.filter(request_id=request_id).order_by("place")
    return next((found for found in leaves if json.loads(bytes(found.data)).get("receipt_sha256") == receipt_sha256), None)

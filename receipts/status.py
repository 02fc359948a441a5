"""What is revoked, as a signed document: written where something is revoked, signed at once where the key is, never by reading."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from config.clock import database_now
from config.databases import STORE
from receipts import log, signing
from receipts.canonical import canonical_bytes
from receipts.envelope import rfc3339, whole_second
from receipts.in_force import demand_active
from receipts.models import KeyState, LeafKind, Receipt, Revocation, SigningKey, StatusDocument, Use, Why
from receipts.verify import PROTOCOL, parse

OBJECT = "readiness.receipt_status.v1"
KEPT = timedelta(days=30)


def revoke(request_ids: Iterable[UUID], *, reason: Why, at: datetime, successor: Receipt | None = None) -> None:
    """Say that the receipts of these requests count no more; in the verb's transaction, after all its other locks.

    What is revoked already stays as it is. The document is signed here where the key is, else by the next process that holds it.
    """
    wanted = Receipt.objects.filter(request_id__in=list(request_ids), revocation=None)
    store(wanted, reason=reason, at=at, successor=successor)
    sign_if_possible()


def store(receipts: QuerySet[Receipt], *, reason: Why, at: datetime, successor: Receipt | None = None) -> None:
    by = successor.sha256 if successor else ""
    Revocation.objects.bulk_create(
        # A receipt is not revoked before it was there.
        Revocation(receipt=each, revoked_at=max(whole_second(at), each.issued_at), reason=reason, superseded_by=by)
        for each in receipts
    )


def due(now: datetime) -> QuerySet[Revocation]:
    """What a document of that time lists: an entry leaves 30 days after its receipt's end."""
    in_time = Q(receipt__expires_at__gt=now - KEPT) | Q(receipt__expires_at=None)
    return Revocation.objects.filter(in_time).select_related("receipt").order_by("revoked_at", "created_at", "receipt_id")


def revoked_keys() -> QuerySet[SigningKey]:
    return SigningKey.objects.filter(use=Use.RECEIPTS, state=KeyState.REVOKED).order_by("kid")


def newest() -> StatusDocument | None:
    return StatusDocument.objects.order_by("-seq").first()


# --- signing --------------------------------------------------------------------------------------------------------------------------


def publish() -> StatusDocument:
    """Sign the next document. Raises SigningUnavailable where the key in force is not here."""
    with transaction.atomic(using=STORE):
        signer = signing.signer()
        demand_active(signer)
        # The log's head is the lock under which documents are numbered.
        log.locked_head()
        last, now = newest(), whole_second(database_now())
        document = _signed(signer, seq=last.seq + 1 if last else 1, now=max(now, last.issued_at) if last else now)
        document.save(force_insert=True)
        log.append(log.leaf(LeafKind.STATUS, document.issued_at, seq=document.seq, status_sha256=document.sha256))
        return document


def _signed(signer: signing.Signer, *, seq: int, now: datetime) -> StatusDocument:
    end = now + timedelta(hours=settings.STATUS_HOURS)
    payload = canonical_bytes(
        {
            "object": OBJECT,
            "protocol": PROTOCOL,
            "issuer": settings.RECEIPT_ISSUER,
            "seq": seq,
            "issued_at": rfc3339(now),
            "next_update": rfc3339(end),
            "revoked": [_entry(each) for each in due(now)],
            "revoked_keys": [{"kid": key.kid, "revoked_at": rfc3339(key.revoked_at)} for key in revoked_keys()],
        }
    )
    return StatusDocument(seq=seq, payload=payload, signature=signer.sign(payload), kid=signer.kid, issued_at=now, next_update=end)


def _entry(revocation: Revocation) -> dict[str, object]:
    return {
        "receipt_sha256": revocation.receipt.sha256,
        "commitment_id": revocation.receipt.commitment_id,
        "revoked_at": rfc3339(revocation.revoked_at),
        "reason": revocation.reason,
        "superseded_by": revocation.superseded_by or None,
    }


def sign_if_possible() -> bool:
    try:
        publish()
    except signing.SigningUnavailable:
        return False
    return True


def is_pending() -> bool:
    """Whether something is revoked that the newest document does not say: a receipt, or a key, its own among them."""
    last = newest()
    said = parse(bytes(last.payload)) if last else {"revoked": [], "revoked_keys": []}
    receipts, kids = {entry["receipt_sha256"] for entry in said["revoked"]}, {entry["kid"] for entry in said["revoked_keys"]}
    if any(key.kid not in kids for key in revoked_keys()):
        return True
    return any(each.receipt.sha256 not in receipts for each in due(database_now()))


def sign_pending() -> bool:
    """Sign what is pending; whether there was anything. Raises SigningUnavailable where something is and the key is not here."""
    if not is_pending():
        return False
    publish()
    return True

"""Issuing receipts, inside the transaction of the decision that they record."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import connections
from django.db.transaction import TransactionManagementError

from config.databases import STORE
from receipts import envelope, signing
from receipts.canonical import canonical_bytes
from receipts.in_force import demand_active
from receipts.models import Receipt


def issue(
    *,
    request_id: uuid.UUID,
    revision: int,
    packet_digest: str,
    verdict: str,
    commitment_id: str,
    environment: str,
    subject: Sequence[Mapping],
    policy: Mapping,
    conditions: Sequence[str],
    issued_at: datetime,
    expires_at: datetime | None,
    supersedes: uuid.UUID | None = None,
    signer: signing.Signer | None = None,
) -> Receipt:
    """Sign and store the receipt of a decision: one SELECT, one INSERT, in the caller's transaction on the draft store.

    Times lose their fraction of a second, in the payload and in the row alike. `packet_digest` stays in the row; the payload ties itself
    to the packet by `commitment_id`. Raises SigningUnavailable unless the signer's key is the active one, TransactionManagementError
    outside a transaction, ValueError for values that no verifier would take.
    """
    if not connections[STORE].in_atomic_block:
        raise TransactionManagementError("A receipt is issued inside its decision's transaction.")
    signer = signer or signing.signer()
    demand_active(signer)
    receipt_id = uuid.uuid4()
    issued_at, expires_at = envelope.whole_second(issued_at), expires_at and envelope.whole_second(expires_at)
    payload = envelope.payload(
        receipt_id,
        issuer=settings.RECEIPT_ISSUER,
        request_id=request_id,
        revision=revision,
        verdict=verdict,
        commitment_id=commitment_id,
        environment=environment,
        subject=subject,
        policy=policy,
        conditions=conditions,
        issued_at=issued_at,
        expires_at=expires_at,
        supersedes=supersedes,
    )
    payload_bytes = canonical_bytes(payload)
    return Receipt.objects.create(
        id=receipt_id,
        request_id=request_id,
        revision=revision,
        packet_digest=packet_digest,
        verdict=verdict,
        commitment_id=commitment_id,
        payload=payload_bytes,
        signature=signer.sign(payload_bytes),
        kid=signer.kid,
        issued_at=issued_at,
        expires_at=expires_at,
    )

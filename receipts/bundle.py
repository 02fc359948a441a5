"""What a verifier takes along: one receipt with all that vouches for it, or the keys alone."""

from django.conf import settings

from config.clock import database_now
from receipts import attestation, log, status
from receipts.canonical import b64, unb64
from receipts.envelope import rfc3339
from receipts.in_force import kid_in_force
from receipts.keys import jwks
from receipts.models import Attestation, Receipt, Use

OBJECT = "craton.receipt.verification_bundle"
KEYS_OBJECT = "readiness.offline_key_bundle.v1"


def bundle(receipt: Receipt) -> dict[str, object]:
    """The receipt, the keys as they are published, and what there is of attestation, log proof and status."""
    said = {"object": OBJECT, "receipt": receipt.inner, "key_bundle": jwks()}
    document = status.newest()
    other = document and document.kid != receipt.kid
    extras = {
        "attestation": _attested(receipt.kid),
        "log": _log(receipt),
        "status": document and document.inner,
        "status_attestation": _attested(document.kid) if other else None,
    }
    return said | {name: value for name, value in extras.items() if value}


def _attested(kid: str) -> dict[str, str] | None:
    found = attestation.newest_for(kid)
    return attestation.document(found) if found else None


def _log(receipt: Receipt) -> dict[str, object] | None:
    """The proof that the newest checkpoint covers the receipt's leaf; None while none does."""
    leaf, head = log.leaf_of_receipt(receipt.request_id, receipt.sha256), log.head()
    key = log.verifier_key(head.note_kid)
    if leaf is None or key is None or leaf.index >= head.note_size:
        return None
    said = {
        "leaf_b64": b64(bytes(leaf.data)),
        "leaf_index": leaf.index,
        "tree_size": head.note_size,
        "hashes": log.inclusion(leaf.index, head.note_size),
        "checkpoint": head.note,
        "key": key,
    }
    attested = _attested(head.note_kid)
    return said | ({"attestation": attested} if attested else {})


def offline_keys() -> dict[str, object]:
    """The public keys, who vouches for them, and the log's key, for pinning before there is any receipt."""
    attested = _attestations()
    last = attested[-1] if attested else None
    log_kid = kid_in_force(Use.LOG)
    return {
        "object": KEYS_OBJECT,
        "issuer": settings.RECEIPT_ISSUER,
        **jwks(),
        "attestations": [attestation.document(found) for found in attested],
        "root": last and attestation.trust_anchor(last.root_key_id, unb64(last.root_public_key_b64)),
        "log_key": log.verifier_key(log_kid) if log_kid else None,
        "issued_at": rfc3339(database_now()),
    }


def _attestations() -> list[Attestation]:
    """Of each key, the newest in date; oldest first."""
    newest = {found.kid: found for found in attestation.in_date().order_by("id")}
    return sorted(newest.values(), key=lambda found: found.pk)

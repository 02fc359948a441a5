"""Whether a key may sign now, asked inside the transaction of what it signs."""

from django.db import connections

from config.databases import STORE
from receipts import signing
from receipts.canonical import b64
from receipts.models import KeyState, SigningKey, Use

# The words for a signer whose key is not the active one.
NOT_IN_FORCE = {KeyState.NEXT: signing.NEXT, KeyState.RETIRED: signing.RETIRED, KeyState.REVOKED: signing.REVOKED}


def kid_in_force(use: Use = Use.RECEIPTS) -> str | None:
    return SigningKey.objects.filter(use=use, state=KeyState.ACTIVE).values_list("kid", flat=True).first()


def demand_active(signer: signing.Signer) -> None:
    """Raises SigningUnavailable unless the signer's key is the active one for receipts, now and until the caller's transaction is over.

    The row is locked against change on PostgreSQL, so that a rotation waits for the decisions under way, and a decision for a rotation.
    """
    share = " FOR SHARE" if connections[STORE].vendor == "postgresql" else ""
    with connections[STORE].cursor() as cursor:
        cursor.execute(
            f'SELECT state FROM receipts_signingkey WHERE kid = %s AND public_key_b64 = %s AND "use" = %s{share}',  # noqa: S608  a constant
            [signer.kid, b64(signer.public_key), Use.RECEIPTS.value],
        )
        found = cursor.fetchone()
    if found is None:
        raise signing.SigningUnavailable(signing.UNREGISTERED)
    if found[0] != KeyState.ACTIVE:
        raise signing.SigningUnavailable(NOT_IN_FORCE[KeyState(found[0])])

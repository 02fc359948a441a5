"""The keys that sign: their way from next to revoked, and the public ones as the world sees them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from config.clock import database_now
from config.custody import plain_text
from config.databases import STORE
from config.refusals import Reason, Refused
from receipts import log, signing, status
from receipts.canonical import b64, unb64
from receipts.models import TRUSTED_STATES, KeyState, LeafKind, Receipt, SigningKey, Use, Why
from receipts.signing import public_jwk
from receipts.verify import Keys, load_keys

REASON_LENGTH = 300


def jwks() -> dict[str, list[dict[str, str]]]:
    """The JWK set (RFC 7517 section 5) of every key that receipts may be checked with, oldest first. One query."""
    return _key_set(_published())


def published_keys() -> Keys:
    """The same set, ready to verify with. The rows are read at each call; only what follows from them is kept. Raises NotVerifiable."""
    return _usable_keys(_published())


def _published() -> tuple[str, ...]:
    return tuple(SigningKey.objects.filter(use=Use.RECEIPTS, state__in=TRUSTED_STATES).values_list("public_key_b64", flat=True))


def _key_set(public_keys_b64: tuple[str, ...]) -> dict[str, list[dict[str, str]]]:
    return {"keys": [public_jwk(unb64(text)) for text in public_keys_b64]}


@lru_cache(maxsize=4)
def _usable_keys(public_keys_b64: tuple[str, ...]) -> Keys:
    return load_keys(_key_set(public_keys_b64))


def is_revoked(kid: str) -> bool:
    return SigningKey.objects.filter(kid=kid, state=KeyState.REVOKED).exists()


# --- verbs ----------------------------------------------------------------------------------------------------------------------


def register_key(signer: signing.Signer, *, use: Use = Use.RECEIPTS) -> SigningKey:
    """Keep the public half of a signer's key: active where none is, else next. A key that is known stays as it is.

    Raises SigningUnavailable for an unsafe key, Refused for one that is there for something else.
    """
    signing.refuse_unsafe(signer)
    with changing_keys():
        known = SigningKey.objects.filter(kid=signer.kid).first()
        if known is None:
            return _insert(signer, use=use)
        if known.use != use:
            raise Refused(Reason("key_in_other_use", f"This key is registered for {known.get_use_display()}; each use has its own."))
        return known


def _insert(signer: signing.Signer, *, use: Use) -> SigningKey:
    first = not SigningKey.objects.filter(use=use, state=KeyState.ACTIVE).exists()
    key = SigningKey(kid=signer.kid, public_key_b64=b64(signer.public_key), use=use)
    if first:
        key.state, key.activated_at = KeyState.ACTIVE, Now()
    key.save(force_insert=True)
    _log(key)
    return SigningKey.objects.get(pk=key.pk)


def rotate(*, use: Use = Use.RECEIPTS, kid: str = "") -> SigningKey:
    """The next key takes over and the active one retires, in one transaction. `kid` says which, where several are next."""
    with changing_keys():
        rows = list(SigningKey.objects.using(STORE).select_for_update().filter(use=use, state__in=(KeyState.NEXT, KeyState.ACTIVE)))
        waiting = [key for key in rows if key.state == KeyState.NEXT and kid in ("", key.kid)]
        if len(waiting) != 1:
            raise Refused(Reason("no_such_next_key" if kid or not waiting else "which_next_key", _which(kid, len(waiting))))
        former = [_move(key, KeyState.RETIRED, retired_at=Now()) for key in rows if key.state == KeyState.ACTIVE]
        taken = _move(waiting[0], KeyState.ACTIVE, activated_at=Now())
        _log(*former, taken)
        return taken


def _which(kid: str, found: int) -> str:
    if kid:
        return "No key of that name is next; `keys list` shows all."
    return "Several keys are next; say which with --kid." if found else "No key is next; make one with `keys create` first."


def retire(kid: str) -> SigningKey:
    """Take the active key out of force with nothing in its place: until another is active, nothing can be approved."""
    with changing_keys():
        key = _locked(kid)
        if key.state != KeyState.ACTIVE:
            raise Refused(Reason("not_active", f"Only an active key retires; this one is {key.get_state_display().lower()}."))
        key = _move(key, KeyState.RETIRED, retired_at=Now())
        _log(key)
        return key


def revoke(kid: str, *, reason: str, since: datetime | None = None) -> SigningKey:
    """Believe a key no more: it leaves the key set for good, and a signed status lists its receipts that had time left.

    `since`: from when on it counts as compromised; without it, from now.
    """
    _check_reason(reason := reason.strip())
    with changing_keys():
        key, now = _locked(kid), database_now()
        if since is not None and since > now:
            raise Refused(Reason("in_future", "A key is revoked from now or from an earlier time on.", status=400))
        if key.state == KeyState.REVOKED:
            raise Refused(Reason("already_revoked", "This key is revoked already."))
        if key.state == KeyState.ACTIVE:
            _move(key, KeyState.RETIRED, retired_at=Now())
        key = _move(key, KeyState.REVOKED, revoked_at=since or now, reason=reason)
        if key.use == Use.RECEIPTS:
            status.store(
                Receipt.objects.filter(kid=kid, expires_at__gt=now, revocation=None), reason=Why.KEY_COMPROMISED, at=key.revoked_at
            )
            status.sign_if_possible()
        _log(key)
        return key


def _check_reason(reason: str) -> None:
    if not reason or len(reason) > REASON_LENGTH:
        raise Refused(Reason("invalid_reason", f"Say why in one line of 1 to {REASON_LENGTH} characters.", status=400))
    try:
        plain_text(reason)
    except ValidationError as error:
        raise Refused(Reason(error.code, error.messages[0], status=400)) from None


def _locked(kid: str) -> SigningKey:
    key = SigningKey.objects.using(STORE).select_for_update().filter(kid=kid).first()
    if key is None:
        raise Refused(Reason("unknown_key", "There is no key of that name; `keys list` shows all.", status=404))
    return key


def _move(key: SigningKey, state: KeyState, **since) -> SigningKey:
    key.state = state
    for name, value in since.items():
        setattr(key, name, value)
    key.save(update_fields=["state", *since])
    return SigningKey.objects.get(pk=key.pk)


def _log(*changed: SigningKey) -> None:
    """The keys' new states become leaves of the log, whose head is locked after every key."""
    at = database_now()
    log.append(*(log.leaf(LeafKind.KEY, at, kid=key.kid, use=key.use, state=key.state) for key in changed))


@contextmanager
def changing_keys() -> Iterator[None]:
    """The transaction of a change of keys; one that loses against another is refused in words."""
    try:
        with transaction.atomic(using=STORE):
            yield
    except IntegrityError:
        raise Refused(Reason("keys_changed", "Somebody changed the keys at the same moment; look at them, then try again.")) from None

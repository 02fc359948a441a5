"""Making, checking and revoking API tokens: hashed, expiring, scoped. The library makes and hashes them."""

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed, Throttled

from access import limits
from access.checked import CheckedTokens
from access.models import ApiToken, Scope
from config.custody import name_text, slug_text

logger = logging.getLogger(__name__)
USE_SECONDS = 60
# An answer of the primary, such as that a column is not there, is none of these.
AWAY = (OperationalError, InterfaceError)
_checked = CheckedTokens()


def create_token(
    user, *, scopes: list[str], partners: list[str] | None = None, name: str = "", lifetime: timedelta, created_by: str = ""
) -> str:
    """Store a new token's digest and return the token, which is shown this once. ValueError: an unknown scope; ValidationError: a text."""
    if name:
        name_text(name)
    for slug in partners or ():
        slug_text(slug)
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise ValueError(f"Name at least one scope out of: {', '.join(Scope.values)}.")
    said = {"scopes": sorted(set(scopes)), "partners": partners, "name": name, "created_by": created_by}
    _, token = ApiToken.objects.create(user=user, expiry=lifetime, **said)
    return token


def revoke_token(token: ApiToken, *, by: str) -> None:
    """End a token at once and for good; its row stays, for whoever asks later. A second time changes nothing."""
    ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now(), revoked_by=by)


def note_use(token: ApiToken, now: datetime) -> None:
    """Keep when a token was used last, to the minute, so that most calls write nothing. Never stands in a call's way."""
    if token.last_used_at is not None and (now - token.last_used_at).total_seconds() < USE_SECONDS:
        return
    try:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    except (DatabaseError, InterfaceError):
        logger.warning("the use of a token could not be noted")


def unknown_token() -> AuthenticationFailed:
    return AuthenticationFailed("The token is unknown, expired or revoked.")


def valid_token(digest: str) -> ApiToken | None:
    """The token in date of an active user, with `user` and `user_groups`, in one query; None when there is none.

    While the primary is away: as it was checked last, if that was a moment ago. Raises DatabaseError otherwise.
    """
    try:
        found = _asked(digest)
    except AWAY:
        found = _checked.find(digest)
        if found is None:
            raise
        return found
    if found is None:
        _checked.drop(digest)
    else:
        _checked.keep(digest, found)
        note_use(found, timezone.now())
    return found


def _asked(digest: str) -> ApiToken | None:
    """One row for each group of the user, or one without."""
    tokens = ApiToken.objects.filter(digest=digest, expiry__gt=timezone.now(), revoked_at__isnull=True, user__is_active=True)
    rows = list(tokens.select_related("user").defer("user__password").annotate(group=F("user__groups__name")))
    if not rows:
        return None
    rows[0].user_groups = frozenset(row.group for row in rows if row.group is not None)
    return rows[0]


class TokenAuthentication(KnoxAuthentication):
    """`Authorization: Token …`, one query. One answer for unknown, expired, revoked and inactive, so that nothing can be told apart."""

    def authenticate(self, request):
        try:
            return super().authenticate(request)
        except UnicodeError:
            # A header that some server did not decode as latin-1 (PEP 3333) is as unknown as any other.
            raise unknown_token() from None
        except AuthenticationFailed:
            self._count_wrong(request)
            raise

    def _count_wrong(self, request) -> None:
        if (seconds := limits.unknown_token_seconds(request)) is not None:
            raise Throttled(seconds, "Too many unknown tokens came from this address.") from None

    def authenticate_credentials(self, token: bytes):
        found = valid_token(hash_token(token.decode("latin-1")))
        if found is None:
            raise unknown_token()
        return found.user, found

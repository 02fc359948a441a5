"""Making and checking API tokens: hashed, expiring, scoped. The library makes and hashes them; reading one writes nothing."""

from datetime import timedelta

from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed

from access.checked import CheckedTokens
from access.models import ApiToken, Scope

# An answer of the primary, such as that a column is not there, is none of these.
AWAY = (OperationalError, InterfaceError)
_checked = CheckedTokens()


def create_token(user, *, scopes: list[str], partners: list[str] | None = None, name: str = "", lifetime: timedelta) -> str:
    """Store a new token's digest and return the token, which is shown this once. Raises ValueError on an unknown scope."""
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise ValueError(f"Name at least one scope out of: {', '.join(Scope.values)}.")
    _, token = ApiToken.objects.create(user=user, expiry=lifetime, scopes=sorted(set(scopes)), partners=partners, name=name)
    return token


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
    return found


def _asked(digest: str) -> ApiToken | None:
    """One row for each group of the user, or one without."""
    tokens = ApiToken.objects.filter(digest=digest, expiry__gt=timezone.now(), user__is_active=True)
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

    def authenticate_credentials(self, token: bytes):
        found = valid_token(hash_token(token.decode("latin-1")))
        if found is None:
            raise unknown_token()
        return found.user, found

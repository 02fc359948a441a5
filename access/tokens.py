"""Making and checking API tokens: hashed, expiring, scoped. The library makes and hashes them; reading one writes nothing."""

from datetime import timedelta

from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed

from access.models import ApiToken, Scope


def create_token(user, *, scopes: list[str], partners: list[str] | None = None, name: str = "", lifetime: timedelta) -> str:
    """Store a new token's digest and return the token, which is shown this once. Raises ValueError on an unknown scope."""
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise ValueError(f"Name at least one scope out of: {', '.join(Scope.values)}.")
    _, token = ApiToken.objects.create(user=user, expiry=lifetime, scopes=sorted(set(scopes)), partners=partners, name=name)
    return token


def unknown_token() -> AuthenticationFailed:
    return AuthenticationFailed("The token is unknown, expired or revoked.")


class TokenAuthentication(KnoxAuthentication):
    """`Authorization: Token …`, one query. One answer for unknown, expired, revoked and inactive, so that nothing can be told apart."""

    def authenticate(self, request):
        try:
            return super().authenticate(request)
        except UnicodeError:
            # A header that some server did not decode as latin-1 (PEP 3333) is as unknown as any other.
            raise unknown_token() from None

    def authenticate_credentials(self, token: bytes):
        digest = hash_token(token.decode("latin-1"))
        found = ApiToken.objects.select_related("user").filter(digest=digest, expiry__gt=timezone.now(), user__is_active=True).first()
        if found is None:
            raise unknown_token()
        return found.user, found

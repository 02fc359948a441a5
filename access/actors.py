"""The actor of one call: who does it, through which channel, with which rights. A plain value, so verbs need no HTTP and no primary."""

from dataclasses import dataclass
from datetime import datetime

from config.refusals import Reason, Unfit

AUDITORS, OPERATORS = "auditors", "operators"


@dataclass(frozen=True)
class Actor:
    user_id: int
    username: str
    groups: frozenset[str] = frozenset()
    channel: str = "page"
    token_id: str = ""
    scopes: frozenset[str] | None = None
    partners: frozenset[str] | None = None
    superuser: bool = False
    unfit: Unfit = Unfit()
    signed_in_at: datetime | None = None
    # Id of the app by whose code they signed in; whether it is still in use is asked with their rights.
    app: int | None = None

    def may(self, scope: str) -> bool:
        """A person in front of a page has every scope; a token only its own."""
        return self.scopes is None or scope in self.scopes

    def covers(self, partner_slug: str) -> bool:
        return self.partners is None or partner_slug in self.partners

    @property
    def reads_all(self) -> bool:
        return self.superuser or not self.groups.isdisjoint({AUDITORS, OPERATORS})


def scope_reasons(actor: Actor, *scopes: str) -> list[Reason]:
    """Any one of the scopes will do."""
    if any(actor.may(scope) for scope in scopes):
        return []
    return [Reason("scope_missing", f"The token needs the scope {' or '.join(scopes)}.", clear_by="whoever makes the token", status=403)]


def call_reasons(actor: Actor, scope: str) -> list[Reason]:
    """Why this call cannot be taken, whatever it is about: its scope, and what its channel found wrong. Every verb asks this."""
    return scope_reasons(actor, scope) + list(actor.unfit.reasons)


def group_names(user) -> frozenset[str]:
    return frozenset(user.groups.values_list("name", flat=True))


def actor_of(user, *, channel: str, token=None) -> Actor:
    """The actor for a signed-in user, or for the token that acts for them."""
    if token is None:
        return Actor(user.pk, user.get_username(), group_names(user), channel, superuser=user.is_superuser)
    partners = None if token.partners is None else frozenset(token.partners)
    limits = {"token_id": str(token.public_id), "scopes": frozenset(token.scopes), "partners": partners}
    return Actor(user.pk, user.get_username(), token.user_groups, channel, superuser=user.is_superuser, **limits)

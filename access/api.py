"""The base of every API view: who acts in this call, and with which scopes."""

from functools import cached_property

from rest_framework.exceptions import Throttled
from rest_framework.response import Response
from rest_framework.views import APIView

from access.actors import Actor, actor_of
from access.limits import CallThrottle
from config.api import parameters
from config.refusals import Reason, Refused


def scope_reason(scopes: tuple[str, ...]) -> Reason:
    return Reason("scope_missing", f"The token needs the scope {' or '.join(scopes)}.", clear_by="whoever makes the token", status=403)


class ApiView(APIView):
    """Tokens only; no metadata for OPTIONS, which would name fields to whoever asks."""

    metadata_class = None
    throttle_classes = [CallThrottle]

    def throttled(self, request, wait) -> None:
        raise Throttled(wait, "You have called more often than this installation allows. Wait, then go on.")

    @cached_property
    def actor(self) -> Actor:
        return actor_of(self.request.user, channel="api", token=self.request.auth)

    def demand(self, *scopes: str) -> None:
        """Raise Refused 403 unless the token has one of these scopes. After the 404s: what may not be seen does not exist."""
        if not any(self.actor.may(scope) for scope in scopes):
            raise Refused(scope_reason(scopes))


class WhoAmI(ApiView):
    def get(self, request):
        self.demand("read", "gate")
        parameters(request)
        actor = self.actor
        return Response(
            {
                "user_id": actor.user_id,
                "username": actor.username,
                "groups": sorted(actor.groups),
                "token_id": actor.token_id,
                "scopes": sorted(actor.scopes),
                "partners": None if actor.partners is None else sorted(actor.partners),
                "expires_at": request.auth.expiry,
            }
        )

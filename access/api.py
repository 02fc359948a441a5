"""The base of every API view: who acts in this call, with which scopes, and what is wrong with the call itself."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.response import Response
from rest_framework.views import APIView

from access.actors import Actor, actor_of, scope_reasons
from access.limits import CallThrottle
from config.api import NoInput, Shaped, body_of, if_match, parameter_reasons
from config.lists import Filters, filtered, page
from config.refusals import Reason, Unfit, refuse_if
from config.told import reads


@dataclass(frozen=True)
class Call:
    """What a call says to a verb: who says it, the checked body, and the versions that it is about (None: whichever there is).

    What is wrong with the call goes along with the actor, so that one refusal tells it with everything else.
    """

    actor: Actor
    said: dict
    version: frozenset[int] | None


# drafts keeps answers under idempotency keys, and access must not know drafts, so drafts signs up here: (view, key, act) → response.
keepers: list[Callable] = []
# The draft standard writes the key as a quoted string; most clients send it bare.
KEY = re.compile(r'"?([!#-\[\]-~]{1,128})"?')


class ApiView(APIView):
    """Tokens only; no metadata for OPTIONS, which would name fields to whoever asks."""

    metadata_class = None
    throttle_classes = [CallThrottle]
    filters: Filters = {}

    def throttled(self, request, wait) -> None:
        raise Throttled(wait, "You have called more often than this installation allows. Wait, then go on.")

    @cached_property
    def actor(self) -> Actor:
        found = actor_of(self.request.user, channel="api", token=self.request.auth)
        self.request._request.api_actor = found  # for the line of this call
        return found

    def initial(self, request, *args, **kwargs) -> None:
        """Every POST under an idempotency key goes through its keeper."""
        super().initial(request, *args, **kwargs)
        found = KEY.fullmatch(request.META.get("HTTP_IDEMPOTENCY_KEY", ""))
        if request.method == "POST" and hasattr(self, "post") and found:
            act = self.post
            self.post = lambda *given, **named: keepers[0](self, found[1], lambda: act(*given, **named))

    def _key_reasons(self) -> list[Reason]:
        given = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        if self.request.method != "POST" or given is None or KEY.fullmatch(given):
            return []
        return [Reason("idempotency_key_invalid", "An idempotency key has 1 to 128 visible ASCII characters, such as a UUID.", status=400)]

    def call(self, serializer=NoInput, *, precondition: bool | None = None, **options) -> Call:
        """The call as a verb takes it. `precondition`: If-Match is needed (True), may be given (False), or means nothing here (None)."""
        said, unfit = body_of(serializer, self.request, **options)
        version, about = (None, []) if precondition is None else if_match(self.request, required=precondition)
        reasons = (*about, *self._key_reasons(), *parameter_reasons(self.request), *unfit.reasons)
        return Call(replace(self.actor, unfit=Unfit(reasons, unfit.unread)), said, version)

    def read(self, *allowed: str, scopes: tuple[str, ...] = ("read",), wrong: tuple[Reason, ...] = ()) -> dict[str, str]:
        """The query parameters of a GET. Raises Refused with a missing scope, every wrong parameter, and what else is `wrong`.

        After the 404s: what may not be seen does not exist.
        """
        refuse_if([*scope_reasons(self.actor, *scopes), *parameter_reasons(self.request, *allowed), *wrong])
        return self.request.query_params.dict()

    def listing(self, queryset, serializer, **options) -> Response:
        """One page of a list, narrowed by the view's filters. Raises Refused with a missing scope and every wrong parameter."""
        found, wrong = filtered(self.request, queryset, self.filters, actor=self.actor)
        refuse_if(scope_reasons(self.actor, "read") + wrong)
        return page(self, found, serializer, **options)


TEXTS = {"type": "array", "items": {"type": "string"}}


class WhoAmIOutput(serializers.Serializer):
    """`partners` null: all of its user's."""

    example = {
        "user_id": 1,
        "username": "owner",
        "groups": ["demo"],
        "token_id": "d67b6f5c-0e70-4406-ac7a-a5cfe0ed7281",
        "scopes": ["draft", "read", "request"],
        "partners": None,
        "expires_at": "2027-02-21T11:56:26.216696Z",
    }
    user_id = serializers.IntegerField()
    username = serializers.CharField()
    groups = Shaped(TEXTS)
    token_id = serializers.UUIDField()
    scopes = Shaped(TEXTS)
    partners = Shaped(TEXTS | {"type": ["array", "null"]})
    expires_at = serializers.DateTimeField()


class WhoAmI(ApiView):
    @reads("whoami", "Whose token this is, and what it may", WhoAmIOutput)
    def get(self, request):
        self.read()
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

"""The OpenAPI 3.1 schema, from what views and serializers say: parameters, bodies, every status, problems."""

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from config.api import UNKNOWN_FIELD, Blank, Shaped, StrictSerializer
from config.errors import TITLES, problem
from config.keyset import KeysetPagination
from config.refusals import Reason
from config.told import Told

PROBLEM = "application/problem+json"
HEADER, QUERY = OpenApiParameter.HEADER, OpenApiParameter.QUERY
# One reason of each status, for the examples.
REASONS = (
    Reason(UNKNOWN_FIELD.code, str(UNKNOWN_FIELD), pointer="/colour", status=400),
    Reason("not_authenticated", "Authentication credentials were not provided.", status=401),
    Reason("scope_missing", "The token needs the scope draft.", "whoever makes the token", status=403),
    Reason("not_found", "There is no such plan, or it is not yours to see.", status=404),
    Reason("confirmation_missing", "The owner confirmation is missing.", "owner", "/confirmations/owner", status=409),
    Reason("stale_version", "It has changed since you read it; it is at version 3 now.", "whoever reads it again", status=412),
    Reason("too_large", "The body is larger than 64 KiB.", status=413),
    Reason("media_type", "Send application/json.", status=415),
    Reason("idempotency_key_reused", "This idempotency key belongs to another call.", "whoever calls", status=422),
    Reason("if_match_required", "Send If-Match with the ETag that you last read.", "whoever calls", status=428),
    Reason("throttled", "You have called more often than this installation allows. Wait, then go on.", status=429),
    Reason("database_unavailable", "A database does not answer or takes no writes; nothing was changed. Try again shortly.", status=503),
)
PROBLEMS = {each.status: problem(each.status, (each,), request_id="99338e856ea34854938c07c82425f776") for each in REASONS}


class ErrorOutput(serializers.Serializer):
    """One reason. `pointer`: into the body (RFC 6901), or empty; `parameter`: the query parameter that is wrong."""

    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()
    clear_by = serializers.CharField(required=False)
    parameter = serializers.CharField(required=False)


class ProblemOutput(serializers.Serializer):
    """A problem (RFC 9457). `type` leads to its entry in the docs; `errors` holds every reason."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = ErrorOutput(many=True)
    request_id = serializers.CharField()


class ShapedField(OpenApiSerializerFieldExtension):
    target_class = Shaped
    match_subclasses = True

    def map_serializer_field(self, auto_schema, direction):
        return self.target.shape


class BlankField(OpenApiSerializerFieldExtension):
    """A text that is null while there is none."""

    target_class = Blank

    def map_serializer_field(self, auto_schema, direction):
        return {"type": ["string", "null"]}


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "access.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema):
        says = "`Token ` and a token that `manage.py create_token` or the page of tokens made."
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": says}


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "readiness.api.ReadingSession"
    name = "session"

    def get_security_definition(self, auto_schema):
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A signed-in person, on this route alone.",
        }


class ToldSchema(AutoSchema):
    """Reads the `told` of a method; one that says nothing stops the schema, so that none is forgotten."""

    @property
    def told(self) -> Told:
        return getattr(self.view, self.method.lower()).told

    @property
    def public(self) -> bool:
        return not self.view.authentication_classes

    def get_operation_id(self) -> str:
        return self.told.name

    def get_summary(self) -> str:
        return self.told.summary

    def get_description(self) -> str:
        return ""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_filter_backends(self) -> list:
        return []

    def _is_list_view(self, serializer=None) -> bool:
        return False

    def get_request_serializer(self):
        return self.told.body(partial=self.told.partial) if self.told.body else None

    def get_override_parameters(self) -> list[OpenApiParameter]:
        return [*self._queries(), *self._headers(), *self._answer_headers()]

    def _queries(self) -> list[OpenApiParameter]:
        found = [_query(name, {"description": each.says, "enum": each.words, "format": each.format}) for name, each in self._filters()]
        if self.told.listed:
            most = KeysetPagination.max_page_size
            found += [
                _query("cursor", {"description": "Out of `next` or `previous` of a page."}),
                OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 999_999}, QUERY, description=f"{most} at most."),
            ]
        return found + [_query(name, about) for name, about in self.told.parameters.items()]

    def _filters(self) -> list:
        return list(self.view.filters.items()) if self.told.listed else []

    def _headers(self) -> list[OpenApiParameter]:
        found = []
        if self.told.precondition is not None:
            says = "The ETag that was last read, in its quotes; `*` for whatever there is."
            found.append(OpenApiParameter("If-Match", str, HEADER, required=self.told.precondition, description=says))
        if self.method == "POST":
            key = {"type": "string", "pattern": r'^"?[!#-\[\]-~]{1,128}"?$', "maxLength": 130}
            found.append(OpenApiParameter("Idempotency-Key", key, HEADER, description="The same key, the same answer, for a day."))
        return found

    def _answer_headers(self) -> list[OpenApiParameter]:
        done = list(self.told.answers)
        found = [OpenApiParameter("X-Request-ID", str, HEADER, response=True, description="Quote it when you ask about this call.")]
        if self.told.versioned:
            found.append(OpenApiParameter("ETag", str, HEADER, response=[*done, 412], description="The version, in quotes."))
        if 201 in done:
            found.append(OpenApiParameter("Location", str, HEADER, response=[201], description="Where it is."))
        if self.method == "POST":
            says = "`true` when the key was answered before."
            found.append(OpenApiParameter("Idempotency-Replayed", str, HEADER, response=done, description=says))
        return found + [OpenApiParameter("Retry-After", str, HEADER, response=[429, 503], description="Seconds to wait.")]

    def get_examples(self) -> list[OpenApiExample]:
        """Those that the serializers of body and answer carry; of a list, a page of one."""
        found = [OpenApiExample("Body", self.told.body.example, request_only=True)] if hasattr(self.told.body, "example") else []
        for status, answer in self.told.answers.items():
            if hasattr(answer, "example"):
                page = {"next": None, "previous": None, "results": [answer.example]}
                value = page if self.told.listed else answer.example
                found.append(
                    OpenApiExample("Answer", value, response_only=True, status_codes=[str(status)], media_type=self.told.media_type)
                )
        return found

    def get_response_serializers(self) -> dict:
        said = self.told
        answers = {(status, said.media_type): self._answer(answer) for status, answer in said.answers.items()}
        return answers | {(status, PROBLEM): OpenApiResponse(ProblemOutput, description=TITLES[status][1]) for status in self._refusals()}

    def _answer(self, answer) -> OpenApiResponse:
        if answer is not None and issubclass(answer, serializers.CharField):
            answer = OpenApiTypes.STR
        if answer is not None and self.told.listed:
            name = answer.__name__.removesuffix("Output")
            parts = {"next": serializers.CharField(allow_null=True), "previous": serializers.CharField(allow_null=True)}
            answer = inline_serializer(f"{name}PageOutput", parts | {"results": answer(many=True)})
        return OpenApiResponse(answer, description=self.told.summary)

    def _refusals(self) -> list[int]:
        said = self.told
        found = {400, 413, 415, 429, 503, *said.refusals} | (set() if self.public else {401, 403})
        found |= {404} if "{" in self.path else set()
        found |= {409} if said.verb else set()
        found |= {412} if said.precondition is not None else set()
        found |= {428} if said.precondition else set()
        return sorted(found | ({409, 422} if self.method == "POST" else set()))


def _query(name: str, about: dict) -> OpenApiParameter:
    shape = {"type": "string"} | {key: value for key, value in about.items() if value and key in ("format", "pattern")}
    shape |= {"enum": list(about["enum"])} if about.get("enum") else {}
    return OpenApiParameter(name, shape, QUERY, description=about.get("description", ""), required=about.get("required", False))


def strict_inputs(result: dict, **options) -> dict:
    """An input refuses what it does not know, and a change may hold any part of it."""
    strict = {each.__name__ for each in _all(StrictSerializer)}
    for name, schema in result["components"]["schemas"].items():
        if name.removeprefix("Patched") in strict:
            schema["additionalProperties"] = False
    return result


def problem_examples(result: dict, **options) -> dict:
    """One problem for each status, which all calls refer to."""
    named = {f"Problem{status}": {"value": body} for status, body in PROBLEMS.items()}
    result["components"]["examples"] = named
    for about in [each for path in result["paths"].values() for each in path.values()]:
        for status, answer in about["responses"].items():
            if PROBLEM in answer.get("content", {}):
                answer["content"][PROBLEM]["examples"] = {"Problem": {"$ref": f"#/components/examples/Problem{status}"}}
    return result


def _all(kind: type) -> set[type]:
    return {found for child in kind.__subclasses__() for found in (child, *_all(child))}

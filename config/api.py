"""What every room's API shares: strict JSON in, problem+json out, keyset pages, ETags."""

import logging
import math
import re

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.response import Response

from config.errors import DATABASE_ERRORS, RETRY_AFTER_SECONDS, problem, refusal_of
from config.middleware import close_broken_connections
from config.payload import shown_key
from config.refusals import Reason, Refused, Unfit, reasons_of, refuse_if
from config.strict import escape, has_surrogate_or_null

logger = logging.getLogger(__name__)
# RFC 9110 section 8.8.3: an entity-tag, and a list of them.
TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
IF_MATCH = re.compile(rf"{TAG}(?:\s*,\s*{TAG})*")
OUR_TAG = re.compile(r'"([1-9][0-9]{0,9})"')
UNKNOWN_FIELD = ErrorDetail("This field is not known here or cannot be written.", code="unknown_field")


# --- bodies ---------------------------------------------------------------------------------------------------------------------


class AlwaysJSON(BaseContentNegotiation):
    """One representation; the Accept header and `?format=` change nothing."""

    def select_parser(self, request, parsers):
        return next((parser for parser in parsers if request.content_type.split(";")[0].strip() == parser.media_type), None)

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class TextField(serializers.CharField):
    """A short text. DRF's own field takes numbers and booleans as text; this one does not."""

    def to_internal_value(self, data) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """true or false; DRF's own field takes words and numbers for them."""

    def to_internal_value(self, data) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input="this")
        return data


class WholeNumberField(serializers.IntegerField):
    """A JSON integer; DRF's own field takes texts and booleans."""

    def to_internal_value(self, data) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class Shaped(serializers.JSONField):
    """JSON of a shape that the schema tells (JSON Schema 2020-12) and the verb checks, with the rules and the pointers."""

    def __init__(self, shape: dict, **options) -> None:
        super().__init__(**options)
        self.shape = shape

    def to_internal_value(self, data):
        return data


class Blank(serializers.CharField):
    """Text that is null while there is none."""

    def to_representation(self, value):
        return value or None


class StrictSerializer(serializers.Serializer):
    """Refuses what it does not know: a key that is not a writable field is an error and never dropped in silence."""

    def to_internal_value(self, data):
        unknown = {shown_key(key): [UNKNOWN_FIELD] for key in self._unknown(data)}
        try:
            said = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**unknown, **error.detail}) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return said

    def _unknown(self, data) -> list[str]:
        writable = {name for name, field in self.fields.items() if not field.read_only}
        return sorted(str(key) for key in data if key not in writable) if isinstance(data, dict) else []

    def sound(self) -> dict:
        """What is right in a body that is wrong elsewhere, so that a verb can look at it beside the rest."""
        given = self.initial_data if isinstance(self.initial_data, dict) else {}
        right = [field for name, field in self.fields.items() if name in given and name not in self.errors and not field.read_only]
        return {field.source: field.run_validation(given[field.field_name]) for field in right}


class NoInput(StrictSerializer):
    """A body that may only be empty."""


def read_body(request) -> tuple[object, list[Reason]]:
    """The JSON value of a body, or why it cannot be read; the library forgets that when it is asked again."""
    if not hasattr(request, "whole_body"):
        request.whole_body = reasons_of(lambda: request.data)
    return request.whole_body


def body_of(serializer_class, request, **options) -> tuple[dict, Unfit]:
    """The checked body of a request, and what is wrong with it. What is right of a wrong body is given too."""
    data, unreadable = read_body(request)
    if unreadable:
        return {}, Unfit(tuple(unreadable), unread=("",))
    serializer = serializer_class(data=data, **options)
    if serializer.is_valid():
        return serializer.validated_data, Unfit()
    reasons = tuple(_reasons(serializer.errors))
    return serializer.sound(), Unfit(reasons, unread=tuple(reason.pointer for reason in reasons))


def validated(serializer_class, request, **options) -> dict:
    """The checked body of a request. Raises Refused (400) naming every wrong field."""
    said, unfit = body_of(serializer_class, request, **options)
    refuse_if(list(unfit.reasons))
    return said


def wrong_parameter(name: str, detail: str, *, code: str = "invalid") -> Reason:
    return Reason(code, detail, status=400, parameter=shown_key(name))


def parameter_reasons(request, *allowed: str) -> list[Reason]:
    """One reason for each query parameter that is unknown, given twice, or holds what no text of ours can hold."""
    found = list(request.query_params.lists())
    known = f"The parameters here are: {', '.join(allowed)}, each once." if allowed else "No parameter is taken here."
    wrong = [wrong_parameter(name, known, code="unknown_parameter") for name, values in found if name not in allowed or len(values) > 1]
    broken = [name for name, values in found if any(has_surrogate_or_null(text) for text in (name, *values))]
    return wrong + [wrong_parameter(name, "It holds a null character.", code="null_character") for name in broken]


def parameters(request, *allowed: str) -> dict[str, str]:
    """Query parameters by name. Raises Refused (400) naming each that is wrong."""
    refuse_if(parameter_reasons(request, *allowed))
    return request.query_params.dict()


# --- versions -----------------------------------------------------------------------------------------------------------------


def etag(version: int) -> str:
    return f'"{version}"'


def if_match(request, *, required: bool) -> tuple[frozenset[int] | None, list[Reason]]:
    """The versions that If-Match names (RFC 9110 section 13.1.1), None for whichever there is, and what is wrong with the header.

    `*` stands for any version there is. Tags are compared strongly, so a weak one, or one that is not ours, names no version.
    """
    given = request.META.get("HTTP_IF_MATCH", "").strip()
    if not given:
        missing = Reason("if_match_required", "Send If-Match with the ETag that you last read.", clear_by="whoever calls", status=428)
        return None, [missing] if required else []
    if given == "*":
        return None, []
    if not IF_MATCH.fullmatch(given):
        detail = 'If-Match is the ETag that you last read, in its quotes, such as "3"; or *.'
        return frozenset(), [Reason("if_match_invalid", detail, clear_by="whoever calls", status=412)]
    ours = filter(None, map(OUR_TAG.fullmatch, re.findall(TAG, given)))
    return frozenset(int(found[1]) for found in ours), []


def versioned(data, version: int, *, status: int = 200, **headers) -> Response:
    return Response(data, status=status, headers={"ETag": etag(version), **headers})


# --- errors -------------------------------------------------------------------------------------------------------------------


def _reasons(detail, pointer: str = "") -> list[Reason]:
    """Flatten DRF's nested error detail into reasons with JSON pointers."""
    if isinstance(detail, dict):
        parts = [(pointer if key == "non_field_errors" else f"{pointer}/{escape(str(key))}", part) for key, part in detail.items()]
    elif isinstance(detail, list):
        parts = [(pointer if isinstance(part, ErrorDetail) else f"{pointer}/{number}", part) for number, part in enumerate(detail)]
    else:
        return [Reason(getattr(detail, "code", None) or "invalid", str(detail), pointer=pointer, status=400)]
    return [reason for place, part in parts for reason in _reasons(part, place)]


def _refusal(exception: Exception) -> Refused | None:
    if isinstance(exception, Refused):
        return exception
    if isinstance(exception, exceptions.ValidationError):
        return Refused(*_reasons(exception.detail))
    if isinstance(exception, Http404):
        return Refused(Reason("not_found", "There is nothing here, or it is not yours to see.", status=404))
    if isinstance(exception, PermissionDenied):
        return Refused(Reason("forbidden", "You may not do this.", status=403))
    if isinstance(exception, RequestDataTooBig):
        return Refused(Reason("too_large", "The body is larger than 64 KiB.", status=413))
    if isinstance(exception, DATABASE_ERRORS):
        close_broken_connections()
        return refusal_of(exception)
    return None


def problem_handler(exception: Exception, context: dict) -> Response | None:
    """DRF's exception handler: every error of the API as application/problem+json (RFC 9457)."""
    headers = {}
    if refusal := _refusal(exception):
        status, reasons = refusal.status, refusal.reasons
    elif isinstance(exception, exceptions.APIException):
        status, reasons = exception.status_code, tuple(_reasons(exception.detail))
        if challenge := getattr(exception, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
    else:
        return None
    if status in (429, 503):
        wait = getattr(exception, "wait", None)
        headers["Retry-After"] = RETRY_AFTER_SECONDS if wait is None else str(max(1, math.ceil(wait)))
    if status == 412:
        headers["ETag"] = next((etag(reason.version) for reason in reasons if reason.version), None)
    request_id = getattr(context["request"], "request_id", "")
    headers = {name: value for name, value in headers.items() if value}
    return Response(
        problem(status, reasons, request_id=request_id), status=status, headers=headers, content_type="application/problem+json"
    )

"""What every room's API shares: strict JSON in, problem+json out, keyset pages, ETags."""

import json
import logging
import math
import re

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from config.errors import DATABASE_ERRORS, RETRY_AFTER_SECONDS, problem, refusal_of
from config.middleware import close_broken_connections
from config.refusals import Reason, Refused

logger = logging.getLogger(__name__)
JSON_DEPTH = 16
CURSOR = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def invalid(code: str, detail: str, *, pointer: str = "") -> Refused:
    return Refused(Reason(code, detail, pointer=pointer, status=400))


# --- bodies -------------------------------------------------------------------------------------------------------------------


def _object_without_duplicates(pairs: list[tuple]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise invalid("duplicate_key", "A JSON object names one of its keys twice.")
    return found


def _no_constant(word: str):
    raise invalid("invalid_json", "NaN and Infinity are not JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise invalid("invalid_json", "A number is too large.")
    return number


def _integer(digits: str) -> int:
    if len(digits) > 16:
        raise invalid("invalid_json", "A number is too large.")
    return int(digits)


def _too_deep(text: str) -> bool:
    """Count brackets outside strings, so that a deep body costs no recursion."""
    depth, in_string, escaped = 0, False, False
    for letter in text:
        if in_string:
            in_string, escaped = escaped or letter != '"', letter == "\\" and not escaped
        elif letter == '"':
            in_string = True
        elif letter in "[{":
            depth += 1
            if depth > JSON_DEPTH:
                return True
        elif letter in "]}":
            depth -= 1
    return False


def _has_surrogate_or_null(value) -> bool:
    if isinstance(value, str):
        return "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return any(_has_surrogate_or_null(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_has_surrogate_or_null(part) for part in value)


def _bad_text_pointer(value, pointer: str = "") -> str:
    """The pointer of the first string that holds a null character or a lone surrogate; keys are not echoed."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if _has_surrogate_or_null(part):
            return _bad_text_pointer(part, f"{pointer}/{escape(str(key))}")
    return pointer


def escape(key: str) -> str:
    """One token of a JSON pointer (RFC 6901 section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def parse_json(body: bytes) -> object:
    """Strict JSON (RFC 8259): no duplicate key, NaN, deep nesting, null character or lone surrogate. Raises Refused (400)."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("invalid_json", "The body is not UTF-8.") from None
    if _too_deep(text):
        raise invalid("too_deep", f"The body is nested deeper than {JSON_DEPTH} levels.")
    try:
        value = json.loads(
            text, object_pairs_hook=_object_without_duplicates, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer
        )
    except ValueError:
        raise invalid("invalid_json", "The body is not JSON.") from None
    if _has_surrogate_or_null(value):
        raise invalid("null_character", "A text holds a null character or half a character.", pointer=_bad_text_pointer(value))
    return value


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> object:
        body = stream.read()
        return parse_json(body) if body else {}


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


class StrictSerializer(serializers.Serializer):
    """Refuses what it does not know: a key that is not a writable field is an error and never dropped in silence."""

    def to_internal_value(self, data):
        if isinstance(data, dict):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(str(key) for key in data if key not in writable)
            if unknown:
                raise serializers.ValidationError(
                    {key[:80]: [ErrorDetail("This field is not known here or cannot be written.", code="unknown_field")] for key in unknown}
                )
        return super().to_internal_value(data)


class NoInput(StrictSerializer):
    """A body that may only be empty."""


def validated(serializer_class, request, **options) -> dict:
    """The checked body of a request. Raises ValidationError (400) naming every wrong field."""
    serializer = serializer_class(data=request.data, **options)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def parameters(request, *allowed: str) -> dict[str, str]:
    """Query parameters by name. Raises Refused (400) for one that is unknown or given twice."""
    wrong = [name for name, values in request.query_params.lists() if name not in allowed or len(values) > 1]
    if wrong:
        raise Refused(
            *(
                Reason("unknown_parameter", f"The parameters here are: {', '.join(allowed) or 'none'}, each once.", status=400)
                for _ in wrong[:1]
            )
        )
    return request.query_params.dict()


# --- versions -----------------------------------------------------------------------------------------------------------------


def etag(version: int) -> str:
    return f'"{version}"'


def expected_version(request, found: int) -> int:
    """The version that If-Match (RFC 9110 section 13.1.1, strong tags) names: the one found. Raises Refused 428 or 412."""
    given = request.META.get("HTTP_IF_MATCH", "").strip()
    if not given:
        raise Refused(Reason("if_match_required", "Send If-Match with the ETag that you last read.", status=428))
    if etag(found) not in [tag.strip() for tag in given.split(",")]:
        raise Refused(Reason("stale_version", f"It has changed since you read it; its ETag is now {etag(found)}.", status=412))
    return found


def versioned(data, version: int, *, status: int = 200, **headers) -> Response:
    return Response(data, status=status, headers={"ETag": etag(version), **headers})


# --- lists --------------------------------------------------------------------------------------------------------------------


def _foreign_cursor() -> Refused:
    return invalid("invalid_cursor", "Take the cursor from `next` or `previous` of a page.")


class KeysetPagination(CursorPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")

    def decode_cursor(self, request):
        # The library drops what is not base64 and would answer the first page.
        if not CURSOR.fullmatch(request.query_params.get("cursor", "none")):
            raise _foreign_cursor()
        try:
            return super().decode_cursor(request)
        except exceptions.NotFound:
            raise _foreign_cursor() from None

    def get_page_size(self, request) -> int:
        given = request.query_params.get("page_size", str(self.page_size))
        if not (given.isascii() and given.isdigit()) or len(given) > 6 or int(given) < 1:
            raise invalid("invalid_page_size", f"page_size is a number from 1 to {self.max_page_size}.")
        return min(int(given), self.max_page_size)


def page(view, queryset, serializer_class, *, ordering: tuple[str, ...] = KeysetPagination.ordering) -> Response:
    """One keyset page of a queryset: {next, previous, results}."""
    paginator = KeysetPagination()
    paginator.ordering = ordering
    try:
        rows = paginator.paginate_queryset(queryset, view.request, view=view)
    except (ValueError, ValidationError):
        raise _foreign_cursor() from None
    return paginator.get_paginated_response(serializer_class(rows, many=True).data)


PAGE_PARAMETERS = ("cursor", "page_size")


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
    request_id = getattr(context["request"], "request_id", "")
    return Response(
        problem(status, reasons, request_id=request_id), status=status, headers=headers, content_type="application/problem+json"
    )

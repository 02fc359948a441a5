"""What holds for every request: an id, plain bodies only, refusals as answers, nothing private in a cache."""

import io
import time
import uuid
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import connections
from django.http import HttpResponse
from django.utils import translation

from config import logs
from config.errors import DATABASE_ERRORS, answer, answer_refusal, page_not_found, refusal_of
from config.payload import shown_key
from config.refusals import Reason, Refused
from config.serving import is_served

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
BODY_LIMIT = 64 * 1024


def request_id(get_response):
    """Our own id, whatever the client sent: it goes into logs."""

    def middleware(request):
        request.request_id = uuid.uuid4().hex
        began, named = time.perf_counter(), logs.request_id.set(request.request_id)
        try:
            response = get_response(request)
            logs.call(request, response.status_code, began)
        finally:
            logs.request_id.reset(named)
        response["X-Request-ID"] = request.request_id
        response.setdefault("Cache-Control", "no-store")
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response

    return middleware


def problems(get_response):
    """A refusal or a database error that a view let out becomes an answer; so does a method that a view does not know."""

    def middleware(request):
        response = get_response(request)
        return _about_methods(request, response) if response.status_code == 405 else response

    def process_exception(request, exception):
        if isinstance(exception, Refused):
            return answer_refusal(request, exception)
        if isinstance(exception, DATABASE_ERRORS):
            close_broken_connections()
            return answer_refusal(request, refusal_of(exception))
        return None

    middleware.process_exception = process_exception
    return middleware


def paths_of_this_process(get_response):
    """What another process of this installation serves is 404 here, before anybody asks who is calling."""

    def middleware(request):
        if not is_served(request.path, by=settings.SERVES):
            return page_not_found(request, None)
        return get_response(request)

    return middleware


def language_of_calls(get_response):
    """The API answers in the language of the record, whatever language its caller reads pages in."""

    def middleware(request):
        if request.path.startswith("/api/"):
            translation.activate(settings.LANGUAGE_CODE)
        return get_response(request)

    return middleware


def _about_methods(request, response) -> HttpResponse:
    """OPTIONS is told what there is (RFC 9110 section 9.3.7); any other method that is not there is refused in words."""
    allowed = ", ".join(sorted({*response["Allow"].split(", "), "OPTIONS"}))
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers={"Allow": allowed})
    refused = answer(request, 405, Reason("method_not_allowed", f"The methods here are: {allowed}."))
    refused["Allow"] = allowed
    return refused


def close_broken_connections() -> None:
    """So that the next request of this thread starts afresh instead of on a cut line."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


def _content_type_reason(request) -> Reason | None:
    kind = request.content_type
    if kind.startswith("multipart/"):
        return Reason("multipart", "Files and multipart bodies are not accepted anywhere.")
    if request.method in SAFE or not int(request.META.get("CONTENT_LENGTH") or 0):
        return None
    expected = "application/json" if request.path.startswith("/api/") else "application/x-www-form-urlencoded"
    return None if kind == expected else Reason("media_type", f"Send {expected}.")


def _null_reasons(request) -> list[Reason]:
    """One reason for each parameter of a page that holds a null character. A call of the API asks its own, after who may call."""
    query = request.META.get("QUERY_STRING", "")
    if "%00" not in query or request.path.startswith("/api/"):
        return []
    broken = (name for name, value in parse_qsl(query, keep_blank_values=True) if "\0" in f"{name}{value}")
    names = dict.fromkeys(shown_key(name).replace("\0", "") for name in broken)
    return [Reason("null_character", f"The parameter {name} holds a null character.", status=400, parameter=name) for name in names]


def _take_in_chunks(request) -> None:
    """A body without Content-Length is read here, up to the limit, so that no rule and no parser takes it for an empty one."""
    body = request.environ["wsgi.input"].read(BODY_LIMIT + 1)
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = io.BytesIO(body)


def body_rules(get_response):
    """Refuse by header, before anything is read: multipart anywhere, foreign content types, large bodies, NUL in the query."""

    def middleware(request):
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            _take_in_chunks(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            return answer(request, 400, Reason("invalid", "Content-Length must be a number."))
        if len(length) > 9 or int(length) > BODY_LIMIT:
            return answer(request, 413, Reason("too_large", "The body is larger than 64 KiB."))
        if broken := _null_reasons(request):
            return answer(request, 400, *broken)
        if reason := _content_type_reason(request):
            return answer(request, 415, reason)
        return get_response(request)

    return middleware

"""Errors as answers: problem+json (RFC 9457) under /api/, a plain page elsewhere; never a stack, a value or a host name."""

import json
import sys

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
from django.http import HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string

from config.refusals import Reason, Refused

TITLES = {
    400: ("invalid", "The request is not valid"),
    401: ("unauthenticated", "Sign in or send a token"),
    403: ("forbidden", "You may not do this"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "This method is not allowed here"),
    409: ("conflict", "This cannot be done now"),
    412: ("stale", "It has changed since you looked"),
    413: ("too-large", "The request is too large"),
    415: ("media-type", "This kind of content is not accepted"),
    422: ("idempotency-key-reused", "The idempotency key belongs to another request"),
    428: ("precondition-required", "Say which version you mean"),
    429: ("too-many-requests", "Too many requests"),
    500: ("internal", "Something went wrong on our side"),
    503: ("unavailable", "Not available right now"),
}
RETRY_AFTER_SECONDS = "2"
# InterfaceError, a connection that is closed already, is no DatabaseError.
DATABASE_ERRORS = (DatabaseError, InterfaceError)
NOT_NULL = "23502"


def problem(status: int, reasons: tuple[Reason, ...], *, request_id: str) -> dict:
    """The body of a problem (RFC 9457 section 3.1) with `errors` and `request_id` as extension members."""
    slug, title = TITLES[status]
    detail = " ".join(dict.fromkeys(reason.detail for reason in reasons))
    errors = [reason.as_error() for reason in reasons]
    return {"type": f"/api/docs#{slug}", "title": title, "status": status, "detail": detail, "errors": errors, "request_id": request_id}


def answer(request, status: int, *reasons: Reason) -> HttpResponse:
    """A problem under /api/, a page elsewhere. Needs no database and no session."""
    request_id = getattr(request, "request_id", "")
    body = problem(status, reasons, request_id=request_id)
    if request.path.startswith("/api/"):
        response = HttpResponse(json.dumps(body), status=status, content_type="application/problem+json")
    else:
        # A page that was only read can be asked for again by a link.
        again = request.path if request.method == "GET" else ""
        response = HttpResponse(render_to_string("error.html", {"problem": body, "reasons": reasons, "again": again}), status=status)
    response["Cache-Control"] = "no-store"
    if status in (429, 503):
        response["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def refusal_of(error: DatabaseError | InterfaceError) -> Refused:
    """What a database error means to the caller. A broken rule is a conflict; everything else is a database that is away.

    A null where none may be is no rule that a caller could break: the schema is another release's.
    """
    if isinstance(error, IntegrityError) and getattr(error.__cause__, "pgcode", None) != NOT_NULL:
        return Refused(Reason("conflict", "The database refused this change because something else changed first. Look again, then retry."))
    if isinstance(error, DataError):
        return Refused(Reason("invalid", "A value does not fit where it should be stored.", status=400))
    return Refused(
        Reason("database_unavailable", "A database does not answer or takes no writes; nothing was changed. Try again shortly.", status=503)
    )


def answer_refusal(request, refusal: Refused) -> HttpResponse:
    return answer(request, refusal.status, *refusal.reasons)


def bad_request(request, exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return answer(request, 413, Reason("too_large", "The body is larger than 64 KiB."))
    if isinstance(exception, TooManyFieldsSent):
        return answer(request, 400, Reason("too_many_fields", "The form has more fields than any form of ours."))
    return answer(request, 400, Reason("invalid", "The request could not be understood."))


def permission_denied(request, exception) -> HttpResponse:
    return answer(request, 403, Reason("forbidden", "Your account has no right to this page."))


def csrf_failure(request, reason="") -> HttpResponse:
    if request.method != "POST":
        # No page takes a method of this kind, whatever token comes with it.
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    return answer(
        request, 403, Reason("csrf", "The form was too old or came from another site. Go back, reload the page and send it again.")
    )


def page_not_found(request, exception) -> HttpResponse:
    return answer(request, 404, Reason("not_found", "There is nothing here, or it is not yours to see."))


def server_error(request) -> HttpResponse:
    """Last resort. Middleware can meet a database that is away, too (sessions): that is a 503 and no fault of the caller."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_ERRORS):
        return answer_refusal(request, refusal_of(error))
    return answer(request, 500, Reason("internal", "The fault has been logged under this request id."))

"""Logs as lines of JSON: when, what, which request, who by id, which verb and how it ended. Ids and stable words; nothing that was sent."""

import json
import logging
import time
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

LINE, JSON = "line", "json"
FORMATS = (LINE, JSON)
LONGEST_MESSAGE = 500
# Of whom nobody wants a line for each time they ask.
PROBES = frozenset({"livez", "readyz", "metrics", "api/v1/readiness"})
# Looking a key up is no verb of anybody; only that it was refused is told.
UNTOLD = {("idempotency_key", "done")}
# The members that a record may bring; what else somebody hands to a logger stays out.
MEMBERS = ("verb", "outcome", "reasons", "actor_id", "channel", "token_id", "about", "method", "route", "status", "ms")

request_id: ContextVar[str] = ContextVar("request_id", default="")
calls = logging.getLogger("readiness.calls")
verbs = logging.getLogger("readiness.verbs")


class JsonLines(logging.Formatter):
    """One object a line. Of an exception its type and where it was: its text may hold a value that somebody sent."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage()[:LONGEST_MESSAGE],
            "request_id": request_id.get(),
        }
        said |= {name: getattr(record, name) for name in MEMBERS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            said |= {"error": record.exc_info[0].__name__, "trace": _places(record.exc_info[2])}
        return json.dumps({name: value for name, value in said.items() if value not in ("", None)}, default=str)


def _places(tb) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(tb, limit=-30)]


class Brief(logging.Filter):
    """What Django refuses by itself (a host that is not ours, a form with too much in it) is no fault: its kind, no trace, nothing sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.msg, record.args, record.exc_info = "refused: " + record.name.rpartition(".")[2], (), None
        return True


def settings_of(form: str, level: str) -> dict:
    """LOGGING. Lines of calls and verbs are for machines; people have the timeline."""
    told = "INFO" if form == JSON else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            LINE: {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
            JSON: {"()": "config.logs.JsonLines"},
        },
        "filters": {"brief": {"()": "config.logs.Brief"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form, "filters": ["brief"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": ["stderr"], "propagate": False},
            # Their messages are the path as it was sent; a line of the call says the route and the status.
            "django.request": {"level": "ERROR" if form == JSON else "NOTSET"},
            calls.name: {"level": told},
            verbs.name: {"level": told},
        },
    }


# --- what a line is about -------------------------------------------------------------------------------------------------------------


def call(request, status: int, began: float) -> None:
    """One line for each answer, but for probes that went well."""
    if not calls.isEnabledFor(logging.INFO):
        return
    route = getattr(request.resolver_match, "route", "")
    if route in PROBES and status < 500:
        return
    who = _who(request)
    said = {"method": request.method, "route": route, "status": status, "ms": round((time.perf_counter() - began) * 1000, 1), **who}
    calls.info("answered", extra=said)


def _who(request) -> Mapping[str, object]:
    """Who was found to call, if anybody asked; asking now would be a query."""
    actor = next((found for name in ("page_actor", "desk_actor", "api_actor") if (found := request.__dict__.get(name))), None)
    return {"actor_id": actor.user_id, "channel": actor.channel, "token_id": actor.token_id} if actor else {}


def verb(actor, name: str, outcome: str, *, reasons: list[str] | None = None, about: object = None) -> None:
    """One line for each verb that was done or refused; `reasons` are codes."""
    if verbs.isEnabledFor(logging.INFO) and (name, outcome) not in UNTOLD:
        said = {"verb": name, "outcome": outcome, "reasons": reasons, "about": about and str(about)}
        verbs.info("verb", extra=said | {"actor_id": actor.user_id or None, "channel": actor.channel, "token_id": actor.token_id})

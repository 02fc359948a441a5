"""Prometheus text exposition (format 0.0.4) of the gate: for whoever holds METRICS_TOKEN, and 404 for everybody else."""

import hmac

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min
from django.http import Http404, HttpResponse

from config.methods import require_safe
from readiness.gate import BLOCKED, READY, UNKNOWN, readiness
from readiness.registry import Result
from reviews.models import DeploymentReviewRequest, State
from reviews.record import database_now

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def allowed(request) -> bool:
    """The token of the setting, compared in constant time; with none set, nobody."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())


def _family(name: str, help_text: str, samples: list[tuple[dict[str, str], float]]) -> list[str]:
    lines = [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        named = ",".join(f'{key}="{word}"' for key, word in labels.items())
        lines.append(f"{name}{{{named}}} {value}" if named else f"{name} {value}")
    return lines


def _reviews() -> list[str]:
    """How many requests stand in each open state as of now, and how long the oldest has waited. Nothing while the draft store is away."""
    try:
        now = database_now()
        waiting = DeploymentReviewRequest.objects.as_of_now().filter(state_now=State.REVIEW_REQUESTED)
        found = waiting.aggregate(count=Count("pk"), oldest=Min("requested_at"))
    except (DatabaseError, InterfaceError):
        return []
    age = (now - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    return [
        *_family("readiness_reviews_waiting", "Review requests in review.", [({}, found["count"])]),
        *_family("readiness_review_oldest_age_seconds", "Seconds since the oldest of them was requested.", [({}, age)]),
    ]


@require_safe
def metrics(request):
    if not allowed(request):
        raise Http404
    found = readiness()
    statuses = [({"status": status}, int(found.status == status)) for status in (READY, BLOCKED, UNKNOWN)]
    results = [({"check": each.id, "result": result}, int(each.result == result)) for each in found.findings for result in Result]
    gates = [({"gate": name}, int(bool(value))) for name, value in found.answer["launch_gate"].items()]
    lines = [
        *_family("readiness_status", "Which verdict holds.", statuses),
        *_family("readiness_check", "Which result each check has.", results),
        *_family("readiness_launch_gate", "The launch gate's parts.", gates),
        *_family("readiness_probe_age_seconds", "Seconds since the facts were looked up.", [({}, round(found.age, 3))]),
        *_family("readiness_probe_cost_seconds", "Seconds that the databases took to tell them.", [({}, _cost(found))]),
        *_reviews(),
    ]
    return HttpResponse("\n".join([*lines, ""]), content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _cost(found) -> float:
    return round(max((each.cost for each in found.findings), default=0.0) / 1000, 6)

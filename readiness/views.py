"""The readiness page, the rollout gates, the JSON, and the process probes. They need no session and no database to answer."""

import uuid
from functools import partial

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from access.actors import Actor
from access.pages import account_of, page_actor
from config.methods import require_safe
from readiness import aside, history, journey, probes, rollout, rollout_words, words
from readiness.gate import json_text, readiness


@require_safe
def home(request):
    return redirect("readiness")


@require_safe
def page(request):
    """The draft store is asked beside the gate, so that its silence adds next to nothing to the time of an answer."""
    changes, (account, actor) = aside.start(history.recent), signed_in(request)
    work = aside.start(partial(journey.newest_work, actor)) if actor else lambda: None
    found = readiness()
    shown = words.page(found, history=changes(), work=work(), issuer=settings.RECEIPT_ISSUER)
    return render(request, "readiness/readiness.html", shown | {"account": account})


def signed_in(request) -> tuple[dict | None, Actor | None]:
    """What the header shows of who is signed in, and the actor; neither when nobody is, or when the primary cannot be asked."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or probes.latest().primary is None:
        return None, None
    try:
        return (account_of(request), page_actor(request)) if request.user.is_authenticated else (None, None)
    except (DatabaseError, InterfaceError):
        return None, None


@require_safe
def rollout_gates(request):
    """Criteria for everybody; live state for who is signed in, while both databases answer."""
    account, actor = signed_in(request)
    wanted = {name: _request_id(request.GET[key]) for name, key in (("chosen", "request"), ("after", "after")) if key in request.GET}
    found = aside.tolerant(partial(rollout.live, actor, **wanted)) if actor and probes.latest().store else None
    shown = {
        "section": "gates",
        "gates": rollout_words.ROLLOUT_GATES,
        "account": account,
        "board": rollout_words.board(found) if found else None,
    }
    return render(request, "readiness/rollout_gates.html", shown)


def _request_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None


@require_safe
def readiness_json(request):
    found = readiness()
    response = HttpResponse(json_text(found), content_type="application/json")
    response["Cache-Control"] = "no-store"
    response["Age"] = str(int(found.age))
    return response


@require_safe
def livez(request):
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request):
    """503 with the names of the sides that are away; never why."""
    facts = probes.latest(patience=probes.RUN_SECONDS)
    away = [name for name, side in (("primary", facts.primary), ("self_service", facts.store)) if side is None]
    return JsonResponse({"ready": not away, "away": away}, status=503 if away else 200, headers={"Cache-Control": "no-store"})

"""The readiness page, the rollout gates, the JSON, and the process probes. They need no session and no database to answer."""

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from access.pages import account_of
from config.databases import PRIMARY, STORE
from readiness import words
from readiness.gate import json_text, readiness
from readiness.looks import look


@require_safe
def home(request):
    return redirect("readiness")


@require_safe
def page(request):
    found = readiness()
    return render(request, "readiness/readiness.html", words.page(found) | {"account": account(request)})


def account(request) -> dict | None:
    """What the header shows of who is signed in; nothing when nobody is, or when the primary cannot be asked."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    try:
        return account_of(request) if request.user.is_authenticated else None
    except (DatabaseError, InterfaceError):
        return None


@require_safe
def rollout_gates(request):
    return render(request, "readiness/rollout_gates.html", {"section": "gates", "gates": words.ROLLOUT_GATES, "account": account(request)})


@require_safe
def readiness_json(request):
    found = readiness()
    response = HttpResponse(json_text(found), content_type="application/json")
    response["Cache-Control"] = "no-store"
    response["Age"] = str(int(found.age))
    return response


@require_safe
def docs(request):
    return render(request, "readiness/api_docs.html", {"problems": words.PROBLEMS, "account": account(request)})


@require_safe
def livez(request):
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request):
    """503 with the names of the sides that are away; never why."""
    away = [name for name, alias in (("primary", PRIMARY), ("self_service", STORE)) if look(alias) is None]
    return JsonResponse({"ready": not away, "away": away}, status=503 if away else 200, headers={"Cache-Control": "no-store"})

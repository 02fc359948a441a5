"""How many statements a page asks of each database, the session among them; on the demo's stories, by the views themselves."""

import os
from collections import Counter

os.environ["READINESS_PROCESS"] = "server"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django  # noqa: E402

django.setup()

from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from access.models import User  # noqa: E402
from benchmarks.worker import serve  # noqa: E402
from config.databases import PRIMARY, STORE  # noqa: E402
from reviews.guide import page_of  # noqa: E402
from reviews.models import DeploymentReviewRequest, State  # noqa: E402

HOST = "127.0.0.1"


def _of(state: str) -> DeploymentReviewRequest:
    return DeploymentReviewRequest.objects.filter(state=state, environment__slug="production").order_by("created_at").first()


def pages() -> dict[str, tuple[str, str]]:
    """Name → (who looks, path)."""
    draft, asked, approved = _of(State.DRAFT), _of(State.REVIEW_REQUESTED), _of(State.APPROVED)
    desk = f"/admin/reviews/deploymentreviewrequest/{asked.pk}"
    return {
        "readiness": ("", "/self-service/readiness"),
        "rollout gates": ("owner", "/self-service/rollout-gates"),
        "owner home": ("owner", reverse("plans")),
        "plan": ("owner", reverse("plan", args=[approved.plan_id])),
        "confirmation form": ("owner", page_of("confirmation", draft, kind="sla")),
        "check answers": ("owner", page_of("check_answers", draft)),
        "timeline": ("owner", page_of("timeline", approved)),
        "admin queue": ("release", "/admin/reviews/deploymentreviewrequest/"),
        "packet page": ("release", f"{desk}/change/"),
        "decide page": ("security", f"{desk}/decide/"),
    }


def statements() -> dict[str, list[int]]:
    """Name → [of the primary, of the draft store], at the second look: the first one finds what a process asks once."""
    found, clients = {}, {"": Client()}
    for name, (who, path) in pages().items():
        if who not in clients:
            clients[who] = Client()
            clients[who].force_login(User.objects.get(username=who))
        for _ in range(2):
            found[name] = _asked(clients[who], path)
    return found


def _asked(client: Client, path: str) -> list[int]:
    counted: Counter = Counter()

    def note(execute, sql, params, many, context):
        counted[context["connection"].alias] += 1
        return execute(sql, params, many, context)

    with connections[PRIMARY].execute_wrapper(note), connections[STORE].execute_wrapper(note):
        answer = client.get(path, HTTP_HOST=HOST)
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code}")
    return [counted[PRIMARY], counted[STORE]]


if __name__ == "__main__":
    serve(statements=statements)

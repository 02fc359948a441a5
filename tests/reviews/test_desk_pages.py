"""Every page of the desk in every state: valid HTML with nothing inline, few questions to the databases, little over the wire."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access.models import ApiToken
from access.tokens import create_token
from reviews import freezes, policies, webhooks
from reviews.models import OutboxMessage
from reviews.record import database_now
from tests.factories import PRODUCTION_RULES, Story, actor, make_environment, make_user
from tests.markup import problems
from tests.pages import DESK, Visitor, desk_path
from tests.reviews.test_pages import STATES, over_the_wire

pytestmark = pytest.mark.usefixtures("both_stores")
PAGES = ("change/", "decide/", "comment/", "revoke/", "timeline/", "print/")
MOST_QUERIES, MOST_BYTES = 25, 60_000


def wrong_with(visitor: Visitor, path: str, **said) -> Iterator[str]:
    """What one page is too much of, in words."""
    with CaptureQueriesContext(connections["default"]) as primary, CaptureQueriesContext(connections["self_service"]) as store:
        page = visitor.post(path, **said) if said else visitor.get(path)
    if page.status_code in (403, 404, 405):
        return
    assert page.status_code in (200, 400, 409), (path, page.status_code)
    yield from (f"{path}: {words}" for words in problems(page.content.decode()))
    if (asked := len(primary) + len(store)) > MOST_QUERIES and not said:
        yield f"{path}: {asked} questions"
    if (size := over_the_wire(page)) > MOST_BYTES:
        yield f"{path}: {size} bytes"


@pytest.mark.parametrize("state", STATES)
def test_pages_of_a_request_are_valid_and_light_in_every_state(state):
    story = Story()
    make_environment("staging")
    review_request = STATES[state](story)
    people = (story.release, make_user("auditor", groups=("auditors",)), make_user("operator", groups=("operators",)))
    paths = [DESK, f"{DESK}?queue=all", f"{DESK}?q=nothing", *(desk_path(review_request, rest) for rest in PAGES)]

    assert [words for user in people for path in paths for words in wrong_with(Visitor(user), path)] == []


@pytest.fixture
def full(settings) -> dict:
    """Something on every list; the parts of the addresses that lead to it."""
    settings.WEBHOOK_KEY = b"a key that is long enough for a test"
    story, operator = Story(), make_user("operator", groups=("operators",))
    who, now = actor(operator, channel="admin"), database_now()
    hook = webhooks.add(who, url="https://hooks.example.org/x")
    story.approved()
    freeze = freezes.freeze(who, story.environment, starts_at=now, ends_at=now + timedelta(days=1), reason="Year end")
    proposal = policies.propose_policy(who, story.environment, rules=PRODUCTION_RULES, required_confirmations=["owner"])
    create_token(story.owner, scopes=["read"], lifetime=timedelta(days=1))
    addresses = {"<int:user_id>": story.owner.pk, "<slug:slug>": "production", "<uuid:object_id>": hook.pk}
    addresses["<uuid:public_id>"] = ApiToken.objects.get().public_id
    message = OutboxMessage.objects.filter(endpoint=hook).first()
    return addresses | {"operator": operator, "freeze": freeze.pk, "proposal": proposal.pk, "message": message.pk}


def organisation_paths(full: dict) -> list[str]:
    paths = [f"/admin/{address}" for address, _, _ in admin.site.pages]
    for part, value in full.items():
        paths = [path.replace(part, str(value)) if part.startswith("<") else path for path in paths]
    return [
        *paths,
        f"/admin/organisation/people/{full['operator'].pk}/groups/",
        reverse("admin:freeze", args=["production"]),
        reverse("admin:end_freeze", args=[full["freeze"]]),
        reverse("admin:propose_policy", args=["production"]),
        reverse("admin:settle_policy", args=[full["proposal"]]),
        reverse("admin:send_again", args=[full["message"]]),
    ]


def test_operators_pages_are_valid_and_light_also_when_they_refuse(full):
    operator = Visitor(full["operator"])
    found = [words for path in organisation_paths(full) for words in wrong_with(operator, path)]
    found += [words for path in organisation_paths(full) for words in wrong_with(operator, path, nonsense="1")]
    assert found == []


@pytest.mark.parametrize("group", ["auditors", "operators"])
def test_lists_and_records_are_valid_and_light(full, group):
    looking = Visitor(make_user("looking", groups=(group,)))
    paths = ["/admin/", "/admin/reviews/", "/admin/search/", "/admin/search/?of=events", "/admin/search/?digest=zz"]
    for model, registered in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths.append(reverse(f"{name}_changelist"))
        first = model.objects.first()
        paths += [reverse(f"{name}_change", args=[first.pk])] if first is not None and registered.list_display_links is not None else []
    assert [words for path in paths for words in wrong_with(looking, path)] == []

"""F03 for tokens: one that was checked a moment ago drafts on while the primary is away, within what it was then; no other is let in."""

import secrets
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from access import checked, tokens
from access.models import ApiToken
from reviews.models import State, Vote
from tests.calls import Caller, codes
from tests.factories import CONFIRMATION_FIELDS, PLAN_FIELDS, VALID_UNTIL, Story

SAID = {"evidence_url": "https://evidence.example.org/1", "valid_until": VALID_UNTIL}


@pytest.fixture(autouse=True)
def nothing_checked(monkeypatch):
    monkeypatch.setattr(tokens, "_checked", checked.CheckedTokens())


@pytest.fixture
def story(primary):
    return Story()


def checked_caller(story: Story, *scopes: str) -> Caller:
    caller = Caller(story.owner, *scopes)
    assert caller.get("whoami/").status_code in (200, 403)  # whoami is beyond some scopes, and the token was checked all the same
    return caller


def status(caller: Caller, path: str = "plans/") -> int:
    return caller.get(path).status_code


def step(caller: Caller, method: str, path: str, body: dict):
    version = caller.get(path.partition("/confirmations/")[0].rstrip("/") + "/").json()["version"]
    return caller.call(method, path, body, version=version)


def test_F03_checked_token_drafts_opens_confirms_recalls_and_withdraws_without_the_primary(story, primary):
    caller, in_review = checked_caller(story), story.in_review()
    primary.refuse()

    plan = caller.post("plans/", {**PLAN_FIELDS, "partner": story.partner.slug, "external_reference": "host-request-alone"})
    opened = caller.post("review-requests/", {"plan": plan.json()["id"], "environment": "production"})
    path = f"review-requests/{opened.json()['id']}/"
    confirmed = [
        step(caller, "put", f"{path}confirmations/{kind}/", {"fields": fields, **SAID}).status_code
        for kind, fields in CONFIRMATION_FIELDS.items()
    ]
    version = caller.get(path).json()["version"]
    withdrawn = caller.post(f"{path}withdraw/", {"comment": "another day"}, version=version)
    recalled = caller.post(f"review-requests/{in_review.pk}/recall/", version=in_review.version)

    assert (plan.status_code, opened.status_code, set(confirmed)) == (201, 201, {200})
    assert (withdrawn.json()["state"], recalled.json()["state"]) == (State.WITHDRAWN, State.DRAFT)


def test_F03_checked_token_asks_the_gate_without_the_primary_and_is_told_why_it_is_shut(story, primary):
    story.approved()
    caller = checked_caller(story, "gate")
    primary.refuse()

    answer = caller.get("gate/", plan=str(story.plan.pk), environment="production").json()

    assert (answer["may_launch"], answer["verdict"], answer["receipt"] is not None) == (False, "allow", True)
    assert {blocker["code"] for blocker in answer["blockers"]} == {"readiness_unknown"}


def test_F03_request_review_by_a_checked_token_waits_for_the_primary(story, primary):
    caller, opened = checked_caller(story), story.open()
    for kind, fields in CONFIRMATION_FIELDS.items():
        step(caller, "put", f"review-requests/{opened.pk}/confirmations/{kind}/", {"fields": fields, **SAID})
    version = caller.get(f"review-requests/{opened.pk}/").json()["version"]
    primary.refuse()

    answer = caller.post(f"review-requests/{opened.pk}/request-review/", version=version)

    assert (answer.status_code, codes(answer), answer["Retry-After"]) == (503, ["primary_unavailable"], "2")
    assert not Vote.objects.exists()


def test_F03_scopes_and_partners_are_those_of_the_last_check(story, primary):
    caller = checked_caller(story, "read")
    primary.refuse()

    assert status(caller) == 200
    answer = caller.post("plans/", {**PLAN_FIELDS, "partner": story.partner.slug, "external_reference": "host-request-x"})
    assert (answer.status_code, codes(answer)) == (403, ["scope_missing"])


def test_F03_token_that_nobody_checked_is_503(story, primary):
    caller = Caller(story.owner)
    primary.refuse()

    answer = caller.get("plans/")

    assert (answer.status_code, codes(answer)) == (503, ["database_unavailable"])


def test_F03_check_counts_for_a_minute_at_most(story, primary, monkeypatch):
    assert checked.KEPT_SECONDS <= 60
    monkeypatch.setattr(checked, "KEPT_SECONDS", 0.3)
    caller = checked_caller(story)
    primary.refuse()
    assert status(caller) == 200

    time.sleep(0.35)

    assert status(caller) == 503
    primary.pass_on()
    connections["default"].close()
    assert status(caller) == 200


def test_F03_using_a_token_meanwhile_does_not_prolong_its_check(story, primary, monkeypatch):
    monkeypatch.setattr(checked, "KEPT_SECONDS", 0.4)
    caller, end = checked_caller(story), time.monotonic() + 0.45
    primary.refuse()

    while time.monotonic() < end:
        status(caller)

    assert status(caller) == 503


def test_F03_end_of_a_checked_token_is_honoured(story, primary):
    caller = Caller(story.owner)
    ApiToken.objects.update(expiry=timezone.now() + timedelta(seconds=0.5))
    assert status(caller) == 200
    primary.refuse()
    assert status(caller) == 200

    time.sleep(0.55)

    assert status(caller) == 503


@pytest.mark.parametrize("end", ["revoked", "inactive"])
def test_F03_token_that_the_primary_refused_since_is_not_let_in(story, primary, end):
    caller = checked_caller(story)
    if end == "revoked":
        ApiToken.objects.all().delete()
    else:
        story.owner.is_active = False
        story.owner.save()
    assert status(caller) == 401
    primary.refuse()

    assert status(caller) == 503


def test_F03_primary_that_answers_is_always_asked(story):
    caller = checked_caller(story)

    ApiToken.objects.all().delete()

    assert status(caller) == 401


@pytest.mark.parametrize("statement", ["ALTER TABLE access_apitoken RENAME COLUMN scopes TO elsewhere"])
def test_F13_schema_of_another_release_is_an_answer_and_lets_nobody_in(story, statement):
    caller = checked_caller(story)
    with connections["default"].cursor() as cursor:
        cursor.execute(statement)
    try:
        assert status(caller) == 503
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute("ALTER TABLE access_apitoken RENAME COLUMN elsewhere TO scopes")


def test_memory_of_checked_tokens_is_bounded_and_holds_the_newest(monkeypatch):
    monkeypatch.setattr(checked, "KEPT_MOST", 3)
    memory, token = checked.CheckedTokens(), ApiToken(expiry=timezone.now() + timedelta(hours=1))

    for digest in "abcade":
        memory.keep(digest, token)

    assert [digest for digest in "abcde" if memory.find(digest)] == ["a", "d", "e"]


def test_memory_holds_neither_token_nor_password(story):
    caller = checked_caller(story)

    ((digest, (kept, _)),) = tokens._checked._kept.items()

    assert caller.token not in f"{digest}{vars(kept)}{vars(kept.user)}"
    assert "password" not in vars(kept.user)


def test_unknown_token_leaves_nothing_in_memory(story):
    caller = Caller(story.owner)
    caller.client.credentials(HTTP_AUTHORIZATION=f"Token rdy_{secrets.token_hex(32)}")

    assert status(caller) == 401
    assert not tokens._checked._kept

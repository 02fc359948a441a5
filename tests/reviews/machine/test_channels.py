"""The table of test_table.py once more, by API and on pages: another channel is not another rule. And W14: every channel knows the time."""

import pytest

from reviews.models import DeploymentReviewRequest
from tests.calls import Caller
from tests.clock import lapse
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL
from tests.invariants import assert_consistent
from tests.pages import Visitor, desk_path, request_path, text_of
from tests.reviews.machine.cast import Cast, undone
from tests.reviews.machine.test_table import ROLES, expected

pytestmark = pytest.mark.usefixtures("both_stores")
STATES = {
    "draft": Cast.confirmed,
    "review_requested": Cast.in_review,
    "changes_requested": Cast.changes_requested,
    "approved": Cast.approved,
    "withdrawn": Cast.withdrawn,
    "expired": Cast.in_review,
}
SUPPORT = {"fields": CONFIRMATION_FIELDS["support"], "valid_until": VALID_UNTIL}
# verb → (method, path below the request, body)
CALLS = {
    "edit_subject": ("patch", "", {"subject": []}),
    "confirm": ("put", "confirmations/support/", SUPPORT),
    "request_review": ("post", "request-review/", {}),
    "recall": ("post", "recall/", {}),
    "withdraw": ("post", "withdraw/", {"comment": "why"}),
    "revoke": ("post", "revoke/", {"comment": "why"}),
    "comment": ("post", "comment/", {"comment": "well"}),
}


def found(asked: DeploymentReviewRequest) -> DeploymentReviewRequest:
    return DeploymentReviewRequest.objects.as_of_now().get(pk=asked.pk)


def made(state: str, cast: Cast) -> DeploymentReviewRequest:
    asked = STATES[state](cast)
    if state == "expired":
        lapse(asked)
    assert found(asked).state_now == state
    return asked


@pytest.mark.parametrize("state", STATES)
def test_W01_each_verb_in_each_state_by_each_role_by_api(state):
    cast = Cast()
    asked = made(state, cast)
    callers = {role: Caller(cast.people[role]) for role in ROLES}
    for verb, (method, path, body) in CALLS.items():
        for role in ROLES:
            status = expected(verb, role, state=state, asked=state != "draft")
            answer = undone(
                lambda role=role, method=method, path=path, body=body: callers[role].call(
                    method, f"review-requests/{asked.pk}/{path}", body, version=found(asked).version
                )
            )
            assert answer.status_code == status, (verb, role, answer.content)
    assert found(asked).state_now == state
    assert_consistent()


@pytest.mark.parametrize("state", STATES)
def test_W01_A09_no_call_of_the_api_votes(state):
    cast = Cast()
    asked = made(state, cast)
    for role in ("release", "super_release", "operator"):
        for word in ("approve", "vote", "reject", "decide", "request-changes"):
            body = {"choice": "approve", "digest": asked.digest}
            assert Caller(cast.people[role]).post(f"review-requests/{asked.pk}/{word}/", body, version=asked.version).status_code == 404
    assert found(asked).votes.count() == (2 if state == "approved" else 1 if state == "changes_requested" else 0)


@pytest.mark.parametrize("state", ["review_requested", "changes_requested", "approved"])
def test_W14_every_channel_says_expired_although_no_job_has_run(state):
    cast = Cast()
    asked = STATES[state](cast)
    lapse(asked)
    owner, auditor = Caller(cast.owner), Visitor(cast.people["auditor"])

    assert owner.get(f"review-requests/{asked.pk}/").json()["state"] == "expired"
    assert [one["id"] for one in owner.get("review-requests/", state="expired").json()["results"]] == [str(asked.pk)]
    assert owner.get("review-requests/", state=state).json()["results"] == []
    gate = Caller(cast.owner, "gate").get("gate/", plan=str(asked.plan_id), environment="production").json()
    assert gate["may_launch"] is False
    assert gate["blockers"]
    assert "Expired" in text_of(Visitor(cast.owner).get(request_path(asked)))
    assert "Expired" in text_of(auditor.get(desk_path(asked)))
    assert DeploymentReviewRequest.objects.get(pk=asked.pk).state == state


def test_W14_the_desk_takes_no_vote_on_what_has_lapsed():
    cast = Cast()
    asked = cast.in_review()
    lapse(asked)
    reviewer = Visitor(cast.release)
    answer = reviewer.submit(desk_path(asked, "decide/"), choice="approve", conditions="", comment="", digest=asked.digest)
    assert answer.status_code == 409
    assert not found(asked).votes.exists()

"""State × verb × role against a table written from product.md, not from the code."""

import pytest

from drafts.coverage import append_move, edit_plan
from reviews import decisions
from reviews.models import DeploymentReviewRequest
from tests.factories import confirm_all
from tests.invariants import assert_consistent, refused
from tests.reviews.machine.cast import MOVE, Cast, confirm, lapsed, undone

pytestmark = pytest.mark.usefixtures("both_stores")

ROLES = (
    ("owner", "requester", "viewer", "outsider", "release", "security")
    + ("release_owner", "release_author", "auditor", "operator", "superuser", "super_release")
)  # fmt: skip
OWNERS = {"owner", "requester", "release_owner", "release_author"}
REVIEWERS = {"release", "security", "release_owner", "release_author", "super_release"}
ELIGIBLE = REVIEWERS - {"release_author"}
INSIDERS = OWNERS | {"viewer", "auditor", "operator", "superuser", "super_release"}
EVERYBODY = INSIDERS | REVIEWERS

OPEN = {"draft", "review_requested", "changes_requested"}
ENDED = {"rejected", "withdrawn", "expired", "revoked"}
EVERY_STATE = OPEN | ENDED | {"approved"}

# verb: (states it works in, roles it works for, state it leads to; None: it stays)
TABLE = {
    "edit_subject": ({"draft", "changes_requested"}, OWNERS, None),
    "confirm": ({"draft", "changes_requested"}, OWNERS, None),
    "name_person": ({"draft", "changes_requested"}, OWNERS, None),
    "request_review": ({"draft", "changes_requested"}, OWNERS, "review_requested"),
    "approve": ({"review_requested"}, ELIGIBLE, None),
    "approve_with_conditions": ({"review_requested"}, ELIGIBLE, None),
    "request_changes": ({"review_requested"}, ELIGIBLE, "changes_requested"),
    "reject": ({"review_requested"}, ELIGIBLE, "rejected"),
    "recall": ({"review_requested"}, OWNERS, "draft"),
    "withdraw": (OPEN, OWNERS, "withdrawn"),
    "comment": (EVERY_STATE, EVERYBODY, None),
    "revoke": ({"approved"}, OWNERS | REVIEWERS | {"operator"}, "revoked"),
}
# These are about the plan, whose own state follows: it is closed to edits while in review or approved.
PLAN_TABLE = {
    "open": (ENDED | {"approved"}, OWNERS),
    "edit_plan": (EVERY_STATE - {"review_requested", "approved"}, OWNERS),
    "append_move": (EVERY_STATE - {"review_requested", "approved"}, OWNERS),
    "expand": ({"approved"}, OWNERS),
}
VOTES = ("approve", "approve_with_conditions", "request_changes", "reject")
CALLS = {
    "edit_subject": lambda who, asked: decisions.edit_subject(who, asked.pk, subject=[]),
    "confirm": lambda who, asked: confirm(who, asked.pk),
    "name_person": lambda who, asked: decisions.name_person(who, asked.pk, "support", username="viewer"),
    "request_review": lambda who, asked: decisions.request_review(who, asked.pk),
    "recall": lambda who, asked: decisions.recall(who, asked.pk),
    "withdraw": lambda who, asked: decisions.withdraw(who, asked.pk, comment="why"),
    "comment": lambda who, asked: decisions.comment(who, asked.pk, comment="well"),
    "revoke": lambda who, asked: decisions.revoke(who, asked.pk, comment="why"),
    "open": lambda who, asked: decisions.open_request(who, plan_id=asked.plan_id, environment_slug="production"),
    "edit_plan": lambda who, asked: edit_plan(who, asked.plan_id, fields={"name": "Another name"}),
    "append_move": lambda who, asked: append_move(who, asked.plan_id, fields=MOVE),
    "expand": lambda who, asked: decisions.expand(who, asked.plan_id),
}
STATES = {
    "draft": Cast.confirmed,
    "recalled": Cast.recalled,
    "review_requested": Cast.in_review,
    "changes_requested": Cast.changes_requested,
    "approved": Cast.approved,
    "rejected": Cast.rejected,
    "withdrawn": Cast.withdrawn,
    "revoked": Cast.revoked,
}


def call(verb: str, who, asked: DeploymentReviewRequest):
    if verb not in VOTES:
        return CALLS[verb](who, asked)
    conditions = ["only in the evening"] if verb == "approve_with_conditions" else None
    return decisions.vote(who, asked.pk, choice=verb, digest=asked.digest, comment="seen", conditions=conditions)


def expected(verb: str, role: str, *, state: str, asked: bool) -> int:
    """The status we owe: 200, or that of the refusal. `asked`: reviewers have been asked once, so they see it."""
    if verb in PLAN_TABLE:
        return _expected_of_plan(verb, role, state)
    states, roles, _ = TABLE[verb]
    if role not in (EVERYBODY if asked else INSIDERS):
        return 404
    if verb in VOTES and not asked:
        return 409
    if not asked and verb == "revoke":
        roles = OWNERS | {"operator"}
    return 403 if role not in roles else 200 if state in states else 409


def _expected_of_plan(verb: str, role: str, state: str) -> int:
    states, roles = PLAN_TABLE[verb]
    if role not in INSIDERS:
        return 400 if verb == "open" else 404
    return 403 if role not in roles else 200 if state in states else 409


def check(cast: Cast, review_request: DeploymentReviewRequest, verb: str, *, state: str, asked: bool) -> None:
    for role in ROLES:
        who = cast.actor(role)
        status = expected(verb, role, state=state, asked=asked)
        if status == 200:
            undone(lambda who=who: _works(verb, who, review_request))
        else:
            undone(lambda who=who, status=status: refused(lambda: call(verb, who, review_request), status=status))


def _works(verb: str, who, review_request: DeploymentReviewRequest) -> None:
    before = DeploymentReviewRequest.objects.get(pk=review_request.pk)
    call(verb, who, review_request)
    target = TABLE[verb][2] if verb in TABLE else None
    assert DeploymentReviewRequest.objects.get(pk=review_request.pk).state == (target or before.state)
    assert_consistent()


@pytest.mark.parametrize("verb", [*TABLE, *PLAN_TABLE])
@pytest.mark.parametrize("word", STATES)
def test_W01_each_verb_in_each_state_by_each_role(word, verb):
    cast = Cast()
    review_request = STATES[word](cast)
    check(cast, review_request, verb, state=review_request.state, asked=word != "draft")


def test_W13_W14_an_expired_request_accepts_no_verb_although_no_job_has_run():
    cast = Cast(review_seconds=0)
    review_request = lapsed(cast.in_review())
    assert review_request.state == "review_requested"
    _all_verbs_find_it_expired(cast, review_request)


def test_W13_W14_changes_requested_expires_by_the_clock_alone():
    cast = Cast(review_seconds=1)
    review_request = lapsed(cast.changes_requested())
    assert review_request.state == "changes_requested"
    _all_verbs_find_it_expired(cast, review_request)


def test_W13_W14_an_approval_expires_by_the_clock_alone():
    cast = Cast(approval_seconds=1)
    review_request = lapsed(cast.approved())
    assert review_request.state == "approved"
    _all_verbs_find_it_expired(cast, review_request)


def test_W13_a_written_expiry_accepts_no_verb():
    cast = Cast(review_seconds=0)
    review_request = lapsed(cast.in_review())
    cast.open()
    written = DeploymentReviewRequest.objects.get(pk=review_request.pk)
    assert written.state == "expired"
    assert_consistent()
    for verb in TABLE:
        check(cast, written, verb, state="expired", asked=True)


def _all_verbs_find_it_expired(cast: Cast, review_request: DeploymentReviewRequest) -> None:
    for verb in TABLE:
        check(cast, review_request, verb, state="expired", asked=True)
    for role in ("owner", "viewer", "release", "outsider"):
        undone(lambda role=role: _plan_is_free_again(cast, role))


def _plan_is_free_again(cast: Cast, role: str) -> None:
    if role != "owner":
        refused(lambda: edit_plan(cast.actor(role), cast.plan.pk, fields={"name": "Other"}))
        return
    edit_plan(cast.actor(role), cast.plan.pk, fields={"name": "Other"})
    successor = decisions.open_request(cast.actor(role), plan_id=cast.plan.pk, environment_slug="production")
    confirm_all(cast.owner, successor)
    assert_consistent()


def test_W13_an_id_of_an_ended_request_is_never_used_again():
    cast = Cast()
    ended = cast.withdrawn()
    assert cast.open().pk != ended.pk

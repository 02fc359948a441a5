"""What every verb owes alike: exactly its scope, its own name in the denial, one event that tells who, as what and from where to where, and
an answer that says what is stored."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from access.actors import Actor
from access.models import Scope, User
from reviews import decisions
from reviews.models import Confirmation, DeploymentReviewRequest, Event
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL, make_user
from tests.invariants import assert_consistent, refused
from tests.reviews.machine.cast import Cast

pytestmark = pytest.mark.usefixtures("both_stores")
SUBJECT = [{"name": "app", "digest": {"sha256": "a" * 64}}]
SAID = {"fields": CONFIRMATION_FIELDS["sla"], "valid_until": VALID_UNTIL}


@dataclass(frozen=True)
class Verb:
    """`begin`: makes what it is about; `call`: the verb with an actor and that; `walk`: from which state to which; `grows`: versions."""

    scope: str
    begin: Callable
    call: Callable
    walk: tuple[str, str]
    role: str = "owner"
    grows: int = 1
    comment: str = ""
    detail: dict | None = None


def _confirm(who: Actor, pk: uuid.UUID, **more) -> Confirmation:
    return decisions.confirm(who, pk, "sla", **SAID, **more)


def _name(who: Actor, pk: uuid.UUID, **more) -> Confirmation:
    return decisions.name_person(who, pk, "sla", username="viewer", **more)


VERBS = {
    "edit_subject": Verb(
        "draft", Cast.open, lambda who, pk, **more: decisions.edit_subject(who, pk, subject=SUBJECT, **more), ("draft", "draft")
    ),
    "confirm": Verb("draft", Cast.open, _confirm, ("draft", "draft"), detail={"kind": "sla"}),
    "name_person": Verb("draft", Cast.open, _name, ("draft", "draft"), detail={"kind": "sla", "named": "viewer"}),
    "request_review": Verb("request", Cast.confirmed, decisions.request_review, ("draft", "review_requested")),
    "recall": Verb("request", Cast.in_review, decisions.recall, ("review_requested", "draft")),
    "withdraw": Verb(
        "request", Cast.open, lambda who, pk, **more: decisions.withdraw(who, pk, comment="no", **more), ("draft", "withdrawn"),
        comment="no",
    ),
    "comment": Verb(
        "request",
        Cast.in_review,
        lambda who, pk, **more: decisions.comment(who, pk, comment="well", **more),
        ("review_requested", "review_requested"),
        grows=0,
        comment="well",
    ),
    "revoke": Verb(
        "request", Cast.approved, lambda who, pk, **more: decisions.revoke(who, pk, comment="stop", **more), ("approved", "revoked"),
        comment="stop",
    ),
}  # fmt: skip
each_verb = pytest.mark.parametrize("name", VERBS)


def token(user: User, *scopes: str) -> Actor:
    return Actor(user.pk, user.username, channel="api", token_id="00000000-0000-4000-8000-000000000000", scopes=frozenset(scopes))


def stored(pk: uuid.UUID) -> DeploymentReviewRequest:
    return DeploymentReviewRequest.objects.get(pk=pk)


@each_verb
def test_exactly_its_scope_lets_it_through_and_it_leaves_one_event_and_says_what_is_stored(name):
    verb, cast = VERBS[name], Cast()
    before = stored(verb.begin(cast).pk)
    count = before.events.count()

    answer = verb.call(token(cast.people["owner"], verb.scope), before.pk, version=before.version)

    after = stored(before.pk)
    (event,) = after.events.order_by("number")[count:]
    assert (event.verb, event.actor, event.channel, event.token_id) == (name, "co-owner", "api", "00000000-0000-4000-8000-000000000000")
    assert (event.role, event.from_state, event.to_state, event.comment) == (verb.role, *verb.walk, verb.comment)
    assert (event.detail, event.revision, event.digest) == (verb.detail or {}, after.revision, after.digest)
    assert after.version == before.version + verb.grows
    said = answer.review_request if isinstance(answer, Confirmation) else answer
    assert (said.pk, said.version, said.state, said.subject) == (after.pk, after.version, after.state, after.subject)
    if name == "edit_subject":
        assert after.subject == SUBJECT
    assert_consistent()


@each_verb
def test_no_other_scope_does_it(name):
    verb, cast = VERBS[name], Cast()
    review_request = verb.begin(cast)
    others = [scope for scope in Scope.values if scope != verb.scope]
    refusal = refused(lambda: verb.call(token(cast.people["owner"], *others), review_request.pk), "scope_missing", status=403, verb=name)
    assert verb.scope in refusal.reasons[0].detail


@each_verb
def test_another_version_is_refused_and_the_right_one_is_named(name):
    verb, cast = VERBS[name], Cast()
    review_request = verb.begin(cast)
    version = stored(review_request.pk).version
    for wrong in (version - 1, version + 1):
        refusal = refused(
            lambda wrong=wrong: verb.call(cast.actor("owner"), review_request.pk, version=wrong), "stale_version", status=412, verb=name
        )
        assert refusal.reasons[0].version == version


@each_verb
def test_what_is_not_there_or_not_to_be_seen_is_named_and_nothing_else(name):
    verb, cast = VERBS[name], Cast()
    review_request = verb.begin(cast)
    for who, pk in ((cast.actor("owner"), uuid.uuid4()), (cast.actor("outsider"), review_request.pk)):
        refusal = refused(lambda who=who, pk=pk: verb.call(who, pk), "not_found", status=404, verb=name)
        assert refusal.reasons[0].detail == "There is no such review request, or it is not yours to see."


@each_verb
def test_a_viewer_may_comment_and_no_more(name):
    verb, cast = VERBS[name], Cast()
    review_request = verb.begin(cast)
    if name == "comment":
        verb.call(cast.actor("viewer"), review_request.pk)
        assert Event.objects.get(verb="comment").role == "viewer"
    else:
        refused(lambda: verb.call(cast.actor("viewer"), review_request.pk), status=403, verb=name)


# --- open and expand, which are about a plan ------------------------------------------------------------------------------------------


def test_open_takes_the_scope_draft_and_tells_who_opened_it():
    cast = Cast()
    who = {"plan_id": cast.plan.pk, "environment_slug": "production"}
    others = [scope for scope in Scope.values if scope != "draft"]
    refused(lambda: decisions.open_request(token(cast.people["owner"], *others), **who), "scope_missing", status=403, verb="open")

    opened = decisions.open_request(token(cast.people["owner"], "draft"), **who, subject=SUBJECT)

    event = opened.events.get()
    assert (event.verb, event.role, event.from_state, event.to_state) == ("open", "owner", "", "draft")
    assert (opened.opened_by, opened.opened_by_id, opened.subject) == ("co-owner", cast.people["owner"].pk, SUBJECT)
    assert (opened.state_now, opened.predecessor, opened.version) == ("draft", None, 1)


def test_open_says_everything_that_is_wrong_at_once():
    cast = Cast()
    cast.open()
    reader = token(cast.people["owner"], "read")
    wrong = {"plan_id": cast.plan.pk, "environment_slug": "production", "subject": "x", "predecessor_id": uuid.uuid4()}
    refused(
        lambda: decisions.open_request(reader, **wrong),
        "scope_missing",
        "invalid",
        "unknown_predecessor",
        "open_request_exists",
        verb="open",
    )


def test_expand_takes_the_scope_draft_and_tells_of_which_plan():
    cast = Cast()
    approved = cast.approved()
    others = [scope for scope in Scope.values if scope != "draft"]

    def call(*scopes):
        return decisions.expand(token(cast.people["owner"], *scopes), approved.plan_id)

    refused(lambda: call(*others), "scope_missing", status=403, verb="expand")
    refused(lambda: decisions.expand(cast.actor("owner"), approved.plan_id, version=99), "stale_version", status=412, verb="expand")

    expanded = call("draft")

    event = Event.objects.get(verb="expand")
    assert (event.role, event.from_state, event.to_state, event.detail) == ("owner", "approved", "draft", {"plan": str(cast.plan.pk)})
    assert (event.review_request, event.channel, expanded.pk, expanded.state_now) == (None, "api", cast.plan.pk, "draft")
    refusal = refused(lambda: call("draft"), "plan_draft", status=409, verb="expand")
    assert (refusal.reasons[0].detail, refusal.reasons[0].clear_by.split(", ")[0]) == ("The plan is a draft already.", "co-owner")


def test_expand_of_a_plan_in_review_says_that_it_is_in_review():
    cast = Cast()
    plan_id = cast.in_review().plan_id
    refusal = refused(lambda: decisions.expand(cast.actor("owner"), plan_id), "plan_review_requested", status=409)
    assert "this one is in review" in refusal.reasons[0].detail


# --- what single verbs say --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [_confirm, _name])
def test_an_unknown_kind_of_confirmation_is_named(verb):
    cast = Cast()
    opened = cast.open()
    call = {
        _confirm: lambda: decisions.confirm(cast.actor("owner"), opened.pk, "weather", **SAID),
        _name: lambda: decisions.name_person(cast.actor("owner"), opened.pk, "weather", username="viewer"),
    }[verb]
    assert refused(call, "not_found", status=404).reasons[0].detail == "There is no such confirmation, or it is not yours to see."


def test_a_confirmation_says_who_gave_it_when_and_with_which_evidence():
    cast = Cast()
    opened = cast.open()
    evidence = {"evidence_url": "https://evidence.example.org/7", "evidence_sha256": "b" * 64}
    answer = decisions.confirm(cast.actor("owner"), opened.pk, "sla", **SAID, **evidence)
    row, event = Confirmation.objects.get(), Event.objects.get(verb="confirm")
    assert (row.pk, row.kind, row.fields) == (answer.pk, "sla", CONFIRMATION_FIELDS["sla"])
    assert (row.confirmed_by, row.confirmed_by_id, row.confirmed_at) == ("co-owner", cast.people["owner"].pk, event.at)
    assert (row.evidence_url, row.evidence_sha256) == tuple(evidence.values())
    again = decisions.confirm(cast.actor("requester"), opened.pk, "sla", **SAID)
    assert (again.pk, Confirmation.objects.get().confirmed_by, Confirmation.objects.get().evidence_sha256) == (row.pk, "owner", "")


def test_a_confirmation_whose_time_is_over_is_refused_with_everything_else_that_is_wrong():
    cast = Cast()
    opened = cast.open()
    said = {"fields": {}, "valid_until": "2020-01-01", "evidence_url": "no link"}
    refusal = refused(lambda: decisions.confirm(cast.actor("owner"), opened.pk, "sla", **said), status=400, verb="confirm")
    assert "/evidence_url" in {reason.pointer for reason in refusal.reasons}
    only = refused(lambda: decisions.confirm(cast.actor("owner"), opened.pk, "sla", **(SAID | {"valid_until": "2020-01-01"})), "in_past")
    assert (only.reasons[0].pointer, only.reasons[0].status) == ("/valid_until", 400)


def test_naming_and_taking_it_back():
    cast = Cast()
    opened = cast.open()
    nobody = refused(lambda: decisions.name_person(cast.actor("owner"), opened.pk, "sla", username=""), "nobody_named", status=409)
    assert nobody.reasons[0].pointer == "/username"
    named = decisions.name_person(cast.actor("owner"), opened.pk, "sla", username="viewer")
    assert (named.named, named.named_id, named.fields, named.confirmed_at) == ("viewer", cast.viewer.pk, {}, None)
    taken = decisions.name_person(cast.actor("owner"), opened.pk, "sla", username="")
    assert (taken.pk, taken.named, taken.named_id) == (named.pk, "", None)
    refused(lambda: decisions.name_person(cast.actor("owner"), opened.pk, "sla", username=""), "nobody_named", status=409)


@pytest.mark.parametrize("username", ["nobody", None, 7, ["viewer"], "viewer" * 20, "bot"])
def test_only_an_active_person_is_named(username):
    cast = Cast()
    make_user("bot", machine=True)
    opened = cast.open()
    refusal = refused(lambda: decisions.name_person(cast.actor("owner"), opened.pk, "sla", username=username), "unknown_person", status=400)
    assert (refusal.reasons[0].pointer, refusal.reasons[0].clear_by) == ("/username", "an operator")


def test_recall_takes_the_times_away_and_keeps_the_packet():
    cast = Cast()
    put_up = cast.in_review()
    recalled = decisions.recall(cast.actor("requester"), put_up.pk)
    assert (recalled.due_at, recalled.expires_at, recalled.revision, recalled.digest) == (None, None, 1, put_up.digest)
    assert Event.objects.get(verb="recall").role == "requester"


def test_request_review_sets_who_when_and_until_when():
    cast = Cast()
    put_up = cast.in_review()
    assert (put_up.requested_by, put_up.requested_by_id, put_up.revision, put_up.policy.version) == ("owner", cast.owner.pk, 1, 1)
    assert (put_up.due_at - put_up.requested_at).total_seconds() == put_up.policy.due_seconds
    assert (put_up.expires_at - put_up.requested_at).total_seconds() == put_up.policy.review_seconds
    frozen = put_up.packets.get()
    assert (put_up.digest, put_up.commitment_id) == (frozen.digest, frozen.commitment_id)


def test_request_review_of_another_plan_version_is_refused():
    cast = Cast()
    opened = cast.confirmed()
    refused(
        lambda: decisions.request_review(cast.actor("owner"), opened.pk, plan_version=99),
        "stale_version",
        status=412,
        verb="request_review",
    )
    assert decisions.request_review(cast.actor("owner"), opened.pk, plan_version=opened.plan.version).state == "review_requested"


@pytest.mark.parametrize(
    ("who", "role"), [("requester", "requester"), ("owner", "owner"), ("release", "reviewer"), ("operator", "operator")]
)
def test_any_one_of_four_revokes_in_the_role_that_they_used(who, role):
    cast = Cast()
    approved = cast.approved()
    decisions.revoke(cast.actor(who), approved.pk, comment="stop")
    event = Event.objects.get(verb="revoke")
    assert (event.role, event.detail) == (role, {"rules": ["release"]} if role == "reviewer" else {})


def test_nobody_else_revokes_and_the_refusal_says_who_may():
    cast = Cast()
    approved = cast.approved()
    refusal = refused(lambda: decisions.revoke(cast.actor("viewer"), approved.pk, comment="stop"), "may_not_revoke", status=403)
    assert "the requester, an owner, an operator or a member of release or security" in refusal.reasons[0].detail
    assert "co-owner" in refusal.reasons[0].clear_by

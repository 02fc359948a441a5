"""The person named: whom an owner asks for one confirmation, what that lets them see and do, and nothing else."""

import pytest
from django.db import connections

from access.models import User
from config.refusals import Refused
from drafts.coverage import append_move, edit_plan, visible_partners, visible_plans
from reviews import decisions, explain
from reviews.models import Confirmation, DeploymentReviewRequest, Event
from reviews.record import database_now
from reviews.rights import visible_requests
from tests.calls import Caller, codes, pointers
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL, Story, actor, confirm_all, make_environment, make_plan, make_user
from tests.invariants import assert_consistent, refused
from tests.pages import Visitor, plan_path, request_path, text_of
from tests.reviews.machine.cast import MOVE, away

pytestmark = pytest.mark.usefixtures("both_stores")
SAID = {"fields": CONFIRMATION_FIELDS["rollback"], "valid_until": VALID_UNTIL}


class Named(Story):
    """A draft whose rollback confirmation waits for dora, who belongs to no partner."""

    def __init__(self) -> None:
        super().__init__()
        self.dora, self.other = make_user("dora"), make_user("other")
        self.request = self.open()
        self.name("dora")

    def name(self, username: str, kind: str = "rollback", **options) -> Confirmation:
        return decisions.name_person(actor(self.owner), self.request.pk, kind, username=username, **options)

    def confirm(self, user: User, kind: str = "rollback") -> Confirmation:
        fields = CONFIRMATION_FIELDS[kind]
        return decisions.confirm(actor(user), self.request.pk, kind, fields=fields, valid_until=VALID_UNTIL)


@pytest.fixture
def story() -> Named:
    return Named()


# --- naming -----------------------------------------------------------------------------------------------------------------------


def test_naming_writes_the_person_and_leaves_an_event(story):
    found = Confirmation.objects.get()
    event = Event.objects.order_by("-at").first()

    assert (found.kind, found.named_id, found.named, found.confirmed_at, found.fields) == ("rollback", story.dora.pk, "dora", None, {})
    assert (event.verb, event.actor, event.role) == ("name_person", "owner", "owner")
    assert event.detail == {"kind": "rollback", "named": "dora"}
    assert DeploymentReviewRequest.objects.get().version == 2
    assert_consistent()


def test_naming_again_replaces_and_an_empty_name_takes_back(story):
    story.name("other")
    assert [one.named for one in Confirmation.objects.all()] == ["other"]
    assert not visible_requests(actor(story.dora)).exists()

    assert story.name("").named_id is None
    assert not visible_requests(actor(story.other)).exists()
    refused(lambda: story.name(""), "nobody_named", status=409)


@pytest.mark.parametrize("username", ["nobody", "DORA", "bot", "gone", "x" * 65, None, 5, ["dora"], "dora\x1f"])
def test_who_is_no_active_human_is_unknown(story, username):
    make_user("bot", machine=True)
    make_user("gone", is_active=False)
    refusal = refused(lambda: story.name(username), "unknown_person", status=400)
    assert refusal.reasons[0].pointer == "/username"


def test_the_primary_away_is_a_503_and_nobody_is_named(story):
    who = actor(story.owner)
    with connections["default"].execute_wrapper(away), pytest.raises(Refused) as caught:
        decisions.name_person(who, story.request.pk, "sla", username="dora")
    assert (caught.value.codes, caught.value.status) == (["primary_unavailable"], 503)
    assert not Confirmation.objects.filter(kind="sla").exists()


def test_only_owners_name_and_only_before_the_review(story):
    for user, code in ((story.viewer, "not_an_owner"), (story.dora, "not_an_owner"), (story.other, "not_found")):
        refused(lambda user=user: decisions.name_person(actor(user), story.request.pk, "sla", username="other"), code)
    refused(lambda: story.name("dora", "rollback", version=1), "stale_version", status=412)
    refused(lambda: story.name("dora", "weather"), "not_found", status=404)
    confirm_all(story.owner, story.request)
    decisions.request_review(actor(story.owner), story.request.pk)
    refused(lambda: story.name("other"), "state_review_requested", status=409)


def test_what_is_confirmed_stands_when_another_is_named(story):
    story.confirm(story.dora)
    story.name("other")
    found = Confirmation.objects.get()
    assert (found.named, found.confirmed_by, found.confirmed_at is None) == ("other", "dora", False)


def test_a_successor_proposes_statements_and_names_nobody(story):
    story.name("dora", "sla")
    story.confirm(story.dora)
    decisions.withdraw(actor(story.owner), story.request.pk, comment="why")
    successor = story.open(predecessor_id=story.request.pk)
    assert [(one.kind, one.named) for one in successor.confirmations.all()] == [("rollback", "")]


# --- seeing -----------------------------------------------------------------------------------------------------------------------


def test_the_person_named_sees_that_request_and_its_plan_alone(story):
    make_environment("staging")
    decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")
    make_plan(story.owner, story.partner)
    dora = actor(story.dora)

    assert list(visible_requests(dora)) == [story.request]
    assert list(visible_plans(dora)) == [story.plan]
    assert not visible_partners(dora).exists()


def test_missing_names_the_person_named_before_the_owners(story):
    reasons = {reason.pointer: reason.clear_by for reason in explain.missing(story.request, now=database_now())}
    assert reasons["/confirmations/rollback"] == "dora"
    assert reasons["/confirmations/sla"] == "owner"


# --- confirming, and nothing else -------------------------------------------------------------------------------------------------


def test_the_person_named_confirms_that_kind_and_is_then_a_confirmer():
    story = Named()
    story.name("release")
    story.confirm(story.release)
    confirm_all(story.owner, story.request, but=("rollback",))
    refusal = refused(lambda: decisions.request_review(actor(story.owner), story.request.pk), status=409)
    assert refusal.codes == ["seats_not_fillable"]


def test_L01_the_event_says_in_which_role_somebody_confirmed_or_spoke(story):
    story.confirm(story.dora)
    decisions.comment(actor(story.dora), story.request.pk, comment="done")
    story.confirm(story.owner)
    roles = list(Event.objects.filter(verb__in=("confirm", "comment")).order_by("number").values_list("actor", "role"))
    assert roles == [("dora", "named_person"), ("dora", "named_person"), ("owner", "owner")]


@pytest.mark.parametrize("kind", ["owner", "environment", "sla", "support"])
def test_no_other_kind_is_theirs(story, kind):
    refused(lambda: story.confirm(story.dora, kind), "not_an_owner", status=403)


def test_nothing_else_is_theirs(story):
    dora, pk, plan = actor(story.dora), story.request.pk, story.plan.pk
    calls = [
        lambda: decisions.edit_subject(dora, pk, subject=[]),
        lambda: decisions.request_review(dora, pk),
        lambda: decisions.withdraw(dora, pk, comment="why"),
        lambda: decisions.hand_in_staging(dora, pk, receipt_text="{}"),
        lambda: edit_plan(dora, plan, fields={"name": "Mine"}),
        lambda: append_move(dora, plan, fields=MOVE),
        lambda: decisions.expand(dora, plan),
        lambda: decisions.open_request(dora, plan_id=plan, environment_slug="production"),
    ]
    for call in calls:
        assert refused(call).status in (400, 403)


def test_somebody_who_was_named_before_does_not_confirm(story):
    story.name("other")
    refused(lambda: story.confirm(story.dora), "not_found", status=404)


def test_an_owner_still_confirms_what_another_is_named_for(story):
    assert story.confirm(story.owner).confirmed_by == "owner"


# --- by API -----------------------------------------------------------------------------------------------------------------------


def person_path(story: Named, kind: str = "rollback") -> str:
    return f"review-requests/{story.request.pk}/confirmations/{kind}/person/"


def test_api_names_and_takes_back(story):
    owner = Caller(story.owner)
    named = owner.put(person_path(story, "sla"), {"username": "dora"}, version=2)
    taken = owner.delete(person_path(story, "sla"), version=3)

    assert (named.status_code, named.json()["named"], named["ETag"]) == (200, "dora", '"3"')
    assert (taken.status_code, taken.json()["named"], taken["ETag"]) == (200, None, '"4"')
    listed = owner.get(f"review-requests/{story.request.pk}/confirmations/").json()["results"]
    assert [(one["kind"], one["named"]) for one in listed] == [("rollback", "dora"), ("sla", None)]


def test_api_refuses_in_order(story):
    owner, path = Caller(story.owner), person_path(story)
    assert Caller(story.other).put(path, {"username": "dora"}, version=2).status_code == 404
    assert Caller(story.viewer).put(path, {"username": "dora"}, version=2).status_code == 403
    assert Caller(story.owner, "read", "request").put(path, {"username": "dora"}, version=2).status_code == 403
    assert owner.put(path, {"username": "dora"}).status_code == 428
    assert owner.put(path, {"username": "dora"}, version=1).status_code == 412
    assert owner.put(person_path(story, "weather"), {"username": "dora"}, version=2).status_code == 404
    for body, pointer in (({}, "/username"), ({"username": 5}, "/username"), ({"username": "dora", "named_id": 1}, "/named_id")):
        answer = owner.put(path, body, version=2)
        assert (answer.status_code, pointers(answer)) == (400, [pointer])
    assert codes(owner.put(path, {"username": "x" * 65}, version=2)) == ["max_length"]
    assert codes(owner.put(path, {"username": "nobody"}, version=2)) == ["unknown_person"]
    assert owner.call("delete", path, {"username": "dora"}, version=2).status_code == 400


def test_a_token_of_the_person_named_confirms_with_scope_draft(story):
    path = f"review-requests/{story.request.pk}/confirmations/"
    assert Caller(story.dora, "read").put(f"{path}rollback/", SAID, version=2).status_code == 403
    dora = Caller(story.dora)
    assert dora.put(f"{path}sla/", {"fields": CONFIRMATION_FIELDS["sla"]}, version=2).status_code == 403
    done = dora.put(f"{path}rollback/", SAID, version=2)
    assert (done.status_code, done.json()["confirmed_by"]) == (200, "dora")
    for rest in ("", "confirmations/", "timeline/", "missing/"):
        assert dora.get(f"review-requests/{story.request.pk}/{rest}").status_code == 200
    for rest in ("", "moves/", "boundary-object/"):
        assert dora.get(f"plans/{story.plan.pk}/{rest}").status_code == 200


def test_a_token_for_another_partner_sees_nothing_of_it(story):
    assert Caller(story.dora, partners=["lumen_foods"]).get(f"review-requests/{story.request.pk}/").status_code == 404
    assert Caller(story.dora, partners=["lumen_foods"]).get(f"plans/{story.plan.pk}/").status_code == 404
    assert Caller(story.dora, partners=["northstar_controls"]).get(f"review-requests/{story.request.pk}/").status_code == 200


# --- on pages ---------------------------------------------------------------------------------------------------------------------


def test_their_start_page_says_what_needs_them_until_it_is_confirmed(story):
    dora = Visitor(story.dora)
    start = dora.get("/self-service/plans/")
    path = request_path(story.request, "confirmations/rollback")
    assert path in start.content.decode()
    assert "Needs you" in text_of(start)

    assert dora.submit(path, **CONFIRMATION_FIELDS["rollback"], valid_until=VALID_UNTIL).status_code == 302
    assert "Needs you" not in text_of(dora.get("/self-service/plans/"))
    assert Confirmation.objects.get().confirmed_by == "dora"


def test_their_pages_offer_that_one_thing(story):
    dora = Visitor(story.dora)
    shown = dora.get(request_path(story.request)).content.decode()
    assert request_path(story.request, "confirmations/rollback") in shown
    assert request_path(story.request, "confirmations/sla") not in shown
    assert request_path(story.request, "withdraw") not in shown
    assert dora.get(plan_path(story.plan)).status_code == 200
    assert "Name this person" not in text_of(dora.get(request_path(story.request, "confirmations/rollback")))
    assert "It cannot be confirmed now" in text_of(dora.get(request_path(story.request, "confirmations/sla")))
    assert dora.post(request_path(story.request, "confirmations/rollback/person"), username="other", version=2).status_code == 403


def test_the_plans_list_shows_a_person_named_no_other_request(story):
    make_environment("staging")
    other = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")
    shown = Visitor(story.dora).get("/self-service/plans/").content.decode()
    assert str(story.request.pk) in shown
    assert str(other.pk) not in shown


def test_an_owner_names_on_the_confirmation_page(story):
    owner, path = Visitor(story.owner), request_path(story.request, "confirmations/sla")
    page = owner.get(path)
    assert "Name this person" in text_of(page)
    wrong = owner.post(f"{path}/person", username="nobody", version=2)
    assert (wrong.status_code, "no active person" in text_of(wrong)) == (400, True)
    assert owner.post(f"{path}/person", username="dora", version=2).status_code == 302
    assert "dora is named for this confirmation" in text_of(owner.get(path))
    assert owner.post(f"{path}/person", username="dora", version=2).status_code == 412
    assert owner.get(f"{path}/person").status_code == 405
    assert owner.post(request_path(story.request, "confirmations/weather/person"), username="dora", version=3).status_code == 404
    assert owner.post(f"{path}/person", username="", version=3).status_code == 302
    assert Confirmation.objects.get(kind="sla").named == ""


def test_admin_and_timeline_show_who_is_named(story):
    auditor = Visitor(make_user("auditor", groups=("auditors",)))
    assert "dora" in text_of(auditor.get("/admin/reviews/confirmation/"))
    assert "dora named for the Rollback confirmation by owner, on" in text_of(
        Visitor(story.owner).get(request_path(story.request, "timeline"))
    )
    story.name("")
    assert "Nobody named for the Rollback confirmation any more by owner, on" in text_of(
        Visitor(story.owner).get(request_path(story.request, "timeline"))
    )

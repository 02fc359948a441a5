"""The owner's verbs on plans and moves."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from access.actors import Actor
from access.models import User
from drafts.coverage import append_move, create_plan, delete_plan, edit_plan, visible_partners, visible_plans
from drafts.models import Author, CoveragePlan, ExpansionMove, Membership, PlanState
from reviews import decisions
from tests.clock import unguarded
from tests.factories import PLAN_FIELDS, Story, actor, make_partner, make_plan, make_user
from tests.invariants import refused

pytestmark = pytest.mark.usefixtures("both_stores")
MOVE = {"gate_type": "g", "system_scope": "s", "authority_context": "a", "corrects": None}


@pytest.fixture
def owner():
    return make_user("owner")


@pytest.fixture
def partner(owner):
    return make_partner(owners=(owner,), viewers=(make_user("viewer"),))


def test_a_new_plan_is_a_draft_with_its_author(owner, partner):
    plan = make_plan(owner, partner, external_reference="r-1")
    assert (plan.state, plan.state_now, plan.version, plan.archived) == ("draft", "draft", 1, False)
    assert [(author.user_id, author.username) for author in plan.authors.all()] == [(owner.pk, "owner")]


@pytest.mark.parametrize(
    ("who", "status", "code"), [("viewer", 403, "not_an_owner"), ("outsider", 400, "unknown_partner"), ("auditor", 403, "not_an_owner")]
)
def test_only_owners_create_plans(owner, partner, who, status, code):
    user = User.objects.filter(username=who).first() or make_user(who, groups=("auditors",) if who == "auditor" else ())
    fields = {**PLAN_FIELDS, "external_reference": "x"}
    refused(lambda: create_plan(actor(user), partner_slug=partner.slug, fields=fields), code, status=status)


def test_a_partner_out_of_sight_and_one_that_is_not_are_one_answer(owner, partner):
    make_partner("lumen_foods")
    for slug in ("lumen_foods", "nowhere"):
        refusal = refused(lambda slug=slug: create_plan(actor(owner), partner_slug=slug, fields={}), "unknown_partner", status=400)
        assert refusal.reasons[0].pointer == "/partner"


def test_a_reference_is_unique_for_its_partner(owner, partner):
    other = make_partner("lumen_foods", owners=(owner,))
    make_plan(owner, partner, external_reference="same")
    refused(lambda: make_plan(owner, partner, external_reference="same"), "duplicate_reference", status=409)
    second = make_plan(owner, other, external_reference="same")
    third = make_plan(owner, other, external_reference="another")
    refused(lambda: edit_plan(actor(owner), third.pk, fields={"external_reference": "same"}), "duplicate_reference", status=409)
    assert second.external_reference == "same"


def test_an_edit_makes_the_next_version_and_signs_it(owner, partner):
    plan = make_plan(owner, partner)
    colleague = make_user("colleague")
    make_partner(owners=(colleague,))
    edited = edit_plan(actor(colleague), plan.pk, fields={"name": "Other"}, version=1)
    assert (edited.name, edited.version) == ("Other", 2)
    assert set(Author.objects.values_list("username", flat=True)) == {"owner", "colleague"}
    refused(lambda: edit_plan(actor(owner), plan.pk, fields={"name": "x"}, version=1), "stale_version", status=412)


def test_archiving_alone_makes_nobody_an_author(owner, partner):
    plan = make_plan(owner, partner)
    colleague = make_user("colleague")
    make_partner(owners=(colleague,))
    assert edit_plan(actor(colleague), plan.pk, fields={"archived": True}).archived
    assert not Author.objects.filter(username="colleague").exists()


def test_an_approved_plan_can_be_archived_and_not_otherwise_edited():
    story = Story()
    story.approved()
    assert edit_plan(actor(story.owner), story.plan.pk, fields={"archived": True}).archived
    refused(lambda: edit_plan(actor(story.owner), story.plan.pk, fields={"archived": False, "name": "x"}), "plan_approved", status=409)


@pytest.mark.parametrize("verb", ["edit", "move", "delete"])
@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("outsider", 404), ("root", 403)])
def test_only_owners_write(owner, partner, verb, who, status):
    plan = make_plan(owner, partner)
    user = User.objects.filter(username=who).first() or make_user(who, is_superuser=who == "root")
    calls = {
        "edit": lambda: edit_plan(actor(user), plan.pk, fields={"name": "x"}),
        "move": lambda: append_move(actor(user), plan.pk, fields=MOVE),
        "delete": lambda: delete_plan(actor(user), plan.pk),
    }
    refused(calls[verb], status=status)


@pytest.mark.parametrize("verb", ["edit", "move", "delete", "create"])
def test_A09_a_token_needs_the_scope_draft(owner, partner, verb):
    plan = make_plan(owner, partner)
    who = Actor(owner.pk, "owner", channel="api", token_id="t", scopes=frozenset({"read", "request", "gate"}))
    calls = {
        "edit": lambda: edit_plan(who, plan.pk, fields={"name": "x"}),
        "move": lambda: append_move(who, plan.pk, fields=MOVE),
        "delete": lambda: delete_plan(who, plan.pk),
        "create": lambda: create_plan(who, partner_slug=partner.slug, fields={}),
    }
    refused(calls[verb], "scope_missing", status=403)


def test_moves_are_numbered_and_a_correction_names_an_earlier_one(owner, partner):
    plan = make_plan(owner, partner)
    numbers = [append_move(actor(owner), plan.pk, fields=MOVE | {"corrects": corrects}).number for corrects in (None, 1, 1, 3)]
    assert numbers == [1, 2, 3, 4]
    assert [move.corrects for move in plan.moves.all()] == [None, 1, 1, 3]
    assert CoveragePlan.objects.get().version == 5


@pytest.mark.parametrize("corrects", [0, -1, 2, 3, 99])
def test_a_correction_of_no_earlier_move_is_refused(owner, partner, corrects):
    plan = make_plan(owner, partner)
    append_move(actor(owner), plan.pk, fields=MOVE)
    other = make_plan(owner, partner)
    for _ in range(3):
        append_move(actor(owner), other.pk, fields=MOVE)
    refusal = refused(lambda: append_move(actor(owner), plan.pk, fields=MOVE | {"corrects": corrects}), "unknown_move", status=400)
    assert refusal.reasons[0].pointer == "/corrects"


def test_a_plan_without_history_can_be_deleted(owner, partner):
    plan = make_plan(owner, partner)
    refused(lambda: delete_plan(actor(owner), plan.pk, version=9), "stale_version", status=412)
    delete_plan(actor(owner), plan.pk, version=1)
    assert not CoveragePlan.objects.exists()
    refused(lambda: delete_plan(actor(owner), plan.pk), "not_found", status=404)


def test_a_plan_with_a_move_has_history(owner, partner):
    plan = make_plan(owner, partner)
    append_move(actor(owner), plan.pk, fields=MOVE)
    refused(lambda: delete_plan(actor(owner), plan.pk), "plan_has_history", status=409)


@pytest.mark.parametrize("end", ["open", "withdrawn"])
def test_a_plan_with_a_request_has_history(end):
    story = Story()
    review_request = story.open()
    if end == "withdrawn":
        decisions.withdraw(actor(story.owner), review_request.pk, comment="no")
    refused(lambda: delete_plan(actor(story.owner), story.plan.pk), "plan_has_history", status=409)


def test_D10_deleting_or_renaming_a_person_leaves_what_they_wrote(owner, partner):
    plan = make_plan(owner, partner)
    append_move(actor(owner), plan.pk, fields=MOVE)
    owner.delete()
    assert list(plan.authors.values_list("username", flat=True)) == ["owner"]
    assert Membership.objects.filter(username="owner").exists()
    assert plan.moves.count() == 1


def test_who_sees_what(owner, partner):
    plan = make_plan(owner, partner)
    make_plan(make_user("other"), make_partner("lumen_foods", owners=(User.objects.get(username="other"),)))
    auditor = make_user("auditor", groups=("auditors",))
    assert list(visible_plans(actor(owner))) == [plan]
    assert visible_plans(actor(auditor)).count() == 2
    assert visible_plans(actor(make_user("nobody"))).count() == 0
    limited = Actor(auditor.pk, "auditor", frozenset({"auditors"}), "api", scopes=frozenset({"read"}), partners=frozenset({"lumen_foods"}))
    assert [found.slug for found in visible_partners(limited)] == ["lumen_foods"]
    assert visible_plans(limited).count() == 1


def test_moves_are_append_only_for_the_orm(owner, partner):
    plan = make_plan(owner, partner)
    move = append_move(actor(owner), plan.pk, fields=MOVE)
    for attack in (
        lambda: ExpansionMove.objects.filter(pk=move.pk).update(system_scope="everything"),
        lambda: ExpansionMove.objects.filter(pk=move.pk).delete(),
        lambda: ExpansionMove.objects.create(plan=plan, number=1, **{**MOVE, "corrects": None}),
        lambda: ExpansionMove.objects.create(plan=plan, number=2, **{**MOVE, "corrects": 2}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
            attack()


def test_state_as_of_now_is_the_same_in_words_of_the_columns():
    past, later = datetime(2020, 1, 1, tzinfo=UTC), datetime(2098, 1, 1, tzinfo=UTC)
    owner = make_user("columns")
    partner = make_partner("columns", owners=(owner,))
    stored = [("draft", None, None), ("approved", None, past), ("approved", None, later), ("review_requested", past, None)]
    stored += [("review_requested", review, approval) for review in (past, later) for approval in (None, past, later)]
    with unguarded():
        for state, review, approval in stored:
            plan = make_plan(owner, partner)
            CoveragePlan.objects.filter(pk=plan.pk).update(state=state, review_until=review, approved_until=approval)
    plans = CoveragePlan.objects.as_of_now()

    found = {state: set(plans.in_state(state)) for state in PlanState.values}

    assert found == {state: set(plans.filter(state_now=state)) for state in PlanState.values}
    assert sorted(map(len, found.values())) == [2, 3, 5]

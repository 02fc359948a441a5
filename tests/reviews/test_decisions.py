"""Each verb: what it leaves, what it refuses, and the ways around it that we tried."""

import uuid

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connections, transaction

from access.actors import Actor
from access.models import User
from config.refusals import Refused
from drafts.coverage import append_move, delete_plan, edit_plan
from drafts.models import CoveragePlan, Membership
from receipts.models import Receipt
from reviews import decisions, explain, packet
from reviews.models import Confirmation, Decision, DeploymentReviewRequest, Environment, Event, Packet, Vote
from reviews.record import database_now
from tests.clock import unguarded
from tests.factories import CONFIRMATION_FIELDS, Story, actor, confirm_all, make_environment, make_partner, make_plan, make_user
from tests.invariants import assert_consistent, fingerprint, refused
from tests.reviews.machine.cast import MOVE, away, lapsed

pytestmark = pytest.mark.usefixtures("both_stores")
SUBJECT = [{"name": "app", "digest": {"sha256": "a" * 64}}]


def vote_of(story: Story, user: User, review_request: DeploymentReviewRequest, choice: str = "approve", **options):
    return lambda: story.vote(user, review_request, choice, **options)


# --- who may not vote -------------------------------------------------------------------------------------------------------------


def test_A01_requester_with_a_reviewers_group_cannot_approve():
    story = Story()
    story.owner.groups.add(Group.objects.get(name="release"))
    review_request = story.in_review()
    refusal = refused(vote_of(story, story.owner, review_request), status=403, verb="approve")
    assert set(refusal.codes) == {"is_requester", "is_author", "is_confirmer"}


def test_A01_superuser_in_the_group_passes_every_guard():
    story = Story()
    root = make_user("root", groups=("release",), is_superuser=True)
    Membership.objects.create(partner=story.partner, user_id=root.pk, username="root", role="owner")
    review_request = story.open()
    confirm_all(story.owner, review_request)
    decisions.confirm(actor(root), review_request.pk, "sla", fields=CONFIRMATION_FIELDS["sla"], valid_until="2099-01-01")
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    for choice in ("approve", "approve_with_conditions", "request_changes", "reject"):
        conditions = ["later"] if choice == "approve_with_conditions" else None
        refused(vote_of(story, root, review_request, choice, conditions=conditions), "is_confirmer", status=403)


def test_superuser_without_the_group_cannot_vote():
    story = Story()
    root = make_user("root", is_superuser=True)
    refused(vote_of(story, root, story.in_review()), "not_a_reviewer", status=403)


def test_who_put_the_subject_in_is_an_author_of_the_packet():
    """Found by attack: a reviewer who owns the partner too names what is deployed, lets a colleague request, and approves it."""
    story = Story()
    Membership.objects.create(partner=story.partner, user_id=story.release.pk, username="release", role="owner")
    make_user("release2", groups=("release",))
    review_request = story.open()
    confirm_all(story.owner, review_request)
    decisions.edit_subject(actor(story.release), review_request.pk, subject=SUBJECT)
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    refused(vote_of(story, story.release, review_request), "is_author", status=403)


def test_who_opened_the_request_is_an_author_of_the_packet():
    story = Story()
    Membership.objects.create(partner=story.partner, user_id=story.release.pk, username="release", role="owner")
    make_user("release2", groups=("release",))
    review_request = decisions.open_request(actor(story.release), plan_id=story.plan.pk, environment_slug="production", subject=SUBJECT)
    confirm_all(story.owner, review_request)
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    refused(vote_of(story, story.release, review_request), "is_author", status=403)


def test_author_of_a_move_cannot_vote_and_stays_an_author_after_leaving_the_partner():
    story = Story()
    author = make_user("author", groups=("release",))
    make_partner(owners=(author,))
    append_move(actor(author), story.plan.pk, fields=MOVE)
    Membership.objects.filter(user_id=author.pk).delete()
    refused(vote_of(story, author, story.in_review()), "is_author", status=403)


@pytest.mark.parametrize("channel", ["page", "api", "command", "clock", ""])
def test_A09_votes_are_cast_in_admin_only(channel):
    story = Story()
    review_request = story.in_review()
    who = actor(story.release, channel=channel)
    refused(
        lambda: decisions.vote(who, review_request.pk, choice="approve", digest=review_request.digest), "votes_only_in_admin", status=403
    )


@pytest.mark.parametrize("channel", ["api", "admin"])
@pytest.mark.parametrize("choice", ["approve", "approve_with_conditions", "request_changes", "reject"])
def test_A09_no_token_votes_whatever_its_scopes(choice, channel):
    story = Story()
    review_request = story.in_review()
    scopes = frozenset({"read", "draft", "request", "gate"})
    who = Actor(story.release.pk, "release", frozenset({"release"}), channel, token_id=str(uuid.uuid4()), scopes=scopes)
    refusal = refused(
        lambda: decisions.vote(
            who, review_request.pk, choice=choice, digest=review_request.digest, comment="x", conditions=["c"] if "with" in choice else []
        ),
        status=403,
    )
    assert refusal.codes == ["votes_only_in_admin"]


@pytest.mark.parametrize("verb", ["request_review", "recall", "withdraw", "revoke", "comment", "open", "confirm", "edit_subject", "expand"])
def test_A09_a_read_token_cannot_write(verb):
    story = Story()
    review_request = story.in_review()
    who = Actor(story.owner.pk, "owner", frozenset(), "api", token_id="t", scopes=frozenset({"read", "gate"}))
    calls = {
        "request_review": lambda: decisions.request_review(who, review_request.pk),
        "recall": lambda: decisions.recall(who, review_request.pk),
        "withdraw": lambda: decisions.withdraw(who, review_request.pk, comment="x"),
        "revoke": lambda: decisions.revoke(who, review_request.pk, comment="x"),
        "comment": lambda: decisions.comment(who, review_request.pk, comment="x"),
        "open": lambda: decisions.open_request(who, plan_id=story.plan.pk, environment_slug="production"),
        "confirm": lambda: decisions.confirm(who, review_request.pk, "sla", fields={}, valid_until=""),
        "edit_subject": lambda: decisions.edit_subject(who, review_request.pk, subject=[]),
        "expand": lambda: decisions.expand(who, story.plan.pk),
    }
    refusal = refused(calls[verb], status=403)
    assert "scope_missing" in refusal.codes


def test_a_token_for_another_partner_finds_nothing():
    story = Story()
    review_request = story.in_review()
    scopes = frozenset({"read", "draft", "request"})
    who = Actor(story.owner.pk, "owner", frozenset(), "api", token_id="t", scopes=scopes, partners=frozenset({"elsewhere"}))
    refused(lambda: decisions.recall(who, review_request.pk), "not_found", status=404)
    refused(lambda: edit_plan(who, story.plan.pk, fields={"name": "x"}), "not_found", status=404)
    refused(lambda: decisions.open_request(who, plan_id=story.plan.pk, environment_slug="production"), "unknown_plan", status=400)


def test_A04_the_actor_of_a_vote_is_the_credential():
    story = Story()
    review_request = story.approved()
    assert set(Vote.objects.values_list("user_id", "username")) == {(story.release.pk, "release"), (story.security.pk, "security")}
    last = Event.objects.filter(review_request=review_request).order_by("-number").first()
    assert (last.actor_id, last.actor, last.channel, last.to_state) == (story.security.pk, "security", "admin", "approved")


# --- A08: rights end between page load and vote -----------------------------------------------------------------------------------


def test_A08_removed_from_the_group_between_page_load_and_vote():
    story = Story()
    review_request = story.in_review()
    loaded = actor(story.release, channel="admin")
    story.release.groups.clear()
    refused(lambda: decisions.vote(loaded, review_request.pk, choice="approve", digest=review_request.digest), "not_a_reviewer", status=403)


@pytest.mark.parametrize("change", [{"is_active": False}, {"machine": True}])
def test_A08_deactivated_or_a_machine_between_page_load_and_vote(change):
    story = Story()
    review_request = story.in_review()
    loaded = actor(story.release, channel="admin")
    User.objects.filter(pk=story.release.pk).update(**change)
    refused(lambda: decisions.vote(loaded, review_request.pk, choice="approve", digest=review_request.digest), "not_a_reviewer", status=403)


def test_A08_deleted_between_page_load_and_vote():
    story = Story()
    review_request = story.in_review()
    loaded = actor(story.release, channel="admin")
    User.objects.filter(pk=story.release.pk).delete()
    refused(lambda: decisions.vote(loaded, review_request.pk, choice="approve", digest=review_request.digest), status=403)


@pytest.mark.parametrize("end", ["group", "active", "machine", "deleted"])
def test_A08_who_loses_the_right_before_quorum_is_not_counted(end):
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    if end == "group":
        story.release.groups.clear()
    elif end == "deleted":
        User.objects.filter(pk=story.release.pk).delete()
    else:
        User.objects.filter(pk=story.release.pk).update(**{"is_active": False} if end == "active" else {"machine": True})
    assert story.vote(story.security, review_request).state == "review_requested"
    another = make_user("release2", groups=("release",))
    assert story.vote(another, review_request).state == "approved"
    assert_consistent()


def test_conditions_of_a_vote_that_is_not_counted_are_not_in_the_decision():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request, "approve_with_conditions", conditions=["watch it"])
    story.release.groups.clear()
    story.vote(make_user("release2", groups=("release",)), review_request)
    assert story.vote(story.security, review_request).state == "approved"
    assert (Decision.objects.get().verdict, Decision.objects.get().conditions) == ("allow", [])


def test_who_loses_the_right_after_the_decision_does_not_undo_it():
    story = Story()
    review_request = story.approved()
    story.release.groups.clear()
    assert DeploymentReviewRequest.objects.as_of_now().get(pk=review_request.pk).state_now == "approved"


def test_owner_removed_between_page_load_and_verb():
    story = Story()
    review_request = story.in_review()
    loaded = actor(story.owner)
    Membership.objects.filter(user_id=story.owner.pk).update(role="viewer")
    refused(
        lambda: decisions.open_request(loaded, plan_id=story.plan.pk, environment_slug="production"),
        "not_an_owner",
        "open_request_exists",
        status=403,
    )
    Membership.objects.filter(user_id=story.owner.pk).delete()
    refused(lambda: decisions.recall(loaded, review_request.pk), "not_found", status=404)


# --- R03, W08: exactly the packet that was read -----------------------------------------------------------------------------------


def test_R03_vote_on_packet_a_after_recall_and_packet_b_is_stale():
    story = Story()
    first = story.in_review()
    decisions.recall(actor(story.owner), first.pk)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    second = decisions.request_review(actor(story.owner), first.pk)
    assert (second.revision, second.digest != first.digest) == (2, True)
    refused(vote_of(story, story.release, second, digest=first.digest), "stale_packet", status=412)
    assert story.vote(story.release, second).state == "review_requested"


def test_R03_the_same_bytes_again_are_another_packet():
    """A-B-A: nothing was changed between recall and request, and still the vote on the first revision does not fit the second."""
    story = Story()
    first = story.in_review()
    story.vote(story.security, first, "request_changes")
    second = decisions.request_review(actor(story.owner), first.pk)
    refused(vote_of(story, story.release, second, digest=first.digest), "stale_packet", status=412)


@pytest.mark.parametrize("digest", ["", None])
def test_R03_a_vote_without_a_digest_is_refused(digest):
    story = Story()
    refused(vote_of(story, story.release, story.in_review(), digest=digest), "digest_missing", status=428)


@pytest.mark.parametrize("change", [str.upper, lambda digest: digest[:-1], lambda digest: digest + " ", lambda digest: digest[::-1]])
def test_R03_a_digest_that_is_nearly_right_is_refused(change):
    story = Story()
    review_request = story.in_review()
    refused(vote_of(story, story.release, review_request, digest=change(review_request.digest)), "stale_packet", status=412)


def test_R03_recalled_and_not_put_up_again_takes_no_vote():
    story = Story()
    review_request = story.in_review()
    decisions.recall(actor(story.owner), review_request.pk)
    refused(vote_of(story, story.release, review_request), "state_draft", status=409)


def test_votes_never_carry_over():
    story = Story()
    first = story.in_review()
    story.vote(story.release, first)
    decisions.recall(actor(story.owner), first.pk)
    second = decisions.request_review(actor(story.owner), first.pk)
    assert story.vote(story.security, second).state == "review_requested"
    assert story.vote(story.release, second).state == "approved"
    assert_consistent()


@pytest.mark.parametrize("edit", ["plan", "move", "subject", "confirmation", "archive", "delete"])
def test_W08_nothing_is_edited_in_review(edit):
    story = Story()
    review_request, owner = story.in_review(), actor(story.owner)
    calls = {
        "plan": lambda: edit_plan(owner, story.plan.pk, fields={"system_scope": "everything"}),
        "move": lambda: append_move(owner, story.plan.pk, fields=MOVE),
        "subject": lambda: decisions.edit_subject(owner, review_request.pk, subject=SUBJECT),
        "confirmation": lambda: confirm_all(story.owner, review_request),
        "archive": lambda: edit_plan(owner, story.plan.pk, fields={"archived": True}),
        "delete": lambda: delete_plan(owner, story.plan.pk),
    }
    refused(calls[edit], status=409)


@pytest.mark.parametrize("fields", [{"system_scope": "everything"}, {"name": "x"}, {"archived": True, "name": "x"}])
def test_W08_an_approved_plan_is_edited_after_expand_only(fields):
    story = Story()
    story.approved()
    refused(lambda: edit_plan(actor(story.owner), story.plan.pk, fields=fields), "plan_approved", status=409)
    refused(lambda: append_move(actor(story.owner), story.plan.pk, fields=MOVE), "plan_approved", status=409)
    assert decisions.expand(actor(story.owner), story.plan.pk).state_now == "draft"
    assert append_move(actor(story.owner), story.plan.pk, fields=MOVE).number == 1
    assert DeploymentReviewRequest.objects.as_of_now().get().state_now == "approved"
    refused(lambda: decisions.expand(actor(story.owner), story.plan.pk), "plan_draft", status=409)


def test_W08_live_rows_changed_behind_the_back_do_not_reach_the_packet():
    story = Story()
    review_request = story.in_review()
    frozen = bytes(Packet.objects.get().body)
    with unguarded():
        CoveragePlan.objects.update(name="Changed", system_scope="everything")
    assert story.vote(story.release, review_request).digest == review_request.digest
    assert bytes(Packet.objects.get().body) == frozen


# --- the votes --------------------------------------------------------------------------------------------------------------------


def test_one_person_in_both_groups_fills_one_seat():
    story = Story()
    both = make_user("both", groups=("release", "security"))
    review_request = story.in_review()
    assert story.vote(both, review_request).state == "review_requested"
    refused(vote_of(story, both, review_request), "already_approved", status=409)
    refused(vote_of(story, both, review_request, "approve_with_conditions", conditions=["c"]), "already_approved", status=409)
    assert story.vote(story.release, review_request).state == "approved"
    assert_consistent()


def test_two_of_one_group_do_not_fill_the_seat_of_the_other():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    assert story.vote(make_user("release2", groups=("release",)), review_request).state == "review_requested"
    assert story.vote(story.security, review_request).state == "approved"


def test_quorum_two_needs_two_people():
    story = Story(rules=[{"name": "release", "group": "release", "quorum": 2}])
    second = make_user("release2", groups=("release",))
    review_request = story.in_review()
    assert story.vote(story.release, review_request).state == "review_requested"
    refused(vote_of(story, story.release, review_request), "already_approved")
    assert story.vote(second, review_request).state == "approved"


def test_an_approver_may_request_changes_before_quorum():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    assert story.vote(story.release, review_request, "request_changes").state == "changes_requested"
    second = decisions.request_review(actor(story.owner), review_request.pk)
    assert story.vote(story.security, second).state == "review_requested"
    assert story.vote(story.release, second).state == "approved"
    assert_consistent()


def test_an_approver_may_reject_before_quorum_and_it_ends_there():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    assert story.vote(story.release, review_request, "reject").state == "rejected"
    refused(vote_of(story, story.security, review_request), "state_rejected", status=409)
    assert Receipt.objects.get().verdict == "reject"
    assert_consistent()


def test_no_vote_after_the_decision():
    story = Story()
    review_request = story.approved()
    third = make_user("release2", groups=("release",))
    for choice in ("approve", "request_changes", "reject"):
        refused(vote_of(story, third, review_request, choice), "state_approved", status=409)


@pytest.mark.parametrize("choice", ["request_changes", "reject"])
@pytest.mark.parametrize("comment", ["", "  \n", "x" * 2001, "with\u202ebidi", "nul\x00", 7, None])
def test_request_changes_and_reject_need_a_comment(choice, comment):
    story = Story()
    refused(vote_of(story, story.release, story.in_review(), choice, comment=comment), status=400)


@pytest.mark.parametrize("conditions", [[], None, [""], ["  "], ["x" * 301], ["two\nlines"], [7], [["x"]], ["c"] * 21, "text", {"a": 1}])
def test_conditions_are_one_to_twenty_short_texts(conditions):
    story = Story()
    refused(vote_of(story, story.release, story.in_review(), "approve_with_conditions", conditions=conditions), status=400)


@pytest.mark.parametrize("choice", ["approve", "request_changes", "reject"])
def test_only_an_approval_with_conditions_has_conditions(choice):
    story = Story()
    refused(vote_of(story, story.release, story.in_review(), choice, conditions=["c"]), "unexpected", status=400)


def test_conditions_can_be_forbidden_by_the_policy():
    story = Story(conditions_allowed=False)
    refused(
        vote_of(story, story.release, story.in_review(), "approve_with_conditions", conditions=["c"]), "conditions_not_allowed", status=409
    )


@pytest.mark.parametrize("choice", ["allow", "", "APPROVE", "approve ", None, 1, ["approve"], "expire", "supersede"])
def test_an_unknown_choice_is_refused(choice):
    story = Story()
    refused(vote_of(story, story.release, story.in_review(), choice), "unknown_choice", status=400, verb="vote")


def test_a_refusal_lists_every_unmet_guard_with_who_can_clear_it():
    story = Story()
    story.owner.groups.add(Group.objects.get(name="release"))
    review_request = story.in_review()
    who = actor(story.owner, channel="api")
    refusal = refused(lambda: decisions.vote(who, review_request.pk, choice="reject", digest="", comment=""), status=403)
    assert refusal.codes == ["votes_only_in_admin", "is_requester", "is_author", "is_confirmer", "digest_missing", "required"]
    assert all(reason.clear_by or reason.pointer for reason in refusal.reasons)


DAMAGES = ["body || ' '::bytea", "'not json'::bytea", "'\\xff00'::bytea", "''::bytea", "'{}'::bytea", "convert_to('[]', 'UTF8')"]


@pytest.mark.parametrize("body", DAMAGES)
def test_a_damaged_packet_takes_no_vote(body):
    """Written behind the triggers, as an administrator of the database could."""
    story = Story()
    review_request = story.in_review()
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE reviews_packet SET body = {body}")
        cursor.execute("SET LOCAL session_replication_role = origin")
    for choice in ("approve", "request_changes", "reject"):
        refused(vote_of(story, story.release, review_request, choice), "packet_damaged", status=409)
    assert [reason.code for reason in explain.missing(review_request, now=database_now())] == ["packet_damaged"]


def test_W14_a_vote_after_a_confirmation_has_ended_is_refused():
    story = Story()
    review_request = story.open()
    confirm_all(story.owner, review_request)
    soon = "SELECT to_char((clock_timestamp() + interval '3 seconds') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    with connections["self_service"].cursor() as cursor:
        cursor.execute(soon)
        end = cursor.fetchone()[0]
        decisions.confirm(actor(story.owner), review_request.pk, "sla", fields=CONFIRMATION_FIELDS["sla"], valid_until=end)
        review_request = decisions.request_review(actor(story.owner), review_request.pk)
        cursor.execute("SELECT pg_sleep(greatest(0, extract(epoch FROM %s::timestamptz - clock_timestamp())))", [end])
    refused(vote_of(story, story.release, review_request), "confirmation_out_of_date", status=409)
    assert story.vote(story.security, review_request, "reject").state == "rejected"


# --- W10: confirmations -----------------------------------------------------------------------------------------------------------


def test_W10_no_proper_subset_of_the_five_confirmations_gets_into_review():
    story = Story()
    review_request = story.open()
    kinds = list(CONFIRMATION_FIELDS)
    for number in range(31):
        with transaction.atomic(using="self_service"):
            missing = tuple(kind for bit, kind in enumerate(kinds) if not number >> bit & 1)
            confirm_all(story.owner, review_request, but=missing)
            refusal = refused(lambda: decisions.request_review(actor(story.owner), review_request.pk), status=409)
            assert [reason.pointer for reason in refusal.reasons] == [f"/confirmations/{kind}" for kind in missing]
            assert set(refusal.codes) == {"confirmation_missing"}
            transaction.set_rollback(True, using="self_service")
    confirm_all(story.owner, review_request)
    assert decisions.request_review(actor(story.owner), review_request.pk).state == "review_requested"


@pytest.mark.parametrize("kind", CONFIRMATION_FIELDS)
@pytest.mark.parametrize("fields", [None, "", " ", "false", [], {}, False, 0, [{}], {"x": 1}])
def test_W10_nothing_at_all_is_no_confirmation(kind, fields):
    story = Story()
    review_request = story.open()
    refused(lambda: decisions.confirm(actor(story.owner), review_request.pk, kind, fields=fields, valid_until="2099-01-01"), status=400)


def test_W10_each_single_field_must_be_said():
    story = Story()
    review_request = story.open()
    for kind, good in CONFIRMATION_FIELDS.items():
        for name in good:
            for value in (None, "", " ", "false", [], {}, False, "x\x00"):
                fields = {**good, name: value}
                refusal = refused(
                    lambda kind=kind, fields=fields: decisions.confirm(
                        actor(story.owner), review_request.pk, kind, fields=fields, valid_until="2099-01-01"
                    ),
                    status=400,
                )
                assert [reason.pointer for reason in refusal.reasons] == [f"/fields/{name}"]


def test_a_confirmation_that_has_ended_does_not_get_into_review():
    story = Story()
    review_request = story.open()
    confirm_all(story.owner, review_request)
    Confirmation.objects.filter(kind="sla").update(valid_until="2020-01-01T00:00:00Z")
    refused(lambda: decisions.request_review(actor(story.owner), review_request.pk), "confirmation_out_of_date", status=409)


def test_an_unknown_kind_is_not_found():
    story = Story()
    review_request = story.open()
    refused(lambda: decisions.confirm(actor(story.owner), review_request.pk, "budget", fields={}, valid_until="2099-01-01"), status=404)


# --- request review ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rules",
    [
        [],
        {},
        "release",
        [{"name": "release", "group": "release", "quorum": 0}],
        [{"name": "release", "group": "release", "quorum": -1}],
        [{"name": "release", "group": "release", "quorum": True}],
        [{"name": "release", "group": "release", "quorum": "1"}],
        [{"name": "release", "group": "", "quorum": 1}],
        [{"name": "", "group": "release", "quorum": 1}],
        [{"name": "release", "quorum": 1}],
        ["release"],
        [{"name": "release", "group": "release", "quorum": 1}, {"name": "security", "group": "security", "quorum": 0}],
    ],
)
def test_a_policy_that_asks_for_nobody_opens_nothing(rules):
    story = Story()
    review_request = story.open()
    confirm_all(story.owner, review_request)
    make_environment(rules=rules)
    refused(lambda: decisions.request_review(actor(story.owner), review_request.pk), "policy_missing", status=409)


def test_an_environment_without_a_policy_opens_nothing():
    story = Story()
    Environment.objects.create(slug="bare", name="Bare")
    review_request = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="bare")
    confirm_all(story.owner, review_request)
    refused(lambda: decisions.request_review(actor(story.owner), review_request.pk), "policy_missing", status=409)


@pytest.mark.parametrize("case", ["nobody", "one for two seats", "only the author", "only a machine", "only inactive"])
def test_all_seats_must_be_fillable_by_eligible_people(case):
    story = Story()
    if case == "one for two seats":
        story.security.groups.clear()
        story.release.groups.add(Group.objects.get(name="security"))
    elif case == "only the author":
        story.security.groups.clear()
        story.owner.groups.add(Group.objects.get(name="security"))
    elif case == "nobody":
        story.security.groups.clear()
    else:
        User.objects.filter(pk=story.security.pk).update(**{"machine": True} if "machine" in case else {"is_active": False})
    review_request = story.open()
    confirm_all(story.owner, review_request)
    refused(lambda: decisions.request_review(actor(story.owner), review_request.pk), "seats_not_fillable", status=409)


def test_request_review_names_every_gap_at_once():
    story = Story()
    story.security.groups.clear()
    review_request = story.open()
    confirm_all(story.owner, review_request, but=("owner", "support"))
    refusal = refused(lambda: decisions.request_review(actor(story.owner), review_request.pk), status=409)
    assert refusal.codes == ["confirmation_missing", "confirmation_missing", "seats_not_fillable"]


def test_the_newest_policy_is_pinned_at_request_review():
    story = Story()
    review_request = story.in_review()
    make_environment(rules=[{"name": "release", "group": "release", "quorum": 1}])
    assert story.vote(story.release, review_request).state == "review_requested"
    assert review_request.policy.version == 1
    assert packet.value_of(packet.current(review_request))["policy"] == review_request.policy.reference


def test_D11_a_failing_freeze_leaves_everything_as_it_was():
    """The failure is real: the database refuses the packet after the guards have passed."""
    story = Story()
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    review_request = story.open()
    confirm_all(story.owner, review_request)
    _forbid("reviews_packet")
    before = fingerprint()
    with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
        decisions.request_review(actor(story.owner), review_request.pk)
    assert fingerprint() == before
    assert_consistent()


@pytest.mark.parametrize("table", ["reviews_vote", "reviews_decision", "reviews_event", "receipts_receipt"])
def test_D11_F12_a_failure_inside_the_deciding_vote_leaves_everything_as_it_was(table):
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    _forbid(table)
    before = fingerprint()
    with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
        story.vote(story.security, review_request)
    assert fingerprint() == before
    assert_consistent()


# --- F03: what cannot be asked is not granted (W15: test_every_guard.py) ----------------------------------------------------------


@pytest.mark.parametrize("choice", ["approve", "approve_with_conditions", "request_changes", "reject"])
def test_F03_with_the_primary_away_nobody_votes(choice):
    story = Story()
    review_request = story.in_review()
    who, before = actor(story.release, channel="admin"), fingerprint()
    conditions = ["c"] if "with" in choice else []
    with connections["default"].execute_wrapper(away), pytest.raises(Refused) as refusal:
        decisions.vote(who, review_request.pk, choice=choice, digest=review_request.digest, comment="x", conditions=conditions)
    assert (refusal.value.codes, refusal.value.status) == (["primary_unavailable"], 503)
    assert fingerprint() == before


def test_F03_with_the_primary_away_nothing_goes_into_review_and_owners_can_still_stop_it():
    story = Story()
    review_request = story.in_review()
    other = decisions.open_request(actor(story.owner), plan_id=make_plan(story.owner, story.partner).pk, environment_slug="production")
    confirm_all(story.owner, other)
    who = actor(story.owner)
    with connections["default"].execute_wrapper(away):
        with pytest.raises(Refused) as refusal:
            decisions.request_review(who, other.pk)
        assert refusal.value.status == 503
        assert decisions.withdraw(who, review_request.pk, comment="stop").state == "withdrawn"


def _forbid(table: str) -> None:
    with connections["self_service"].cursor() as cursor:
        body = "BEGIN RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'forbidden'; END"
        cursor.execute(f"CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        cursor.execute(f"CREATE TRIGGER forbidden BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION forbid()")


# --- open, continue, recall, withdraw, comment, revoke ----------------------------------------------------------------------------


def test_one_open_request_per_plan_and_environment():
    story = Story()
    story.open()
    assert refused(story.open, "open_request_exists", status=409).reasons[0].clear_by == "owner"
    make_environment("staging", rules=[{"name": "release", "group": "release", "quorum": 1}])
    assert decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging").state == "draft"


def test_open_names_an_unknown_plan_and_environment_alike():
    story = Story()
    other = make_plan(make_user("other"), make_partner("lumen_foods", owners=(User.objects.get(username="other"),)))
    refused(lambda: decisions.open_request(actor(story.owner), plan_id=other.pk, environment_slug="production"), "unknown_plan", status=400)
    refused(
        lambda: decisions.open_request(actor(story.owner), plan_id=uuid.uuid4(), environment_slug="moon"),
        "unknown_plan",
        "unknown_environment",
        status=400,
    )


def test_an_archived_plan_is_not_put_up():
    story = Story()
    review_request = story.open()
    confirm_all(story.owner, review_request)
    edit_plan(actor(story.owner), story.plan.pk, fields={"archived": True})
    refused(lambda: decisions.request_review(actor(story.owner), review_request.pk), "plan_archived", status=409)


def test_continue_proposes_the_confirmations_unconfirmed():
    story = Story()
    old = decisions.withdraw(actor(story.owner), story.in_review().pk, comment="not now")
    successor = story.open(predecessor_id=old.pk)
    copies = list(successor.confirmations.order_by("kind"))
    assert [copy.kind for copy in copies] == sorted(CONFIRMATION_FIELDS)
    assert {(copy.confirmed_at, copy.confirmed_by, copy.confirmed_by_id, copy.valid_until) for copy in copies} == {(None, "", None, None)}
    assert all(copy.fields == old.confirmations.get(kind=copy.kind).fields for copy in copies)
    refusal = refused(lambda: decisions.request_review(actor(story.owner), successor.pk), status=409)
    assert refusal.codes == ["confirmation_missing"] * 5
    confirm_all(story.owner, successor)
    successor = decisions.request_review(actor(story.owner), successor.pk)
    assert packet.value_of(packet.current(successor))["predecessor"] == str(old.pk)


def test_a_predecessor_is_ended_and_of_the_same_plan():
    story = Story()
    make_environment("staging", rules=[{"name": "release", "group": "release", "quorum": 1}])
    still_open = story.open()
    elsewhere = decisions.open_request(actor(story.owner), plan_id=make_plan(story.owner, story.partner).pk, environment_slug="staging")
    decisions.withdraw(actor(story.owner), elsewhere.pk, comment="no")
    for wrong in (still_open.pk, elsewhere.pk, uuid.uuid4()):
        refused(
            lambda wrong=wrong: decisions.open_request(
                actor(story.owner), plan_id=story.plan.pk, environment_slug="staging", predecessor_id=wrong
            ),
            "unknown_predecessor",
            status=400,
        )


def test_open_writes_the_expiries_that_are_due():
    story = Story(review_seconds=0)
    old = lapsed(story.in_review())
    successor = story.open(predecessor_id=old.pk)
    assert (DeploymentReviewRequest.objects.get(pk=old.pk).state, successor.state) == ("expired", "draft")
    assert Event.objects.filter(review_request=old).order_by("-number").first().actor == "the clock"
    assert_consistent()


@pytest.mark.parametrize("comment", ["", "   ", "x" * 2001, None, 5, "zero\u200bwidth"])
def test_withdraw_revoke_and_comment_need_a_proper_comment(comment):
    story = Story()
    review_request = story.approved()
    refused(lambda: decisions.revoke(actor(story.owner), review_request.pk, comment=comment), status=400)
    refused(lambda: decisions.comment(actor(story.owner), review_request.pk, comment=comment), status=400)
    other = story.open()
    refused(lambda: decisions.withdraw(actor(story.owner), other.pk, comment=comment), status=400)


def test_a_comment_changes_no_state_and_no_version():
    story = Story()
    review_request = story.approved()
    after = decisions.comment(actor(story.viewer), review_request.pk, comment="two\nlines")
    event = Event.objects.filter(review_request=review_request).order_by("-number").first()
    assert (event.verb, event.comment, event.from_state, event.to_state) == ("comment", "two\nlines", "approved", "approved")
    assert after.version == review_request.version


def test_a_comment_on_a_lapsed_approval_is_no_step_back_to_approved():
    """Found by attack: the event said expired → approved."""
    story = Story(approval_seconds=1)
    review_request = lapsed(story.approved())
    decisions.comment(actor(story.owner), review_request.pk, comment="too late")
    event = Event.objects.filter(review_request=review_request).order_by("-number").first()
    assert (event.from_state, event.to_state) == ("expired", "expired")
    assert_consistent()


@pytest.mark.parametrize("version", [0, 1, 99])
def test_a_stale_version_is_refused(version):
    story = Story()
    review_request, owner = story.in_review(), actor(story.owner)
    assert review_request.version not in (0, 1, 99)
    for call in (
        lambda: decisions.recall(owner, review_request.pk, version=version),
        lambda: decisions.withdraw(owner, review_request.pk, comment="x", version=version),
        lambda: decisions.comment(owner, review_request.pk, comment="x", version=version),
    ):
        refused(call, "stale_version", status=412)


def test_an_unknown_request_is_not_found_by_any_verb():
    Story()
    who = actor(make_user("root", is_superuser=True), channel="admin")
    nothing = uuid.uuid4()
    for call in (
        lambda: decisions.request_review(who, nothing),
        lambda: decisions.recall(who, nothing),
        lambda: decisions.vote(who, nothing, choice="approve", digest="0" * 64),
        lambda: decisions.comment(who, nothing, comment="x"),
        lambda: decisions.revoke(who, nothing, comment="x"),
        lambda: decisions.expand(who, nothing),
    ):
        refused(call, "not_found", status=404)


NO_SUBJECTS = [{}, "", "x", 0, None, [1], [SUBJECT], SUBJECT * 21, [{"name": "x"}], [{**SUBJECT[0], "more": 1}]]
NO_DIGESTS = [{}, {"sha256": "A" * 64}, {"sha256": "a" * 63}, {"md5": "a" * 32}]


@pytest.mark.parametrize("subject", NO_SUBJECTS + [[{"name": "x", "digest": digest}] for digest in NO_DIGESTS])
def test_subjects_are_names_with_digests(subject):
    story = Story()
    review_request = story.open()
    refused(lambda: decisions.edit_subject(actor(story.owner), review_request.pk, subject=subject), status=400)

"""Races on real PostgreSQL: exactly one winner, clean refusals, no impossible pair in the history."""

import time
from functools import partial

import pytest
from django.db import connections, transaction

from drafts.coverage import append_move, create_plan, delete_plan, edit_plan
from drafts.models import CoveragePlan, ExpansionMove
from receipts.models import Receipt
from reviews import decisions, verdict
from reviews.models import Decision, Denial, DeploymentReviewRequest, Event, Packet, Vote
from tests.barrier import at_once, refusals, won
from tests.factories import PLAN_FIELDS, Story, actor, confirm_all, make_plan, make_user
from tests.invariants import assert_consistent
from tests.reviews.machine.cast import MOVE
from tests.rounds import rounds

pytestmark = pytest.mark.usefixtures("both_stores_committed")
ONE = [{"name": "release", "group": "release", "quorum": 1}]
ROUNDS = rounds(12)  # of each race here; R01 has more


class Arena(Story):
    """A story with ten reviewers and as many review requests as rounds."""

    def __init__(self, **policy) -> None:
        super().__init__(**policy)
        self.reviewers = [self.release, *(make_user(f"reviewer{number}", groups=("release",)) for number in range(9))]

    def fresh(self) -> DeploymentReviewRequest:
        review_request = self.opened()
        return decisions.request_review(actor(self.owner), review_request.pk)

    def opened(self) -> DeploymentReviewRequest:
        plan = make_plan(self.owner, self.partner)
        review_request = decisions.open_request(actor(self.owner), plan_id=plan.pk, environment_slug="production")
        confirm_all(self.owner, review_request)
        return review_request

    def voting(self, user, review_request, choice="approve"):
        """Prepared outside the barrier, so that threads meet at the verb itself."""
        comment = "" if choice == "approve" else "seen"
        return partial(
            decisions.vote, actor(user, channel="admin"), review_request.pk, choice=choice, digest=review_request.digest, comment=comment
        )


def test_R01_up_to_ten_reviewers_approve_at_a_barrier_and_one_decides():
    arena = Arena(rules=ONE)
    many = rounds(40)
    for number in range(many):
        review_request = arena.fresh()
        reviewers = arena.reviewers[: 2 + number % 9]
        answers = at_once(*(arena.voting(user, review_request) for user in reviewers))
        assert [answer.state for answer in won(answers)] == ["approved"]
        assert [refusal.codes for refusal in refusals(answers)] == [["state_approved"]] * (len(reviewers) - 1)
        assert {refusal.status for refusal in refusals(answers)} == {409}
    assert (Decision.objects.count(), Receipt.objects.count(), Vote.objects.count()) == (many, many, many)
    assert Event.objects.filter(to_state="approved").exclude(from_state="approved").count() == many
    assert_consistent()


def test_R01_two_last_votes_of_a_quorum_of_two():
    arena = Arena(rules=[{"name": "release", "group": "release", "quorum": 2}])
    for _ in range(ROUNDS):
        review_request = arena.fresh()
        answers = at_once(*(arena.voting(user, review_request) for user in arena.reviewers[:4]))
        assert sorted(answer.state for answer in won(answers)) == ["approved", "review_requested"]
        assert review_request.votes.count() == 2
    assert_consistent()


def test_one_reviewer_who_clicks_twice_approves_once():
    arena = Arena(rules=[{"name": "release", "group": "release", "quorum": 3}])
    for _ in range(ROUNDS):
        review_request = arena.fresh()
        answers = at_once(*[arena.voting(arena.release, review_request)] * 4)
        assert len(won(answers)) == 1
        assert {refusal.codes[0] for refusal in refusals(answers)} == {"already_approved"}
        assert review_request.votes.count() == 1


@pytest.mark.parametrize("other", ["recall", "withdraw", "reject", "request_changes"])
def test_R02_approve_against_its_opposite_has_one_winner(other):
    arena = Arena(rules=ONE)
    against = {
        "recall": lambda asked: partial(decisions.recall, actor(arena.owner), asked.pk),
        "withdraw": lambda asked: partial(decisions.withdraw, actor(arena.owner), asked.pk, comment="no"),
        "reject": lambda asked: arena.voting(arena.reviewers[1], asked, "reject"),
        "request_changes": lambda asked: arena.voting(arena.reviewers[1], asked, "request_changes"),
    }[other]
    for number in range(ROUNDS):
        review_request = arena.fresh()
        calls = [arena.voting(arena.release, review_request), against(review_request)]
        answers = at_once(*(calls if number % 2 else reversed(calls)))
        assert len(won(answers)) == 1
        assert all(refusal.status == 409 for refusal in refusals(answers))
    assert_consistent()


def test_R02_approve_against_revoke_of_the_approval_it_takes_the_place_of():
    """Both end the old approval; the old request is revoked once, whoever came first."""
    arena = Arena(rules=ONE)
    for _ in range(ROUNDS):
        old = arena.fresh()
        arena.voting(arena.release, old)()
        new = decisions.open_request(actor(arena.owner), plan_id=old.plan_id, environment_slug="production")
        confirm_all(arena.owner, new)
        new = decisions.request_review(actor(arena.owner), new.pk)
        answers = at_once(arena.voting(arena.release, new), partial(decisions.revoke, actor(arena.owner), old.pk, comment="stop"))
        assert DeploymentReviewRequest.objects.get(pk=new.pk).state == "approved"
        assert Event.objects.filter(review_request=old, to_state="revoked").count() == 1
        assert len(won(answers)) >= 1
    assert_consistent()


def test_R02_revoke_against_a_successor_that_locks_it_does_not_deadlock():
    """Found by attack: open locked the plan before the predecessor, revoke the other way round."""
    arena = Arena(rules=ONE)
    for _ in range(ROUNDS):
        old = arena.fresh()
        arena.voting(arena.release, old)()
        opening = partial(
            decisions.open_request, actor(arena.owner), plan_id=old.plan_id, environment_slug="production", predecessor_id=old.pk
        )
        answers = at_once(partial(decisions.revoke, actor(arena.owner), old.pk, comment="stop"), opening)
        assert len(won(answers)) == 2
    assert_consistent()


def test_R02_approve_against_the_clock():
    """Whoever is first: approved in time, or refused as expired; never approved after its end."""
    arena = Arena(rules=ONE, review_seconds=1)
    for number in range(4):
        review_request = arena.fresh()
        call = arena.voting(arena.release, review_request)
        left = "SELECT pg_sleep(greatest(0, extract(epoch FROM %s - clock_timestamp()) - %s))"
        with connections["self_service"].cursor() as cursor:
            cursor.execute(left, [review_request.expires_at, 0.01 * number])
        answers = at_once(call, partial(decisions.comment, actor(arena.owner), review_request.pk, comment="now"))
        assert not isinstance(answers[1], Exception)
        approved = Event.objects.filter(review_request=review_request, to_state="approved", from_state="review_requested").first()
        assert (approved is None) == bool(refusals(answers))
        assert approved is None or approved.at < review_request.expires_at
        assert {tuple(refusal.codes) for refusal in refusals(answers)} <= {("state_expired",)}
    assert_consistent()


def test_two_opens_at_once_make_one_request():
    arena = Arena(rules=ONE)
    for _ in range(ROUNDS):
        plan = make_plan(arena.owner, arena.partner)
        opening = partial(decisions.open_request, actor(arena.owner), plan_id=plan.pk, environment_slug="production")
        answers = at_once(*[opening] * 4)
        assert len(won(answers)) == 1
        assert {refusal.codes[0] for refusal in refusals(answers)} == {"open_request_exists"}
    assert_consistent()


def test_two_request_reviews_at_once_freeze_one_revision():
    arena = Arena(rules=ONE)
    for _ in range(ROUNDS):
        review_request = arena.opened()
        answers = at_once(*[partial(decisions.request_review, actor(arena.owner), review_request.pk)] * 4)
        assert [answer.revision for answer in won(answers)] == [1]
        assert {refusal.codes[0] for refusal in refusals(answers)} == {"state_review_requested"}
    assert Packet.objects.count() == ROUNDS
    assert_consistent()


def test_R11_moves_appended_at_once_are_all_kept_and_numbered_without_a_gap():
    arena = Arena(rules=ONE)
    append = partial(append_move, actor(arena.owner), arena.plan.pk, fields=MOVE)
    for _ in range(ROUNDS):
        assert len(won(at_once(*[append] * 4))) == 4
    assert list(ExpansionMove.objects.values_list("number", flat=True)) == list(range(1, 4 * ROUNDS + 1))
    assert CoveragePlan.objects.get(pk=arena.plan.pk).version == 4 * ROUNDS + 1


def test_R11_two_tabs_with_one_version_append_once():
    arena = Arena(rules=ONE)
    for number in range(1, ROUNDS + 1):
        answers = at_once(*[partial(append_move, actor(arena.owner), arena.plan.pk, fields=MOVE, version=number)] * 3)
        assert len(won(answers)) == 1
        assert {refusal.status for refusal in refusals(answers)} == {412}


def test_the_same_confirmation_twice_at_once_is_one_row_and_two_events():
    arena = Arena(rules=ONE)
    for _ in range(ROUNDS):
        review_request = arena.opened()
        before = review_request.events.count()
        assert won(at_once(*[partial(confirm_all, arena.owner, review_request, but=("sla", "rollback", "support"))] * 2)) == [None, None]
        assert review_request.confirmations.count() == 5
        assert review_request.events.count() == before + 4
    assert_consistent()


def test_an_edit_against_request_review_is_in_the_packet_or_refused():
    arena = Arena(rules=ONE)
    for number in range(ROUNDS):
        review_request = arena.opened()
        edit = partial(edit_plan, actor(arena.owner), review_request.plan_id, fields={"name": f"Edited {number}"})
        answers = at_once(edit, partial(decisions.request_review, actor(arena.owner), review_request.pk))
        assert not isinstance(answers[1], Exception)
        name = CoveragePlan.objects.get(pk=review_request.plan_id).name
        body = bytes(Packet.objects.get(review_request=review_request).body).decode()
        assert f'"name":"{name}"' in body
        assert all(refusal.codes == ["plan_in_review"] for refusal in refusals(answers))
    assert_consistent()


def test_delete_against_open_leaves_both_or_neither():
    arena = Arena(rules=ONE)
    for _ in range(ROUNDS):
        plan = make_plan(arena.owner, arena.partner)
        answers = at_once(
            partial(delete_plan, actor(arena.owner), plan.pk),
            partial(decisions.open_request, actor(arena.owner), plan_id=plan.pk, environment_slug="production"),
        )
        assert len(won(answers)) == 1
        left = CoveragePlan.objects.filter(pk=plan.pk).exists()
        assert left == DeploymentReviewRequest.objects.filter(plan_id=plan.pk).exists()


def test_the_same_reference_twice_at_once_is_one_plan():
    arena = Arena(rules=ONE)
    for number in range(ROUNDS):
        fields = {**PLAN_FIELDS, "external_reference": f"raced-{number}"}
        answers = at_once(*[partial(create_plan, actor(arena.owner), partner_slug=arena.partner.slug, fields=fields)] * 3)
        assert len(won(answers)) == 1
        assert {refusal.codes[0] for refusal in refusals(answers)} == {"duplicate_reference"}


def test_pending_documents_are_signed_once(settings):
    arena = Arena(rules=ONE)
    key, settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY, ""
    for _ in range(3):
        arena.voting(arena.release, arena.fresh(), "reject")()
    settings.RECEIPT_SIGNING_KEY = key
    assert sum(receipts for receipts, _ in won(at_once(*[verdict.sign_pending] * 4))) == 3
    assert Receipt.objects.count() == 3
    assert_consistent()


def test_removal_from_the_group_against_the_deciding_vote():
    """A removal that had committed before the vote took its turn counts."""
    arena = Arena()
    for _ in range(rounds(6)):
        review_request = arena.fresh()
        arena.voting(arena.release, review_request)()
        group = arena.release.groups.get()
        answers = at_once(partial(arena.release.groups.clear), arena.voting(arena.security, review_request))
        state = won(answers)[-1].state
        decided = Decision.objects.filter(pk=review_request.pk).exists()
        assert (state == "approved") == decided
        arena.release.groups.add(group)
    assert_consistent()


def test_A08_removed_while_the_vote_waits_for_the_lock_is_refused():
    """The rights are asked inside the lock, not before it."""
    arena = Arena(rules=ONE)
    review_request = arena.fresh()
    call = arena.voting(arena.release, review_request)

    def holder():
        with transaction.atomic(using="self_service"):
            DeploymentReviewRequest.objects.using("self_service").select_for_update().get(pk=review_request.pk)
            _until_somebody_waits()
            arena.release.groups.clear()

    answers = at_once(holder, lambda: (time.sleep(0.05), call())[1])
    assert [refusal.codes for refusal in refusals(answers)] == [["not_a_reviewer"]]
    assert not Vote.objects.exists()


def test_R03_recalled_while_the_vote_waits_for_the_lock_is_refused():
    arena = Arena(rules=ONE)
    review_request = arena.fresh()
    call = arena.voting(arena.release, review_request)

    def holder():
        with transaction.atomic(using="self_service"):
            DeploymentReviewRequest.objects.using("self_service").select_for_update().get(pk=review_request.pk)
            _until_somebody_waits()
            decisions.recall(actor(arena.owner), review_request.pk)
            decisions.request_review(actor(arena.owner), review_request.pk)

    answers = at_once(holder, lambda: (time.sleep(0.05), call())[1])
    assert [refusal.codes for refusal in refusals(answers)] == [["stale_packet"]]
    assert_consistent()


def _until_somebody_waits() -> None:
    with connections["self_service"].cursor() as cursor:
        for _ in range(500):
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for the lock")


def test_R13_a_rollback_around_a_verb_leaks_nothing():
    arena = Arena(rules=ONE)
    review_request = arena.fresh()
    with transaction.atomic(using="self_service"):
        arena.voting(arena.release, review_request)()
        assert at_once(lambda: (Decision.objects.count(), Receipt.objects.count(), Vote.objects.count())) == [(0, 0, 0)]
        transaction.set_rollback(True, using="self_service")
    assert (Decision.objects.count(), Receipt.objects.count(), Vote.objects.count()) == (0, 0, 0)
    assert DeploymentReviewRequest.objects.get(pk=review_request.pk).state == "review_requested"
    assert_consistent()


def test_F07_a_lock_held_by_another_is_a_clean_database_error_and_leaves_nothing():
    arena = Arena(rules=ONE)
    review_request = arena.fresh()
    call = arena.voting(arena.release, review_request)

    def impatient():
        with connections["self_service"].cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return call()

    with transaction.atomic(using="self_service"):
        DeploymentReviewRequest.objects.using("self_service").select_for_update().get(pk=review_request.pk)
        (answer,) = at_once(impatient)
    assert (answer.codes, answer.status) == (["busy"], 409)
    assert not Vote.objects.exists()
    assert_consistent()


# --- denials ------------------------------------------------------------------------------------------------------------------------


def test_L09_first_denials_at_one_moment_are_one_row_with_a_count():
    story = Story()
    review_request, stranger = story.open(), actor(make_user("stranger"))

    at_once(*[lambda: decisions.recall(stranger, review_request.pk)] * 8)

    assert list(Denial.objects.values_list("verb", "reasons", "count")) == [("recall", "not_found", 8)]

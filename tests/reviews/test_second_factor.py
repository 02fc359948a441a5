"""A policy that asks for a second factor: who decides has signed in with a code, and approvals given without one do not count."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from access import second_factor
from access.actors import Actor
from access.models import User
from access.sessions import APP, VERIFIED_AT, app_of
from reviews import decisions, explain, history, policies, preview
from reviews.models import Denial, DeploymentReviewRequest, Event, Vote
from reviews.policy import Approvers
from reviews.queue import standings
from tests.calls import Caller
from tests.codes import LOGIN, PAGE, code_of, equip, signed_in_with_code
from tests.factories import PASSWORD, actor, make_user
from tests.invariants import assert_consistent, refused
from tests.pages import Visitor, desk_path, text_of
from tests.reviews.test_policies import Governed
from tests.reviews.test_verdict import statements

pytestmark = pytest.mark.usefixtures("both_stores")


def story_with_codes() -> Governed:
    return Governed(second_factor=True)


def proved(user: User) -> Actor:
    """The user at the desk, in a session that a code has opened."""
    if second_factor.device_of(user) is None:
        equip(user)
    return Actor(user.pk, user.username, frozenset({user.username}), "admin", app=second_factor.device_of(user).pk)


def vote(who: Actor, review_request: DeploymentReviewRequest, choice: str = "approve", **said) -> DeploymentReviewRequest:
    return decisions.vote(who, review_request.pk, choice=choice, digest=review_request.digest, comment="seen", **said)


def decide(visitor: Visitor, review_request: DeploymentReviewRequest, choice: str = "approve"):
    said = {"choice": choice, "digest": review_request.digest, "comment": "seen", "conditions": ""}
    return visitor.post(desk_path(review_request, "decide/"), **said)


# --- the guard ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["approve", "request_changes", "reject"])
def test_without_a_code_no_choice_goes_through_and_the_page_leads_to_setting_it_up(choice):
    story = story_with_codes()
    review_request = story.in_review()
    visitor = Visitor(story.release)

    answer = decide(visitor, review_request, choice)

    assert (answer.status_code, story.state(review_request), Vote.objects.count()) == (403, "review_requested", 0)
    assert Denial.objects.get().reasons == "second_factor_missing"
    for page in (answer, visitor.get(desk_path(review_request, "decide/"))):
        assert "The policy asks for a sign-in with a second factor." in text_of(page)
        assert f'<a href="{PAGE}">Set up your second factor</a>' in page.content.decode()
        assert f"{LOGIN}?again=yes&amp;next={desk_path(review_request, 'decide/')}" in page.content.decode()
    assert "You can decide" not in text_of(visitor.get(desk_path(review_request)))


def test_with_a_code_the_vote_goes_through_and_says_so_everywhere():
    story = story_with_codes()
    review_request = story.in_review()
    for user in (story.release, story.security):
        equip(user)
        assert decide(signed_in_with_code(user), review_request).status_code == 302

    assert story.state(review_request) == "approved"
    assert [each.second_factor for each in Vote.objects.all()] == [True, True]
    assert [event.detail["second_factor"] for event in Event.objects.filter(verb="approve")] == [True, True]
    page = text_of(Visitor(story.operator).get(desk_path(review_request)))
    assert "Approve by release, with a second factor," in page
    assert "by release (reviewer for release, with a second factor), at the desk" in page
    assert history.verified([story.fresh(review_request)], history.stored_keys()) == []
    assert_consistent()


def test_who_sets_the_app_up_decides_in_that_same_session():
    story = story_with_codes()
    review_request = story.in_review()
    visitor = equip(story.release)
    assert decide(visitor, review_request).status_code == 302


def test_a_session_from_before_the_app_was_set_up_has_to_sign_in_again():
    story = story_with_codes()
    review_request = story.in_review()
    earlier = Visitor(story.release)
    earlier.get(PAGE)
    equip(story.release)
    assert decide(earlier, review_request).status_code == 403

    again = f"{LOGIN}?again=yes&next={desk_path(review_request, 'decide/')}"
    assert earlier.post(again, username="release", password=PASSWORD).status_code == 200
    assert earlier.post(LOGIN, code=code_of(story.release)).status_code == 302
    assert decide(earlier, review_request).status_code == 302


def test_an_app_that_was_reset_or_replaced_counts_no_more_also_in_sessions_that_it_opened():
    story = story_with_codes()
    review_request = story.in_review()
    equip(story.release)
    visitor = signed_in_with_code(story.release)
    call_command("reset_second_factor", "release")
    assert decide(visitor, review_request).status_code == 403

    equip(story.release)

    assert second_factor.is_verified(visitor.client.session)
    assert decide(visitor, review_request).status_code == 403


def test_an_app_of_somebody_else_or_one_that_is_only_prepared_proves_nothing():
    story = story_with_codes()
    review_request = story.in_review()
    theirs = proved(story.security).app
    prepared = second_factor.prepare(story.release).pk
    for app in (theirs, prepared, 2**40):
        who = Actor(story.release.pk, "release", frozenset({"release"}), "admin", app=app)
        refused(lambda who=who: vote(who, review_request), "second_factor_missing", status=403)


@pytest.mark.parametrize("said", [None, "7", [], 1.5])
def test_a_session_that_says_no_app_has_none(said):
    session = {VERIFIED_AT: 1, APP: said}
    assert app_of(session) is None


def test_a_session_that_was_not_opened_by_a_code_has_no_app():
    assert app_of({APP: 7}) is None
    assert app_of({VERIFIED_AT: 1, APP: 7}) == 7


def test_W15_when_it_cannot_be_asked_whether_the_app_is_in_use_nothing_is_decided(monkeypatch):
    story = story_with_codes()
    review_request, who = story.in_review(), proved(story.release)

    def broken(*args, **kwargs):
        raise RuntimeError("broken")

    for guard in ("access.people.voters", "reviews.ballot._second_factor_reasons"):
        monkeypatch.setattr(guard, broken)
        with pytest.raises(RuntimeError), transaction.atomic(using="self_service"):
            vote(who, review_request)
        monkeypatch.undo()
    assert Vote.objects.count() == 0


def test_the_strictest_of_both_versions_asks():
    story = Governed()
    review_request = story.in_review()
    story.change(second_factor=True)
    refused(lambda: story.vote(story.release, review_request), "second_factor_missing", status=403)

    assert vote(proved(User.objects.get(username="release")), review_request).state == "review_requested"


def test_loosening_still_asks_where_the_packet_names_the_stricter_version():
    story = story_with_codes()
    review_request = story.in_review()
    story.change(second_factor=False)
    refused(lambda: story.vote(story.release, review_request), "second_factor_missing", status=403)


def test_without_such_a_policy_a_code_is_told_of_and_asked_of_nobody():
    story = Governed()
    review_request = story.in_review()
    vote(proved(story.release), review_request)
    story.vote(story.security, review_request)
    assert story.state(review_request) == "approved"
    assert list(Vote.objects.order_by("cast_at").values_list("second_factor", flat=True)) == [True, False]
    assert "second_factor" not in Event.objects.filter(verb="approve").latest("number").detail


def test_it_costs_no_statement():
    story = story_with_codes()
    review_request = story.in_review()
    vote(proved(story.release), review_request)
    who = proved(story.security)
    assert statements(lambda: vote(who, review_request)) == (20, 1)
    assert story.state(review_request) == "approved"


def test_the_database_takes_no_vote_without_it_where_the_pinned_policy_asks():
    story = story_with_codes()
    review_request = story.in_review()
    said = {"user_id": 99, "username": "x", "choice": "reject", "comment": "no", "cast_at": review_request.requested_at}
    with pytest.raises(IntegrityError, match="second factor"), transaction.atomic(using="self_service"):
        Vote.objects.create(review_request=review_request, revision=1, digest=review_request.digest, **said)
    Vote.objects.create(review_request=review_request, revision=1, digest=review_request.digest, second_factor=True, **said)


# --- what counts ----------------------------------------------------------------------------------------------------------------------


def test_only_proved_approvals_of_members_count_where_it_is_asked():
    approvers = Approvers({1: frozenset({"a"}), 2: frozenset({"b"})}, {1: True, 2: False, 3: True})
    assert approvers.counted(second_factor=True) == {1: frozenset({"a"})}
    assert approvers.counted(second_factor=False) == {1: frozenset({"a"}), 2: frozenset({"b"})}


def test_an_approval_from_before_does_not_count_for_a_version_that_asks_and_everybody_is_told_so():
    story = Governed()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    story.change(second_factor=True)
    other = make_user("release2", groups=("release",))

    missing = explain.missing(story.fresh(review_request), now=review_request.requested_at)
    assert [reason.code for reason in missing] == ["approval_missing", "approval_missing", "approved_without_second_factor"]
    assert "release approved without one" in missing[2].detail
    assert "owner, by recalling it" in missing[2].clear_by
    will = preview.options(proved(story.security), story.fresh(review_request))[0].will
    assert "Still needed after it: release." in will
    row = DeploymentReviewRequest.objects.as_of_now().select_related("policy", "environment").get(pk=review_request.pk)
    assert standings(actor(story.owner), [row])[row.pk].can_approve == "release2, security"

    vote(proved(story.security), review_request)
    assert story.state(review_request) == "review_requested"
    vote(proved(other), review_request)
    assert story.state(review_request) == "approved"
    assert "approved_without_second_factor" not in [
        reason.code for reason in explain.missing(story.fresh(review_request), now=row.requested_at)
    ]


def test_an_approval_that_was_given_without_it_ends_when_a_version_that_asks_is_accepted():
    story = Governed()
    approved = story.approved()
    proposal = story.propose(second_factor=True)
    page = text_of(Visitor(story.operator2).get(f"/admin/reviews/reviewpolicy/{proposal.pk}/settle/"))
    assert "An approval for release with a second factor is missing." in page

    ended = story.accept(proposal)

    assert [[reason.code for reason in each.reasons] for each in ended] == [["approval_missing", "approval_missing"]]
    assert story.state(approved) == "revoked"
    assert Event.objects.get(verb="revoke").detail["cause"] == "policy_tightened"


def test_one_that_was_given_with_it_stands_and_loosening_ends_nothing():
    story = Governed()
    review_request = story.in_review()
    for user in (story.release, story.security):
        vote(proved(user), review_request)
    assert story.change(second_factor=True) == []
    assert story.change() == []
    assert story.state(review_request) == "approved"


# --- in words -------------------------------------------------------------------------------------------------------------------------


def test_the_policy_says_so_in_words_and_by_api():
    story = story_with_codes()
    review_request = story.in_review()
    words = "Who decides has signed in with a second factor, a code of an authenticator app."
    assert words in text_of(Visitor(story.release).get(desk_path(review_request)))
    assert words in text_of(Visitor(story.owner).get(f"/self-service/plans/{review_request.plan_id}/requests/{review_request.pk}/"))
    found = Caller(story.owner).get("environments/").json()["results"][0]["policy"]
    assert (found["second_factor"], found["session_seconds"], found["conditions_allowed"]) == (True, None, True)
    assert found["approval_seconds"] == 72 * 3600
    story.change(second_factor=False)
    assert Caller(story.owner).get("environments/").json()["results"][0]["policy"]["second_factor"] is False


def test_the_form_starts_with_what_is_in_force_and_the_command_asks_for_it():
    story = story_with_codes()
    form = Visitor(story.operator).get("/admin/reviews/reviewpolicy/propose/production/").content.decode()
    assert '<option value="asked" selected>' in form
    call_command("set_policy", "production", "--rule", "release:release:1", "--as", "operator", "--second-factor")
    proposal = policies.proposal_of(story.environment)
    assert (proposal.second_factor, proposal.document()["second_factor"]) == (True, True)
    policies.decline_policy(actor(story.operator2), proposal.pk, comment="no")
    call_command("set_policy", "production", "--rule", "release:release:1", "--as", "operator")
    assert "second_factor" not in policies.proposal_of(story.environment).document()


def test_a_form_that_says_nothing_of_it_proposes_nothing():
    story = story_with_codes()
    hours = {"due_hours": 24, "review_hours": 48, "approval_hours": 72, "session_minutes": "", "conditions": "allowed"}
    said = {"rules": "release release 1", "required_confirmations": "owner", **hours}
    assert Visitor(story.operator).submit("/admin/reviews/reviewpolicy/propose/production/", **said).status_code == 400
    assert policies.proposal_of(story.environment) is None

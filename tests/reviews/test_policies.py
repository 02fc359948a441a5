"""Versions of a policy: four eyes, both versions in review, and what no longer satisfies an accepted one is revoked."""

import io
import json
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections, transaction
from django.test import Client

from access.sessions import SIGNED_IN_AT
from drafts.coverage import append_move
from receipts.models import Receipt
from reviews import decisions, explain, freezes, policies
from reviews.models import DeploymentReviewRequest, Event, PolicyOutcome, ReviewPolicy
from reviews.record import database_now
from tests.barrier import at_once, refusals, won
from tests.calls import Caller
from tests.factories import CONFIRMATION_FIELDS, PASSWORD, PRODUCTION_RULES, Story, actor, make_plan, make_user
from tests.invariants import assert_consistent, refused
from tests.pages import Visitor, desk_path, request_path, text_of
from tests.reviews.machine.cast import MOVE

ADMIN = "/admin/reviews/reviewpolicy/"
RELEASE = {"name": "release", "group": "release", "quorum": 1}
LEGAL = {"name": "legal", "group": "legal", "quorum": 1}
KINDS = list(CONFIRMATION_FIELDS)
both = pytest.mark.usefixtures("both_stores")


class Governed(Story):
    """A story with two operators, and a policy that can be changed."""

    def __init__(self, **policy) -> None:
        super().__init__(**policy)
        self.operator, self.operator2 = (make_user(name, groups=("operators",)) for name in ("operator", "operator2"))

    def propose(self, by=None, **changes) -> ReviewPolicy:
        said = {"rules": PRODUCTION_RULES, "required_confirmations": KINDS, **changes}
        return policies.propose_policy(actor(by or self.operator, channel="admin"), self.environment, **said)

    def accept(self, proposal: ReviewPolicy, by=None):
        return policies.accept_policy(actor(by or self.operator2, channel="admin"), proposal.pk, digest=proposal.digest)

    def change(self, **changes):
        return self.accept(self.propose(**changes))

    def state(self, review_request) -> str:
        return DeploymentReviewRequest.objects.as_of_now().get(pk=review_request.pk).state_now

    def fresh(self, review_request) -> DeploymentReviewRequest:
        return DeploymentReviewRequest.objects.get(pk=review_request.pk)


@pytest.fixture
def story(both_stores):
    return Governed()


# --- four eyes ------------------------------------------------------------------------------------------------------------------------


def test_a_later_version_rules_only_once_another_operator_accepts_it(story):
    proposal = story.propose(rules=[RELEASE])
    assert explain.newest_policy(story.environment).version == 1

    story.accept(proposal)

    assert explain.newest_policy(story.environment) == proposal
    verbs = Event.objects.filter(verb__endswith="_policy").order_by("number").values_list("verb", "actor", "role")
    assert list(verbs) == [("propose_policy", "operator", "operator"), ("accept_policy", "operator2", "operator")]
    assert Event.objects.get(verb="accept_policy").detail["policy_digest"] == proposal.digest


def test_the_first_version_takes_effect_at_once(story):
    story.environment = story.environment.__class__.objects.create(slug="staging", name="Staging")
    made = story.propose()
    assert (made.version, explain.newest_policy(story.environment)) == (1, made)
    assert Event.objects.get(verb="set_policy").actor == "operator"


def test_nobody_accepts_what_they_proposed(story):
    proposal = story.propose()
    refused(lambda: story.accept(proposal, by=story.operator), "own_proposal", status=403)
    assert policies.proposal_of(story.environment) == proposal


@pytest.mark.parametrize("who", ["owner", "release", "viewer"])
def test_only_an_operator_proposes_accepts_and_declines(story, who):
    person = getattr(story, who)
    refused(lambda: story.propose(by=person), "not_an_operator", status=403)
    proposal = story.propose()
    refused(lambda: story.accept(proposal, by=person), "not_an_operator", status=403)
    refused(lambda: policies.decline_policy(actor(person), proposal.pk, comment="x"), "not_an_operator", status=403)


def test_an_operator_who_was_removed_meanwhile_accepts_nothing(story):
    proposal, who = story.propose(), actor(story.operator2, channel="admin")
    story.operator2.groups.clear()
    refused(lambda: policies.accept_policy(who, proposal.pk, digest=proposal.digest), "not_an_operator", status=403)


@pytest.mark.parametrize(("digest", "code", "status"), [("", "digest_missing", 428), ("0" * 64, "stale_policy", 412)])
def test_acceptance_quotes_what_was_read(story, digest, code, status):
    proposal = story.propose()
    refused(lambda: policies.accept_policy(actor(story.operator2), proposal.pk, digest=digest), code, status=status)


def test_one_proposal_waits_at_a_time_and_a_settled_one_stays_settled(story):
    proposal = story.propose()
    refused(story.propose, "proposal_open", status=409)

    policies.decline_policy(actor(story.operator), proposal.pk, comment="a slip")

    assert PolicyOutcome.objects.get(policy=proposal).outcome == "withdrawn"
    refused(lambda: story.accept(proposal), "proposal_withdrawn", status=409)
    second = story.propose()
    policies.decline_policy(actor(story.operator2), second.pk, comment="too strict")
    assert PolicyOutcome.objects.get(policy=second).outcome == "declined"
    assert explain.newest_policy(story.environment).version == 1
    third = story.propose()
    refused(lambda: policies.decline_policy(actor(story.operator2), third.pk, comment=" "), "required", status=400)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"rules": []}, "no_rules"),
        ({"rules": [RELEASE | {"quorum": 0}]}, "no_rules"),
        ({"required_confirmations": ["weather"]}, "unknown_confirmation"),
        ({"required_confirmations": ["sla"], "maximum_ages": {"owner": 60}}, "unknown_confirmation"),
        ({"maximum_ages": {"sla": 0}}, "out_of_range"),
        ({"session_seconds": 0}, "out_of_range"),
        ({"approval_seconds": 3651 * 86400}, "out_of_range"),
    ],
)
def test_what_is_no_policy_is_refused(story, said, code):
    refused(lambda: story.propose(**said), code, status=400)


def test_the_digest_covers_what_is_new_and_leaves_earlier_versions_as_they_were(story):
    plain, aged = story.propose(), ReviewPolicy(maximum_ages={"sla": 60}, second_factor=True, environment=story.environment)
    assert set(plain.document()) == {
        "environment", "version", "rules", "required_confirmations", "due_seconds", "review_seconds", "approval_seconds",
        "conditions_allowed",
    }  # fmt: skip
    assert (aged.document()["maximum_ages"], aged.document()["second_factor"]) == ({"sla": 60}, True)
    assert aged.computed_digest() != ReviewPolicy(environment=story.environment).computed_digest()


@pytest.mark.parametrize(
    "outcome",
    [
        {"outcome": "accepted", "settled_by_id": "proposer"},
        {"outcome": "accepted", "settled_by_id": None},
        {"outcome": "withdrawn", "settled_by_id": 10**9},
        {"outcome": "perhaps", "settled_by_id": 10**9},
    ],
)
def test_the_database_lets_nobody_accept_their_own(story, outcome):
    proposal = story.propose()
    said = {**outcome, "settled_by_id": proposal.proposed_by_id if outcome["settled_by_id"] == "proposer" else outcome["settled_by_id"]}
    with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
        PolicyOutcome.objects.create(policy=proposal, settled_at=database_now(), **said)


# --- in review: both ------------------------------------------------------------------------------------------------------------------


def test_in_review_the_pinned_and_the_accepted_version_must_both_be_satisfied(story):
    legal = make_user("legal", groups=("legal",))
    review_request = story.in_review()
    story.vote(story.release, review_request)
    story.change(rules=[RELEASE, LEGAL])

    assert story.vote(story.security, review_request).state == "review_requested"
    found = explain.missing(story.fresh(review_request), now=database_now())
    assert [(reason.code, reason.clear_by) for reason in found] == [("approval_missing", "legal")]
    assert Caller(legal).get(f"review-requests/{review_request.pk}/").status_code == 200

    assert story.vote(legal, review_request).state == "approved"
    assert_consistent()


def test_A05_before_the_other_version_is_accepted_its_group_sees_and_does_nothing(story):
    legal = make_user("legal", groups=("legal",))
    review_request = story.in_review()
    story.propose(rules=[RELEASE, LEGAL])
    refused(lambda: story.vote(legal, review_request), "not_found", status=404)
    assert Caller(legal).get(f"review-requests/{review_request.pk}/").status_code == 404


def test_a_seat_that_both_versions_ask_for_is_told_once(story):
    review_request = story.in_review()
    story.change(rules=[RELEASE | {"quorum": 2}])
    codes = [reason.detail for reason in explain.missing(story.fresh(review_request), now=database_now())]
    assert codes == [f"An approval for {name} is missing." for name in ("release", "security", "release")]


def test_loosening_in_review_takes_no_seat_of_the_pinned_version_away(story):
    review_request = story.in_review()
    story.change(rules=[RELEASE])
    assert story.vote(story.release, review_request).state == "review_requested"
    assert story.vote(story.security, review_request).state == "approved"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"maximum_ages": {"rollback": 86400}}, "confirmation_too_old"),
        ({"review_seconds": 1}, "waited_too_long"),
    ],
)
def test_in_review_what_the_accepted_version_no_longer_lets_pass_is_refused_in_words(story, changes, code):
    review_request = story.in_review()
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.1)" if code == "waited_too_long" else "SELECT 1")
    story.change(**changes)

    refusal = refused(lambda: story.vote(story.release, review_request), code, status=409)

    assert refusal.reasons[0].clear_by == "owner, by recalling it and confirming anew"
    assert [reason.code for reason in explain.missing(story.fresh(review_request), now=database_now())][0] == code


def test_a_confirmation_that_only_the_accepted_version_requires_is_missing_in_review(both_stores):
    story = Governed(required_confirmations=["owner"])
    review_request = story.open()
    fields = CONFIRMATION_FIELDS["owner"]
    decisions.confirm(actor(story.owner), review_request.pk, "owner", fields=fields, valid_until="2099-01-01")
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    story.change(required_confirmations=["owner", "sla"])

    refusal = refused(lambda: story.vote(story.release, review_request), "confirmation_missing", status=409)

    assert refusal.reasons[0].pointer == "/confirmations/sla"


def test_conditions_are_allowed_only_where_both_versions_allow_them(story):
    review_request = story.in_review()
    story.change(conditions_allowed=False)
    refused(
        lambda: story.vote(story.release, review_request, "approve_with_conditions", conditions=["x"]), "conditions_not_allowed", status=409
    )


def test_an_approval_lasts_as_long_as_both_versions_let_it(story):
    review_request = story.in_review()
    story.change(approval_seconds=3600)
    story.vote(story.release, review_request)
    approved = story.vote(story.security, review_request)
    assert (approved.expires_at - Receipt.objects.get().issued_at).total_seconds() == 3600


def test_the_desk_and_the_owner_read_what_came_into_force_since(story):
    review_request = story.in_review()
    story.change(rules=[RELEASE, LEGAL])
    for page in (Visitor(story.release).get(desk_path(review_request)), Visitor(story.owner).get(request_path(review_request))):
        assert "Version 2 has come into force since, and must be satisfied, too Release: 1 person" in text_of(page).replace("too: ", "too ")


# --- approved: what was tightened is revoked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rules": [*PRODUCTION_RULES, LEGAL]}, "approval_missing"),
        ({"rules": [RELEASE | {"quorum": 2}]}, "approval_missing"),
        ({"maximum_ages": {"rollback": 86400}}, "confirmation_too_old"),
        ({"approval_seconds": 3600}, "lasts_too_long"),
    ],
)
def test_an_approval_that_fails_the_accepted_version_is_revoked_with_it(story, changes, code):
    approved = story.approved()

    (ended,) = story.change(**changes)

    assert (ended.review_request.pk, [reason.code for reason in ended.reasons]) == (approved.pk, [code])
    assert story.state(approved) == "revoked"
    event = Event.objects.filter(review_request=approved).order_by("-number").first()
    assert (event.verb, event.from_state, event.to_state, event.actor, event.role) == (
        "revoke",
        "approved",
        "revoked",
        "operator2",
        "operator",
    )
    assert (event.detail["cause"], event.detail["reasons"], event.detail["policy"]["version"]) == ("policy_tightened", [code], 2)
    assert Receipt.objects.get().revocation.reason == "policy_tightened"
    story.plan = story.plan.__class__.objects.as_of_now().get(pk=story.plan.pk)
    assert story.plan.state_now == "draft"
    assert_consistent()


def test_conditions_that_the_accepted_version_does_not_allow_end_an_approval(story):
    review_request = story.in_review()
    story.vote(story.release, review_request, "approve_with_conditions", conditions=["on weekdays"])
    story.vote(story.security, review_request)
    assert [[reason.code for reason in each.reasons] for each in story.change(conditions_allowed=False)] == [["conditions_not_allowed"]]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rules": [RELEASE]},
        {"required_confirmations": ["owner"]},
        {"approval_seconds": 100 * 3600},
        {"due_seconds": 60, "review_seconds": 60},
        {"session_seconds": 60},
        {"maximum_ages": {"sla": 30 * 86400}},
    ],
)
def test_loosening_and_what_is_not_about_approvals_changes_nothing_decided(story, changes):
    approved = story.approved()
    before = story.fresh(approved).version

    assert story.change(**changes) == []

    assert (story.state(approved), story.fresh(approved).version) == ("approved", before)


def test_who_left_the_group_since_does_not_undo_an_approval_by_a_version_that_asks_for_no_more(story):
    approved = story.approved()
    story.security.groups.clear()
    assert story.change(review_seconds=3600) == []
    assert story.state(approved) == "approved"


def test_other_environments_and_what_has_ended_are_left_alone(story):
    approved = story.approved()
    story.environment = story.environment.__class__.objects.create(slug="staging", name="Staging")
    story.propose()
    assert story.change(rules=[LEGAL]) == []
    assert story.state(approved) == "approved"


@pytest.mark.parametrize(
    "guard",
    [
        "reviews.policies.operator_reasons", "reviews.policies._own_reasons", "reviews.policies._digest_reasons",
        "reviews.policies.settled_reasons", "reviews.policies._lock_requests", "reviews.policies.failing",
        "reviews.policies._seat_reasons",
        "reviews.policies.write_event", "reviews.policies._settle", "reviews.policies.status.revoke", "reviews.policies.carry",
        "reviews.packet.intact_value", "reviews.aging.approval_end", "access.people.reviewers",
    ],
)  # fmt: skip
def test_W15_a_guard_of_acceptance_that_raises_refuses(story, guard, monkeypatch):
    approved = story.approved()
    proposal = story.propose(rules=[*PRODUCTION_RULES, LEGAL])

    def broken(*args, **kwargs):
        raise RuntimeError(guard)

    monkeypatch.setattr(guard, broken)
    with pytest.raises(RuntimeError), transaction.atomic(using="self_service"):
        story.accept(proposal)
    monkeypatch.undo()

    assert (story.state(approved), PolicyOutcome.objects.filter(policy=proposal).exists()) == ("approved", False)


# --- how old a sign-in may be -----------------------------------------------------------------------------------------------------------


def signed_in(username: str) -> Client:
    client = Client()
    client.post("/accounts/login/", f"username={username}&password={PASSWORD}", content_type="application/x-www-form-urlencoded")
    return client


def age(client: Client, seconds: int) -> None:
    session = client.session
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() - make_interval(secs => %s)", [seconds])
        session[SIGNED_IN_AT] = cursor.fetchone()[0].isoformat()
    session.save()


@pytest.mark.parametrize("how", ["old", "unknown", "nonsense", "to_come"])
def test_a_vote_in_an_old_session_is_refused_and_leads_to_signing_in_again(both_stores, how):
    story = Governed(session_seconds=600)
    review_request = story.in_review()
    visitor = Visitor()
    visitor.client = signed_in("release")
    session = visitor.client.session
    if how in ("old", "to_come"):
        age(visitor.client, 601 if how == "old" else -300)
    else:
        session[SIGNED_IN_AT] = "soon" if how == "nonsense" else None
        session.save()

    answer = visitor.post(desk_path(review_request, "decide/"), choice="reject", digest=review_request.digest, comment="x", conditions="")

    assert (answer.status_code, story.state(review_request)) == (403, "review_requested")
    assert f"/accounts/login/?again=yes&amp;next={desk_path(review_request, 'decide/')}" in answer.content.decode()
    assert "Sign in again, then decide." in text_of(visitor.get(desk_path(review_request, "decide/")))


def test_signing_in_again_lets_the_vote_through(both_stores):
    story = Governed(session_seconds=600)
    review_request = story.in_review()
    visitor = Visitor()
    visitor.client = signed_in("release")
    age(visitor.client, 601)
    again = f"/accounts/login/?again=yes&next={desk_path(review_request, 'decide/')}"
    assert visitor.get(again).status_code == 200
    before = visitor.client.session.session_key

    answer = visitor.submit(again.split("?")[0], username="release", password=PASSWORD, next=desk_path(review_request, "decide/"))

    assert (answer.status_code, answer["Location"]) == (302, desk_path(review_request, "decide/"))
    assert visitor.client.session.session_key != before
    sent = visitor.submit(desk_path(review_request, "decide/"), choice="approve", comment="", conditions="")
    assert (sent.status_code, review_request.votes.count()) == (302, 1)


def test_without_such_a_policy_nobody_is_asked_to_sign_in_again(story):
    review_request = story.in_review()
    visitor = Visitor(story.release)
    assert visitor.submit(desk_path(review_request, "decide/"), choice="approve", comment="", conditions="").status_code == 302


def test_the_strictest_of_both_versions_says_how_old_a_sign_in_may_be(both_stores):
    story = Governed(session_seconds=600)
    review_request = story.in_review()
    story.change(session_seconds=60)
    visitor = Visitor()
    visitor.client = signed_in("release")
    age(visitor.client, 120)
    answer = visitor.submit(desk_path(review_request, "decide/"), choice="approve", comment="", conditions="", digest=review_request.digest)
    assert answer.status_code == 403


# --- pages and commands -----------------------------------------------------------------------------------------------------------------


def test_operators_propose_and_accept_on_their_pages(story):
    approved = story.approved()
    operator, operator2 = Visitor(story.operator), Visitor(story.operator2)
    form = operator.get(f"{ADMIN}propose/production/").content.decode()
    assert "release release 1\nsecurity security 1" in form
    hours = {"due_hours": 24, "review_hours": 48, "approval_hours": 72, "session_minutes": 15}
    words = {"second_factor": "asked", "conditions": "allowed"}
    said = {"rules": "release release 1\nlegal legal 1", "required_confirmations": "owner\nrollback 30", **hours, **words}

    assert operator.submit(f"{ADMIN}propose/production/", **said).status_code == 302
    proposal = policies.proposal_of(story.environment)
    page = operator2.get(f"{ADMIN}{proposal.pk}/settle/")

    assert (proposal.maximum_ages, proposal.session_seconds, proposal.proposed_by) == ({"rollback": 30 * 86400}, 900, "operator")
    assert proposal.second_factor
    assert "Who decides has signed in with a second factor" in text_of(page)
    assert f"{approved}: The rollback confirmation does not count" in text_of(page)
    assert "An approval for legal with a second factor is missing." in text_of(page)
    assert story.state(approved) == "approved"
    refused_here = operator.submit(f"{ADMIN}{proposal.pk}/settle/", answer="accept", comment="")
    assert (refused_here.status_code, "Nobody accepts what they proposed." in text_of(refused_here)) == (403, True)
    assert operator2.submit(f"{ADMIN}{proposal.pk}/settle/", answer="accept", comment="").status_code == 302
    assert (story.state(approved), explain.newest_policy(story.environment)) == ("revoked", proposal)

    second_click = operator2.post(f"{ADMIN}{proposal.pk}/settle/", digest=proposal.digest, answer="accept", comment="")
    assert (second_click.status_code, f"Version {proposal.version} is accepted already." in text_of(second_click)) == (409, True)
    assert "You cannot do this" in text_of(operator2.get(f"{ADMIN}{proposal.pk}/settle/"))


def test_R08_what_is_in_force_already_is_no_proposal(story):
    """As a second click on the form of an environment's first policy would send it."""
    ruling = explain.newest_policy(story.environment)
    same = {name: getattr(ruling, name) for name in ("due_seconds", "review_seconds", "approval_seconds", "conditions_allowed")}
    refused(lambda: story.propose(**same), "policy_in_force", status=409)
    assert policies.proposal_of(story.environment) is None

    assert story.propose(**same | {"due_seconds": ruling.due_seconds + 1}).version == ruling.version + 1


@pytest.mark.parametrize(
    "said",
    [
        {"rules": "release"},
        {"rules": "release release many"},
        {"required_confirmations": "weather"},
        {"required_confirmations": "sla soon"},
    ],
)
def test_the_form_says_what_is_wrong_with_a_policy(story, said):
    hours = {"due_hours": 24, "review_hours": 48, "approval_hours": 72, "session_minutes": ""}
    words = {"second_factor": "not_asked", "conditions": "allowed"}
    whole = {"rules": "release release 1", "required_confirmations": "owner", **hours, **words, **said}
    answer = Visitor(story.operator).submit(f"{ADMIN}propose/production/", **whole)
    assert (answer.status_code, ReviewPolicy.objects.count()) == (400, 1)
    assert "There is a problem" in text_of(answer)


def test_auditors_and_reviewers_get_to_no_page_of_operators(story):
    proposal = story.propose()
    for person in (make_user("auditor", groups=("auditors",)), story.release):
        for path in (f"{ADMIN}propose/production/", f"{ADMIN}{proposal.pk}/settle/"):
            assert Visitor(person).get(path).status_code == 403
            assert Visitor(person).post(path, answer="accept", digest=proposal.digest, comment="").status_code == 403
    assert policies.proposal_of(story.environment) == proposal


def command(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def test_the_commands_keep_four_eyes_by_two_named_operators(story):
    approved = story.approved()
    rule = ("--rule", "release:release:1", "--rule", "legal:legal:1")
    with pytest.raises(CommandError, match="Only an active operator"):
        command("set_policy", "production", *rule)
    assert "waits for another operator" in command("set_policy", "production", *rule, "--as", "operator", "--max-age", "rollback:3000")

    waiting = json.loads(command("accept_policy", "production", "--json"))
    assert (waiting["outcome"], waiting["proposed_by"], waiting["revokes"][0]["id"]) == ("waiting", "operator", str(approved.pk))
    for wrong in (
        ("--as", "operator", "--digest", waiting["digest"]),
        ("--as", "operator2", "--digest", "0"),
        ("--digest", waiting["digest"]),
    ):
        with pytest.raises(CommandError):
            command("accept_policy", "production", *wrong)
    assert story.state(approved) == "approved"

    assert f"Revoked {approved.pk}" in command("accept_policy", "production", "--as", "operator2", "--digest", waiting["digest"])

    assert {event.channel for event in Event.objects.filter(verb__endswith="_policy")} == {"command"}
    with pytest.raises(CommandError, match="No policy version"):
        command("accept_policy", "production")


def test_the_command_declines_with_a_reason(story):
    story.propose()
    assert "declined" in command("accept_policy", "production", "--as", "operator2", "--decline", "too strict")
    assert PolicyOutcome.objects.get(outcome="declined").comment == "too strict"


# --- races ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_stores_committed")
def test_R02_the_deciding_vote_against_acceptance_has_one_consistent_outcome():
    """Approved first and then revoked, or held to both versions; never approved under the old one alone."""
    story, outcomes = Governed(rules=[RELEASE]), set()
    for number in range(12):
        story.plan = make_plan(story.owner, story.partner)
        review_request = story.in_review()
        rules = [RELEASE, LEGAL | {"name": f"legal{number}", "group": f"legal{number}"}]
        proposal = story.propose(rules=rules)
        vote = partial(story.vote, story.release, review_request)
        accept = partial(story.accept, proposal)
        answers = at_once(*((vote, accept) if number % 2 else (accept, vote)))
        assert len(won(answers)) == 2
        state = story.state(review_request)
        ends = Event.objects.filter(review_request=review_request, to_state="revoked", detail__cause="policy_tightened").count()
        assert (state, ends) in {("review_requested", 0), ("revoked", 1)}
        outcomes.add(state)
        story.change(rules=[RELEASE])
    assert outcomes <= {"review_requested", "revoked"}
    assert_consistent()


@pytest.mark.usefixtures("both_stores_committed")
def test_two_answers_to_a_proposal_leave_one_outcome():
    story = Governed()
    third = make_user("operator3", groups=("operators",))
    for _ in range(6):
        proposal = story.propose()
        answers = at_once(
            partial(story.accept, proposal),
            partial(policies.decline_policy, actor(third), proposal.pk, comment="no"),
            partial(policies.decline_policy, actor(story.operator), proposal.pk, comment="a slip"),
        )
        assert (len(won(answers)), PolicyOutcome.objects.filter(policy=proposal).count()) == (1, 1)
        assert all(refusal.status == 409 for refusal in refusals(answers))


@pytest.mark.usefixtures("both_stores_committed")
def test_two_proposals_at_once_leave_one():
    story = Governed()
    for _ in range(6):
        answers = at_once(story.propose, partial(story.propose, by=story.operator2))
        assert (len(won(answers)), [refusal.codes for refusal in refusals(answers)]) == (1, [["proposal_open"]])
        policies.decline_policy(actor(story.operator), policies.proposal_of(story.environment).pk, comment="next")


@pytest.mark.usefixtures("both_stores_committed")
def test_a_freeze_is_ended_once():
    story = Governed()
    now = database_now()
    for _ in range(4):
        found = freezes.freeze(actor(story.operator), story.environment, starts_at=now, ends_at=now.replace(year=2099), reason="x")
        ending = partial(freezes.end_freeze, comment="done")
        answers = at_once(partial(ending, actor(story.operator), found.pk), partial(ending, actor(story.operator2), found.pk))
        assert (len(won(answers)), [refusal.codes for refusal in refusals(answers)]) == (1, [["freeze_over"]])


# --- the verdict and what it carries ---------------------------------------------------------------------------------------------------


def test_a_request_tells_its_verdict_every_condition_and_how_far_its_draft_has_gone_on(story):
    caller = Caller(story.owner)
    review_request = story.open()
    fresh = caller.get(f"review-requests/{review_request.pk}/").json()
    assert (fresh["verdict"], fresh["conditions"], fresh["changes_ahead"]) == (None, [], None)
    decisions.withdraw(actor(story.owner), review_request.pk, comment="anew")
    review_request = story.in_review()
    story.vote(story.release, review_request, "approve_with_conditions", conditions=["on weekdays"])
    story.vote(story.security, review_request, "approve_with_conditions", conditions=["one region"])

    decided = caller.get(f"review-requests/{review_request.pk}/").json()
    assert (decided["verdict"], decided["conditions"], decided["changes_ahead"]) == ("constrain", ["on weekdays", "one region"], 0)
    for page in (Visitor(story.owner).get(request_path(review_request, "timeline")), Visitor(story.release).get(desk_path(review_request))):
        assert "Condition: on weekdays Condition: one region" in text_of(page)

    decisions.expand(actor(story.owner), story.plan.pk)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)

    ahead = caller.get(f"review-requests/{review_request.pk}/").json()
    assert (ahead["state"], ahead["changes_ahead"]) == ("approved", 1)
    assert "The draft is 1 change ahead of the packet that was approved." in text_of(Visitor(story.owner).get(request_path(review_request)))


def test_continue_proposes_the_confirmations_again_with_their_evidence_and_unconfirmed(story):
    old = story.open()
    evidence = {"evidence_url": "https://evidence.example.org/1", "evidence_sha256": "a" * 64}
    decisions.confirm(actor(story.owner), old.pk, "sla", fields=CONFIRMATION_FIELDS["sla"], valid_until="2099-01-01", **evidence)
    decisions.withdraw(actor(story.owner), old.pk, comment="anew")

    new = story.open(predecessor_id=old.pk)

    found = new.confirmations.get()
    assert (found.kind, found.fields, found.evidence_url, found.evidence_sha256) == ("sla", CONFIRMATION_FIELDS["sla"], *evidence.values())
    assert (found.confirmed_at, found.confirmed_by, found.valid_until) == (None, "", None)


def test_a_superseded_approval_names_its_successor_in_the_timeline(story):
    old = story.approved()
    new = story.approved(predecessor_id=old.pk)
    page = text_of(Visitor(story.owner).get(request_path(old, "timeline")))
    assert f"Superseded by a newer approval, review request {new.pk}," in page

"""What has moved on since a packet was frozen is told wherever a decision is shown: page, desk, API, gate, command line, export."""

import csv
import io
import json

import pytest
from django.core.management import call_command
from django.db import connections

from drafts.coverage import append_move, edit_plan
from readiness.gate import gate
from readiness.report import launch_text
from readiness.rollout import deployment
from reviews import decisions, onward
from reviews.models import DeploymentReviewRequest
from reviews.onward import Onward
from tests.calls import Caller
from tests.factories import actor, make_plan, make_user
from tests.pages import Visitor, desk_path, plan_path, request_path, text_of
from tests.reviews.machine.cast import MOVE
from tests.reviews.test_policies import Governed

CONDITIONS = ["on weekdays", "one region"]
ONE, TWO = ({"id": "a", "version": version, "digest": "d"} for version in (1, 2))


def moved_on(story: Governed) -> DeploymentReviewRequest:
    """Approved with conditions; then a version that it satisfies has come into force, and the draft has two changes more."""
    review_request = story.in_review()
    story.vote(story.release, review_request, "approve_with_conditions", conditions=CONDITIONS[:1])
    story.vote(story.security, review_request, "approve_with_conditions", conditions=CONDITIONS[1:])
    story.change(due_seconds=60)
    decisions.expand(actor(story.owner), story.plan.pk)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    edit_plan(actor(story.owner), story.plan.pk, fields={"name": "Another name"})
    story.plan = story.plan.__class__.objects.select_related("partner").get(pk=story.plan.pk)
    return story.fresh(review_request)


@pytest.fixture
def story(both_stores) -> Governed:
    return Governed()


def test_every_channel_tells_the_conditions_how_far_the_draft_is_ahead_and_which_policy_is_in_force(story, tmp_path):
    review_request = moved_on(story)
    in_force = story.environment.policies.get(version=2).reference
    for page in (Visitor(story.owner).get(request_path(review_request)), Visitor(story.release).get(desk_path(review_request))):
        words = text_of(page)
        assert "The draft is 2 changes ahead of" in words
        assert "Version 2 has come into force since; this approval satisfies it, too" in words
        assert all(condition in words for condition in CONDITIONS)
    plan = text_of(Visitor(story.owner).get(plan_path(story.plan)))
    assert "Condition: on weekdays Condition: one region" in plan
    assert "The draft is 2 changes ahead of the packet" in plan

    caller = Caller(story.owner)
    said = caller.get(f"review-requests/{review_request.pk}/").json()
    asked = caller.get("gate/", plan=str(story.plan.pk), environment="production").json()
    for answer in (said, asked):
        assert (answer["verdict"], answer["conditions"], answer["changes_ahead"]) == ("constrain", CONDITIONS, 2)
        assert (answer["policy"], answer["policy_in_force"]) == (review_request.policy.reference, in_force)

    told = launch_text(gate(story.plan, story.environment)).splitlines()
    assert told[-5:] == [
        "verdict: constrain",
        "condition: on weekdays",
        "condition: one region",
        "The draft is 2 changes ahead of the packet.",
        "The packet names version 1 of the policy; version 2 is in force now.",
    ]
    assert "Its conditions: on weekdays; one region." in deployment(review_request).detail
    call_command("export", "--output", str(tmp_path / "out"), stdout=io.StringIO())
    row = next(csv.DictReader((tmp_path / "out" / "requests.csv").read_text(encoding="utf-8").splitlines()))
    assert (row["policy_version"], row["policy_version_in_force"], row["changes_ahead"]) == ("1", "2", "2")
    decided = next(csv.DictReader((tmp_path / "out" / "decisions.csv").read_text(encoding="utf-8").splitlines()))
    assert json.loads(decided["conditions"]) == CONDITIONS


def test_what_has_ended_names_the_version_that_rules_the_next_review(story):
    review_request = story.in_review()
    story.vote(story.release, review_request, "reject")
    story.change(due_seconds=60)
    assert "Version 2 has come into force since; it rules the next review." in text_of(
        Visitor(story.owner).get(request_path(review_request))
    )


def test_before_a_packet_and_where_nothing_moved_on_nothing_is_said(story):
    opened = story.open()
    assert onward.of_one(opened) == Onward(None, None, story.environment.policies.get().reference)
    decisions.withdraw(actor(story.owner), opened.pk, comment="no")
    found = onward.of_one(story.approved())
    assert (found.changes_ahead, found.sentences) == (0, [])
    assert "ahead of the packet" not in text_of(Visitor(story.owner).get(plan_path(story.plan)))


def test_a_packet_that_is_damaged_says_nothing_and_shuts_the_gate(story):
    review_request = story.approved()
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reviews_packet SET body = salt")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert onward.of_one(review_request).changes_ahead is None
    found = gate(story.plan, story.environment)
    assert (found.may_launch, found.onward.changes_ahead, [reason.code for reason in found.blockers]) == (False, None, ["packet_damaged"])


def test_each_request_has_its_own_packet_read_in_two_statements(story, django_assert_num_queries):
    first = story.approved()
    story.plan = make_plan(story.owner, story.partner)
    second = story.in_review()
    decisions.recall(actor(story.owner), second.pk)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    again = decisions.request_review(actor(story.owner), second.pk)
    with django_assert_num_queries(2, using="self_service"):
        requests = DeploymentReviewRequest.objects.select_related("plan__partner", "policy")
        found = onward.of_each(onward.annotated(requests))
    assert {pk: each.changes_ahead for pk, each in found.items()} == {first.pk: 0, again.pk: 0}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Onward(), []),
        (Onward(0, ONE, ONE), []),
        (Onward(1, ONE, ONE), ["The draft is 1 change ahead of the packet."]),
        (Onward(None, ONE, TWO), ["The packet names version 1 of the policy; version 2 is in force now."]),
        (Onward(2, None, TWO), ["The draft is 2 changes ahead of the packet."]),
        (Onward(0, ONE, None), []),
    ],
)
def test_what_has_moved_on_in_words(said, words):
    assert said.sentences == words


def test_a_viewer_sees_it_too(story):
    moved_on(story)
    assert "2 changes ahead" in text_of(
        Visitor(make_user("second", groups=("auditors",))).get(desk_path(DeploymentReviewRequest.objects.get()))
    )
    assert "2 changes ahead" in text_of(Visitor(story.viewer).get(plan_path(story.plan)))

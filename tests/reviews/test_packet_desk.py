"""The packet at the desk: its order, its policy in words, its checks, its timeline page by page, and what comes next."""

import re

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from reviews import decisions, inspection
from reviews.models import DeploymentReviewRequest, Packet
from reviews.packet import value_of
from reviews.policies import accept_policy, propose_policy
from reviews.record import database_now
from tests.factories import PRODUCTION_RULES, Story, actor, make_plan, make_user
from tests.pages import Visitor, desk_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def release(story):
    return Visitor(story.release)


def headings(page) -> list[str]:
    return re.findall(r'<h2 id="([a-z-]+)"', page.content.decode())


def another(story) -> DeploymentReviewRequest:
    story.plan = make_plan(story.owner, story.partner, name="Another plan")
    return story.in_review()


def checks(review_request) -> dict[str, tuple[str, list[str]]]:
    found = DeploymentReviewRequest.objects.select_related("plan", "environment", "policy").get(pk=review_request.pk)
    value = value_of(Packet.objects.get(review_request=found))
    return {check.title: (check.word, [reason.code for reason in check.reasons])
            for check in inspection.inspect(found, value, now=database_now())}  # fmt: skip


# --- order ------------------------------------------------------------------------------------------------------------------------------


def test_packet_comes_before_its_checks_and_the_decision_last(story, release):
    page = release.get(desk_path(story.in_review()))

    order = ["summary", "plan", "environment-and-subject", "since", "confirmations", "moves", "checks", "timeline", "decide"]
    assert headings(page) == order
    assert "<details open>\n<summary>Nothing to compare with</summary>" in page.content.decode()
    assert [place for place in re.findall(r'<li><a href="#([a-z]+)"', page.content.decode()) if place not in order] == []


def test_changes_since_my_last_vote_are_counted_and_open(story, release):
    review_request = story.in_review()
    story.vote(story.release, review_request)
    decisions.recall(actor(story.owner), review_request.pk)
    decisions.confirm(
        actor(story.owner), review_request.pk, "support", fields={"team": "a", "channel": "b", "escalation": "c"}, valid_until="2098-01-01"
    )
    decisions.request_review(actor(story.owner), review_request.pk)

    page = release.get(desk_path(review_request)).content.decode()

    assert re.search(r"<details open>\n<summary>\d+ changes</summary>", page)
    assert "Compared with revision 1, on which you voted last." in page


# --- policy -----------------------------------------------------------------------------------------------------------------------------


def test_policy_is_in_words_with_its_version_and_the_newer_one(story, release):
    review_request = story.in_review()
    operators = [make_user(name, groups=("operators",)) for name in ("op1", "op2")]
    rules = [*PRODUCTION_RULES, {"name": "legal", "group": "legal", "quorum": 2}]
    made = propose_policy(actor(operators[0]), story.environment, rules=rules, required_confirmations=["owner"], session_seconds=900)
    before = text_of(release.get(desk_path(review_request)))
    accept_policy(actor(operators[1]), made.pk, digest=made.digest)

    page = text_of(release.get(desk_path(review_request)))

    assert "Policy of Production, version 1, pinned in this packet" in before
    assert "Version 2 has come into force since" not in before
    for words in (
        "Policy of Production, version 1, pinned in this packet",
        "Version 2 has come into force since, and must be satisfied, too",
        "Release: 1 person out of the group release must approve.",
        "Legal: 2 people out of the group legal must approve.",
        "Who decides has signed in within the last 15 minutes.",
    ):
        assert words in page, words


# --- checks -----------------------------------------------------------------------------------------------------------------------------


def test_checks_of_a_review_say_what_is_missing_and_who_can_clear_it(story, release):
    review_request = story.in_review()

    assert checks(review_request) == {
        "Frozen packet": ("Met", []),
        "Confirmations": ("Met", []),
        "Approvals": ("Waiting", ["approval_missing", "approval_missing"]),
        "Staging validation": ("Not validated", ["staging_not_pinned", "no_subject", "staging_missing"]),
    }
    assert "An approval for security is missing. Who can clear it: security." in text_of(release.get(desk_path(review_request)))


def test_checks_of_an_approval_are_about_launch(story):
    review_request = story.approved()

    assert {title: word for title, (word, _) in checks(review_request).items()} == {
        "Frozen packet": "Met", "Confirmations": "Met", "Staging validation": "Not validated", "Launch time": "Met",
    }  # fmt: skip


def test_checks_say_what_shuts_an_approval(story):
    review_request = story.approved()
    value = value_of(Packet.objects.get())
    value["confirmations"]["environment"]["fields"]["change_window"] = "2020-01-01T00:00:00Z/2020-01-02T00:00:00Z"
    value["confirmations"]["sla"]["valid_until"] = "2020-01-01T00:00:00.000000Z"
    found = {check.title: check for check in inspection.inspect(review_request, value, now=database_now())}

    assert [(found[name].word, [reason.code for reason in found[name].reasons]) for name in ("Confirmations", "Launch time")] == [
        ("Not met", ["confirmation_out_of_date"]), ("Not met", ["outside_change_window"]),
    ]  # fmt: skip


def test_a_damaged_packet_is_the_only_check(story):
    [check] = inspection.inspect(story.in_review(), None, now=database_now())
    assert (check.title, check.word, check.reasons[0].code) == ("Frozen packet", "Not met", "packet_damaged")


# --- timeline ---------------------------------------------------------------------------------------------------------------------------


def test_timeline_goes_page_by_page(story, release):
    review_request = story.in_review()
    for number in range(35):
        decisions.comment(actor(story.owner), review_request.pk, comment=f"remark {number}.")
    count = review_request.events.count()

    first = release.get(desk_path(review_request))
    rest = release.get(desk_path(review_request, "timeline/"), before=count - 29)

    assert "remark 34." in text_of(first)
    assert "remark 4." not in text_of(first)
    assert f'href="{desk_path(review_request, "timeline/")}?before={count - 29}"' in first.content.decode()
    assert "remark 4." in text_of(rest)
    assert "remark 5." not in text_of(rest)
    assert "Earlier events" not in text_of(rest)


@pytest.mark.parametrize("before", ["", "x", "-1", "1e3", "9" * 10, "٣"])
def test_timeline_takes_a_number_only(story, release, before):
    assert release.get(desk_path(story.in_review(), "timeline/"), before=before).status_code == 400


# --- what comes next --------------------------------------------------------------------------------------------------------------------


def test_next_in_the_queue_is_named_for_who_is_asked(story, release):
    first = story.in_review()
    assert "Next in your queue" not in text_of(release.get(desk_path(first)))
    second = another(story)

    page = release.get(desk_path(first)).content.decode()

    assert f'<a href="{desk_path(second)}">Next in your queue: Another plan to production</a>' in page
    assert "Next in your queue" not in text_of(Visitor(make_user("auditor", groups=("auditors",))).get(desk_path(first)))


def test_who_has_voted_reads_that_it_is_recorded(story, release):
    review_request = story.in_review()
    path = desk_path(review_request, "decide/")
    assert "Your vote on this revision is recorded" not in text_of(release.get(path))
    release.submit(path, choice="approve")

    again = release.submit(path, choice="approve")

    assert again.status_code == 409
    assert "Your vote on this revision is recorded: Approve ," in text_of(again)


def test_a_session_that_is_too_old_leads_to_signing_in_again():
    story = Story(session_seconds=900)
    path = desk_path(story.in_review(), "decide/")
    page = Visitor(story.release).get(path)

    assert "The policy asks that you have signed in within the last 15 minutes." in text_of(page)
    assert f'href="/accounts/login/?again=yes&amp;next={path}"' in page.content.decode()
    assert 'name="choice"' not in page.content.decode()


# --- cost -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["draft", "in_review", "approved"])
def test_packet_and_decision_ask_25_questions_at_most(story, release, state):
    review_request = {"draft": story.in_review, "in_review": story.in_review, "approved": story.approved}[state]()
    if state == "draft":
        decisions.recall(actor(story.owner), review_request.pk)
    another(story)
    for rest in ("change/", "decide/", "timeline/", "comment/"):
        with CaptureQueriesContext(connections["default"]) as primary, CaptureQueriesContext(connections["self_service"]) as store:
            assert release.get(desk_path(review_request, rest)).status_code == 200
        assert len(primary) + len(store) <= 25, (rest, len(primary), len(store))

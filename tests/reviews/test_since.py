"""Since you last signed: which packet a reader compares with, on the pages and by API."""

import re

import pytest
from django.db import connections

from drafts.coverage import edit_plan
from reviews import decisions
from tests.calls import Caller, codes
from tests.factories import Story, actor, make_environment, make_plan, make_user
from tests.pages import NOWHERE, Visitor, desk_path, request_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
NEW_WORDS = "two accountants sign"


def second_revision(story: Story, review_request, **fields):
    decisions.recall(actor(story.owner), review_request.pk)
    edit_plan(actor(story.owner), story.plan.pk, fields={"authority_context": NEW_WORDS, **fields})
    return decisions.request_review(actor(story.owner), review_request.pk)


def diff(user, review_request, **parameters):
    return Caller(user, "read").get(f"review-requests/{review_request.pk}/diff/", **parameters)


def kinds(answer) -> tuple:
    base = answer.json()["base"]
    return base["kind"], base["request"], base["revision"]


def test_base_is_the_last_revision_that_this_reviewer_voted_on():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    newer = second_revision(story, review_request)
    third = second_revision(story, newer, name="Another name")
    answer = diff(story.release, third)
    assert kinds(answer) == ("last_vote", str(review_request.pk), 1)
    told = [(change["section"], change["field"], change["change"], change["after"]) for change in answer.json()["changes"]]
    assert told == [("plan", "authority_context", "changed", NEW_WORDS), ("plan", "name", "changed", "Another name")]
    assert kinds(diff(story.security, third)) == ("none", None, None)
    assert diff(story.security, third).json()["changes"] is None


def test_after_a_vote_on_the_newest_nothing_has_changed():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    assert (kinds(diff(story.release, review_request))[0], diff(story.release, review_request).json()["changes"]) == ("last_vote", [])


def test_base_is_else_the_last_decision_of_the_same_plan_and_environment():
    story = Story()
    first = story.approved()
    make_environment("staging", rules=[{"name": "release", "group": "release", "quorum": 1}])
    decisions.expand(actor(story.owner), story.plan.pk)
    edit_plan(actor(story.owner), story.plan.pk, fields={"authority_context": NEW_WORDS})
    newer = story.in_review()
    answer = diff(story.release, newer)
    assert kinds(answer) == ("last_decision", str(first.pk), 1)
    assert "authority_context" in [change["field"] for change in answer.json()["changes"]]


def test_a_decision_that_the_reader_may_not_see_is_no_base():
    story = Story()
    story.approved()
    make_environment("production", rules=[{"name": "finance", "group": "finance", "quorum": 1}])
    finance = make_user("finance", groups=("finance",))
    newer = story.in_review()
    assert kinds(diff(finance, newer)) == ("none", None, None)
    assert kinds(diff(story.owner, newer))[0] == "last_decision"


def test_a_base_can_be_named_by_revision_or_by_request_and_revision():
    story = Story()
    review_request = story.in_review()
    newer = second_revision(story, review_request)
    by_revision, by_both = diff(story.owner, newer, base="1"), diff(story.owner, newer, base=f"{newer.pk}:1")
    assert kinds(by_revision) == kinds(by_both) == ("named", str(newer.pk), 1)
    assert by_revision.json()["changes"] == by_both.json()["changes"] != []
    assert (by_revision["ETag"], by_revision.json()["digest"]) == (f'"{newer.version}"', newer.digest)


@pytest.mark.parametrize("base", ["", "0", "-1", "x", "1.0", "01", "1:1", f"{NOWHERE}", f"{NOWHERE}:", f"{NOWHERE}:0", "9999999999", "١"])
def test_a_base_of_another_form_is_a_400(base):
    story = Story()
    answer = diff(story.owner, story.in_review(), base=base)
    assert (answer.status_code, codes(answer)) == (400, ["invalid_base"])


def test_a_base_that_is_not_there_or_not_to_be_seen_is_a_404():
    story = Story()
    review_request = story.in_review()
    stranger = make_user("stranger")
    assert [diff(story.owner, review_request, base=base).status_code for base in ("2", f"{NOWHERE}:1")] == [404, 404]
    assert diff(stranger, review_request).status_code == 404
    plan = make_plan(story.owner, story.partner)
    fresh = decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug="production")
    assert codes(diff(story.owner, fresh)) == ["no_packet"]
    assert diff(story.owner, review_request, bass="1").status_code == 400
    assert Caller(story.owner, "draft").get(f"review-requests/{review_request.pk}/diff/").status_code == 403


def test_the_pages_say_what_changed_in_words_and_since_when():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    newer = second_revision(story, review_request)
    for rest in ("change/", "decide/"):
        page = text_of(Visitor(story.release).get(desk_path(newer, rest)))
        assert re.search(r"Since you last signed \d+ changes? Compared with revision 1, on which you voted last\.", page)
        assert f"changed Authority context: operations owner approves above 500k USD → {NEW_WORDS}" in page
    assert "Compared with nothing: there is no earlier vote of yours" in text_of(Visitor(story.security).get(desk_path(newer)))


def test_check_answers_compares_with_the_last_submission():
    story = Story()
    review_request = story.in_review()
    decisions.recall(actor(story.owner), review_request.pk)
    edit_plan(actor(story.owner), story.plan.pk, fields={"authority_context": NEW_WORDS})
    page = text_of(Visitor(story.owner).get(request_path(review_request, "check-answers")))
    assert "What has changed Compared with revision 1, which you put up last." in page
    assert f"→ {NEW_WORDS}" in page


def test_a_damaged_base_is_said_and_the_page_stays():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    newer = second_revision(story, review_request)
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reviews_packet SET body = salt WHERE revision = 1")
        cursor.execute("SET LOCAL session_replication_role = origin")
    page = Visitor(story.release).get(desk_path(newer))
    assert (page.status_code, "are damaged" in text_of(page)) == (200, True)
    assert codes(diff(story.release, newer)) == ["packet_damaged"]

"""R08: each owners' form sent twice, by a double click or from two tabs. It is done once, and the second time is refused in words."""

from urllib.parse import urlencode

import pytest

from drafts.coverage import append_move
from drafts.models import CoveragePlan, ExpansionMove
from reviews import decisions
from reviews.models import Confirmation, DeploymentReviewRequest, Event
from tests.factories import CONFIRMATION_FIELDS, PLAN_FIELDS, VALID_UNTIL, Story, actor, confirm_all, make_user
from tests.pages import Visitor, hidden, plan_path, request_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
MOVE = {name: value for name, value in PLAN_FIELDS.items() if name != "name"}
SLA = {**CONFIRMATION_FIELDS["sla"], "valid_until": VALID_UNTIL}


def ready(story):
    review_request = story.open()
    confirm_all(story.owner, review_request)
    return review_request


def with_a_person(story):
    make_user("expert")
    return story.open()


# Verb → how it begins, the page with its form, where that is sent (the page where empty), what is filled in, and what the second is told.
STALE = (412, "It has changed since you read it")
FORMS = {
    "create_plan": (
        None,
        "new",
        "",
        {"partner": "northstar_controls", "external_reference": "once-1", **PLAN_FIELDS},
        (409, "Another plan"),
    ),
    "edit_plan": (None, "{plan}edit", "", {**PLAN_FIELDS, "external_reference": "once-2"}, STALE),
    "append_move": (None, "{plan}moves/new", "", MOVE, STALE),
    "archive": (None, "{plan}delete", "{plan}archive", {}, STALE),
    "open": (None, "{plan}requests/new", "", {"environment": "production"}, (409, "There is an open review request")),
    "expand": (Story.approved, "{plan}", "{plan}expand", {}, (409, "The plan is a draft already.")),
    "edit_subject": (Story.open, "{request}subject", "", {"subject_name": "payments", "subject_digest": "a" * 64}, STALE),
    "confirm": (Story.open, "{request}confirmations/sla", "", SLA, STALE),
    "name_person": (with_a_person, "{request}confirmations/sla", "{request}confirmations/sla/person", {"username": "expert"}, STALE),
    "request_review": (ready, "{request}check-answers", "", {"comment": "please"}, (412, "This review request is in review")),
    "recall": (Story.in_review, "{request}recall", "", {}, STALE),
    "withdraw": (Story.open, "{request}withdraw", "", {"comment": "no"}, STALE),
    "revoke": (Story.approved, "{request}revoke", "", {"comment": "no"}, STALE),
    "comment": (Story.open, "{request}comment", "", {"comment": "look"}, (409, "You have just said this")),
}


def trace() -> tuple:
    """All that a verb of an owner may leave."""
    rows = (CoveragePlan, ExpansionMove, DeploymentReviewRequest, Confirmation, Event)
    return (*(model.objects.count() for model in rows), *CoveragePlan.objects.order_by("pk").values_list("version", flat=True))


@pytest.mark.parametrize("verb", FORMS)
def test_R08_each_form_does_its_verb_once(verb):
    begin, page, to, said, (status, words) = FORMS[verb]
    story = Story()
    review_request = begin(story) if begin else None
    places = {"plan": plan_path(story.plan), "request": request_path(review_request) if review_request else ""}
    owner = Visitor(story.owner)
    path = page.format(**places) if "{" in page else f"/self-service/plans/{page}"
    filled = urlencode({**hidden(owner.get(path)), **said})

    def send():
        return owner.client.post(to.format(**places) or path, filled, content_type="application/x-www-form-urlencoded")

    first = send()
    once = trace()
    second = send()

    assert (first.status_code, second.status_code) == (302, status), text_of(second)
    assert words in text_of(second)
    assert trace() == once


def test_R08_deleting_twice_finds_nothing_the_second_time():
    story = Story()
    owner = Visitor(story.owner)
    version = hidden(owner.get(plan_path(story.plan, "delete")))["version"]

    answers = [owner.post(plan_path(story.plan, "delete"), version=version).status_code for _ in range(2)]

    assert answers == [302, 404]


def test_R11_two_tabs_that_append_keep_both_or_say_why_not():
    story = Story()
    owner = Visitor(story.owner)
    stale = hidden(owner.get(plan_path(story.plan, "moves/new")))
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)

    answer = owner.post(plan_path(story.plan, "moves/new"), **stale, **{**MOVE, "system_scope": "another_scope"})

    assert answer.status_code == 412
    assert 'value="another_scope"' in answer.content.decode()
    assert [move.number for move in ExpansionMove.objects.order_by("number")] == [1]


def test_the_same_words_may_be_said_again_once_somebody_else_has_spoken():
    story = Story()
    review_request = story.open()
    decisions.comment(actor(story.owner), review_request.pk, comment="yes")
    decisions.comment(actor(story.viewer), review_request.pk, comment="yes")

    decisions.comment(actor(story.owner), review_request.pk, comment="yes")

    assert Event.objects.filter(verb="comment").count() == 3

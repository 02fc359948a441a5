"""Readiness detail: the step at which the signed-in owner's newest work is, and the one thing to do next."""

import html
import re

import pytest
from django.db import OperationalError

from drafts.coverage import append_move, edit_plan
from readiness import journey
from reviews import decisions
from tests.factories import PLAN_FIELDS, Story, actor, make_environment, make_partner, make_plan, make_user
from tests.invariants import fingerprint
from tests.pages import SCRIPT, Visitor, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
PATH = "/self-service/readiness"
MOVE = {name: value for name, value in PLAN_FIELDS.items() if name != "name"}


@pytest.fixture
def story():
    return Story()


def at(story: Story) -> tuple[str, str]:
    work = journey.newest_work(actor(story.owner))
    return work.step, work.next


def lit(page: str) -> list[str]:
    """Titles of the steps that are marked as the current one."""
    return re.findall(r'<li class="card" aria-current="step"><h3>(.*?)</h3>', page)


def test_steps_follow_the_work(story):
    assert at(story) == ("scope", "Open a review request")
    review_request = story.in_review()
    assert at(story) == ("review", "Wait for the reviewers")
    story.vote(story.release, review_request, "request_changes")
    assert at(story) == ("review", "Check your answers and request review")
    decisions.withdraw(actor(story.owner), review_request.pk, comment="no")
    assert at(story) == ("continue", "Open a new review request")
    story.approved()
    assert at(story) == ("deploy", "Roll it out while the approval is in date")
    decisions.expand(actor(story.owner), story.plan.pk)
    assert at(story) == ("continue", "Append moves, then open a new review request")
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    assert at(story) == ("continue", "Append moves, then open a new review request")
    story.open()
    assert at(story) == ("review", "Fill in the Owner confirmation")


@pytest.mark.parametrize("ending", ["rejected", "revoked"])
def test_ended_work_is_continued(story, ending):
    if ending == "rejected":
        story.vote(story.release, story.in_review(), "reject")
    else:
        decisions.revoke(actor(story.owner), story.approved().pk, comment="stop")

    assert at(story) == ("continue", "Open a new review request")


def test_newest_of_several_plans_is_shown(story):
    first = story.open()
    second = make_plan(story.owner, story.partner)
    assert journey.newest_work(actor(story.owner)).plan == second
    decisions.edit_subject(actor(story.owner), first.pk, subject=[])
    assert journey.newest_work(actor(story.owner)).plan == story.plan


def test_archived_plans_are_no_work(story):
    review_request = story.open()
    decisions.withdraw(actor(story.owner), review_request.pk, comment="no")
    edit_plan(actor(story.owner), story.plan.pk, fields={"archived": True})

    assert journey.newest_work(actor(story.owner)) is None


def test_only_owned_work_counts(story):
    story.approved()
    other = make_user("other_owner")
    make_partner("other", owners=(other,))

    for user in (story.viewer, story.release, other, make_user("auditor", groups=("auditors",))):
        assert journey.newest_work(actor(user)) is None
        assert lit(Visitor(user).get(PATH).content.decode()) == []


@pytest.mark.parametrize(
    ("step", "title"), [("scope", "1. Scope"), ("review", "2. Review"), ("deploy", "3. Deploy"), ("continue", "4. Continue")]
)
def test_page_lights_the_current_step_alone(story, step, title):
    {"scope": lambda: None, "review": story.open, "deploy": story.approved, "continue": lambda: _expanded(story)}[step]()

    answer = Visitor(story.owner).get(PATH)

    assert lit(answer.content.decode()) == [title]
    assert f"You are here with {story.plan.name} . Next: " in text_of(answer)


def _expanded(story: Story) -> None:
    story.approved()
    decisions.expand(actor(story.owner), story.plan.pk)


def test_anonymous_sees_no_step_lit_and_no_plan(story, client):
    page = client.get(PATH).content.decode()

    assert (lit(page), "You are here" in page, story.plan.name in page) == ([], False, False)


def test_missing_next_is_one_sentence_with_one_link(story):
    owner = Visitor(story.owner)

    def missing() -> str:
        return re.search(r"<dt>Missing next</dt><dd>(.*?)</dd>", owner.get(PATH).content.decode())[1]

    assert missing() == f'Nothing is missing here; go on with <a href="/self-service/plans/{story.plan.pk}/">{story.plan.name}</a>.'
    story.security.groups.clear()
    title = "Every protected environment has a policy that people can satisfy"
    assert missing() == f'Clear this check first: <a href="#area-deployment-review">{title}</a>.'


def test_blocker_says_what_was_seen_who_clears_it_and_how(story):
    story.security.groups.clear()

    page = text_of(Visitor().get(PATH))

    assert (
        "Nobody could approve for production: nobody is there for security. Who clears it: an operator. "
        "How: Run manage.py set_policy , or add people with manage.py set_person ." in page
    )
    assert "<code>manage.py set_policy</code>" in Visitor().get(PATH).content.decode()


def test_H06_script_in_the_plans_name_stays_text(story):
    make_plan(story.owner, story.partner, name=SCRIPT)

    page = Visitor(story.owner).get(PATH).content.decode()

    assert (SCRIPT in page, html.escape(SCRIPT) in page) == (False, True)


def test_looking_writes_nothing(story):
    story.in_review()
    make_environment("staging")
    visitor = Visitor(story.owner)
    before = fingerprint()

    assert visitor.get(PATH).status_code == 200
    assert fingerprint() == before


def test_page_renders_unlit_when_the_work_cannot_be_read(story, monkeypatch):
    def fail(_actor):
        raise OperationalError("gone")

    monkeypatch.setattr(journey, "newest_work", fail)

    answer = Visitor(story.owner).get(PATH)

    assert (answer.status_code, lit(answer.content.decode())) == (200, [])

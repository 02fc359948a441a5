"""The owners' home: its groups, the leading request of a plan, filter and search, and how many statements it takes."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from drafts.coverage import edit_plan
from drafts.models import CoveragePlan, Membership
from reviews import decisions
from tests.clock import unguarded
from tests.factories import Story, actor, confirm_all, make_environment, make_partner, make_plan, make_user
from tests.pages import Visitor, plan_path, request_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
HOME = "/self-service/plans/"


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def owner(story):
    return Visitor(story.owner)


def section(response, word: str) -> str:
    """The text of one group."""
    body = response.content.decode().split(f'aria-labelledby="group-{word}"')[1].split("</section>")[0]
    return text_of(type("Part", (), {"content": body.encode()}))


def named(story, name: str):
    return make_plan(story.owner, story.partner, name=name)


def test_each_plan_stands_in_the_group_of_its_state(story, owner):
    sent_back = story.in_review()
    story.vote(story.release, sent_back, "request_changes")
    story.plan = named(story, "The draft one")
    story.open()
    story.plan = named(story, "The one in review")
    story.in_review()
    story.plan = named(story, "The approved one")
    story.approved()

    page = owner.get(HOME)

    assert "Operations console threshold" in section(page, "needs")
    assert "Changes requested 5 of 5 confirmations" in section(page, "needs")
    assert "The draft one" in section(page, "draft")
    assert "Operations console threshold" not in section(page, "draft")
    assert "The one in review" in section(page, "in_review")
    assert "The approved one" in section(page, "approved")
    assert page.content.decode().index("group-needs") < page.content.decode().index("group-draft")


def test_approval_shows_again_when_the_review_beside_it_has_lapsed(story, owner):
    story.approved()
    make_environment("staging")
    beside = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")
    confirm_all(story.owner, beside)
    decisions.request_review(actor(story.owner), beside.pk)
    with unguarded():
        CoveragePlan.objects.update(review_until=Now() - timedelta(seconds=1))

    page = owner.get(HOME)

    assert CoveragePlan.objects.get().state == "review_requested"
    assert {word: "Operations console threshold" in section(page, word) for word in ("draft", "in_review", "approved")} == {
        "draft": False, "in_review": False, "approved": True,
    }  # fmt: skip


def test_viewer_is_needed_for_nothing_and_gets_no_links_to_write(story):
    sent_back = story.in_review()
    story.vote(story.release, sent_back, "request_changes")

    page = Visitor(story.viewer).get(HOME)

    assert 'aria-labelledby="group-needs"' not in page.content.decode()
    assert "Operations console threshold" in section(page, "draft")
    assert "check-answers" not in page.content.decode()


def test_next_step_of_a_row_leads_to_its_page(story, owner):
    assert f'href="{plan_path(story.plan)}requests/new"' in owner.get(HOME).content.decode()
    review_request = story.open()
    assert request_path(review_request, "confirmations/owner") in owner.get(HOME).content.decode()
    confirm_all(story.owner, review_request)
    assert request_path(review_request, "check-answers") in owner.get(HOME).content.decode()
    decisions.withdraw(actor(story.owner), review_request.pk, comment="later")
    assert f"requests/new?environment=production&amp;predecessor={review_request.pk}" in owner.get(HOME).content.decode()


def test_open_request_leads_before_an_approved_one(story, owner):
    story.approved()
    make_environment("staging")
    decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")

    words = section(owner.get(HOME), "approved")

    assert "Staging Draft 0 of 5 confirmations" in words
    assert "Also: Production , Approved" in words


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"q": "treas"}, {"Treasury release"}),
        ({"q": "NO-SUCH"}, set()),
        ({"show": "draft"}, {"Treasury release"}),
        ({"show": "in_review"}, {"Operations console threshold"}),
        ({"show": "approved"}, set()),
        ({"environment": "production"}, {"Operations console threshold"}),
        ({"environment": "production", "show": "draft"}, set()),
        ({"show": "archived"}, {"Put away"}),
    ],
)
def test_list_is_narrowed(story, owner, parameters, found):
    story.in_review()
    named(story, "Treasury release")
    away = named(story, "Put away")
    edit_plan(actor(story.owner), away.pk, fields={"archived": True})

    page = text_of(owner.get(HOME, **parameters))

    assert {name for name in ("Treasury release", "Operations console threshold", "Put away") if name in page} == found
    assert ("No plan matches" in page) == (not found)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"show": "nonsense"}, "Which plans: Choose from what is proposed."),
        ({"environment": "'"}, "Environment: Choose from what is proposed."),
        ({"q": "'"}, "Search: It is 1 to 8 words"),
        ({"q": "a " * 9}, "Search: It is 1 to 8 words"),
        ({"order": "name"}, "order: this field is not known here."),
        ({"q": ["a", "b"]}, "q: this field was sent more than once."),
    ],
)
def test_H07_what_the_filter_does_not_know_is_named(owner, parameters, says):
    answer = owner.get(HOME, **parameters)

    assert answer.status_code == 400
    assert says in text_of(answer)


def test_group_leads_on_to_all_of_it(story, owner, monkeypatch):
    monkeypatch.setattr("reviews.home.GROUP_SIZE", 1)
    named(story, "The newer plan")

    page = owner.get(HOME)

    assert ("The newer plan" in section(page, "draft"), "Operations" in section(page, "draft")) == (True, False)
    assert 'href="?show=draft"' in page.content.decode()


def test_person_named_for_a_confirmation_is_needed(story):
    expert = make_user("expert")
    review_request = story.open()
    decisions.name_person(actor(story.owner), review_request.pk, "sla", username="expert")

    words = section(Visitor(expert).get(HOME), "needs")

    assert "Confirm: SLA Operations console threshold to Production. You are named to confirm this. To do" in words
    assert "Operations console threshold" not in text_of(Visitor(make_user("stranger")).get(HOME))


def test_home_without_any_plan_says_how_to_begin():
    fresh = make_user("fresh")
    assert "You belong to no partner" in text_of(Visitor(fresh).get(HOME))
    make_partner("northstar_controls", owners=(fresh,))

    assert "No plan is a draft. Start with a new plan: five short fields and a name." in text_of(Visitor(fresh).get(HOME))


def test_home_asks_as_few_questions_for_many_plans(story, owner, django_assert_max_num_queries):
    for number in range(12):
        story.plan = named(story, f"Plan {number}")
        story.open()
    other = make_partner("harbour_freight", owners=(story.owner,))
    assert Membership.objects.filter(partner=other).count() == 1

    for parameters in ({}, {"show": "draft", "environment": "production", "q": "plan"}):
        with django_assert_max_num_queries(16, using="self_service"), django_assert_max_num_queries(6, using="default"):
            owner.get(HOME, **parameters)

"""Every owners' page in every state: valid HTML with nothing inline, few questions to the databases, little over the wire."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.errors import answer
from config.refusals import Reason
from drafts.coverage import append_move
from reviews import decisions
from tests.clock import lapse
from tests.factories import PLAN_FIELDS, Story, actor, confirm_all, make_environment
from tests.markup import problems
from tests.pages import Visitor, plan_path, request_path

pytestmark = pytest.mark.usefixtures("both_stores")
STATIC = Path(__file__).resolve().parent.parent.parent / "templates" / "static"
PLAN_PAGES = ["", "edit", "moves/new", "boundary-object", "delete", "requests/new"]
REQUEST_PAGES = [
    "", "subject", "confirmations/owner", "confirmations/environment", "confirmations/rollback", "staging", "check-answers", "sent",
    "timeline", "recall", "withdraw", "revoke", "comment", "cross-freeze",
]  # fmt: skip
ACCOUNT_PAGES = ["password/", "mail/", "time-zone/", "tokens/", "second-factor/"]
MOVE = {name: value for name, value in PLAN_FIELDS.items() if name != "name"}


def draft(story):
    review_request = story.open()
    confirm_all(story.owner, review_request, but=("sla",))
    return review_request


def sent_back(story):
    review_request = story.in_review()
    story.vote(story.release, review_request, "request_changes")
    return review_request


def rejected(story):
    review_request = story.in_review()
    story.vote(story.release, review_request, "reject")
    return review_request


def withdrawn(story):
    review_request = story.open()
    decisions.withdraw(actor(story.owner), review_request.pk, comment="no")
    return review_request


def expired(story):
    review_request = story.approved()
    lapse(review_request)
    return review_request


def revoked(story):
    review_request = story.approved()
    decisions.revoke(actor(story.owner), review_request.pk, comment="no")
    return review_request


STATES = {
    "draft": draft,
    "in review": lambda story: story.in_review(),
    "changes requested": sent_back,
    "approved": lambda story: story.approved(),
    "rejected": rejected,
    "withdrawn": withdrawn,
    "expired": expired,
    "revoked": revoked,
}


def paths(review_request) -> list[str]:
    return [
        "/self-service/plans/",
        "/self-service/plans/?show=draft&environment=production",
        *(plan_path(review_request.plan, rest) for rest in PLAN_PAGES),
        *(request_path(review_request, rest) for rest in REQUEST_PAGES),
    ]


def over_the_wire(page) -> int:
    """Bytes of a first view, uncompressed: the page, and all that it asks for."""
    text = page.content.decode()
    files = set(re.findall(r'(?:href|src)="/static/([\w.-]+)"', text))
    return len(page.content) + sum((STATIC / name).stat().st_size for name in files)


@pytest.mark.parametrize("state", STATES)
def test_pages_are_valid_and_light_in_every_state(state, django_assert_max_num_queries):
    story = Story()
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    make_environment("staging")
    review_request = STATES[state](story)
    wrong, heavy = {}, {}
    for who in (story.owner, story.viewer):
        visitor = Visitor(who)
        for path in paths(review_request):
            with ExitStack() as counted:
                # Together no more than 25, of which the primary has its few.
                counted.enter_context(django_assert_max_num_queries(20, using="self_service", info=path))
                counted.enter_context(django_assert_max_num_queries(5, using="default", info=path))
                page = visitor.get(path)
            if page.status_code == 200:
                wrong |= {path: found} if (found := problems(page.content.decode())) else {}
                heavy |= {path: size} if (size := over_the_wire(page)) > 60_000 else {}

    assert wrong == {}
    assert heavy == {}


def test_pages_of_an_account_and_with_errors_are_valid():
    story = Story()
    owner = Visitor(story.owner)
    review_request = draft(story)
    pages = {name: owner.get(f"/accounts/{name}") for name in ACCOUNT_PAGES}
    pages |= {f"{name}, wrong": owner.post(f"/accounts/{name}") for name in ACCOUNT_PAGES}
    pages["sign in"] = Visitor().get("/accounts/login/")
    pages["sign in, wrong"] = Visitor().post("/accounts/login/", username="x", password="y")
    pages["new plan, wrong"] = owner.post("/self-service/plans/new")
    pages["move, wrong"] = owner.post(plan_path(story.plan, "moves/new"))
    pages["request, wrong"] = owner.post(plan_path(story.plan, "requests/new"))
    pages["confirmation, wrong"] = owner.post(request_path(review_request, "confirmations/sla"))
    pages["person, wrong"] = owner.post(request_path(review_request, "confirmations/sla/person"), username="nobody-here", version=1)
    pages["review, refused"] = owner.submit(request_path(review_request, "check-answers"), version=1, plan_version=1)
    pages["stale"] = owner.post(request_path(review_request, "subject"), version=1)
    pages["expand, refused"] = owner.post(plan_path(story.plan, "expand"), version=1)
    pages["delete, refused"] = owner.submit(plan_path(story.plan, "delete"))
    pages["filter, wrong"] = owner.get("/self-service/plans/?show=x&q=%27")
    pages["not there"] = owner.get("/self-service/plans/nothing")

    assert {name: found for name, page in pages.items() if (found := problems(page.content.decode()))} == {}
    assert {name for name, page in pages.items() if over_the_wire(page) > 60_000} == set()
    assert {page.status_code for name, page in pages.items() if "," in name} == {400, 409, 412}
    assert pages["stale"].status_code == 412


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("<p id=a></p><p id=a></p>", "id a stands 2 times"),
        ("<label for=b>B</label>", "label: for names b, which is not there"),
        ("<span><p>x</p></span>", "p in span"),
        ("<ul><p>x</p></ul>", "p in ul"),
        ("<p><div></div></p>", "unexpected-end-tag"),
        ("<p style='color: red'>x</p>", "p has style"),
        ("<script>1</script>", "an inline script"),
        ("<h3>x</h3>", "a heading of level 3 follows one of 1"),
        ("<input name=c>", "input c has no label"),
        ("<a href='#d'>D</a>", "a link leads to #d, which is not there"),
        ("<button></button>", "a button without words"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(wrong, words):
    right = "<!doctype html><html lang=en><head><title>T</title></head><body><h1>H</h1>{}</body></html>"

    assert problems(right.format("")) == []
    assert any(words in found for found in problems(right.format(wrong)))


@pytest.mark.parametrize(("method", "again"), [("get", True), ("post", False)])
def test_page_of_a_database_that_is_away_is_valid_and_says_what_to_do(rf, method, again):
    answered = answer(getattr(rf, method)("/self-service/plans/?q=x"), 503, Reason("database_unavailable", "A database does not answer."))

    page = answered.content.decode()
    assert problems(page) == []
    assert 'href="/self-service/readiness">See on the readiness page what is away' in page
    assert ('<a class="button" href="/self-service/plans/">Try again</a>' in page) == again
    assert answered["Retry-After"]

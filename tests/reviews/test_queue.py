"""The queue: what each tab holds, who can still approve, what is new since I looked; and a page costs the same however long the table."""

import re

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from config import admin as desk_admin
from config.refusals import Refused
from drafts import search
from drafts.coverage import edit_plan
from reviews import decisions, queue
from reviews.models import Denial, DeploymentReviewRequest
from reviews.rights import listed_requests, visible_requests
from tests.factories import Story, actor, confirm_all, make_environment, make_partner, make_plan, make_user
from tests.pages import DESK, Visitor, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
ONE = [{"name": "release", "group": "release", "quorum": 1}]


def another(story: Story, environment: str = "production") -> DeploymentReviewRequest:
    plan = make_plan(story.owner, story.partner)
    review_request = decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug=environment)
    confirm_all(story.owner, review_request)
    return decisions.request_review(actor(story.owner), review_request.pk)


def seen_by(user) -> list[DeploymentReviewRequest]:
    return list(visible_requests(actor(user, channel="admin")))


def standing(user, review_request) -> queue.Standing:
    return queue.standings(actor(user, channel="admin"), seen_by(user))[review_request.pk]


def tab_of(user, name: str) -> set:
    who = actor(user, channel="admin")
    return {found.pk for found in queue.tab(who, visible_requests(who), name)}


# --- tabs -------------------------------------------------------------------------------------------------------------------------------


def test_tabs_hold_what_their_names_say_as_of_now():
    story = Story()
    make_environment("sandbox", rules=ONE, review_seconds=0)
    waiting, voted, approved = story.in_review(), another(story), another(story)
    story.vote(story.release, voted)
    for reviewer in (story.release, story.security):
        story.vote(reviewer, approved)
    lapsed = another(story, "sandbox")
    assert tab_of(story.release, "waiting") == {waiting.pk}
    assert tab_of(story.release, "open") == {waiting.pk, voted.pk}
    assert tab_of(story.release, "decided") == {approved.pk, lapsed.pk}
    assert tab_of(story.release, "all") == {waiting.pk, voted.pk, approved.pk, lapsed.pk}


def test_tabs_say_how_many_and_stop_at_a_hundred(monkeypatch):
    story = Story()
    story.in_review()
    another(story)
    assert "Waiting on me (2)" in text_of(Visitor(story.release).get(DESK))
    monkeypatch.setattr("reviews.queue.COUNTED", 1)
    assert "Waiting on me (1+)" in text_of(Visitor(story.release).get(DESK))


def test_waiting_comes_by_due_date():
    story = Story()
    later = story.in_review()
    make_environment("soon", rules=ONE, due_seconds=60)
    sooner = another(story, "soon")
    page = Visitor(story.release).get(DESK).content.decode()
    assert page.index(str(sooner.pk)) < page.index(str(later.pk))


# --- who, and what is new ---------------------------------------------------------------------------------------------------------------


def test_names_who_can_still_approve_for_the_seats_that_are_open():
    story = Story()
    make_user("second", groups=("security",))
    review_request = story.in_review()
    assert standing(story.release, review_request).can_approve == "release, second, security"
    story.vote(story.release, review_request)
    assert standing(story.release, review_request).can_approve == "second, security"
    assert "second, security" in text_of(Visitor(story.security).get(DESK))
    story.vote(story.security, review_request)
    assert standing(story.release, review_request).can_approve == "nobody"


def test_names_stop_at_five():
    story = Story(rules=ONE)
    for number in range(6):
        make_user(f"more{number}", groups=("release",))
    assert standing(story.release, story.in_review()).can_approve == "more0, more1, more2, more3, more4 and 2 more"


def test_news_is_since_my_last_vote_or_comment():
    story = Story()
    review_request = story.in_review()
    assert standing(story.release, review_request).news == "not looked at yet"
    decisions.comment(actor(story.release, channel="admin"), review_request.pk, comment="looking")
    assert standing(story.release, review_request).news == "nothing"
    decisions.recall(actor(story.owner), review_request.pk)
    edit_plan(actor(story.owner), story.plan.pk, fields={"authority_context": "two sign", "system_scope": "other"})
    decisions.request_review(actor(story.owner), review_request.pk)
    assert standing(story.release, review_request).news == "2 fields since revision 1"
    assert standing(story.security, review_request).news == "not looked at yet"


def test_looking_writes_nothing():
    story = Story()
    story.in_review()
    visitor = Visitor(story.release)
    visitor.get(DESK)
    with CaptureQueriesContext(connections["self_service"]) as store:
        visitor.get(DESK)
    assert [query["sql"] for query in store.captured_queries if not query["sql"].startswith(("SELECT", "SAVEPOINT", "RELEASE"))] == []


@pytest.mark.parametrize("who", ["owner", "viewer", "release", "security", "finance", "named", "auditor", "nobody"])
def test_A05_the_queue_shows_what_may_be_seen_and_nothing_else(who):
    story = Story()
    people = {name: make_user(name, groups=groups) for name, groups in (("finance", ("finance",)), ("auditor", ("auditors",)))}
    people |= {name: make_user(name) for name in ("named", "nobody")}
    make_environment("elsewhere", rules=[{"name": "finance", "group": "finance", "quorum": 1}])
    story.in_review()
    another(story, "elsewhere")
    drafted = decisions.open_request(actor(story.owner), plan_id=make_plan(story.owner, story.partner).pk, environment_slug="production")
    decisions.name_person(actor(story.owner), drafted.pk, "sla", username="named")
    looking = actor(people.get(who) or getattr(story, who), channel="admin")
    seen = {found.pk for found in visible_requests(looking)}
    assert {found.pk for found in listed_requests(looking)} == seen
    counts = {"owner": 3, "viewer": 3, "release": 1, "security": 1, "finance": 1, "named": 1, "auditor": 3, "nobody": 0}
    assert len(seen) == counts[who]


@pytest.mark.parametrize("most", [1, 1000])
@pytest.mark.parametrize("tab", ["all", "open", "decided"])
def test_common_word_finds_what_a_rare_one_finds_in_the_order_of_the_tab(tab, most, monkeypatch):
    monkeypatch.setattr(search, "MOST", most)
    story = Story()
    of_plan, ended = [story.in_review(), another(story), another(story)], another(story)
    decisions.withdraw(actor(story.owner), ended.pk, comment="no")
    other = make_plan(story.owner, make_partner("operations_west", owners=(story.owner,)), name="Ledger")
    of_partner = decisions.open_request(actor(story.owner), plan_id=other.pk, environment_slug="production")
    unfound = make_plan(story.owner, story.partner, name="Ledger")
    decisions.open_request(actor(story.owner), plan_id=unfound.pk, environment_slug="production")
    auditor = Visitor(make_user("auditor", groups=("auditors",)))

    listed = auditor.get(DESK, queue=tab, q="operations").context["cl"]

    expected = {"all": [of_partner, ended, *reversed(of_plan)], "open": [*of_plan, of_partner], "decided": [ended]}[tab]
    assert [row.pk for row in listed.result_list] == [found.pk for found in expected]
    assert listed.result_count == len(expected)


# --- cost -------------------------------------------------------------------------------------------------------------------------------


def statements(visitor: Visitor, path: str = DESK) -> tuple[int, list[str]]:
    with CaptureQueriesContext(connections["self_service"]) as store, CaptureQueriesContext(connections["default"]) as primary:
        assert visitor.get(path).status_code == 200
    asked = [query["sql"] for query in store.captured_queries + primary.captured_queries]
    return len(asked), asked


def test_a_page_costs_the_same_for_one_row_and_for_many():
    story = Story()
    story.in_review()
    visitor = Visitor(story.release)
    one, _ = statements(visitor)
    for _ in range(4):
        another(story)
    many, _ = statements(visitor)
    assert one == many <= 25


def test_counts_keep_the_order_of_the_list_so_that_an_index_has_the_first():
    story = Story()
    story.in_review()
    _, asked = statements(Visitor(story.release))
    counts = [text for text in asked if text.startswith("SELECT COUNT(*) FROM (") and "reviews_deploymentreviewrequest" in text]
    assert len(counts) == 5
    assert [
        text for text in counts if not re.search(r'ORDER BY "reviews_deploymentreviewrequest"."\w+" (ASC|DESC), .* LIMIT (101|1001)', text)
    ] == []


@pytest.mark.parametrize(
    "path", [DESK, "/admin/reviews/event/", "/admin/reviews/denial/", "/admin/reviews/outboxmessage/", "/admin/reviews/vote/"]
)
def test_no_list_counts_or_reads_all(path):
    story = Story()
    story.in_review()
    auditor = Visitor(make_user("auditor", groups=("auditors",)))
    _, asked = statements(auditor, path)
    table = {DESK: "reviews_deploymentreviewrequest"}.get(path, path.replace("/admin/", "").strip("/").replace("/", "_"))
    of_it = [text for text in asked if f'FROM "{table}"' in text]
    assert of_it
    assert [text for text in of_it if "LIMIT" not in text] == []


def test_a_long_list_shows_a_thousand_rows_and_says_that_there_are_more(monkeypatch):
    story = Story()
    for number in range(4):
        Denial.objects.create(actor_id=1, actor=f"a{number}", channel="api", verb="x", reasons="x")
    monkeypatch.setattr(desk_admin, "MOST_ROWS", 2)
    page = text_of(Visitor(make_user("auditor", groups=("auditors",))).get("/admin/reviews/denial/"))
    assert "more than 2 denials" in page
    assert story


REQUESTS = "reviews_deploymentreviewrequest WHERE state IN"
PLANS = {
    "open": (f"{REQUESTS} ('draft','review_requested','changes_requested') ORDER BY due_at, id", "request_open_by_due"),
    "due expiries": (
        f"{REQUESTS} ('review_requested','changes_requested','approved') AND expires_at <= now() ORDER BY expires_at, id",
        "request_lapses",
    ),
    "denials of somebody": ("reviews_denial WHERE actor = 'x' ORDER BY last_at DESC", "denial_of_actor"),
    "denials of a verb": ("reviews_denial WHERE verb = 'x' ORDER BY last_at DESC", "denial_of_verb"),
    "events of somebody": ("reviews_event WHERE actor = 'x' ORDER BY at DESC", "event_of_actor"),
    "events of a verb": ("reviews_event WHERE verb = 'x' ORDER BY at DESC", "event_of_verb"),
    "waiting mail": (
        "reviews_outboxmessage WHERE status = 'waiting' AND channel = 'mail' AND not_before <= now() ORDER BY not_before, id",
        "outbox_waiting",
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_each_question_of_a_list_has_its_index(name):
    question, index = PLANS[name]
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN SELECT 1 FROM {question} LIMIT 51")
        assert index in "\n".join(line for (line,) in cursor.fetchall())


# --- H07 --------------------------------------------------------------------------------------------------------------------------------

WRONG = [
    "queue=nonsense", "queue=all&queue=open", "q=%01", "q=%22x", "q=%27", "q=%60", "q=%5C", "q=" + "a" * 201, "o=1", "o=abc",
    "p=abc", "p=-1", "p=999",
    "all=", "e=1", "_connector=OR", "state=approved", "plan__name__regex=(", "_popup=1", "_to_field=x", "pk__in=x",
    "_facets=True",
    "salt__startswith=a", "%01=1", "plan__partner__slug=x", "id__exact=1", "Queue=all", "q__=1", "_changelist_filters=x",
]  # fmt: skip


@pytest.mark.parametrize("query", WRONG)
def test_H07_a_list_takes_its_own_filters_search_and_page_and_nothing_else(query):
    story = Story()
    story.in_review()
    assert Visitor(story.release).client.get(f"{DESK}?{query}").status_code == 400


@pytest.mark.parametrize(
    "path",
    ["reviews/event/?verb=nonsense", "reviews/event/?actor=x", "reviews/denial/?reasons__contains=x", "reviews/reviewpolicy/?o=99",
     "reviews/reviewpolicy/?o=-1.x", "reviews/reviewpolicy/?environment__slug__startswith=p", "drafts/partner/?q=%22",
     "access/user/?password__startswith=a", "access/user/?o=0"],
)  # fmt: skip
def test_H07_every_other_list_too(path):
    Story()
    assert Visitor(make_user("auditor", groups=("auditors",))).client.get(f"/admin/{path}").status_code == 400


@pytest.mark.parametrize(
    "path",
    [f"{DESK}?queue=all&q=operations&p=1", "/admin/reviews/event/?verb=open&channel=page&q=owner", "/admin/reviews/reviewpolicy/?o=-2.1",
     "/admin/reviews/denial/?q=owner", "/admin/reviews/outboxmessage/?status=waiting", "/admin/access/user/?is_active__exact=1&o=1"],
)  # fmt: skip
def test_what_the_pages_own_links_say_is_taken(path):
    story = Story()
    story.in_review()
    assert Visitor(make_user("auditor", groups=("auditors",))).client.get(path).status_code == 200


def test_refused_attempts_are_found_by_who_and_by_verb():
    story = Story()
    refused_to(story.viewer, story.in_review())
    page = {query: text_of(Visitor(make_user(f"auditor-{query}", groups=("auditors",))).get("/admin/reviews/denial/", q=query))
            for query in ("viewer", "recall", "owner")}  # fmt: skip
    assert ["1 denial" in page[query] for query in ("viewer", "recall")] == [True, True]
    assert "0 denials" in page["owner"]


def refused_to(user, review_request) -> None:
    with pytest.raises(Refused):
        decisions.recall(actor(user), review_request.pk)

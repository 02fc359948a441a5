"""The auditor's view: search over the record by whatever is known, page by page, and one request on paper."""

import html
import re
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from receipts.models import Receipt
from reviews import audit, decisions, queue
from reviews.models import DeploymentReviewRequest, Event
from reviews.packet_desk import EVENTS
from reviews.record import database_now
from reviews.rights import visible_requests
from tests.factories import Story, actor, make_partner, make_plan, make_user
from tests.pages import NOWHERE, SCRIPT, Visitor, desk_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
SEARCH = "/admin/search/"


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def auditor():
    return Visitor(make_user("auditor", groups=("auditors",)))


def another(story, name: str = "Another plan", partner: str = "elsewhere") -> DeploymentReviewRequest:
    place = make_partner(partner, owners=(story.owner,))
    story.plan = make_plan(story.owner, place, name=name, external_reference="ELSE-77")
    return story.in_review()


def rows(page) -> list[str]:
    """The addresses to which the rows lead, in order."""
    assert page.status_code == 200, text_of(page)
    return re.findall(r'<th scope="row"><a href="([^"]+)"', page.content.decode())


# --- what is found ----------------------------------------------------------------------------------------------------------------------


def test_requests_are_found_by_whatever_is_known_of_them(story, auditor):
    first, second = story.approved(), another(story)
    revision = second.digest
    decisions.recall(actor(story.owner), second.pk)
    decisions.comment(actor(story.viewer), first.pk, comment="looked at")
    day = f"{database_now():%Y-%m-%d}"

    def found(**known) -> list[str]:
        return rows(auditor.get(SEARCH, **known))

    one, two = [desk_path(first)], [desk_path(second)]
    assert found() == two + one
    for known, expected in (
        ({"words": "another"}, two), ({"words": "ELSE-77"}, two), ({"words": "operations thresh"}, one),
        ({"partner": "elsewhere"}, two), ({"partner": "nowhere"}, []),
        ({"digest": first.digest}, one), ({"digest": first.digest[:8]}, one), ({"digest": revision[:12]}, two), ({"digest": "0" * 64}, []),
        ({"commitment": first.commitment_id}, one), ({"commitment": "rdc1_x"}, []),
        ({"request_id": second.pk}, two), ({"request_id": NOWHERE}, []),
        ({"person": "viewer"}, one), ({"person": "owner"}, two + one), ({"person": "owner", "verb": "recall"}, two),
        ({"verb": "approve"}, one), ({"since": day}, []), ({"until": day}, two + one), ({"since": "2026-01-01", "until": day}, two + one),
        ({"until": "2020-01-01"}, []), ({"words": "another", "partner": "northstar_controls"}, []), ({"words": "'; drop"}, None),
    ):  # fmt: skip
        if expected is None:
            assert auditor.get(SEARCH, **known).status_code == 400
        else:
            assert found(**known) == expected, known


def test_events_are_found_with_those_of_the_organisation(story, auditor):
    first, second = story.approved(), another(story)
    operator = make_user("operator", groups=("operators",))
    Visitor(operator).submit("/admin/organisation/partners/new/", partner="harbour", name="Harbour")

    def verbs(**known) -> list[str]:
        shown = rows(auditor.get(SEARCH, of="events", **known))
        return [Event.objects.get(pk=address.split("/")[-3]).verb for address in shown]

    assert verbs(person="operator") == ["set_partner"]
    assert verbs(verb="approve") == ["approve", "approve"]
    assert verbs(verb="approve", person="release") == ["approve"]
    assert sorted(set(verbs(partner="elsewhere"))) == ["confirm", "open", "request_review"]
    assert len(verbs(digest=first.digest[:10])) == first.events.count()
    assert verbs(digest=second.digest[:10], verb="approve") == []
    page = text_of(auditor.get(SEARCH, of="events"))
    assert "the organisation" in page
    assert "Partner added" in page


def test_pages_follow_each_other_without_a_gap(story, auditor, monkeypatch):
    monkeypatch.setattr(audit, "PAGE_SIZE", 4)
    story.approved()
    for of, name in (("events", "reviews_event"), ("requests", "")):
        seen, address = [], f"{SEARCH}?of={of}&person=owner"
        while address:
            page = auditor.client.get(address)
            seen += rows(page)
            following = re.search(r'<a href="(\?[^"]+)">Older ones', page.content.decode())
            address = f"{SEARCH}{html.unescape(following[1])}" if following else ""
        expected = Event.objects.filter(actor="owner").order_by("-at", "-pk") if of == "events" else DeploymentReviewRequest.objects.all()
        assert [address.split("/")[-3] for address in seen] == [str(found.pk) for found in expected], name


# --- who, and what is refused -----------------------------------------------------------------------------------------------------------


def test_search_is_for_who_reads_all(story, auditor):
    assert Visitor(story.release).get(SEARCH).status_code == 403
    assert Visitor(story.owner).get(SEARCH).status_code == 403
    assert Visitor(make_user("operator", groups=("operators",))).get(SEARCH).status_code == 200
    assert auditor.post(SEARCH, words="x").status_code == 405
    assert f'href="{SEARCH}"' in auditor.get("/admin/").content.decode()
    assert f'href="{SEARCH}"' not in Visitor(story.release).get("/admin/").content.decode()


@pytest.mark.parametrize(
    "query",
    ["words=%00", "words=%22", "words=%E2%80%8B", "partner=%27", "digest=abc", "digest=" + "g" * 8, "digest=ABCDEF01", "request_id=1",
     "since=yesterday",
     "since=2026-W01", "verb=vote", "of=votes", "after=x", "after=2026-01-01_x", f"after=2026-01-01T00:00:00_{NOWHERE}", "state=approved",
     "words=a&words=b", "salt__startswith=a", "words=" + "a" * 201],
)  # fmt: skip
def test_H07_a_search_takes_what_its_form_gives(auditor, query):
    assert auditor.client.get(f"{SEARCH}?{query}").status_code == 400


def test_H06_script_in_the_record_and_in_the_question_stays_text(story, auditor):
    story.plan = make_plan(story.owner, story.partner, name=SCRIPT)
    review_request = story.in_review()
    decisions.comment(actor(story.owner), review_request.pk, comment=SCRIPT)
    pages = [auditor.get(SEARCH), auditor.get(SEARCH, of="events"), auditor.get(desk_path(review_request, "print/"))]
    assert [page.status_code for page in pages] == [200] * 3
    pages += [auditor.get(SEARCH, words=SCRIPT), auditor.get(SEARCH, person="<b>x</b>", partner="<img src=x onerror=y>")]
    assert not [page for page in pages if re.search("<script>alert|<b>x|<img", page.content.decode())]


# --- cost: the right index, whatever the length of the table ------------------------------------------------------------------------------


def plan_of(found) -> str:
    """What PostgreSQL would do where reading a whole table is no way."""
    with transaction.atomic(using="self_service"), connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for way in ("enable_bitmapscan", "enable_sort", "enable_hashjoin", "enable_mergejoin"):
            cursor.execute(f"SET LOCAL {way} = off")
        return found.explain()


@pytest.mark.parametrize(("question", "index"), [
    ({}, "request_newest_first"),
    ({"since": timedelta(days=-1)}, "request_newest_first"),
])  # fmt: skip
def test_requests_come_by_an_index(question, index):
    since = {name: database_now() + value if isinstance(value, timedelta) else value for name, value in question.items()}
    plan = plan_of(audit.requests(audit.Question(**since))[:51])
    assert index in plan
    assert "Seq Scan on reviews_deploymentreviewrequest" not in plan


@pytest.mark.parametrize(("question", "index"), [
    ({}, "event_newest_first"), ({"person": "owner"}, "event_of_actor"), ({"verb": "approve"}, "event_of_verb"),
])  # fmt: skip
def test_events_come_by_an_index(question, index):
    plan = plan_of(audit.events(audit.Question(**question))[:51])
    assert index in plan
    assert "Seq Scan on reviews_event" not in plan


def test_packets_plans_and_the_timeline_come_by_an_index(story):
    review_request = story.in_review()
    packets = {"digest": "a" * 8}, {"commitment": "rdc1_x"}
    for known, index in zip(packets, ("packet_by_digest", "packet_by_commitment"), strict=True):
        with CaptureQueriesContext(connections["self_service"]) as asked:
            audit._packets(audit.Question(**known))
        [query] = [each["sql"] for each in asked.captured_queries]
        with transaction.atomic(using="self_service"), connections["self_service"].cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {query}")
            assert index in "\n".join(row[0] for row in cursor.fetchall())
    assert "one_event_per_number" in plan_of(review_request.events.order_by("-number")[: EVENTS + 1])
    reviewer = actor(story.release, channel="admin")
    waiting = queue.tab(reviewer, visible_requests(reviewer), "waiting")
    assert "request_open_by_due" in plan_of(waiting.order_by(*queue.ORDERS["waiting"])[:51])


def test_a_search_asks_few_questions(story, auditor):
    story.approved()
    another(story)
    for known in ({}, {"of": "events"}, {"words": "another", "partner": "elsewhere", "person": "owner", "digest": "a" * 8}):
        with CaptureQueriesContext(connections["default"]) as primary, CaptureQueriesContext(connections["self_service"]) as store:
            rows(auditor.get(SEARCH, **known))
        assert len(primary) + len(store) <= 10, known


# --- paper ------------------------------------------------------------------------------------------------------------------------------


def test_a_packet_for_printing_has_a_cover_and_every_section(story, auditor, settings):
    settings.RECEIPT_ISSUER = "https://readiness.test"
    review_request = story.approved()
    receipt = Receipt.objects.get()

    page = auditor.get(desk_path(review_request, "print/"))
    body, text = page.content.decode(), text_of(page)

    cover = text.split(" Summary ")[0]
    for words in (
        "Verdict Approved",
        review_request.digest,
        review_request.commitment_id,
        "https://readiness.test/verify",
        "Printed by auditor",
    ):
        assert words in cover, words
    for words in (
        receipt.inner["payload_b64"],
        receipt.inner["signature"],
        receipt.kid,
        receipt.sha256,
        "redeploy previous artifact",
        "Policy of Production",
    ):
        assert html.escape(words) in body, words
    assert "<details" not in body
    assert re.findall(r'<h2 id="([a-z-]+)"', body) == [
        "summary", "plan", "environment-and-subject", "confirmations", "moves", "checks", "receipt", "timeline",
    ]  # fmt: skip
    assert text.index("Opened by owner") < text.index("Approved by security")
    assert body.count("<li>\n<p><strong>") == review_request.events.count() + 2


def test_a_draft_prints_too_and_a_stranger_prints_nothing(story, auditor):
    review_request = story.open()
    assert "Nothing has been put up for review yet" in text_of(auditor.get(desk_path(review_request, "print/")))
    assert Visitor(make_user("finance", groups=("finance",))).get(desk_path(review_request, "print/")).status_code == 404
    assert auditor.post(desk_path(review_request, "print/")).status_code == 405

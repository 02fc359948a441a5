"""The rollout gates: criteria for everybody, live state for who may see a request, and an answer whatever is away."""

import html
import os
import re
import secrets
import time
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.test.utils import CaptureQueriesContext

from access.models import User
from config.refusals import Refused
from drafts.coverage import append_move
from readiness import rollout
from reviews import decisions, staging
from reviews.organisation import COMMAND_LINE
from tests.config.listener import Listener
from tests.conftest import run_manage
from tests.factories import PLAN_FIELDS, Story, actor, make_environment, make_partner, make_plan, make_user
from tests.invariants import fingerprint
from tests.pages import SCRIPT, Visitor, desk_path, request_path, text_of
from tests.reviews.test_staging import ISSUER, STAGING_KEY, SUBJECT, jwks, now, text
from tests.server import Visitor as RealVisitor
from tests.server import free_port, fresh_database, serving

both_stores = pytest.mark.usefixtures("both_stores")
PATH = "/self-service/rollout-gates"
TITLES = ["Draft coverage", "Security review", "Staging validation", "Production deployment"]
LIVE = "Your review requests now"
AWAY = "Where they stand cannot be shown right now"
DEAD = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


@pytest.fixture
def story():
    return Story()


def gates(story: Story, *, user=None) -> list[tuple[str, ...]]:
    """The four states of each request that somebody sees, newest first."""
    who = actor(user or story.owner)
    shown = [rollout.live(who, chosen=one.pk).shown for one in rollout.live(who).listed]
    return [tuple(gate.state for gate in one.gates) for one in shown]


def details(story: Story) -> list[str]:
    return [gate.detail for gate in rollout.live(actor(story.owner)).shown.gates]


@both_stores
def test_A16_anonymous_reads_the_criteria_and_no_state(story):
    story.approved()

    page = text_of(Visitor().get(PATH))

    assert [page.find(title) for title in TITLES] == sorted(page.find(title) for title in TITLES)
    assert all(
        words in page for words in (*TITLES, "Owner of this gate: An owner of the partner", "names every subject of the review request")
    )
    assert (LIVE in page, story.plan.name in page) == (False, False)


@both_stores
def test_gates_follow_a_request_from_draft_to_launch(story):
    review_request = story.open(subject=SUBJECT)
    assert gates(story) == [("met", "not_met", "not_met", "not_met")]
    assert details(story) == [
        "All five boundary fields are saved, with no moves.",
        "The owner confirmation is missing. And 4 more.",
        "Nobody has said yet whose receipts count as staging's: issuer and keys are not pinned. And 1 more.",
        "The owner confirmation is missing. And 4 more.",
    ]
    staging.pin(COMMAND_LINE, issuer=ISSUER, jwks=jwks(STAGING_KEY))
    decisions.hand_in_staging(actor(story.owner), review_request.pk, receipt_text=text())
    assert gates(story) == [("met", "not_met", "met", "not_met")]

    decisions.withdraw(actor(story.owner), review_request.pk, comment="once more")
    review_request = story.in_review(subject=SUBJECT)
    assert gates(story)[0] == ("met", "not_met", "not_met", "not_met")
    assert details(story)[1] == "An approval for release is missing. And 1 more."
    story.vote(story.release, review_request)
    assert details(story)[1] == "An approval for security is missing."
    story.vote(story.security, review_request)

    assert gates(story)[0] == ("met", "met", "not_met", "met")
    assert details(story)[1] == "Every seat of revision 1 is filled."
    assert details(story)[3] == "The gate says that it may launch."


@both_stores
@pytest.mark.parametrize("ending", ["rejected", "withdrawn", "revoked"])
def test_ended_request_is_not_met(story, ending):
    if ending == "rejected":
        story.vote(story.release, story.in_review(), "reject")
    elif ending == "withdrawn":
        decisions.withdraw(actor(story.owner), story.open().pk, comment="no")
    else:
        decisions.revoke(actor(story.owner), story.approved().pk, comment="no")

    assert (gates(story)[0][1], gates(story)[0][3]) == ("not_met", "not_met")
    assert details(story)[1] == f"This review request is {ending}; open a new one."


@both_stores
def test_coverage_counts_the_moves_of_draft_and_packet(story):
    move = {name: value for name, value in PLAN_FIELDS.items() if name != "name"}
    append_move(actor(story.owner), story.plan.pk, fields=move)
    story.approved()
    decisions.expand(actor(story.owner), story.plan.pk)
    append_move(actor(story.owner), story.plan.pk, fields=move)

    assert details(story)[0] == "All five boundary fields are saved, with 2 moves. Revision 1 froze 1 move."


@both_stores
def test_plan_without_a_boundary_field_is_not_covered(story):
    review_request = story.open()
    review_request.plan.authority_context = ""

    assert rollout.coverage(review_request).state == "not_met"


@both_stores
def test_validation_counts_at_the_moment_of_reading(story):
    staging.pin(COMMAND_LINE, issuer=ISSUER, jwks=jwks(STAGING_KEY))
    review_request = story.open(subject=SUBJECT)
    decisions.hand_in_staging(actor(story.owner), review_request.pk, receipt_text=text(expires_at=now() + timedelta(hours=1)))

    assert rollout.validation(review_request, now()).state == "met"
    assert rollout.validation(review_request, now() + timedelta(hours=2)).state == "not_met"


@both_stores
def test_request_for_staging_needs_no_validation(story):
    make_environment("staging", rules=[{"name": "release", "group": "release", "quorum": 1}])
    decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="staging")

    assert gates(story)[0][2] == "not_needed"
    assert "Not needed" in text_of(Visitor(story.owner).get(PATH))


@both_stores
def test_only_the_request_that_answers_may_launch(story):
    story.approved(subject=SUBJECT)
    story.open()

    assert [found[3] for found in gates(story)] == ["not_met", "met"]
    assert details(story)[3] == "Another review request of this plan answers for this environment."


@both_stores
def test_gate_is_shut_while_the_installation_is_not_ready(story):
    story.approved()
    story.security.groups.clear()

    assert gates(story)[0][3] == "not_met"
    assert "Nobody could approve for production" in details(story)[3]


# --- who sees what ----------------------------------------------------------------------------------------------------------------


@both_stores
def test_each_sees_the_requests_that_are_theirs_to_see(story):
    other = make_partner("other", owners=(make_user("other_owner"),))
    review_request = story.in_review()
    draft = decisions.open_request(actor(story.owner), plan_id=make_plan(story.owner, story.partner).pk, environment_slug="production")
    seen = {
        "owner": {review_request.pk, draft.pk},
        "viewer": {review_request.pk, draft.pk},
        "release": {review_request.pk},
        "other_owner": set(),
    }

    found = {name: {one.pk for one in rollout.live(actor(_user(name))).listed} for name in seen}

    assert found == seen
    assert other.slug == "other"
    assert "There is no review request that you may see" in text_of(Visitor(_user("other_owner")).get(PATH))


def _user(name: str):
    return User.objects.get(username=name)


@both_stores
def test_links_lead_where_the_person_may_look(story):
    review_request = story.in_review()

    for user, path in ((story.owner, request_path(review_request)), (story.release, desk_path(review_request))):
        visitor = Visitor(user)
        assert f'href="{path}"' in visitor.get(PATH).content.decode()
        assert visitor.get(path).status_code == 200


@both_stores
def test_list_shows_twenty_then_the_older_and_the_gates_of_the_one_that_is_chosen(story):
    made = [story.in_review().pk]
    for _ in range(21):
        plan = make_plan(story.owner, story.partner)
        made.append(decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug="production").pk)
    visitor, path, seen = Visitor(story.owner), PATH, []

    while path:
        page = visitor.get(path).content.decode()
        seen += re.findall(r'href="\?request=([^"]+)"', page)
        path = next((f"{PATH}{query}" for query in re.findall(r'href="(\?after=[^"]+)"', page)), "")
    first, last = visitor.get(PATH).content.decode(), visitor.get(f"{PATH}?request={made[0]}").content.decode()

    assert seen == [str(pk) for pk in reversed(made)]
    assert (f'id="request-{made[-1]}"' in first, f'id="request-{made[0]}"' in last) == (True, True)


@both_stores
def test_page_asks_no_more_for_more_requests(story):
    visitor, counted = Visitor(story.owner), []
    for _ in range(2):
        for _ in range(3):
            story.plan = make_plan(story.owner, story.partner)
            story.approved()
        visitor.get(PATH)
        with CaptureQueriesContext(connections["default"]) as primary, CaptureQueriesContext(connections["self_service"]) as store:
            assert visitor.get(PATH).status_code == 200
        counted.append(len(primary) + len(store))

    assert counted[0] == counted[1]


@both_stores
@pytest.mark.parametrize("name", ["after", "request"])
@pytest.mark.parametrize(("value", "status"), [("nowhere", 404), ("", 404), ("0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b", 200)])
def test_what_is_no_request_of_mine_shows_none(story, name, value, status):
    review_request = story.in_review()

    answer = Visitor(story.owner).get(f"{PATH}?{name}={value}")

    assert answer.status_code == status
    assert f'id="request-{review_request.pk}"' not in answer.content.decode()


@both_stores
def test_request_of_another_partner_shows_none(story):
    other = make_partner("other", owners=(make_user("other_owner"),))
    plan = make_plan(_user("other_owner"), other, name="Hidden away")
    hidden = decisions.open_request(actor(_user("other_owner")), plan_id=plan.pk, environment_slug="production")

    page = Visitor(story.owner).get(f"{PATH}?request={hidden.pk}").content.decode()

    assert ("Hidden away" in page, LIVE in page) == (False, True)


@both_stores
def test_H06_script_in_a_plan_stays_text(story):
    plan = make_plan(story.owner, story.partner, name=SCRIPT)
    decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug="production")

    page = Visitor(story.owner).get(PATH).content.decode()

    assert (SCRIPT in page, html.escape(SCRIPT) in page) == (False, True)


@both_stores
def test_looking_writes_nothing_and_is_never_cached(story):
    story.in_review()
    visitor = Visitor(story.owner)
    before = fingerprint()

    answer = visitor.get(PATH)

    assert fingerprint() == before
    assert (answer.status_code, LIVE in text_of(answer), answer["Cache-Control"]) == (200, True, "no-store")
    assert visitor.post(PATH).status_code == 405


# --- a database is away -----------------------------------------------------------------------------------------------------------


@both_stores
@pytest.mark.parametrize("failure", [OperationalError("gone"), Refused()])
def test_failing_read_leaves_the_criteria(story, monkeypatch, failure):
    def fail(_actor, **_options):
        raise failure

    monkeypatch.setattr(rollout, "live", fail)

    page = text_of(Visitor(story.owner).get(PATH))

    assert (AWAY in page, all(title in page for title in TITLES)) == (True, True)


def given(**urls: str) -> dict[str, str]:
    return {"READINESS_ENVIRONMENT": "test", "SECRET_KEY": "k" * 40, "RECEIPT_ISSUER": "https://readiness.test", **urls}


def test_F22_both_databases_down_leave_criteria_and_readiness():
    env = given(DATABASE_URL=DEAD, SELF_SERVICE_DATABASE_URL=f"{DEAD}2")
    with serving(env, port=free_port()) as address:
        for cookie in ({}, {"Cookie": "sessionid=somebody"}):
            gates_page = RealVisitor(address).call("GET", PATH, **cookie)
            page = RealVisitor(address).call("GET", "/self-service/readiness", **cookie)

            assert (gates_page.status, page.status) == (200, 200)
            assert all(title in gates_page.text for title in TITLES)
            assert (LIVE in gates_page.text, "The history cannot be read right now" in page.text) == (False, True)
            assert 'aria-current="step"' not in page.text


@pytest.fixture(scope="module")
def primary():
    """A seeded primary whose draft store is then taken away: its environment without the store's URL."""
    name = f"rollout_{secrets.token_hex(4)}"
    with ExitStack() as stack:
        urls = {
            variable: stack.enter_context(fresh_database(os.environ[variable], name))
            for variable in ("DATABASE_URL", "SELF_SERVICE_DATABASE_URL")
        }
        env = given(**urls, RECEIPT_SIGNING_KEY=os.environ["RECEIPT_SIGNING_KEY"])
        for command in ("migrate_all", "seed_demo"):
            done = run_manage(command, env=env)
            assert done.returncode == 0, done.stdout + done.stderr
        yield env


def test_F03_signed_in_owner_without_a_draft_store_reads_the_criteria(primary):
    with serving(primary | {"SELF_SERVICE_DATABASE_URL": DEAD}, port=free_port()) as address:
        visitor = RealVisitor(address)
        visitor.sign_in("owner", "readiness-demo")
        gates_page, page = visitor.get(PATH), visitor.get("/self-service/readiness")

    assert (gates_page.status, page.status) == (200, 200)
    assert (AWAY in gates_page.text, "Signed in as" in gates_page.text, all(title in gates_page.text for title in TITLES)) == (True,) * 3
    assert ("The history cannot be read right now" in page.text, "You are here" in page.text) == (True, False)


def test_F22_silent_draft_store_costs_the_page_less_than_a_second(primary):
    silent = Listener()
    try:
        env = primary | {"SELF_SERVICE_DATABASE_URL": f"postgresql://nobody:nothing@127.0.0.1:{silent.port}/nowhere"}
        with serving(env, port=free_port()) as address:
            anybody, owner = RealVisitor(address), RealVisitor(address)
            for _ in range(8):
                assert _seconds(anybody, "/self-service/readiness") < 1
            owner.sign_in("owner", "readiness-demo")
            for _ in range(4):
                assert _seconds(owner, "/self-service/readiness") < 1
            assert AWAY in owner.get(PATH).text
    finally:
        silent.close()


def _seconds(visitor: RealVisitor, path: str) -> float:
    started = time.monotonic()
    assert visitor.get(path).status == 200
    return time.monotonic() - started


def test_real_server_shows_a_signed_in_owner_everything(primary):
    """The same reads as above, on the threads of a real server."""
    assert run_manage("readiness", "--record", env=primary).returncode in (0, 1)
    with serving(primary, port=free_port()) as address:
        visitor = RealVisitor(address)
        visitor.sign_in("owner", "readiness-demo")
        gates_page, page = visitor.get(PATH), visitor.get("/self-service/readiness")
        chosen = [visitor.get(f"{PATH}?request={pk}").text for pk in re.findall(r'href="\?request=([^"]+)"', gates_page.text)]

    assert (LIVE in gates_page.text, "The gate says that it may launch" in "".join(chosen)) == (True, True)
    assert ("You are here" in page.text, '<svg class="strip"' in page.text) == (True, True)

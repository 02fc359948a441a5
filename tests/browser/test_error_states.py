"""What goes wrong, as people see it: not there, not theirs, stale, in conflict, a database away. Axe finds nothing in it, light or dark."""

import pytest

from tests.browser.serving import Site, free_port
from tests.browser.test_accessibility import findings
from tests.browser.test_desk import DESK, PLAN, put_up
from tests.pages import NOWHERE
from tests.server import Visitor, serving

PLANS = "/self-service/plans/"


@pytest.fixture(params=["light", "dark"])
def narrow(request) -> dict:
    return {"viewport": {"width": 320, "height": 800}, "color_scheme": request.param}


def seen(visitor, answer, status: int, *words: str) -> None:
    """The page of this status says these words, under one heading, and nobody is shut out of it."""
    visitor.expect(status)
    visitor.look()
    assert answer.status == status, visitor.page.url
    visitor.reads(*words)
    assert (visitor.page.locator("h1").count(), visitor.page.locator("main").count()) == (1, 1)
    assert visitor.page.title()
    assert findings(visitor) == []


def went(visitor, path: str):
    return visitor.page.goto(f"{visitor.site.url}{path}")


def sent(visitor, button: str):
    with visitor.page.expect_navigation() as answer:
        visitor.page.get_by_role("button", name=button, exact=True).click()
    return answer.value


def made_plan(site: Site, name: str) -> tuple[Visitor, dict]:
    owner = Visitor(site.url, site.token("owner", "read", "draft", "request"))
    return owner, owner.api("POST", "plans/", PLAN | {"name": name, "external_reference": name}).json


# --- not there, not theirs --------------------------------------------------------------------------------------------------------------


def test_pages_that_are_not_there_or_not_theirs(visit, narrow):
    owner, release, auditor = (visit(name, **narrow) for name in ("owner", "release", "auditor"))

    seen(owner, went(owner, f"{PLANS}{NOWHERE}/"), 404, "Error 404", "Go to your plans")
    seen(owner, went(owner, "/admin/"), 403, "Error 403")
    seen(release, went(release, f"{DESK}{NOWHERE}/change/"), 404, "Error 404")
    seen(auditor, went(auditor, "/admin/organisation/partners/new/"), 403, "Error 403")


def test_a_form_whose_session_token_is_gone_is_refused_in_words(visit, narrow):
    owner = visit("owner", **narrow)
    owner.go("/accounts/time-zone/")
    owner.page.context.clear_cookies(name="csrftoken")

    seen(owner, sent(owner, "Save"), 403, "Error 403")


# --- stale ------------------------------------------------------------------------------------------------------------------------------


def test_a_form_that_is_stale_says_so_and_keeps_the_answers(site, visit, narrow):
    client, plan = made_plan(site, f"STALE-{narrow['color_scheme']}")
    owner = visit("owner", **narrow)
    owner.go(f"{PLANS}{plan['id']}/edit")
    client.api("PATCH", f"plans/{plan['id']}/", {"system_scope": "somebody_else"}, etag='"1"')
    owner.page.get_by_label("System scope").fill("mine")

    seen(owner, sent(owner, "Save changes"), 412, "It has changed since you read it", "Read it as it is now")

    assert owner.page.get_by_label("System scope").input_value() == "mine"
    assert owner.page.evaluate("document.activeElement.id") == "problems"
    owner.follow("Read it as it is now")
    assert owner.page.get_by_label("System scope").input_value() == "somebody_else"


def test_a_decision_on_what_was_put_up_anew_says_what_changed(site, visit, narrow):
    review_request = put_up(site, f"Stale, {narrow['color_scheme']}")
    release = visit("release", **narrow)
    release.go(f"{DESK}{review_request['id']}/decide/")
    owner = Visitor(site.url, site.token("owner", "read", "draft", "request"))
    path = f"review-requests/{review_request['id']}/"
    recalled = owner.api("POST", f"{path}recall/", {}, etag=f'"{review_request["version"]}"')
    subject = [{"name": "console", "digest": {"sha256": "a" * 64}}]
    changed = owner.api("PATCH", path, {"subject": subject}, etag=recalled.headers["etag"])
    owner.api("POST", f"{path}request-review/", {}, etag=changed.headers["etag"])
    release.page.get_by_label("Approve", exact=True).check()

    seen(release, sent(release, "Send this decision"), 412, "Read the packet that is under review now")


# --- in conflict ------------------------------------------------------------------------------------------------------------------------


def test_a_second_request_for_one_environment_is_a_conflict(site, visit, narrow):
    review_request = put_up(site, f"Conflict, {narrow['color_scheme']}")
    owner = visit("owner", **narrow)
    owner.go(f"{PLANS}{review_request['plan']}/requests/new")
    owner.page.get_by_label("Environment").select_option("production")

    seen(owner, sent(owner, "Open the review request"), 409, "There is an open review request")


def test_a_second_vote_is_a_conflict(site, visit, narrow):
    review_request = put_up(site, f"Two tabs, {narrow['color_scheme']}")
    release = visit("release", **narrow)
    path = f"{DESK}{review_request['id']}/decide/"
    release.go(path)
    other = visit("release", **narrow)
    other.go(path)
    for each in (release, other):
        each.page.get_by_label("Approve", exact=True).check()
    sent(other, "Send this decision")

    seen(release, sent(release, "Send this decision"), 409, "Your vote on this revision is recorded: Approve")


# --- a database away --------------------------------------------------------------------------------------------------------------------

SIDES = {"primary": "DATABASE_URL", "self_service": "SELF_SERVICE_DATABASE_URL"}


@pytest.fixture(scope="module", params=SIDES)
def away(request, site, tmp_path_factory):
    """The same demo in a process of its own, one of whose databases lies where no folder is: nothing can be opened there."""
    missing = {SIDES[request.param]: f"sqlite:///{tmp_path_factory.mktemp('away') / 'gone' / 'database.sqlite3'}"}
    env = site.env | missing
    with serving(env, port=free_port()) as address:
        yield request.param, Site(address, env)


def test_a_database_that_is_away_is_said_and_the_way_on_is_named(visit, away, narrow):
    side, elsewhere = away
    for username, path in (("owner", PLANS), ("release", DESK)):
        signed_in = visit(username).page.context.storage_state()  # its cookie is for every port of the host
        visitor = visit("", at=elsewhere, storage_state=signed_in, **narrow)

        seen(visitor, went(visitor, path), 503, "Error 503", "Try again", "See on the readiness page what is away")

        visitor.follow("See on the readiness page what is away")
        visitor.reads("unknown")
        assert findings(visitor) == []

"""Every page of the desk in each of its states: no finding of axe in light and dark, fits into 320 px, at most 60 KB on first view."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.test_accessibility import findings
from tests.browser.test_desk import DESK, put_up

MOST_BYTES = 60 * 1024
# What differs between the two schemes; everything else is the same document.
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
LISTS = [
    "access/apitoken", "access/user", "drafts/coverageplan", "drafts/membership", "drafts/partner", "readiness/verdictchange",
    "receipts/receipt", "receipts/signingkey", "reviews/confirmation", "reviews/decision", "reviews/deliveryattempt", "reviews/denial",
    "reviews/environment", "reviews/event", "reviews/freezewindow", "reviews/outboxmessage", "reviews/reviewpolicy", "reviews/stagingpin",
    "reviews/stagingvalidation", "reviews/vote", "reviews/webhookendpoint",
]  # fmt: skip


@pytest.fixture(scope="module")
def staged(site):
    """Something on every list, and something to settle, to end and to send."""
    now = datetime.now(UTC)
    site.manage("webhook", "add", "https://hooks.example.org/x", "--as", "operator")
    rules = ["--rule", "release:release:1", "--session-minutes", "15"]
    site.manage("set_policy", "sandbox", *rules, "--as", "operator2")
    until = f"{now + timedelta(days=2):%Y-%m-%dT%H:%MZ}"
    site.manage("freeze", "sandbox", "--from", f"{now:%Y-%m-%dT%H:%MZ}", "--until", until, "--reason", "Year end", "--as", "operator")
    site.token("owner", "read")
    return put_up(site, "Desk in every state")


def first(visitor, path: str) -> str:
    """Where the first row of a list leads."""
    visitor.go(path)
    return visitor.page.locator("#result_list tbody th a").first.get_attribute("href").split("?")[0]


def reviewers(visitor, staged) -> list[str]:
    visitor.go(f"{DESK}?queue=all")
    links = [link.get_attribute("href") for link in visitor.page.locator("#result_list th a").all()]
    mine = f"{DESK}{staged['id']}/"
    rest = [f"{mine}{rest}" for rest in ("change/", "decide/", "comment/", "timeline/", "print/")]
    refused = [links[-1].replace("/change/", "/decide/"), links[-1].replace("/change/", "/revoke/")]
    return ["/admin/", DESK, f"{DESK}?queue=decided", f"{DESK}?q=nothing", *rest, *links[:6], *refused]


def auditors(visitor, staged) -> list[str]:
    lists = [f"/admin/{model}/" for model in LISTS]
    records = [first(visitor, f"/admin/reviews/{model}/") for model in ("event", "reviewpolicy", "vote")]
    searches = ["", "?of=events", "?words=nothing", "?digest=zz"]
    visitor.expect(400)
    own = f"{DESK}{staged['id']}/"
    return [
        "/admin/", "/admin/reviews/", f"{DESK}?queue=waiting", *(f"/admin/search/{query}" for query in searches), *lists, *records,
        f"{own}change/", f"{own}decide/", f"{own}print/", "/accounts/mail/",
    ]  # fmt: skip


def operators(visitor, staged) -> list[str]:
    user = first(visitor, "/admin/access/user/?q=owner2")
    person = re.search(r"/(\d+)/change/", user)[1]
    hook = first(visitor, "/admin/reviews/webhookendpoint/").split("/")[-3]
    freeze = first(visitor, "/admin/reviews/freezewindow/").split("/")[-3]
    visitor.go("/admin/access/apitoken/")
    token = visitor.page.get_by_role("link", name="revoke").first.get_attribute("href")
    visitor.go("/admin/reviews/reviewpolicy/")
    settle = visitor.page.get_by_role("link", name="proposed: accept or decline").first.get_attribute("href")
    organisation = [
        "partners/new/", "memberships/set/", "people/new/", *(f"people/{person}/{rest}/" for rest in ("groups", "mail", "active")),
        f"people/{person}/second-factor/", "environments/new/", "environments/sandbox/", "staging/pin/", "webhooks/new/",
        f"webhooks/{hook}/rotate/",
        f"webhooks/{hook}/disable/",
    ]  # fmt: skip
    return [
        *(f"/admin/organisation/{rest}" for rest in organisation), user, token, settle, "/admin/reviews/freezewindow/freeze/sandbox/",
        f"/admin/reviews/freezewindow/{freeze}/end/", "/admin/reviews/reviewpolicy/propose/sandbox/", "/admin/access/user/",
        "/admin/access/apitoken/", "/admin/reviews/webhookendpoint/",
    ]  # fmt: skip


WHO = {"release": reviewers, "auditor": auditors, "operator": operators}


def examined(visitor, path: str, weights: list[int]) -> list[str]:
    """One visit: everything in light, contrast in dark, width at 320 px, bytes on a first view."""
    page = visitor.page
    weights.clear()
    visitor.go(path)
    page.wait_for_load_state("networkidle")
    wrong = [f"{path}: {sum(weights)} bytes"] if sum(weights) > MOST_BYTES else []
    wrong += findings(visitor)
    page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {words}" for words in findings(visitor, CONTRAST)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 320, "height": 800})
    visitor.look()
    page.set_viewport_size({"width": 1200, "height": 900})
    counts = (page.locator("h1").count(), page.locator("main").count())
    return wrong + ([f"{path}: {counts} first headings and mains"] if counts != (1, 1) else [])


@pytest.mark.parametrize("who", WHO)
def test_every_page_of_the_desk_is_accessible_light_and_narrow(visit, staged, who):
    visitor, weights = visit(who), []
    network = visitor.page.context.new_cdp_session(visitor.page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    network.on("Network.loadingFinished", lambda said: weights.append(said["encodedDataLength"]))

    found = [words for path in WHO[who](visitor, staged) for words in examined(visitor, path, weights)]

    assert found == []


def test_answers_that_are_refused_are_accessible_too(visit, staged):
    release, operator = visit("release"), visit("operator")
    release.go(f"{DESK}{staged['id']}/decide/")
    release.page.get_by_label("Reject", exact=True).check()
    release.press("Send this decision")
    operator.go("/admin/organisation/people/new/")
    operator.page.get_by_label("Username").fill("a@example.org")
    operator.press("Add them")
    for visitor in (release, operator):
        visitor.reads("There is a problem")
        assert findings(visitor) == []
        visitor.expect(400)
    assert release.page.title().startswith("Error: ")

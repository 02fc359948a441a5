"""The desk in a real browser: two reviewers, an operator, an auditor; by keyboard, without script, narrow, dark, on PostgreSQL."""

import base64
import os
import re
import secrets
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.browser.serving import PASSWORD, Site
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL
from tests.processes import run_manage
from tests.server import Visitor, free_port, fresh_database, serving

DESK = "/admin/reviews/deploymentreviewrequest/"
PLAN = {"partner": "northstar_controls", "gate_type": "threshold_gate", "system_scope": "payments", "authority_context": "payments owner"}
NARROW = {"java_script_enabled": False, "viewport": {"width": 320, "height": 800}, "color_scheme": "dark"}
WINDOWS = {"wide": {}, "narrow-dark-without-script": NARROW}


@pytest.fixture(scope="module")
def postgres():
    """The demo on two PostgreSQL clusters."""
    name, port = f"desk_{secrets.token_hex(4)}", free_port()
    with ExitStack() as stack:
        env = {
            "READINESS_ENVIRONMENT": "test",
            "DATABASE_URL": stack.enter_context(fresh_database(os.environ["DATABASE_URL"], name)),
            "SELF_SERVICE_DATABASE_URL": stack.enter_context(fresh_database(os.environ["SELF_SERVICE_DATABASE_URL"], name)),
            "SECRET_KEY": secrets.token_urlsafe(48),
            "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "RECEIPT_ISSUER": f"http://127.0.0.1:{port}",
            "WEBHOOK_KEY": secrets.token_urlsafe(48),
        }
        for command in ("migrate_all", "seed_demo"):
            done = run_manage(command, env=env)
            assert done.returncode == 0, done.stdout + done.stderr
        yield Site(stack.enter_context(serving(env, port=port)), env)


@pytest.fixture(params=[*WINDOWS, "postgres"])
def place(request, site):
    """(site, options of the window, name): each story is told in each of them."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres"), {}, request.param
    return site, WINDOWS[request.param], request.param


def put_up(site: Site, name: str, *, token: str = "") -> dict:
    """A review request, by API, as an owner's client makes it."""
    owner = Visitor(site.url, token or site.token("owner", "read", "draft", "request"))
    plan = owner.api("POST", "plans/", PLAN | {"name": name, "external_reference": f"DESK-{secrets.token_hex(4)}"}).json
    opened = owner.api("POST", "review-requests/", {"plan": plan["id"], "environment": "production", "subject": []})
    path, etag = f"review-requests/{opened.json['id']}/", opened.headers["etag"]
    for kind, fields in CONFIRMATION_FIELDS.items():
        said = {"fields": fields, "evidence_url": "https://evidence.example.org/1", "valid_until": VALID_UNTIL}
        etag = owner.api("PUT", f"{path}confirmations/{kind}/", said, etag=etag).headers["etag"]
    return owner.api("POST", f"{path}request-review/", {}, etag=etag).json


def timeline(site: Site, review_request: dict) -> list[str]:
    path = f"/api/v1/review-requests/{review_request['id']}/timeline/"
    return [event["verb"] for event in site.get(path, token=site.token("auditor", "read"))["results"]]


# --- two reviewers, and then the auditor ----------------------------------------------------------------------------------------------


def test_two_reviewers_decide_and_the_auditor_takes_it_away(visit, place):
    site, options, name = place
    review_request = put_up(site, f"Desk story, {name}")
    release = visit("release", at=site, **options)
    release.go(DESK)
    release.reads("Waiting on me (", "All open (", "Decided and ended (")
    release.follow(f"Desk story, {name}")
    release.reads("Asked for: 1 release and 1 security", "Policy of Production, version 1", "An approval for security is missing.")
    release.follow("Decide")
    release.reads("Your approval fills a seat. Still needed after it: security.", review_request["digest"])
    release.page.get_by_label("Approve with conditions", exact=True).check()
    release.page.get_by_label("Conditions", exact=True).fill("At night only.")
    release.press("Send this decision")
    release.reads("Your approval is recorded. Another approval is still needed.", "Next in your queue:")
    security = visit("security", at=site, **options)
    security.go(f"{DESK}{review_request['id']}/decide/")
    security.page.get_by_label("Approve", exact=True).check()
    security.press("Send this decision")
    security.reads("Approved: every seat is filled and the receipt is signed.", "Condition At night only.", "Launch time")

    auditor = visit("auditor", at=site, **options)
    auditor.go("/admin/search/")
    auditor.page.get_by_label("Digest of a packet").fill(review_request["digest"][:12])
    auditor.press("Search")
    assert auditor.page.locator("tbody tr").count() == 1
    auditor.page.get_by_role("link", name=re.compile("^for printing")).click()
    auditor.reads(
        "Verdict Approved with conditions", review_request["digest"], f"Verify the receipt at {site.env['RECEIPT_ISSUER']}/verify"
    )
    auditor.reads("Expansion moves", "signature", "Timeline, the oldest first", "Approved by security")
    auditor.go(f"{DESK}{review_request['id']}/decide/")
    auditor.reads("You cannot decide on this")


RECORDED = re.compile("Your approval is recorded|Your vote on this revision is recorded")


def test_R08_two_clicks_and_two_tabs_make_one_vote(visit, site):
    review_request = put_up(site, "Desk of a nervous finger")
    release = visit("release")
    path = f"{DESK}{review_request['id']}/decide/"
    other = release.page.context.new_page()
    for page in (release.page, other):
        page.goto(f"{site.url}{path}")
        page.get_by_label("Approve", exact=True).check()
    release.page.get_by_role("button", name="Send this decision").dblclick()
    expect(release.page.get_by_text(RECORDED)).to_be_visible()
    other.get_by_role("button", name="Send this decision").click()

    expect(other.get_by_text("Your vote on this revision is recorded: Approve")).to_be_visible()
    assert timeline(site, review_request).count("approve") == 1
    release.expect(409)


# --- the decision page by keyboard ----------------------------------------------------------------------------------------------------

MOST_STOPS = 30  # of Tab on one page
FOCUSED = """() => {
  const it = document.activeElement, label = it.labels && it.labels[0];
  return (label || it).textContent.trim().replace(/\\s+/g, " ");
}"""


def test_decision_page_has_names_descriptions_and_an_order_of_focus(visit, site):
    review_request = put_up(site, "Desk by keyboard")
    release = visit("release")
    release.go(f"{DESK}{review_request['id']}/decide/")
    page = release.page
    for name, words in (
        ("Approve", "Your approval fills a seat. Still needed after it: security."),
        ("Approve with conditions", "The receipt carries your conditions."),
        ("Request changes", "The review stops and goes back to the owner"),
        ("Reject", "The review ends for good"),
    ):
        choice = page.get_by_role("radio", name=name, exact=True)
        expect(choice).to_have_accessible_description(re.compile(re.escape(words)))
        expect(page.get_by_role("group", name="Decision")).to_contain_text(name)
    expect(page.get_by_role("textbox", name="Conditions")).to_have_accessible_description(re.compile("One in each line"))
    expect(page.get_by_role("textbox", name="Comment")).to_have_accessible_description(re.compile("Needed to request changes"))
    expect(page.get_by_role("form", name="Your decision")).to_be_visible()

    found = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        found.append(page.evaluate(FOCUSED))
        if found[-1] == "Send this decision":
            break
    order = ["Nothing to compare with", "Approve", "Conditions", "Comment", "Send this decision"]
    assert found[0] == "Skip to the content"
    assert [words.removesuffix(" (optional)") for words in found[-5:]] == order
    assert found.index("Desk") < found.index("Review requests") < found.index("Nothing to compare with")


def test_a_decision_is_sent_by_keyboard_alone(visit, site):
    review_request = put_up(site, "Desk by keyboard alone")
    release = visit("release")
    release.go(f"{DESK}{review_request['id']}/decide/")
    keyboard = release.page.keyboard
    for _ in range(MOST_STOPS):
        keyboard.press("Tab")
        if release.page.evaluate(FOCUSED) == "Approve":
            break
    for key in ("ArrowDown", "ArrowDown", "Tab", "Tab"):
        keyboard.press(key)
    assert release.page.get_by_role("radio", name="Request changes").is_checked()
    keyboard.type("The window is too short.")
    keyboard.press("Tab")
    with release.page.expect_navigation():
        keyboard.press("Enter")
    release.reads("Changes are requested; the owner has it again.", "The window is too short.")


# --- operators ------------------------------------------------------------------------------------------------------------------------


def test_an_operator_sets_up_a_partner_its_people_and_what_is_asked(visit, place):
    site, options, name = place
    word = name.split("-", 1)[0]
    operator = visit("operator", at=site, **options)
    operator.go("/admin/")
    operator.follow("Partners")
    operator.follow("Add a partner")
    operator.page.get_by_label("Slug").fill(f"harbour_{word}")
    operator.page.get_by_label("Name", exact=True).fill(f"Harbour of {word}")
    operator.press("Add it")
    operator.reads("The partner is there.")
    operator.go("/admin/organisation/people/new/")
    operator.page.get_by_label("Username").fill(f"ada-{word}")
    operator.press("Add them")
    password = operator.page.locator("code.copy").inner_text()
    operator.go("/admin/organisation/memberships/set/")
    operator.fill(Partner=f"harbour_{word}", Username=f"ada-{word}")
    operator.press("Set it")
    operator.reads(f"ada-{word} is owner of harbour_{word}.")
    operator.go("/admin/access/user/")
    operator.follow(f"ada-{word}")
    operator.follow("Groups")
    operator.reads("You made this account and saw its first password; another operator sets its groups.")
    second = visit("operator2", at=site, **options)
    second.go("/admin/access/user/")
    second.follow(f"ada-{word}")
    second.follow("Groups")
    second.page.get_by_label("security", exact=True).check()
    second.press("Set the groups")
    second.reads(f"The groups of ada-{word} are as you ticked them.")
    operator.go("/admin/organisation/environments/new/")
    operator.fill(Slug=f"canary_{word}", Name=f"Canary of {word}")
    operator.press("Add it")
    operator.reads("Now propose its policy.")
    operator.follow(f"Canary of {word}")
    operator.page.get_by_label("Rules").fill("release release 1")
    operator.press("Propose it")
    operator.reads("It is in force.")
    operator.go("/admin/organisation/webhooks/new/")
    operator.page.get_by_label("Address").fill(f"https://hooks.example.org/{word}")
    operator.press("Add it")
    operator.reads("Secret of hooks.example.org", "It is shown this once.")
    operator.go("/admin/reviews/event/")
    operator.reads("add_webhook", "set_environment", "set_groups", "set_membership", "add_person", "set_partner")

    ada = visit(at=site, **options)
    ada.go("/accounts/login/")
    ada.fill(Username=f"ada-{word}", Password=password)
    ada.press("Sign in")
    ada.reads("Review requests", f"ada-{word}")
    assert password != PASSWORD


def test_R08_two_clicks_of_an_operator_add_one_partner(visit, site):
    operator = visit("operator")
    operator.go("/admin/organisation/partners/new/")
    operator.fill(Slug="twice", Name="Twice")
    operator.page.get_by_role("button", name="Add it").dblclick()
    expect(operator.page.get_by_text(re.compile("The partner is there|There is a partner with this slug")).first).to_be_visible()
    operator.page.wait_for_load_state("networkidle")
    operator.go("/admin/drafts/partner/?q=twice")
    assert operator.page.locator("#result_list tbody tr").count() == 1
    operator.expect(400)


# --- paper ----------------------------------------------------------------------------------------------------------------------------


def test_paper_has_a_cover_of_its_own_every_section_and_numbered_pages(visit, site):
    auditor = visit("auditor")
    auditor.go(f"{DESK}?queue=decided&q=Operations+console")
    auditor.page.locator("tbody th a").first.click()
    auditor.follow("Packet for printing")
    auditor.page.emulate_media(media="print")

    for hidden in (".top", ".foot", ".screen", "nav"):
        assert not any(each.is_visible() for each in auditor.page.locator(hidden).all()), hidden
    for shown in ("#summary", "#confirmations", "#moves", "#checks", "#receipt", "#timeline"):
        assert auditor.page.locator(shown).is_visible(), shown
    assert auditor.page.locator(".cover").evaluate("it => getComputedStyle(it).breakAfter") == "page"
    rules = auditor.page.evaluate("[...document.styleSheets].flatMap(s => [...s.cssRules]).filter(r => r.type === 6).map(r => r.cssText)")
    assert any("counter(page)" in rule and "counter(pages)" in rule for rule in rules), rules
    pages = re.findall(rb"/Count (\d+)", auditor.page.pdf(prefer_css_page_size=True))
    assert int(pages[0]) >= 3

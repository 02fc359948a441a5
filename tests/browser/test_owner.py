"""Owners in a real browser: the way that the pages themselves say, by pointer and by keyboard; names and order; errors; double clicks."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Error

from tests.browser.test_accessibility import PLAN, findings, path_of
from tests.browser.walk import KNOWN, Walk

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "workflow.md"
COUNTED = re.compile(r"(\d+) pages and (\d+) fields")
WAYS = {
    "pointer-narrow-dark-without-script": {"java_script_enabled": False, "viewport": {"width": 320, "height": 800}, "color_scheme": "dark"},
    "keyboard": {},
}


@pytest.mark.parametrize("way", WAYS)
def test_pages_alone_lead_from_sign_in_to_review_requested(visit, way):
    newcomer = visit("", **WAYS[way])
    newcomer.go("/self-service/plans/")
    known = {**KNOWN, "Name": f"Newcomer, {way}", "External reference": f"NEW-{way}"}
    walk = Walk(newcomer, known, keyboard=way == "keyboard")

    walk.to("Review requested")

    pages, fields = (int(number) for number in COUNTED.search(DOCS.read_text()).groups())
    assert (len(walk.pages), len(walk.fields)) == (pages, fields), walk.pages
    assert len(walk.pages) <= 12
    newcomer.reads("Who was told", "release", "security")


def until(holds) -> None:
    """Playwright's own waiting evaluates text in the page, which its policy forbids."""
    end = time.monotonic() + 15
    while not answered(holds):
        assert time.monotonic() < end
        time.sleep(0.05)


def answered(ask) -> object:
    """None while the page is on its way to the next."""
    try:
        return ask()
    except Error:
        return None


# --- names and order --------------------------------------------------------------------------------------------------------------------

STATED = {
    "environment": ["Region", "Change window starts", "Change window ends"],
    "rollback": ["Strategy", "Minutes at most", "Rehearsed on"],
}
PROVED = ["Evidence (optional)", "SHA-256 of the evidence (optional)", "Valid until"]
AFTER = ["Confirm", "Cancel", "Have somebody else confirm this"]
SENTENCES = {
    "environment": "The rollout goes to this place, within this change window.",
    "rollback": "The rollout can be undone this way, and that has been rehearsed.",
}
FOCUSED = "(document.activeElement.labels?.[0] ?? document.activeElement).innerText"


def draft_paths(owner) -> tuple[str, str]:
    """Of the demo's plan that has a draft request: its path, and that of the request."""
    owner.go("/self-service/plans/")
    owner.follow(PLAN)
    plan = path_of(owner.page.url)
    owner.follow("Review for Production")
    return plan, path_of(owner.page.url)


@pytest.mark.parametrize("kind", STATED)
def test_confirm_page_has_its_names_and_its_order(visit, kind):
    owner, order = visit("owner"), [*STATED[kind], *PROVED, *AFTER]
    _, request = draft_paths(owner)
    owner.go(f"{request}confirmations/{kind}")

    owner.page.get_by_label(order[0], exact=True).focus()
    found = [owner.page.evaluate(FOCUSED)]
    for _ in range(5 * len(order)):
        owner.page.keyboard.press("Tab")
        found += [stop for stop in [owner.page.evaluate(FOCUSED)] if stop != found[-1]]  # a date has several stops
        if len(found) == len(order):
            break

    assert found == order
    for name in [*STATED[kind], *PROVED]:
        asked = owner.page.get_by_label(name, exact=True)
        assert (asked.count(), asked.get_attribute("aria-describedby")) == (1, f"{asked.get_attribute('id')}_helptext"), name
    assert owner.page.get_by_role("button", name="Confirm", exact=True).count() == 1
    assert owner.page.locator("blockquote").inner_text() == SENTENCES[kind]


def test_both_times_of_a_window_are_in_the_error_summary_and_say_their_zone(visit):
    owner = visit("owner")
    _, request = draft_paths(owner)
    owner.go(f"{request}confirmations/environment")
    for name in ("Change window starts", "Change window ends"):
        owner.page.get_by_label(name, exact=True).fill("")
    owner.press("Confirm")
    owner.expect(400)

    links = owner.page.locator("#problems a")
    assert [link.split(":")[0] for link in links.all_inner_texts()][:2] == ["Change window starts", "Change window ends"]
    links.nth(1).click()
    until(lambda: owner.page.evaluate("document.activeElement.id") == "id_change_window_ends")
    assert "In the time zone UTC." in owner.page.locator("#id_change_window_ends_helptext").inner_text()
    assert findings(owner) == []


@pytest.mark.parametrize("script", [True, False])
def test_error_summary_has_the_focus_and_leads_to_the_field(visit, script):
    owner = visit("owner", java_script_enabled=script)
    _, request = draft_paths(owner)
    owner.go(f"{request}confirmations/rollback")
    owner.fill(Strategy="kept", Minutes="soon")
    owner.press("Confirm")
    owner.expect(400)

    assert owner.page.evaluate("document.activeElement.id") == "problems"
    owner.page.keyboard.press("Tab")
    assert owner.page.evaluate("document.activeElement.textContent").startswith("Minutes at most: ")
    owner.page.keyboard.press("Enter")
    until(lambda: owner.page.evaluate("document.activeElement.id") == "id_max_minutes")
    said = owner.page.locator("#id_max_minutes_error").inner_text().strip()
    assert owner.page.locator("#problems a").first.inner_text() == f"Minutes at most: {said}"
    assert owner.page.get_by_label("Strategy").input_value() == "kept"


# --- every state, both schemes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_states_of_owners_pages(visit, scheme):
    owner = visit("owner", color_scheme=scheme)
    plan, request = draft_paths(owner)
    found = []
    for path in (
        "/self-service/plans/?q=zzz", "/self-service/plans/?show=in_review", "/self-service/plans/?show=archived",
        "/self-service/plans/?show=nonsense", f"{plan}boundary-object", "/accounts/time-zone/", f"{request}confirmations/owner",
    ):  # fmt: skip
        owner.go(path)
        found += findings(owner)
    for path, button in (
        (f"{request}confirmations/rollback", "Confirm"),
        (f"{plan}moves/new", "Append this move"),
        ("/self-service/plans/new", "Save as draft"),
    ):
        owner.go(path)
        owner.press(button)
        found += findings(owner)
    owner.expect(400)
    owner.page.goto(f"{owner.site.url}/self-service/plans/?show=in_review")
    owner.page.locator(".plans a", has_text="Production").first.click()
    owner.go(f"{path_of(owner.page.url)}sent")
    owner.reads("What happens next")

    assert found + findings(owner) == []


def test_boundary_object_is_copied_with_one_button(visit):
    owner = visit("owner", permissions=["clipboard-read", "clipboard-write"])
    plan, _ = draft_paths(owner)
    owner.go(f"{plan}boundary-object")

    owner.press("Copy")

    owner.page.get_by_role("status").get_by_text("Copied").wait_for()
    assert owner.page.evaluate("navigator.clipboard.readText()") == owner.page.locator("#boundary-object").inner_text()


# --- R08 ----------------------------------------------------------------------------------------------------------------------------------


def test_R08_double_clicks_do_each_verb_once(site, visit):
    owner = visit("owner")
    for status in (404, 409, 412):
        owner.expect(status)

    def twice(button: str) -> None:
        owner.page.evaluate("window.before = true")
        owner.page.get_by_role("button", name=button, exact=True).dblclick()
        until(lambda: not owner.page.evaluate("window.before"))
        owner.page.wait_for_load_state("networkidle")

    owner.go("/self-service/plans/new")
    fill(owner, {**KNOWN, "Name": "Plan of a double click", "External reference": "DOUBLE-1"})
    twice("Save as draft")
    owner.go("/self-service/plans/?q=DOUBLE-1")
    assert owner.page.locator(".plans > li").count() == 1
    owner.follow("Plan of a double click")
    plan = path_of(owner.page.url)
    owner.go(f"{plan}moves/new")
    fill(owner, KNOWN)
    twice("Append this move")
    owner.go(plan)
    owner.reads("1 move is appended.")
    owner.go(f"{plan}requests/new")
    fill(owner, KNOWN)
    twice("Open the review request")
    owner.go(plan)
    owner.follow("Review for Production")
    request = path_of(owner.page.url)
    for kind in ("owner", "environment", "sla", "rollback", "support"):
        owner.go(f"{request}confirmations/{kind}")
        fill(owner, KNOWN)
        twice("Confirm")
    owner.go(f"{request}check-answers")
    twice("Request review")
    owner.go(f"{request}timeline")

    said = [words.split(" by ")[0] for words in owner.page.locator(".timeline li > p:first-child").all_inner_texts()]
    assert said == [
        "Review requested",
        *(f"{kind} confirmation given" for kind in ("Support", "Rollback", "SLA", "Environment", "Owner")),
        "Opened",
    ]


def fill(owner, known: dict[str, str]) -> None:
    Walk(owner, known)._fill(owner.page.locator("main form").first)

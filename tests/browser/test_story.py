"""The main job once through a real browser: draft, five confirmations, review, two reviewers, and a gate that opens."""

from datetime import UTC, datetime, timedelta

import pytest

TODAY = datetime.now(UTC).date()
UNTIL = (TODAY + timedelta(days=30)).isoformat()
ANSWERS = {
    "Owner": {"Accountable": "release owner of the partner", "Deputy": "named deputy"},
    "Environment": {
        "Region": "eu-west-1",
        "Change_window_starts": f"{TODAY - timedelta(days=1)}T20:00",
        "Change_window_ends": f"{TODAY + timedelta(days=7)}T23:00",
    },
    "SLA": {"Availability": "99.9", "99th": "300", "Support_hours": "24x7"},
    "Rollback": {"Strategy": "redeploy previous artifact", "Minutes": "15", "Rehearsed": (TODAY - timedelta(days=13)).isoformat()},
    "Support": {"Team": "platform on-call", "Channel": "#platform-oncall", "Escalation": "duty manager"},
}
WINDOWS = {
    "wide": {},
    "narrow-without-script": {"java_script_enabled": False, "viewport": {"width": 320, "height": 800}, "color_scheme": "dark"},
}


@pytest.fixture(params=WINDOWS)
def window(request) -> tuple[str, dict]:
    return request.param, WINDOWS[request.param]


def test_from_a_draft_to_an_open_gate(site, visit, window):
    name, options = window
    owner = visit("owner", **options)
    plan_url = drafts_a_plan(owner, f"Payments threshold, {name}", f"PAY-{name}")
    asks_for_review(owner)
    for reviewer, said in (("release", "Another approval is still needed."), ("security", "the receipt is signed")):
        approves(visit(reviewer, **options), f"Payments threshold, {name}", said)

    owner.page.goto(plan_url)
    owner.reads("Approved", "Nothing is missing")
    owner.follow("Review for Production")
    owner.reads("Verdict Approved", "Votes on revision 1")
    plan_id = plan_url.rstrip("/").rsplit("/", 1)[1]
    gate = site.get(f"/api/v1/gate/?plan={plan_id}&environment=production", token=site.token("owner", "gate"))
    assert (gate["may_launch"], gate["verdict"], gate["blockers"]) == (True, "allow", [])


def drafts_a_plan(owner, name: str, reference: str) -> str:
    owner.follow("New plan")
    owner.page.get_by_label("Partner").select_option("northstar_controls")
    owner.page.get_by_label("Name", exact=True).fill(name)
    owner.fill(Gate_type="threshold_gate", System_scope="payments", Authority_context="payments owner above 500k USD")
    owner.fill(External_reference=reference)
    owner.press("Save as draft")
    owner.reads("The plan is saved as a draft.", "Missing next", "open a review request")
    plan_url = owner.page.url
    owner.follow("Expansion moves")
    owner.fill(Gate_type="manual_override_gate", System_scope="payments", Authority_context="duty manager may override once")
    owner.press("Append this move")
    owner.reads("Move 1 is appended.")
    return plan_url


def asks_for_review(owner) -> None:
    """By following what is missing next, and nothing else."""
    owner.follow("Open a review request")
    owner.page.get_by_label("Environment").select_option("production")
    owner.press("Open the review request")
    for kind, answers in ANSWERS.items():
        owner.fill(**answers)
        owner.page.get_by_label("Evidence", exact=False).first.fill("https://evidence.example.org/1")
        owner.page.get_by_label("Valid until").fill(UNTIL)
        owner.press("Confirm")
        owner.reads(f"The {kind} confirmation is given in your name.")
    owner.reads("payments owner above 500k USD", "duty manager may override once", "redeploy previous artifact", "What the policy asks")
    owner.press("Request review")
    owner.reads("Revision 1 of", "is frozen and before the reviewers", "Who was told", "release")
    owner.follow("See how the review goes")
    owner.reads("An approval for release is missing.")


def decide(reviewer) -> None:
    """The button; the list of contents has a link of that name, too."""
    reviewer.page.locator("a.button", has_text="Decide").click()
    reviewer.look()


def approves(reviewer, name: str, said: str) -> None:
    reviewer.reads("Review requests")
    reviewer.follow(name)
    reviewer.reads("In review", "Written by: owner", "payments owner above 500k USD")
    decide(reviewer)
    reviewer.page.get_by_label("Approve", exact=True).check()
    reviewer.press("Send this decision")
    reviewer.reads(said)


def test_rejection_and_its_reason_reach_the_owner(visit):
    owner = visit("owner")
    drafts_a_plan(owner, "Plan to be sent back", "BACK-1")
    asks_for_review(owner)
    request_url = owner.page.url
    reviewer = visit("release")
    reviewer.follow("Plan to be sent back")
    decide(reviewer)
    reviewer.page.get_by_label("Request changes").check()
    reviewer.press("Send this decision")
    reviewer.reads("There is a problem", "Comment: Say why, in a comment.")
    reviewer.expect(400)
    assert reviewer.page.get_by_label("Request changes").is_checked()
    reviewer.page.get_by_label("Comment", exact=True).fill("The change window is too short.")
    reviewer.press("Send this decision")
    reviewer.reads("Changes are requested; the owner has it again.")

    owner.page.goto(request_url)

    owner.reads("Changes requested", "The change window is too short.", "Check your answers and request review")


def test_R08_double_click_asks_for_one_review(site, visit):
    owner = visit("owner")
    drafts_a_plan(owner, "Plan of a nervous finger", "NERVOUS-1")
    owner.follow("Open a review request")
    owner.page.get_by_label("Environment").select_option("staging")
    owner.page.get_by_role("button", name="Open the review request").dblclick()
    owner.page.wait_for_load_state("networkidle")

    token = site.token("owner", "read")
    found = site.get("/api/v1/review-requests/?environment=staging&state=draft", token=token)["results"]

    assert len(found) == 1
    owner.expect(409)


def test_form_can_be_filled_by_keyboard_alone(visit):
    owner = visit("owner")
    owner.go("/self-service/plans/new")
    owner.page.keyboard.press("Tab")
    assert owner.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    owner.page.keyboard.press("Enter")
    labels = ["partner", "name", "gate_type", "system_scope", "authority_context", "external_reference"]
    found = []
    for _ in range(12):
        owner.page.keyboard.press("Tab")
        if focused := owner.page.evaluate("document.activeElement.name"):
            found.append(focused)

    assert found[: len(labels)] == labels

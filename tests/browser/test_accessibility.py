"""No finding of axe (WCAG 2.2 A and AA) on owners' and public pages, in light and dark, and no page wider than 320 px."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PUBLIC = [
    "/verify", "/api/docs",
    "/self-service/readiness", "/self-service/rollout-gates", "/protocol", "/accounts/login/", "/accounts/password/", "/accounts/tokens/",
    "/accounts/mail/",
    "/accounts/second-factor/", "/nothing-here",
]  # fmt: skip
PLAN = "Appointment service rollout"
PLAN_PAGES = ["", "edit", "moves/new", "boundary-object", "delete", "requests/new"]
REQUEST_PAGES = [
    "", "check-answers", "confirmations/sla", "confirmations/rollback", "confirmations/environment", "subject", "comment", "withdraw",
    "staging", "timeline",
]  # fmt: skip


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def owner_paths(owner) -> list[str]:
    owner.go("/self-service/plans/")
    links = [link.get_attribute("href") for link in owner.page.get_by_role("link").all()]
    requests = [link for link in links if re.fullmatch(r"/self-service/plans/[^/]+/requests/[^/]+/", link)]
    owner.follow(PLAN)
    plan = path_of(owner.page.url)
    mine = next(link for link in requests if link.startswith(plan))
    own = ["/self-service/plans/", "/self-service/plans/new", *(f"{plan}{rest}" for rest in PLAN_PAGES)]
    return [*own, *(f"{mine}{rest}" for rest in REQUEST_PAGES), *requests]


WHO = {
    "": lambda _: PUBLIC[:6],
    "owner": owner_paths,
    "viewer": lambda _: PUBLIC,
}


EVERYTHING = {"runOnly": {"type": "tag", "values": TAGS}}


def findings(visitor, options: dict = EVERYTHING) -> list[str]:
    found = Axe().run(visitor.page, options=options).response["violations"]
    return [f"{visitor.page.url}: {finding['id']}: {node['html'][:160]}" for finding in found for node in finding["nodes"]]


def test_the_docs_of_the_api_are_whole_under_the_strict_policy_in_60_kilobytes(visit):
    visitor, answers = visit(), []
    visitor.page.on("response", lambda answer: answers.append(answer))

    visitor.go("/api/docs")
    visitor.page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    visitor.look()

    assert findings(visitor) == []
    assert "default-src 'self'" in answers[0].header_value("content-security-policy")
    assert visitor.page.locator("script, style, [style]").count() == 0
    assert visitor.page.locator("details").count() > 30
    assert sum(answer.request.sizes()["responseBodySize"] for answer in answers) <= 60_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", WHO)
def test_axe_finds_nothing(visit, who, scheme):
    visitor = visit(who, color_scheme=scheme)

    found = []
    for path in WHO[who](visitor):
        visitor.go(path)
        found += findings(visitor)

    assert found == []
    visitor.expect(404)


@pytest.mark.parametrize("who", ["owner", "viewer"])
def test_pages_fit_into_320_pixels_under_one_heading(visit, who):
    visitor = visit(who, viewport={"width": 320, "height": 800})
    for path in WHO[who](visitor):
        visitor.go(path)
        assert (visitor.page.locator("h1").count(), visitor.page.locator("main").count()) == (1, 1), path
        assert visitor.page.title(), path
    visitor.expect(404)


def test_errors_are_found_and_named(visit):
    owner = visit("owner")
    owner.go("/self-service/plans/new")
    owner.press("Save as draft")

    owner.reads("There is a problem", "Name: This field is required.")
    assert owner.page.title().startswith("Error: ")
    name = owner.page.get_by_label("Name", exact=True)
    assert name.get_attribute("aria-invalid") == "true"
    assert name.get_attribute("aria-describedby") == "id_name_helptext id_name_error"
    assert findings(owner) == []
    owner.expect(400)

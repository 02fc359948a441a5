"""`make screenshots`: pictures of a fresh demo for README and docs, in light and dark, so that they stay true."""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.serving import PASSWORD, Site, chromium, serving

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
SCHEMES = ("light", "dark")
WINDOW = {"width": 1024, "height": 720}
PLAN = "Appointment service rollout"
DESK = "/admin/reviews/deploymentreviewrequest/"
# Name of the picture → who looks, where they begin, and the links that they follow from there. The last word is the heading to scroll to.
SHOTS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "readiness": ("owner", "/self-service/readiness", (), ""),
    "home": ("owner", "/self-service/plans/", (), ""),
    "plan": ("owner", "/self-service/plans/", (PLAN,), "1. Map the path"),
    "map": ("owner", "/self-service/plans/", ("Operations console threshold",), "Coverage"),
    "confirmation": ("owner", "/self-service/plans/", (PLAN, "Confirm: Rollback"), ""),
    "decide": ("release", DESK, ("Treasury release to counterparties", "Decide"), ""),
}


def sign_in(page: Page, site: Site, username: str) -> None:
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()


def show(page: Page, site: Site, name: str) -> None:
    _, path, links, heading = SHOTS[name]
    page.goto(f"{site.url}{path}")
    for link in links:
        words = re.compile(f"^{re.escape(link)}")
        button, links_to = page.locator("a.button", has_text=words), page.get_by_role("link", name=words)
        (button if button.count() else links_to).first.click()
        page.wait_for_load_state()
    if heading:
        page.get_by_role("heading", name=heading, exact=True).evaluate("element => element.scrollIntoView()")


def take(site: Site, folder: Path) -> None:
    with chromium() as browser:
        for scheme in SCHEMES:
            for username in sorted({who for who, *_ in SHOTS.values()}):
                context = browser.new_context(viewport=WINDOW, color_scheme=scheme, locale="en-GB")
                page = context.new_page()
                sign_in(page, site, username)
                for name in (name for name, (who, *_) in SHOTS.items() if who == username):
                    show(page, site, name)
                    page.screenshot(path=folder / f"{name}-{scheme}.png")
                context.close()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as site:
        take(site, FOLDER)
    print(f"{len(SHOTS) * len(SCHEMES)} pictures are in {FOLDER}")


if __name__ == "__main__":
    main()

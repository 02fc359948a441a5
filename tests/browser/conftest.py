"""One demo for all browser tests, and a window for each person who looks at it."""

from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.serving import PASSWORD, Site, chromium, serving


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("browser")) as served:
        yield served


@pytest.fixture(scope="module")
def browser():
    """Of this module alone: while it is open its event loop would trip Django's guard in tests of other modules."""
    with chromium() as opened:
        yield opened


@dataclass
class Visit:
    """One person's window. Complaints of the console, foreign requests and pages that are too wide are held against the test at its end."""

    site: Site
    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda said: self.complain(said.type in ("error", "warning"), said.text))
        self.page.on("pageerror", lambda error: self.complain(True, str(error)))
        self.page.on("request", lambda asked: self.complain(not asked.url.startswith(self.site.url), asked.url))

    def complain(self, wrong: bool, words: str) -> None:
        if wrong:
            self.complaints.append(words)

    def expect(self, status: int) -> None:
        """Chromium's console reports every page with an error status, also where the test asks for one."""
        self.expected.append(f"status of {status}")

    @property
    def held_against(self) -> list[str]:
        return [words for words in self.complaints if not any(said in words for said in self.expected)]

    def look(self) -> None:
        """After each step: no page may be wider than the window."""
        self.page.wait_for_load_state()
        width = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        self.complain(width > 0, f"{width} px too wide: {self.page.url}")

    def sign_in(self, username: str) -> None:
        self.go("/accounts/login/")
        self.fill(Username=username, Password=PASSWORD)
        self.press("Sign in")

    def sign_out(self) -> None:
        self.press("Sign out")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site.url}{path}")
        self.look()

    def follow(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).first.click()
        self.look()

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()
        self.look()

    def fill(self, **answers: str) -> None:
        """By label; `_` stands for a space."""
        for label, answer in answers.items():
            self.page.get_by_label(label.replace("_", " "), exact=False).first.fill(answer)

    def reads(self, *words: str) -> None:
        text = " ".join(self.page.inner_text("body").split())
        for said in words:
            assert said in text, f"{said!r} is not on {self.page.url}:\n{text}"


@pytest.fixture
def visit(site: Site, browser: Browser):
    """visit(username, **options of the browser's context) → Visit, signed in unless the name is empty. `at`: another site."""
    opened: list[Visit] = []

    def visit(username: str = "", *, at: Site = site, **options) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        context.set_default_timeout(15_000)
        visitor = Visit(at, context.new_page())
        visitor.watch()
        opened.append(visitor)
        if username:
            visitor.sign_in(username)
        return visitor

    yield visit
    for visitor in opened:
        visitor.page.context.close()
    assert [complaint for visitor in opened for complaint in visitor.held_against] == []

"""A person who has never seen it: on each page the one form that it shows is filled in, else the one link that it names is followed.

Nothing here knows the order of the pages. It reads labels, buttons, and the box *Missing next*.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator

TODAY = datetime.now(UTC).date()
# What the person knows of the rollout, by the label of the field.
KNOWN = {
    "Username": "owner",
    "Password": "readiness-demo",
    "Partner": "northstar_controls",
    "Gate type": "threshold_gate",
    "System scope": "payments",
    "Authority context": "payments owner above 500k USD",
    "Environment": "production",
    "Accountable": "release owner of the partner",
    "Deputy": "named deputy",
    "Region": "eu-west-1",
    "Change window starts": f"{TODAY - timedelta(days=1)}T20:00",
    "Change window ends": f"{TODAY + timedelta(days=7)}T23:00",
    "Availability in percent": "99.9",
    "99th percentile in milliseconds": "300",
    "Support hours": "24x7",
    "Strategy": "redeploy previous artifact",
    "Minutes at most": "15",
    "Rehearsed on": (TODAY - timedelta(days=13)).isoformat(),
    "Team": "platform on-call",
    "Channel": "#platform-oncall",
    "Escalation": "duty manager",
    "Valid until": (TODAY + timedelta(days=30)).isoformat(),
}
FORM = "main form:not([role=search]):not(details form)"
MOST = 40


@dataclass
class Walk:
    """Pages that were read, and fields that were filled in."""

    visitor: object
    known: dict[str, str]
    keyboard: bool = False
    pages: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)

    def to(self, heading: str) -> None:
        """Go on until a page has this heading."""
        while True:
            assert len(self.pages) < MOST, self.pages
            self.pages.append(self.visitor.page.locator("h1").inner_text())
            if self.pages[-1] == heading:
                return
            self._step()
            self.visitor.look()

    def _step(self) -> None:
        page = self.visitor.page
        form = page.locator(FORM).filter(has=page.locator("button:not(.second)"))
        if form.count():
            self._fill(form.first)
            self._take(form.first.locator("button:not(.second)").first)
        elif page.locator(".next a").count():
            self._take(page.locator(".next a").first)
        else:
            self._take(page.locator("main a.button").first)

    def _fill(self, form: Locator) -> None:
        """Everything that is not optional, as its label asks."""
        for name in form.locator("label").all():
            label = name.inner_text()
            if "(optional)" in label:
                continue
            asked = form.locator(f"[id='{name.get_attribute('for')}']")
            self._answer(asked, self.known[label])
            self.fields.append(label)

    def _answer(self, asked: Locator, answer: str) -> None:
        if not self.keyboard:
            chosen = asked.evaluate("element => element.tagName") == "SELECT"
            asked.select_option(answer) if chosen else asked.fill(answer)
            return
        self._reach(asked)
        kind = asked.evaluate("element => element.type")
        keys = self.visitor.page.keyboard
        if kind == "date":  # month, day, year, as this browser's locale has them
            year, month, day = answer.split("-")
            keys.type(f"{month}{day}{year}")
        elif kind == "select-one":
            keys.type(asked.locator(f"option[value='{answer}']").inner_text())
        elif kind == "datetime-local":
            when = datetime.fromisoformat(answer)
            keys.type(f"{when:%m%d%Y%I%M%p}")
        else:
            keys.type(answer)
        assert asked.input_value() == answer

    def _take(self, target: Locator) -> None:
        """A link or a button."""
        if not self.keyboard:
            target.click()
            return
        self._reach(target)
        with self.visitor.page.expect_navigation():
            self.visitor.page.keyboard.press("Enter")

    def _reach(self, target: Locator) -> None:
        """By the tabulator alone, and it must be seen where one is."""
        for _ in range(60):
            if target.evaluate("element => element === document.activeElement"):
                assert target.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
                return
            self.visitor.page.keyboard.press("Tab")
        raise AssertionError(f"the tabulator does not lead to {target}")

"""Drafts at the desk."""

import pytest

from tests.factories import Story, make_plan, make_user
from tests.pages import Visitor, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
PLANS = "/admin/drafts/coverageplan/"


def test_search_finds_plans_by_name_reference_and_partner():
    story = Story()
    other = make_plan(story.owner, story.partner, name="Claims console", external_reference="CLM-77")
    auditor = Visitor(make_user("auditor", groups=("auditors",)))

    found = {words: text_of(auditor.get(PLANS, q=words)) for words in ("claims", "clm-77", "northstar", "nothing", "!")}

    assert [found[words].count("1 coverage plan ") for words in ("claims", "clm-77")] == [1, 1]
    assert other.name in found["claims"]
    assert story.plan.name not in found["claims"]
    assert "2 coverage plans" in found["northstar"]
    assert "0 coverage plans" in found["nothing"]
    assert "0 coverage plans" in found["!"]

"""F10: the connection is cut at COMMIT, so nobody knows what became of it; the same key asked again tells the truth."""

import pytest
from django.db import connections

from drafts.models import CoveragePlan, KeptAnswer
from tests.calls import Caller
from tests.factories import PLAN_FIELDS, Story
from tests.faults.proxy import Proxy


@pytest.mark.parametrize("reached", [True, False])
def test_F10_same_key_after_a_cut_at_commit_tells_the_truth_and_does_it_once(store: Proxy, reached):
    story = Story()
    caller, body = Caller(story.owner), {**PLAN_FIELDS, "external_reference": "cut-1", "partner": story.partner.slug}
    store.cut_at_commit(reached=reached)

    lost = caller.post("plans/", body, HTTP_IDEMPOTENCY_KEY="cut")
    connections["self_service"].close()  # a server looks at each request whether its connections still are
    there = CoveragePlan.objects.filter(external_reference="cut-1").count()
    again = caller.post("plans/", body, HTTP_IDEMPOTENCY_KEY="cut")

    assert (lost.status_code, there) == (503, int(reached))
    assert (again.status_code, again.get("Idempotency-Replayed")) == (201, "true" if reached else None)
    assert str(CoveragePlan.objects.get(external_reference="cut-1").pk) == again.json()["id"]
    assert KeptAnswer.objects.count() == 1

"""The boundary object: a draft, never a secret, never a way to write."""

import json

import pytest

from drafts.boundary import boundary_object
from drafts.coverage import append_move
from tests.factories import PLAN_FIELDS, Story, actor

pytestmark = pytest.mark.usefixtures("both_stores")
MOVE = {"gate_type": "g", "system_scope": "s", "authority_context": "a", "corrects": None}


def test_a_boundary_object_holds_the_five_fields_and_the_access_context():
    story = Story()
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    found = boundary_object(story.plan, list(story.plan.moves.all()), base_url="https://readiness.test")
    boundary = {name: PLAN_FIELDS[name] for name in ("gate_type", "system_scope", "authority_context")}
    assert found["boundary"] == {"partner": "northstar_controls", "external_reference": story.plan.external_reference, **boundary}
    assert (found["schema"], found["production_write"], found["state"]) == ("readiness.boundary_object.v1", False, "draft")
    assert found["moves"] == [{"number": 1, **MOVE}]
    urls = [value for name, value in found["api_access"].items() if name.endswith("_url")]
    assert all(url.startswith("https://readiness.test/") and " " not in url for url in urls)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("word", ["api_token", "secret", "password", "salt", "digest", "user_id"])
def test_a_boundary_object_names_no_secret(word):
    story = Story()
    found = json.dumps(boundary_object(story.plan, [], base_url="https://readiness.test")).lower()
    assert f'"{word}"' not in found


def test_an_approved_plan_still_does_not_write():
    story = Story()
    story.approved()
    plan = type(story.plan).objects.as_of_now().get()
    found = boundary_object(plan, [], base_url="https://readiness.test")
    assert (found["state"], found["production_write"]) == ("approved", False)

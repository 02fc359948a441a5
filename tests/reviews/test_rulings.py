"""Which policies rule a request, as it is read within another query, on both back ends."""

import textwrap

import pytest

from reviews.models import DeploymentReviewRequest, ReviewPolicy
from reviews.turn import UNDER_THE_LOCK
from tests.conftest import run_python
from tests.factories import Story, make_environment

SAID = {"rules": [{"name": "légal", "group": "legal", "quorum": 2}], "maximum_ages": {"sla": 60}, "session_seconds": 5}


@pytest.mark.usefixtures("both_stores")
def test_the_policy_in_force_is_whole_as_it_is_read_beside_the_request():
    review_request = Story().in_review()
    make_environment(**SAID, conditions_allowed=False)

    read = DeploymentReviewRequest.objects.annotate(**UNDER_THE_LOCK).get(pk=review_request.pk)

    pinned, newer = read.rulings
    stored = ReviewPolicy.objects.get(version=2)
    assert (pinned.version, newer, newer.document()) == (1, stored, stored.document())
    assert (newer.is_intact, newer.conditions_allowed, newer.groups) == (True, False, {"legal"})


@pytest.mark.usefixtures("both_stores")
def test_where_nothing_else_has_come_into_force_one_policy_rules():
    review_request = Story().in_review()
    assert [ruling.version for ruling in DeploymentReviewRequest.objects.get(pk=review_request.pk).rulings] == [1]


def test_the_policy_in_force_is_whole_on_sqlite(sqlite_installation):
    code = f"""
        import os, django
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django.setup()
        from drafts.models import CoveragePlan, Partner
        from reviews.models import DeploymentReviewRequest, ReviewPolicy
        from tests.factories import make_environment
        from reviews.turn import UNDER_THE_LOCK
        place = make_environment()
        make_environment(**{SAID!r}, conditions_allowed=False)
        plan = CoveragePlan.objects.create(partner=Partner.objects.create(slug="p", name="p"), name="x", gate_type="x",
            system_scope="x", authority_context="x", external_reference="x")
        DeploymentReviewRequest.objects.create(plan=plan, partner=plan.partner, environment=place, opened_by_id=1, opened_by="x")
        read = DeploymentReviewRequest.objects.annotate(**UNDER_THE_LOCK).get()
        read.policy = ReviewPolicy.objects.get(version=1)
        _, newer = read.rulings
        stored = ReviewPolicy.objects.get(version=2)
        assert (newer, newer.document(), newer.is_intact) == (stored, stored.document(), True), newer.document()
    """
    done = run_python(textwrap.dedent(code), env=sqlite_installation.env)
    assert done.returncode == 0, done.stderr

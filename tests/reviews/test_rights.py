"""Who sees a review request, and who had a hand in it."""

from dataclasses import replace

import pytest

from access.actors import Actor
from config import ways
from drafts.coverage import plan_ways, visible_plans
from drafts.models import CoveragePlan, Partner
from reviews import decisions
from reviews.models import OPEN_STATES, DeploymentReviewRequest, State
from reviews.rights import ALL_REQUESTS, in_state, listed_requests, people_in, request_ways, still_open, visible_requests
from tests.clock import lapse
from tests.factories import Story, actor, make_environment, make_partner, make_plan, make_user
from tests.reviews.machine.cast import Cast

pytestmark = pytest.mark.usefixtures("both_stores")
ONE = [{"name": "release", "group": "release", "quorum": 1}]


def sees(who: Actor, review_request: DeploymentReviewRequest) -> bool:
    return visible_requests(who).filter(pk=review_request.pk).exists()


@pytest.mark.parametrize("most", [0, 1, 100])
@pytest.mark.parametrize("partners", [None, frozenset({"northstar_controls"}), frozenset({"elsewhere"}), frozenset()])
@pytest.mark.parametrize("role", ["owner", "viewer", "release", "release_owner", "outsider", "auditor", "named"])
def test_A05_a_list_shows_what_may_be_seen_and_nothing_else(role, partners, most, monkeypatch):
    monkeypatch.setattr(ways, "MOST_VALUES", most)
    cast = Cast()
    cast.in_review()
    # Of a partner of theirs, asked as a reviewer, and named for a confirmation: all three ways in one person.
    cast.people["named"] = make_user("named", groups=("release",))
    other = make_partner("elsewhere", owners=(cast.people["owner"],))
    make_partner("third", owners=(cast.people["named"],))
    for partner, owner in ((other, "owner"), (Partner.objects.get(slug="third"), "named"), (other, "owner")):
        opened = decisions.open_request(cast.actor(owner), plan_id=make_plan(cast.people[owner], partner).pk, environment_slug="production")
    decisions.name_person(cast.actor("owner"), opened.pk, "sla", username="named")
    who = replace(cast.actor(role), partners=partners)
    seen = list(visible_requests(who).order_by("-created_at", "-pk"))
    found, rows = request_ways(who), ALL_REQUESTS.order_by("-created_at", "-pk")

    assert set(listed_requests(who)) == set(seen)
    assert len(seen) == {"named": 3, "auditor": 4, "owner": 3}.get(role, 0 if role == "outsider" else 1) or partners is not None
    if found:
        assert [list(found.first(rows, count)) for count in (1, 2, 3, 9)] == [seen[:count] for count in (1, 2, 3, 9)]
    plans, every = plan_ways(who), CoveragePlan.objects.order_by("-created_at", "-pk")
    if plans:
        assert list(plans.first(every, 9)) == list(visible_plans(who).order_by("-created_at", "-pk"))


def test_state_as_of_now_is_the_same_in_words_of_the_columns():
    cast, made = Cast(), []
    for ending in ("open", "in_review", "changes_requested", "approved", "rejected", "withdrawn", "revoked"):
        cast.plan = make_plan(cast.owner, cast.partner)
        made.append(getattr(cast, ending)())
    for ending in ("in_review", "changes_requested", "approved"):
        cast.plan = make_plan(cast.owner, cast.partner)
        lapse(getattr(cast, ending)())
    everything = DeploymentReviewRequest.objects.as_of_now()

    assert {state: set(in_state(everything, state)) for state in State.values} == {
        state: set(everything.filter(state_now=state)) for state in State.values
    }
    assert set(still_open(everything)) == set(everything.filter(state_now__in=OPEN_STATES)) == set(made[:3])


def seeing(cast: Cast, review_request: DeploymentReviewRequest) -> set[str]:
    return {role for role in cast.people if sees(cast.actor(role), review_request)}


def test_A05_reviewers_see_a_request_from_the_first_request_review_on():
    cast = Cast()
    draft = cast.open()
    assert seeing(cast, draft) == set(cast.people) - {"outsider", "release", "security"}


def test_A05_after_a_recall_reviewers_go_on_seeing_it():
    cast = Cast()
    assert seeing(cast, cast.recalled()) == set(cast.people) - {"outsider"}


def test_A05_a_reviewer_of_another_environment_sees_nothing_of_it():
    cast = Cast()
    make_environment("staging", rules=[{"name": "stage", "group": "stage", "quorum": 1}])
    stager = make_user("stager", groups=("stage",))
    assert not sees(actor(stager), cast.in_review())


def test_A05_a_group_that_only_a_newer_policy_names_is_asked_while_it_is_in_review():
    cast = Cast()
    review_request = cast.in_review()
    make_environment(rules=[{"name": "late", "group": "late", "quorum": 1}])
    late = actor(make_user("late", groups=("late",)))
    assert (sees(late, review_request), sees(cast.actor("release"), review_request)) == (True, True)
    decisions.recall(cast.actor("owner"), review_request.pk)
    assert (sees(late, review_request), sees(cast.actor("release"), review_request)) == (False, True)


def test_a_token_limited_to_partners_sees_theirs_only():
    cast = Cast()
    review_request = cast.in_review()
    there = {"scopes": frozenset({"read"}), "partners": frozenset({"northstar_controls"})}
    elsewhere = {"scopes": frozenset({"read"}), "partners": frozenset({"lumen_foods"})}
    for role in ("owner", "release", "auditor", "superuser"):
        who = cast.actor(role)
        rights = (who.user_id, who.username, who.groups, "api", "token")
        assert sees(Actor(*rights, superuser=who.superuser, **there), review_request)
        assert not sees(Actor(*rights, superuser=who.superuser, **elsewhere), review_request)


def test_a_membership_of_another_partner_shows_nothing():
    story = Story()
    other = make_partner("lumen_foods", owners=(make_user("other"),))
    assert sees(actor(story.owner), story.open())
    assert not visible_requests(Actor(999, "nobody")).exists()
    assert other.memberships.get().role == "owner"
    assert make_plan(story.owner, story.partner).partner == story.partner


def test_people_in_a_packet_are_its_authors_and_confirmers():
    value = {"confirmations": {"sla": {"confirmed_by": {"user_id": 3}}}, "authors": [{"user_id": 5}, {"user_id": 3}]}
    assert people_in(value) == {3, 5}

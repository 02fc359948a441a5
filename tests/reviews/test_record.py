"""What a verb leaves behind: a chain of events, and denials that count."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, connections, transaction

from access.actors import Actor
from access.models import User
from config.refusals import Reason, Refused
from reviews import decisions, freezes, history, organisation, policies
from reviews.lifecycle import expire
from reviews.models import Denial, Event, FreezeWindow
from reviews.record import database_now, deny, event_sha256
from tests.barrier import at_once, won
from tests.factories import PRODUCTION_RULES, Story, actor, make_user
from tests.invariants import assert_consistent, fingerprint, refused
from tests.pages import Visitor, text_of
from tests.reviews.machine.cast import lapsed

pytestmark = pytest.mark.usefixtures("both_stores")


def test_L01_every_verb_leaves_who_what_when_and_from_where_to_where():
    story = Story()
    review_request = story.approved()
    decisions.comment(actor(story.viewer), review_request.pk, comment="well done")
    decisions.revoke(actor(story.security, channel="admin"), review_request.pk, comment="incident")
    found = [(event.verb, event.actor, event.channel, event.from_state, event.to_state) for event in review_request.events.all()]
    confirms = [("confirm", "owner", "page", "draft", "draft")] * 5
    assert found == [
        ("open", "owner", "page", "", "draft"),
        *confirms,
        ("request_review", "owner", "page", "draft", "review_requested"),
        ("approve", "release", "admin", "review_requested", "review_requested"),
        ("approve", "security", "admin", "review_requested", "approved"),
        ("comment", "viewer", "page", "approved", "approved"),
        ("revoke", "security", "admin", "approved", "revoked"),
    ]
    in_and_after_review = list(review_request.events.all())[6:]
    assert {(event.revision, event.digest) for event in in_and_after_review} == {(1, review_request.digest)}
    assert all(event.actor_id for event in review_request.events.all())
    assert_consistent()


def test_L02_an_edited_event_no_longer_fits_its_hash():
    story = Story()
    review_request = story.in_review()
    for event in review_request.events.all():
        assert event_sha256(event) == event.sha256
        event.comment += "x"
        assert event_sha256(event) != event.sha256


COLUMNS = ("verb", "actor", "actor_id", "channel", "token_id", "from_state", "to_state", "revision", "digest", "comment", "detail", "role")


@pytest.mark.parametrize("column", [*COLUMNS, "number", "previous_sha256", "at", "id", "review_request_id"])
def test_L02_every_column_of_an_event_is_in_its_hash(column):
    story = Story()
    event, other = (
        story.open().events.get(),
        Event.objects.create(number=9, at=database_now(), verb="x", actor="x", channel="x", sha256="x"),
    )
    changed = {
        "verb": "x",
        "actor": "x",
        "channel": "x",
        "detail": {"x": 1},
        "actor_id": 0,
        "revision": 9,
        "number": 9,
        "at": other.at,
        "id": other.pk,
    }
    setattr(event, column, changed.get(column, "x" if column != "review_request_id" else None))
    assert event_sha256(event) != event.sha256


def test_L09_the_same_denial_within_an_hour_is_one_row_with_a_count():
    story = Story()
    review_request = story.in_review()
    for _ in range(5):
        refused(lambda: story.vote(story.release, review_request, digest="0" * 64), "stale_packet")
    refused(lambda: story.vote(story.security, review_request, digest="0" * 64), "stale_packet")
    refused(lambda: story.vote(story.release, review_request, "reject", digest="0" * 64), "stale_packet")
    found = Denial.objects.order_by("first_at").values_list("actor", "verb", "reasons", "count")
    assert list(found) == [
        ("release", "approve", "stale_packet", 5),
        ("security", "approve", "stale_packet", 1),
        ("release", "reject", "stale_packet", 1),
    ]


def test_L09_ten_thousand_refused_calls_are_counted_in_a_handful_of_rows(both_stores_committed):
    """At once, as they come: two rows may begin together, none is lost, and the table stays small."""
    refusals = [Refused(Reason(code, "no")) for code in ("stale_packet", "not_a_reviewer")]
    who = [Actor(number, f"reviewer{number}", channel="admin") for number in range(2)]

    def calls(number: int) -> None:
        for turn in range(2500):
            deny(who[number % 2], "approve", refusals[turn % 2])

    won(at_once(*(partial(calls, number) for number in range(4))))
    assert sum(Denial.objects.values_list("count", flat=True)) == 10_000
    assert 4 <= Denial.objects.count() <= 8


def test_L09_after_an_hour_a_denial_is_a_new_row():
    story = Story()
    review_request = story.in_review()
    refused(lambda: story.vote(story.release, review_request, digest=""), "digest_missing")
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reviews_denial SET first_at = first_at - interval '61 minutes'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    refused(lambda: story.vote(story.release, review_request, digest=""), "digest_missing")
    assert list(Denial.objects.values_list("count", flat=True)) == [1, 1]


def test_L01_a_denial_names_the_token_and_the_channel_and_never_a_value():
    story = Story()
    review_request = story.in_review()
    secret = "hunter2-is-my-secret"
    who = actor(story.owner, channel="api").__class__(
        story.owner.pk, "owner", channel="api", token_id="token-7", scopes=frozenset({"request"})
    )
    refused(lambda: decisions.withdraw(who, review_request.pk, comment=secret + "\u202e"), "invisible_character", status=400)
    refused(lambda: story.vote(story.release, review_request, digest=secret), "stale_packet")
    denial = Denial.objects.get(verb="withdraw")
    assert (denial.actor_id, denial.channel, denial.token_id) == (story.owner.pk, "api", "token-7")
    assert not any(secret in str(value) for row in Denial.objects.values() for value in row.values())


def test_F17_the_clock_is_the_databases():
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        before = cursor.fetchone()[0]
        now = database_now()
        cursor.execute("SELECT clock_timestamp()")
        assert before <= now <= cursor.fetchone()[0]
    assert now.utcoffset().total_seconds() == 0


def test_F17_no_verb_asks_the_clock_of_the_process(monkeypatch):
    """Ten years behind or ahead in this process change nothing."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: 1 / 0)
    story = Story()
    review_request = story.approved()
    decisions.revoke(actor(story.owner), review_request.pk, comment="stop")
    assert_consistent()


# --- L08: who may do what, when it ends, and what is asked ------------------------------------------------------------------------------


def changes(story: Story) -> list[tuple[str, dict, Callable]]:
    """(verb, what its event must tell, the change) for every change of roles, gates and the guards of an environment."""
    operator, other, new = (actor(make_user(name, groups=groups), channel="admin") for name, groups in OPERATING)
    person, place, partner = User.objects.get(pk=new.user_id), story.environment, story.partner
    policy = {"rules": PRODUCTION_RULES, "required_confirmations": ["owner"]}

    def settled(name: str):
        proposal = policies.proposal_of(place)
        if name == "accept":
            return policies.accept_policy(other, proposal.pk, digest=proposal.digest)
        return policies.decline_policy(other if name == "decline" else operator, proposal.pk, comment="why")

    window = {"starts_at": database_now(), "ends_at": database_now() + timedelta(days=1), "reason": "the year ends"}
    return [
        (
            "set_groups",
            {"username": "new", "add": ["release"], "remove": []},
            lambda: organisation.set_groups(operator, person, add={"release"}),
        ),
        ("set_groups", {"add": [], "remove": ["release"]}, lambda: organisation.set_groups(operator, person, remove={"release"})),
        ("set_membership", {"role": "owner"}, lambda: organisation.set_membership(operator, person, partner, role="owner")),
        ("set_membership", {"role": None}, lambda: organisation.set_membership(operator, person, partner, role=None)),
        ("set_active", {"active": False}, lambda: organisation.set_active(operator, person, active=False)),
        ("reset_second_factor", {"username": "new"}, lambda: organisation.reset_second_factor(operator, person)),
        (
            "set_environment",
            {"environment": "production", "protected": False},
            lambda: organisation.set_environment(operator, "production", name="Production", protected=False),
        ),
        ("propose_policy", {"environment": "production", "version": 2}, lambda: policies.propose_policy(operator, place, **policy)),
        ("decline_policy", {"version": 2}, lambda: settled("decline")),
        ("propose_policy", {"version": 3}, lambda: policies.propose_policy(operator, place, **policy)),
        ("withdraw_policy", {"version": 3}, lambda: settled("withdraw")),
        ("propose_policy", {"version": 4}, lambda: policies.propose_policy(operator, place, **policy)),
        ("accept_policy", {"version": 4, "revokes": 0}, lambda: settled("accept")),
        ("freeze", {"environment": "production"}, lambda: freezes.freeze(operator, place, **window)),
        ("end_freeze", {"environment": "production"}, lambda: freezes.end_freeze(other, FreezeWindow.objects.get().pk, comment="over")),
    ]


OPERATING = (("operator", ("operators",)), ("operator2", ("operators",)), ("new", ()))


def test_L08_changes_of_roles_gates_and_guards_are_events_of_one_chain_that_auditors_read():
    story = Story()
    for verb, told, change in changes(story):
        before = Event.objects.filter(review_request=None).count()
        change()
        (event,) = Event.objects.filter(review_request=None).order_by("number")[before:]
        assert (event.verb, event.role, event.channel) == (verb, "operator", "admin")
        assert event.actor in ("operator", "operator2")
        assert told.items() <= event.detail.items()
    assert history.organisation_findings() == []
    page = text_of(Visitor(make_user("auditor", groups=("auditors",))).get("/admin/reviews/event/"))
    assert all(verb in page for verb in ("set_groups", "accept_policy", "freeze"))


def test_L08_an_expiry_is_an_event_like_a_decision():
    story = Story(approval_seconds=1)
    approved = lapsed(story.approved())
    assert expire(approved.pk, wait=True) is True
    event = Event.objects.get(verb="expire")
    assert (event.actor, event.role, event.channel) == ("the clock", "clock", "clock")
    assert (event.from_state, event.to_state, event.revision, event.digest) == ("approved", "expired", 1, approved.digest)
    assert_consistent()


def unwritable(execute, sql, params, many, context):
    """An execute wrapper: the database takes no event."""
    if sql.startswith('INSERT INTO "reviews_event"'):
        raise IntegrityError("no event today")
    return execute(sql, params, many, context)


@pytest.mark.parametrize("number", range(15))
def test_L08_a_change_whose_event_cannot_be_written_does_not_happen(number):
    made = changes(Story())
    for _, _, change in made[:number]:
        change()
    before = fingerprint()
    whole = (transaction.atomic(using="self_service"), transaction.atomic(using="default"))
    with connections["self_service"].execute_wrapper(unwritable), pytest.raises(IntegrityError, match="no event today"), whole[0], whole[1]:
        made[number][2]()
    assert fingerprint() == before

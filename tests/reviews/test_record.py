"""What a verb leaves behind: a chain of events, and denials that count."""

from functools import partial

import pytest
from django.db import connections

from access.actors import Actor
from config.refusals import Reason, Refused
from reviews import decisions
from reviews.models import Denial, Event
from reviews.record import database_now, deny, event_sha256
from tests.barrier import at_once, won
from tests.factories import Story, actor
from tests.invariants import assert_consistent, refused

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

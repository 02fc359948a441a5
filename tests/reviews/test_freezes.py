"""Freeze windows: operators make and end them, the gate is shut in them, and the named requester crosses with a comment."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from readiness.gate import gate
from reviews import decisions, freezes
from reviews.models import Event, FreezeEnd, FreezeWindow
from reviews.record import database_now, write_event
from tests.factories import Story, actor, make_environment, make_user
from tests.invariants import refused
from tests.pages import Visitor, request_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
ADMIN = "/admin/reviews/freezewindow/"
HOUR = timedelta(hours=1)


class Frozen(Story):
    """A story with an operator, and what a freeze needs."""

    def __init__(self, **policy) -> None:
        super().__init__(**policy)
        self.operator = make_user("operator", groups=("operators",))

    def freeze(self, *, after=-HOUR, until=HOUR, reason: str = "Year end", people: list[str] | None = None, by=None) -> FreezeWindow:
        now, who = database_now(), actor(by or self.operator, channel="admin")
        return freezes.freeze(who, self.environment, starts_at=now + after, ends_at=now + until, reason=reason, people=people)


@pytest.fixture
def story():
    return Frozen()


def blockers(story: Story) -> list[str]:
    return [reason.code for reason in gate(story.plan, story.environment).blockers]


def test_a_freeze_shuts_the_gate_and_never_the_review(story):
    story.freeze()

    story.approved()

    (reason,) = gate(story.plan, story.environment).blockers
    assert reason.code == "freeze_window"
    assert reason.detail.endswith("UTC: Year end")
    assert reason.clear_by == "operator or another operator, who can end it"


def test_a_freeze_that_is_to_come_or_over_shuts_nothing(story):
    found = story.freeze(after=HOUR, until=2 * HOUR)
    story.approved()

    assert blockers(story) == []
    assert freezes.under_way(story.environment, found.starts_at) == [found]
    assert freezes.under_way(story.environment, found.ends_at) == []


def test_a_freeze_of_one_environment_leaves_the_others_open(story):
    elsewhere, now = make_environment("staging"), database_now()
    freezes.freeze(actor(story.operator), elsewhere, starts_at=now - HOUR, ends_at=now + HOUR, reason="x")
    story.approved()

    assert blockers(story) == []


def test_a_freeze_is_told_before_anything_was_requested_and_in_every_state(story):
    story.freeze()
    assert blockers(story) == ["no_review_request", "freeze_window"]
    story.in_review()
    assert blockers(story) == ["approval_missing", "approval_missing", "freeze_window"]


def test_ending_a_freeze_opens_the_gate_and_leaves_who_and_why(story):
    found = story.freeze()
    story.approved()

    freezes.end_freeze(actor(story.operator), found.pk, comment="books are closed")

    assert blockers(story) == []
    events = Event.objects.filter(verb__in=("freeze", "end_freeze")).order_by("at").values_list("verb", "actor", "comment", "role")
    assert list(events) == [("freeze", "operator", "Year end", "operator"), ("end_freeze", "operator", "books are closed", "operator")]
    refused(lambda: freezes.end_freeze(actor(story.operator), found.pk, comment="again"), "freeze_over", status=409)


# --- who, and with what ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["owner", "release", "viewer"])
def test_only_an_operator_freezes_and_ends(story, who):
    found, person = story.freeze(), getattr(story, who)
    refused(lambda: story.freeze(by=person), "not_an_operator", status=403)
    refused(lambda: freezes.end_freeze(actor(person), found.pk, comment="x"), "not_an_operator", status=403)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"until": -2 * HOUR}, "invalid"),
        ({"after": -3 * HOUR, "until": -2 * HOUR}, "in_past"),
        ({"reason": " "}, "required"),
        ({"reason": "x" * 301}, "max_length"),
        ({"people": ["nobody"]}, "unknown_person"),
        ({"people": [f"person{number}" for number in range(21)]}, "too_many"),
    ],
)
def test_what_is_no_freeze_is_refused(story, said, code):
    refused(lambda: story.freeze(**said), code, status=400)


# --- crossing --------------------------------------------------------------------------------------------------------------------------


def test_the_named_requester_crosses_with_a_comment_for_this_revision_only(story):
    story.freeze(people=["owner"])
    review_request = story.approved()
    assert gate(story.plan, story.environment).blockers[0].clear_by.startswith("owner, who may cross it with a comment; operator")

    freezes.cross_freeze(actor(story.owner), review_request.pk, comment="a leak has to be closed")

    assert gate(story.plan, story.environment).may_launch
    event = Event.objects.get(verb="cross_freeze")
    assert (event.comment, event.actor, event.role, event.from_state, event.to_state) == (
        "a leak has to be closed", "owner", "requester", "approved", "approved",
    )  # fmt: skip
    story.approved(predecessor_id=review_request.pk)
    assert blockers(story) == ["freeze_window"]


def test_a_crossing_of_one_freeze_is_none_of_a_later_one(story):
    story.freeze(people=["owner"])
    review_request = story.approved()
    freezes.cross_freeze(actor(story.owner), review_request.pk, comment="x")
    story.freeze(people=["owner"])

    assert blockers(story) == ["freeze_window"]


def test_a_crossing_of_an_earlier_revision_is_none(story):
    story.freeze(people=["owner"])
    review_request = story.in_review()
    freezes.cross_freeze(actor(story.owner), review_request.pk, comment="x")
    decisions.recall(actor(story.owner), review_request.pk)
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    story.vote(story.release, review_request)
    story.vote(story.security, review_request)

    assert blockers(story) == ["freeze_window"]


@pytest.mark.parametrize(("people", "who", "codes"), [
    ([], "owner", ["not_named"]),
    (["release"], "owner", ["not_named"]),
    (["owner"], "operator", ["not_the_requester"]),
    (["release"], "release", ["not_the_requester"]),
])  # fmt: skip
def test_nobody_else_crosses(story, people, who, codes):
    story.freeze(people=people)
    review_request = story.approved()

    refused(lambda: freezes.cross_freeze(actor(getattr(story, who)), review_request.pk, comment="x"), *codes, status=403)

    assert blockers(story) == ["freeze_window"]


def test_an_event_that_says_so_crosses_no_freeze_that_does_not_name_the_requester(story):
    found = story.freeze()
    review_request = story.approved()
    said = {"from_state": "approved", "to_state": "approved", "revision": 1, "digest": review_request.digest}
    write_event(actor(story.owner), "cross_freeze", review_request, at=database_now(), detail={"freezes": [str(found.pk)]}, **said)

    assert blockers(story) == ["freeze_window"]


def test_crossing_takes_a_comment_and_a_request_that_is_under_way(story):
    story.freeze(people=["owner"])
    review_request = story.approved()
    refused(lambda: freezes.cross_freeze(actor(story.owner), review_request.pk, comment=" "), "required", status=400)
    decisions.revoke(actor(story.owner), review_request.pk, comment="no")
    refused(lambda: freezes.cross_freeze(actor(story.owner), review_request.pk, comment="x"), "state_revoked", status=409)


# --- pages and command -------------------------------------------------------------------------------------------------------------------


def test_operators_freeze_and_end_on_their_pages(story):
    operator = Visitor(story.operator)
    assert "/admin/reviews/freezewindow/freeze/production/" in operator.get(ADMIN).content.decode()
    said = {"starts_at": "2026-01-01T00:00Z", "ends_at": "2099-01-01", "reason": "Year end", "people": "owner, viewer"}

    made = operator.submit(f"{ADMIN}freeze/production/", **said)
    found = FreezeWindow.objects.get()

    assert (made.status_code, [person["username"] for person in found.people]) == (302, ["owner", "viewer"])
    assert "Year end" in text_of(operator.get(f"{ADMIN}{found.pk}/end/"))
    assert FreezeEnd.objects.count() == 0
    assert operator.submit(f"{ADMIN}{found.pk}/end/", comment="done").status_code == 302
    assert FreezeEnd.objects.get().comment == "done"


def test_the_page_says_what_is_wrong_and_keeps_what_was_filled_in(story):
    answer = Visitor(story.operator).submit(
        f"{ADMIN}freeze/production/", starts_at="soon", ends_at="2099-01-01", reason="Year end", people="x"
    )
    assert (answer.status_code, FreezeWindow.objects.count()) == (400, 0)
    assert "This must be a time such as 2026-11-30T20:00Z." in text_of(answer)
    assert 'value="Year end"' in answer.content.decode()


@pytest.mark.parametrize(("who", "status"), [("auditor", 403), ("release", 403)])
def test_nobody_else_gets_to_the_operators_pages(story, who, status):
    person = make_user("auditor", groups=("auditors",)) if who == "auditor" else story.release
    found = story.freeze()
    for path in (f"{ADMIN}freeze/production/", f"{ADMIN}{found.pk}/end/"):
        assert Visitor(person).get(path).status_code == status
        assert Visitor(person).post(path, comment="x").status_code == status
    assert FreezeEnd.objects.count() == 0


def test_the_owner_crosses_on_the_requests_page(story):
    story.freeze(people=["owner"])
    review_request = story.approved()
    owner = Visitor(story.owner)
    assert "Cross a freeze" in text_of(owner.get(request_path(review_request)))
    assert "Cross a freeze" not in text_of(Visitor(story.viewer).get(request_path(review_request)))

    assert owner.submit(request_path(review_request, "cross-freeze"), comment="it cannot wait").status_code == 302

    assert gate(story.plan, story.environment).may_launch
    assert "Freeze crossed by owner (requester), on a page" in text_of(owner.get(request_path(review_request, "timeline")))


def test_the_page_of_an_approved_request_says_that_a_freeze_shuts_it(story):
    review_request = story.approved()
    story.freeze()
    assert "production is frozen until" in text_of(Visitor(story.owner).get(request_path(review_request)))


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("freeze", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_freezes_lists_and_ends_in_an_operators_name(story):
    times = ("--from", "2026-01-01", "--until", "2099-01-01")
    command("production", "--as", "operator", *times, "--reason", "Year end", "--person", "owner")

    (said,) = json.loads(command("production", "--json"))

    assert (said["reason"], said["people"], said["frozen_by"]) == ("Year end", ["owner"], "operator")
    assert Event.objects.get(verb="freeze").channel == "command"
    assert command("production", "--as", "operator", "--end", said["id"], "--reason", "done") == (
        "No freeze of production is under way or to come.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere",),
        ("production", "--from", "2026-01-01"),
        ("production", "--from", "soon", "--until", "later"),
        ("production", "--from", "2026-01-01", "--until", "2099-01-01", "--reason", "x"),
        ("production", "--as", "owner", "--from", "2026-01-01", "--until", "2099-01-01", "--reason", "x"),
        ("production", "--as", "operator", "--end", "00000000-0000-4000-8000-000000000000", "--reason", "x"),
    ],
)
def test_the_command_refuses_what_nobody_answers_for(story, arguments):
    with pytest.raises(CommandError):
        command(*arguments)
    assert FreezeWindow.objects.count() == 0

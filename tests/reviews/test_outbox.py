"""The outbox: what verbs have to tell, in their transaction; asked again at sending; at least once, under one Message-ID."""

import json
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction
from django.db.models import F

from access.models import User
from config.clock import database_now
from drafts.coverage import edit_plan
from reviews import decisions, mailing, outbox
from reviews.mailing import BACKOFF, LEASE, claim, handle
from reviews.models import Event, OutboxMessage
from reviews.organisation import COMMAND_LINE, set_email
from tests.barrier import at_once, won
from tests.factories import Story, actor, make_user
from tests.pages import Visitor, text_of

ONE = [{"name": "release", "group": "release", "quorum": 1}]


@pytest.fixture(autouse=True)
def mail_on(settings):
    settings.MAIL_ON = True
    settings.RECEIPT_ISSUER = "https://readiness.test"


@pytest.fixture
def story(both_stores) -> Story:
    return with_addresses(Story())


def with_addresses(story: Story) -> Story:
    for user in User.objects.all():
        User.objects.filter(pk=user.pk).update(email=f"{user.username}@mail.test")
    return story


def rows(**about) -> list[tuple[str, str, str]]:
    found = OutboxMessage.objects.filter(**about).order_by("planned_for", "recipient")
    return [(row.kind, row.recipient, row.status) for row in found]


def send(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        call_command("send_notifications", *arguments)
    return ended.value.code


def let_pass(**about) -> None:
    """As if the time of these messages had come."""
    OutboxMessage.objects.filter(**about, status="waiting").update(not_before=F("created_at") - timedelta(hours=1))


def received() -> list[tuple[str, str]]:
    return sorted((message.to[0].split("@")[0], message.subject.split(":")[0]) for message in mail.outbox)


# --- what verbs leave -----------------------------------------------------------------------------------------------------------------


def test_a_review_asks_reminds_twice_and_escalates_once(story):
    review_request = story.in_review()
    found = {row.kind: row for row in OutboxMessage.objects.filter(review_request=review_request, revision=1)}
    asked_at = found["asked"].planned_for
    shares = {kind: (row.planned_for - asked_at) / (review_request.due_at - asked_at) for kind, row in found.items()}
    assert shares == {"asked": 0.0, "reminder_half": 0.5, "reminder_late": 0.9, "escalation": 1.0}
    assert {(row.recipient_id, row.recipient) for row in found.values()} == {(None, "")}


@pytest.mark.parametrize(
    ("choice", "kind", "more"),
    [
        ("reject", "rejected", {}),
        ("request_changes", "changes_requested", {}),
        ("approve", "approved", {}),
        ("approve_with_conditions", "approved_with_conditions", {"conditions": ["a"]}),
    ],
)
def test_the_requester_hears_of_every_decision(both_stores, choice, kind, more):
    story = with_addresses(Story(rules=ONE))
    story.vote(story.release, story.in_review(), choice, **more)
    assert rows(recipient_id=story.owner.pk) == [(kind, "owner", "waiting")]


def test_the_requester_hears_of_an_end_by_others(story):
    first = story.approved()
    second = story.approved(predecessor_id=first.pk)
    decisions.revoke(actor(story.security, channel="admin"), second.pk, comment="incident")
    told = sorted(kind for kind, _, _ in rows(recipient_id=story.owner.pk))
    assert told == ["approved", "approved", "revoked", "superseded"]


def test_an_approval_that_decides_nothing_tells_nobody(story):
    story.vote(story.release, story.in_review())
    assert rows(recipient_id=story.owner.pk) == []


def test_R13_a_verb_that_rolls_back_leaves_nothing_to_send(story):
    review_request = story.in_review()
    story.vote(story.release, review_request)
    before = OutboxMessage.objects.count()
    with transaction.atomic(using="self_service"):
        story.vote(story.security, review_request)
        assert OutboxMessage.objects.count() == before + 1
        transaction.set_rollback(True, using="self_service")
    send()
    assert (OutboxMessage.objects.filter(kind="approved").count(), [subject for _, subject in received() if subject == "Approved"]) == (
        0,
        [],
    )


def test_a_failing_outbox_fails_the_verb(story, monkeypatch):
    review_request = story.in_review()
    story.vote(story.release, review_request)

    def broken(messages) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(outbox, "post", broken)
    with pytest.raises(ZeroDivisionError), transaction.atomic(using="self_service"):
        story.vote(story.security, review_request)
    assert decisions.seen_request(review_request.pk).state_now == "review_requested"


# --- to whom --------------------------------------------------------------------------------------------------------------------------


def test_asking_goes_to_who_can_still_approve(story):
    story.in_review()
    assert send() == 0
    assert received() == [("release", "Your review is asked for"), ("security", "Your review is asked for")]
    assert send() == 0
    assert len(mail.outbox) == 2


def test_reminders_go_to_who_has_not_voted_and_the_escalation_to_the_group(story):
    make_user("second", groups=("security",), email="second@mail.test")
    review_request = story.in_review()
    story.vote(story.release, review_request)
    story.owner.groups.set(story.security.groups.all())
    let_pass()
    send()
    assert received() == [
        ("owner", "A review is overdue"),
        *[
            (name, subject)
            for name in ("second", "security")
            for subject in (
                "A review is overdue", "A review is waiting", "A review is waiting", "Your review is asked for",
            )
        ],
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["approved", "recall", "withdraw", "again", "lapsed"])
def test_nobody_is_reminded_of_what_is_over(both_stores, end):
    story = with_addresses(Story(rules=ONE, review_seconds=0 if end == "lapsed" else 86400))
    review_request = story.in_review()
    if end == "approved":
        story.vote(story.release, review_request)
    elif end in ("recall", "again"):
        decisions.recall(actor(story.owner), review_request.pk)
    elif end == "withdraw":
        decisions.withdraw(actor(story.owner), review_request.pk, comment="no")
    if end == "again":
        decisions.request_review(actor(story.owner), review_request.pk)
    let_pass(revision=1, recipient_id=None)
    send()
    about_the_first = rows(revision=1, recipient_id=None)
    assert {status for _, _, status in about_the_first} == {"cancelled"}
    assert [subject for _, subject in received() if subject != "Approved"] == (["Your review is asked for"] if end == "again" else [])


def test_state_is_asked_again_between_addressing_and_sending(story):
    review_request = story.in_review()
    for message in claim(1):
        assert handle(message) == "addressed"
    story.vote(story.release, review_request)
    send()
    assert received() == [("security", "Your review is asked for")]
    assert rows(recipient="release") == [("asked", "release", "cancelled")]


@pytest.mark.parametrize(("choice", "asked", "told"), [("all", 1, 1), ("decisions", 0, 1), ("none", 0, 0)])
def test_each_person_chooses(both_stores, choice, asked, told):
    story = with_addresses(Story(rules=ONE))
    User.objects.update(mail=choice)
    review_request = story.in_review()
    send()
    assert len(mail.outbox) == asked
    story.vote(story.release, review_request)
    send()
    assert len(mail.outbox) == asked + told


def test_who_has_no_address_or_is_gone_gets_nothing(both_stores):
    story = Story(rules=ONE)
    story.in_review()
    assert send() == 0
    assert (mail.outbox, rows(recipient="release")) == ([], [("asked", "release", "cancelled")])


# --- what it says -----------------------------------------------------------------------------------------------------------------------


def test_a_mail_names_plan_environment_and_a_link_and_nothing_else_of_the_packet(story):
    review_request = story.in_review()
    send()
    message = mail.outbox[0]
    assert message.subject == f"Your review is asked for: {story.plan.name} to production"
    assert f"https://readiness.test/admin/reviews/deploymentreviewrequest/{review_request.pk}/change/" in message.body
    assert "https://readiness.test/accounts/mail/" in message.body
    for inner in (story.plan.external_reference, story.plan.authority_context, review_request.digest, "redeploy"):
        assert inner not in message.body + message.subject


def test_L06_no_address_is_kept_in_the_draft_store(story):
    story.approved()
    set_email(COMMAND_LINE, story.owner, "somebody@mail.test")
    send()
    assert mail.outbox
    with connections["self_service"].cursor() as cursor:
        for table in ("reviews_outboxmessage", "reviews_event", "reviews_denial"):
            cursor.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%%@mail.test%%'")
            assert cursor.fetchone() == (0,)
    event = Event.objects.get(verb="set_email")
    assert event.detail == {"user_id": story.owner.pk, "username": "owner", "set": True}


# --- at least once ------------------------------------------------------------------------------------------------------------------------


def test_a_failed_attempt_is_tried_again_under_the_same_id_and_given_up_in_the_end(story, monkeypatch):
    story.in_review()
    for message in claim(1):
        handle(message)
    one = OutboxMessage.objects.filter(recipient="release").get()
    ids = []

    def broken(self, **options):
        ids.append(self.extra_headers["Message-ID"])
        raise OSError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", broken)
    for attempt in range(len(BACKOFF) + 1):
        assert OutboxMessage.objects.get(pk=one.pk).status == "waiting", attempt
        let_pass(pk=one.pk)
        assert [handle(message) for message in claim(1)] == ["waiting" if attempt < len(BACKOFF) else "failed"]
        row = OutboxMessage.objects.get(pk=one.pk)
        if attempt < len(BACKOFF):
            assert abs(row.not_before - database_now() - BACKOFF[attempt]) < timedelta(seconds=5)
    assert ids == [f"<{one.pk}@readiness.test>"] * (len(BACKOFF) + 1)
    assert (row.attempts, row.error) == (len(BACKOFF) + 1, "OSError")


def test_an_address_that_cannot_be_written_stops_nobody_elses_mail(story):
    User.objects.filter(pk=story.release.pk).update(email="rélease")
    story.in_review()
    assert send() == 1
    assert received() == [("security", "Your review is asked for")]
    assert OutboxMessage.objects.get(recipient="release").error == "ValueError"


def test_what_somebody_claimed_and_dropped_is_taken_up_after_the_lease(story):
    story.in_review()
    assert len(claim(10)) == 1
    assert claim(10) == []
    row = OutboxMessage.objects.get(kind="asked")
    assert abs(row.not_before - database_now() - LEASE) < timedelta(seconds=5)


def test_what_is_too_old_is_not_sent(story):
    story.in_review()
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reviews_outboxmessage SET planned_for = planned_for - interval '8 days' WHERE kind = 'asked'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert (send(), rows(kind="asked"), mail.outbox) == (0, [("asked", "", "cancelled")], [])


def test_many_at_once_send_each_message_once(both_stores_committed):
    story = with_addresses(Story())
    for number in range(8):
        make_user(f"reviewer{number}", groups=("security",), email=f"reviewer{number}@mail.test")
    story.in_review()
    assert set(won(at_once(*[lambda: send("--batch", "3")] * 4))) <= {0}
    assert send() == 0
    assert len(mail.outbox) == len({message.extra_headers["Message-ID"] for message in mail.outbox}) == 10
    assert {status for _, who, status in rows() if who} == {"sent"}


# --- the command, the page, the guards -------------------------------------------------------------------------------------------------


def test_command_counts_and_says_when_mail_is_off(story, capsys, settings):
    story.in_review()
    assert send("--json") == 0
    assert json.loads(capsys.readouterr().out) == {"sent": 2, "addressed": 1, "cancelled": 0, "failed": 0, "waiting": 0}
    settings.MAIL_ON = False
    assert send() == 1
    assert "EMAIL_URL is not set" in capsys.readouterr().err


def test_without_the_primary_nothing_is_sent_and_nothing_lost(story, monkeypatch, capsys):
    story.in_review()

    def away(*arguments, **options):
        raise mailing.people.primary_unavailable()

    monkeypatch.setattr("reviews.asked.people.reviewers", away)
    assert send() == 3
    assert rows(kind="asked") == [("asked", "", "waiting")]


@pytest.mark.parametrize("column", ["kind", "recipient", "recipient_id", "revision", "planned_for", "review_request_id", "detail"])
def test_what_a_message_says_never_changes(story, column):
    story.in_review()
    values = {"planned_for": "now()", "review_request_id": "NULL", "recipient_id": "7", "revision": "9", "detail": "'[]'"}
    statement = f"UPDATE reviews_outboxmessage SET {column} = {values.get(column, chr(39) + 'x' + chr(39))}"
    with pytest.raises(IntegrityError), transaction.atomic(using="self_service"), connections["self_service"].cursor() as cursor:
        cursor.execute(statement)


def test_the_page_shows_and_keeps_the_choice(story):
    visitor = Visitor(story.release)
    assert "Mail goes to release@mail.test." in text_of(visitor.get("/accounts/mail/"))
    assert visitor.submit("/accounts/mail/", mail="decisions").status_code == 302
    assert User.objects.get(pk=story.release.pk).mail == "decisions"
    assert visitor.submit("/accounts/mail/", mail="sometimes").status_code == 400
    assert visitor.submit("/accounts/mail/", mail="none", email="x@y.test").status_code == 400
    assert User.objects.get(pk=story.release.pk).mail == "decisions"
    assert Visitor().get("/accounts/mail/").status_code == 302


def test_the_name_of_a_plan_cannot_add_a_header(story):
    edit_plan(actor(story.owner), story.plan.pk, fields={"name": "A plan to: Bcc"})
    story.in_review()
    send()
    assert mail.outbox[0].message().as_string().count("\nBcc:") == 0

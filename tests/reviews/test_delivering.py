"""Delivering: signed so that an independent library agrees, at least once under one id, to a real listener on loopback."""

import ipaddress
import json
import os
import re
import signal
import sqlite3
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models import F
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from access.models import User
from config.clock import database_now
from reviews import decisions, delivering, outward, webhooks
from reviews.delivering import BACKOFF, DISABLED_AFTER, LEASE, claim, deliver
from reviews.models import DeliveryAttempt, Event, OutboxMessage, WebhookEndpoint
from tests.barrier import at_once, won
from tests.conftest import run_python
from tests.factories import Story, actor, make_user
from tests.reviews.test_outward import Answering

KEY = b"a key that is long enough for a test"
ONE = [{"name": "release", "group": "release", "quorum": 1}]
FAILING = b"HTTP/1.1 500 x\r\n\r\n"


@pytest.fixture(autouse=True)
def webhooks_on(settings):
    settings.WEBHOOK_KEY = KEY
    settings.WEBHOOK_ALLOW_HTTP = True
    settings.WEBHOOK_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)


def listened_to(server: Answering, **about) -> WebhookEndpoint:
    return webhooks.add(actor(make_user("operator", groups=("operators",))), url=f"http://127.0.0.1:{server.port}/in", **about)


def received(server: Answering) -> list[tuple[dict[str, str], bytes]]:
    found = []
    for each in server.received:
        head, body = each.split(b"\r\n\r\n", 1)
        found.append((dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:]), body))
    return found


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        call_command("deliver_webhooks", *arguments)
    return ended.value.code


def let_pass() -> None:
    OutboxMessage.objects.filter(status="waiting").update(not_before=F("created_at") - timedelta(hours=1))


def fail_once(server: Answering) -> list[str]:
    let_pass()
    return [str(deliver(message)) for message in claim()]


# --- what is sent -------------------------------------------------------------------------------------------------------------------------


def test_another_library_verifies_what_is_sent(both_stores):
    story = Story(rules=ONE)
    with Answering() as server:
        endpoint = listened_to(server)
        review_request = story.in_review()
        story.vote(story.release, review_request, "approve_with_conditions", conditions=["only at night"], comment="a word")
        assert run() == 0
    verifier = Webhook(webhooks.shown_secret(endpoint))
    bodies = [verifier.verify(body, headers) for headers, body in received(server)]
    assert [body["data"]["to"] for body in bodies] == ["draft", "review_requested", "approved"]
    newest = bodies[-1]
    assert newest["type"] == "review_request.approved"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", newest["timestamp"])
    assert newest["data"] == {
        "request": str(review_request.pk), "plan": str(story.plan.pk), "environment": "production", "from": "review_requested",
        "to": "approved", "revision": 1, "verdict": "constrain",
    }  # fmt: skip
    assert [body["data"]["verdict"] for body in bodies[:2]] == [None, None]
    assert b"only at night" not in b"".join(server.received)
    assert story.plan.name.encode() not in b"".join(server.received)
    headers, body = received(server)[-1]
    assert headers["webhook-id"] == str(OutboxMessage.objects.get(kind="approved", channel="webhook").pk)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(body.replace(b"constrain", b"allow"), headers)


def test_a_rejection_says_so(both_stores):
    story = Story(rules=ONE)
    with Answering() as server:
        listened_to(server, events=["rejected"])
        story.vote(story.release, story.in_review(), "reject")
        assert run() == 0
    assert [json.loads(body)["data"]["verdict"] for _, body in received(server)] == ["reject"]


def test_after_a_rotation_both_secrets_verify_and_in_the_end_the_new_one_alone(both_stores):
    story = Story()
    with Answering() as server:
        endpoint = listened_to(server)
        old = webhooks.shown_secret(endpoint)
        new = webhooks.shown_secret(webhooks.rotate(actor_of_operator(), endpoint.pk))
        story.open()
        assert run() == 0
    headers, body = received(server)[0]
    assert [Webhook(secret).verify(body, headers)["type"] for secret in (old, new)] == ["review_request.draft"] * 2


def actor_of_operator():
    return actor(User.objects.get(username="operator"))


# --- at least once ------------------------------------------------------------------------------------------------------------------------


def test_a_failed_attempt_comes_again_under_the_same_id_and_is_given_up_in_the_end(both_stores):
    story = Story()
    with Answering(FAILING) as server:
        listened_to(server)
        story.open()
        for attempt, pause in enumerate(BACKOFF):
            assert fail_once(server) == ["waiting"], attempt
            assert abs(OutboxMessage.objects.get().not_before - database_now() - pause) < timedelta(seconds=5)
            assert claim() == []
        assert fail_once(server) == ["failed"]
    sent = received(server)
    assert len(sent) == len(BACKOFF) + 1
    assert len({(headers["webhook-id"], body) for headers, body in sent}) == 1
    assert list(DeliveryAttempt.objects.values_list("outcome", "status").distinct()) == [("refused", 500)]
    assert DeliveryAttempt.objects.count() == len(BACKOFF) + 1


def test_what_failed_is_sent_again_by_an_operator_and_counts(both_stores):
    story = Story()
    with Answering() as server:
        listened_to(server)
        story.open()
        message = OutboxMessage.objects.get()
        OutboxMessage.objects.update(status="failed", attempts=len(BACKOFF) + 1, settled_at=message.created_at)
        webhooks.send_again(actor_of_operator(), message.pk)
        assert run() == 0
    assert (OutboxMessage.objects.get().status, received(server)[0][0]["webhook-id"]) == ("sent", str(message.pk))


def test_who_was_killed_between_sending_and_marking_is_followed_by_another_under_the_same_id(both_stores_committed):
    story = Story()
    with Answering() as server:
        listened_to(server)
        story.open()
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            try:
                for connection in connections.all():
                    connection.connection = None  # the parent's line; this process makes its own
                delivering._keep = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
                for message in claim():
                    deliver(message)
            finally:
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert len(server.received) == 1
        row = OutboxMessage.objects.get()
        assert (row.status, abs(row.not_before - database_now() - LEASE) < timedelta(seconds=10)) == ("waiting", True)
        assert claim() == []
        let_pass()
        assert run() == 0
    first, second = received(server)
    assert (first[0]["webhook-id"], first[1]) == (second[0]["webhook-id"], second[1])
    assert OutboxMessage.objects.get().status == "sent"


def test_many_at_once_send_each_message_once(both_stores_committed):
    story = Story(rules=ONE)
    with Answering() as server:
        listened_to(server)
        for _ in range(4):
            decisions.withdraw(actor(story.owner), story.open().pk, comment="no")
        answers = won(at_once(*[lambda: run()] * 4))
        assert set(answers) <= {0}
        assert run() == 0
    ids = [headers["webhook-id"] for headers, _ in received(server)]
    assert len(ids) == len(set(ids)) == 8
    assert set(OutboxMessage.objects.filter(channel="webhook").values_list("status", flat=True)) == {"sent"}


# --- the endpoint -------------------------------------------------------------------------------------------------------------------------


def test_an_endpoint_that_fails_for_days_is_disabled_with_an_event_and_nothing_is_lost(both_stores):
    story = Story()
    with Answering(FAILING) as server:
        endpoint = listened_to(server)
        story.open()
        assert fail_once(server) == ["waiting"]
        assert WebhookEndpoint.objects.get().failing_since is not None
        WebhookEndpoint.objects.update(failing_since=database_now() - DISABLED_AFTER)
        assert fail_once(server) == ["waiting"]
        found = WebhookEndpoint.objects.get()
        assert (found.enabled, found.disabled_reason) == (False, "failing")
        event = Event.objects.get(verb="disable_webhook")
        assert (event.actor, event.role, event.detail["reason"]) == ("the clock", "clock", "failing")
        let_pass()
        assert claim() == []
        webhooks.enable(actor_of_operator(), endpoint.pk)
        server.answer = b"HTTP/1.1 200 OK\r\n\r\n"
        assert run() == 0


def test_one_success_ends_a_time_of_failure(both_stores):
    story = Story()
    with Answering(FAILING) as server:
        listened_to(server)
        story.open()
        fail_once(server)
        server.answer = b"HTTP/1.1 200 OK\r\n\r\n"
        assert fail_once(server) == ["sent"]
    assert WebhookEndpoint.objects.get().failing_since is None


def test_who_says_gone_is_disabled_at_once(both_stores):
    story = Story()
    with Answering(b"HTTP/1.1 410 Gone\r\n\r\n") as server:
        listened_to(server)
        story.open()
        fail_once(server)
    assert WebhookEndpoint.objects.get().disabled_reason == "gone"


def test_a_name_that_leads_inside_by_now_gets_nothing(both_stores, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    story = Story()
    with Answering() as server:
        listened_to(server)
        story.open()
        assert [str(deliver(message)) for message in claim()] == ["waiting"]
        assert server.received == []
    assert DeliveryAttempt.objects.get().outcome == "address_refused"


def test_the_resolver_is_asked_once_for_each_attempt(both_stores):
    story = Story()
    asked = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with Answering() as server:
        webhooks.add(actor(make_user("operator", groups=("operators",))), url=f"http://hooks.test:{server.port}/")
        story.open()
        assert [str(deliver(message, resolver=resolver)) for message in claim()] == ["sent"]
    assert asked == ["hooks.test"]
    assert outward.looked_up("127.0.0.1", 80) == ["127.0.0.1"]


# --- the command --------------------------------------------------------------------------------------------------------------------------


def test_while_it_is_off_nothing_is_delivered(both_stores, settings, capsys):
    story = Story()
    with Answering() as server:
        listened_to(server)
        story.open()
        settings.WEBHOOK_KEY = b""
        assert run("--json") == 1
        assert server.received == []
    assert "WEBHOOK_KEY is not set" in capsys.readouterr().err
    assert OutboxMessage.objects.get().status == "waiting"


def test_the_command_counts_keeps_its_limit_and_tells_what_is_left(both_stores, capsys):
    story = Story()
    with Answering() as server:
        listened_to(server)
        for _ in range(4):
            decisions.withdraw(actor(story.owner), story.open().pk, comment="no")
        assert (run("--limit", "6", "--json"), json.loads(capsys.readouterr().out)) == (0, {"sent": 6, "waiting": 0, "failed": 0})
        server.answer = FAILING
        assert (run("--json"), json.loads(capsys.readouterr().out)) == (1, {"sent": 0, "waiting": 2, "failed": 0})


# --- SQLite -------------------------------------------------------------------------------------------------------------------------------

ON_SQLITE = """
import django; django.setup()
from tests.factories import Story, make_user, actor
from reviews import webhooks, decisions
story = Story(rules=[{"name": "release", "group": "release", "quorum": 1}])
operator = actor(make_user("operator", groups=("operators",)))
made = webhooks.add(operator, url=URL, partner_slug=story.partner.slug, events=["draft", "approved"])
webhooks.add(operator, url=URL, events=["rejected"])
story.vote(story.release, story.in_review())
print(webhooks.shown_secret(made))
"""


def test_on_sqlite_the_same_is_written_and_delivered(sqlite_installation, tmp_path):
    with Answering() as server:
        more = {
            "WEBHOOK_KEY": KEY.decode(), "WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "DJANGO_SETTINGS_MODULE": "config.settings", "RECEIPT_SIGNING_KEY": "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=",
        }  # fmt: skip
        script = ON_SQLITE.replace("URL,", f"'http://127.0.0.1:{server.port}/in',")
        done = run_python(script, env=sqlite_installation.env | more)
        assert done.returncode == 0, done.stderr
        delivered = sqlite_installation.manage("deliver_webhooks", "--json", **more)
        assert (delivered.returncode, json.loads(delivered.stdout)) == (0, {"sent": 2, "waiting": 0, "failed": 0}), delivered.stderr
        verifier = Webhook(done.stdout.split()[-1])
        assert [verifier.verify(body, headers)["data"]["to"] for headers, body in received(server)] == ["draft", "approved"]
    store = sqlite3.connect(sqlite_installation.store)
    for statement in (
        "UPDATE reviews_webhookendpoint SET url = 'https://x.test'", "DELETE FROM reviews_outboxmessage",
        "UPDATE reviews_outboxmessage SET event_id = 'x'", "DELETE FROM reviews_deliveryattempt",
    ):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError):
            store.execute(statement)

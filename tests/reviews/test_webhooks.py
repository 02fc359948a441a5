"""Webhooks: what transitions leave for them, what operators do with them, and who may not."""

import json
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections, transaction

from access.models import User
from reviews import decisions, lifecycle, webhooks
from reviews.models import DeliveryAttempt, Event, OutboxMessage, WebhookEndpoint
from tests.clock import lapse
from tests.factories import Story, actor, confirm_all, make_partner, make_plan, make_user
from tests.invariants import refused
from tests.pages import Visitor, text_of
from tests.reviews.test_verdict import cost_of_the_deciding_vote

pytestmark = pytest.mark.usefixtures("both_stores")
KEY = b"a key that is long enough for a test"
URL = "https://hooks.example.org/readiness?token=5"


@pytest.fixture(autouse=True)
def webhooks_on(settings):
    settings.WEBHOOK_KEY = KEY


@pytest.fixture
def story():
    return Story()


def operator() -> User:
    return User.objects.filter(username="operator").first() or make_user("operator", groups=("operators",))


def add(url: str = URL, **about) -> WebhookEndpoint:
    return webhooks.add(actor(operator()), url=url, **about)


def told(endpoint: WebhookEndpoint) -> list[tuple[str, str]]:
    rows = OutboxMessage.objects.filter(endpoint=endpoint).select_related("event").order_by("event__number")
    return [(row.event.from_state, row.kind) for row in rows]


# --- what transitions leave -------------------------------------------------------------------------------------------------------------


def test_R08_the_same_address_is_told_of_the_same_once(story):
    first = add(events=["approved", "rejected"])
    refused(lambda: add(events=["rejected", "approved"]), "webhook_exists", status=409)
    add(events=["approved"])
    add(partner_slug=story.partner.slug, events=["approved", "rejected"])
    assert WebhookEndpoint.objects.filter(url=first.url).count() == 3
    assert Event.objects.filter(verb="add_webhook").count() == 3


def test_every_transition_is_told_and_nothing_else(story):
    endpoint = add()
    approved = story.approved()
    decisions.comment(actor(story.owner), approved.pk, comment="well done")
    spine = [("", "draft"), ("draft", "review_requested"), ("review_requested", "approved")]
    assert told(endpoint) == spine
    decisions.revoke(actor(story.owner), approved.pk, comment="incident")
    assert told(endpoint) == [*spine, ("approved", "revoked")]


def test_the_other_ways_are_told_too(story):
    endpoint = add()
    first = story.in_review()
    decisions.recall(actor(story.owner), first.pk)
    decisions.request_review(actor(story.owner), first.pk)
    story.vote(story.release, decisions.seen_request(first.pk), "request_changes")
    decisions.withdraw(actor(story.owner), first.pk, comment="no")
    story.vote(story.release, story.in_review(), "reject")
    assert [kind for _, kind in told(endpoint)].count("draft") == 3
    assert {
        ("review_requested", "draft"),
        ("review_requested", "changes_requested"),
        ("changes_requested", "withdrawn"),
        ("review_requested", "rejected"),
    } <= set(told(endpoint))


def test_supersession_and_expiry_are_told(story):
    endpoint = add(events=["revoked", "expired"])
    first = story.approved()
    second = story.approved(predecessor_id=first.pk)
    lapse(second)
    assert lifecycle.expire(second.pk, wait=True)
    assert sorted(told(endpoint)) == [("approved", "expired"), ("approved", "revoked")]


def test_each_event_is_told_as_often_as_there_are_endpoints_that_want_it(story):
    elsewhere = make_partner("lumen_foods")
    wanted = [add(), add(partner_slug=story.partner.slug, events=["approved", "revoked"])]
    unwanted = [
        add(partner_slug=elsewhere.slug),
        add(events=["rejected"]),
        webhooks.disable(actor(operator()), add("https://hooks.example.org/off").pk),
    ]
    story.approved()
    assert [len(told(endpoint)) for endpoint in wanted] == [3, 1]
    assert [len(told(endpoint)) for endpoint in unwanted] == [0, 0, 0]


def test_without_endpoints_nothing_is_written(story):
    story.approved()
    assert not OutboxMessage.objects.filter(channel="webhook").exists()


def test_R13_a_verb_that_rolls_back_tells_nothing(story):
    endpoint, review_request = add(), story.in_review()
    story.vote(story.release, review_request)
    before = told(endpoint)
    with transaction.atomic(using="self_service"):
        story.vote(story.security, review_request)
        assert len(told(endpoint)) == len(before) + 1
        transaction.set_rollback(True, using="self_service")
    assert told(endpoint) == before


def test_the_deciding_vote_costs_no_statement_more():
    for number in range(3):
        add(f"https://hooks.example.org/{number}")
    assert cost_of_the_deciding_vote(moves=0, comments=1) == (20, 1)
    assert OutboxMessage.objects.filter(channel="webhook", kind="approved").count() == 3


# --- operators --------------------------------------------------------------------------------------------------------------------------


def test_adding_leaves_an_event_without_the_address(story):
    endpoint = add(partner_slug=story.partner.slug, events=["approved"])
    event = Event.objects.get(verb="add_webhook")
    about = {"endpoint": str(endpoint.pk), "host": "hooks.example.org", "partner": story.partner.slug, "events": ["approved"]}
    assert (event.detail, event.actor) == (about, "operator")


@pytest.mark.parametrize("who", ["owner", "viewer", "release"])
def test_nobody_but_an_operator_touches_webhooks(story, who):
    endpoint = add()
    somebody = actor(getattr(story, who), channel="admin")
    calls = [
        lambda: webhooks.add(somebody, url=URL), lambda: webhooks.rotate(somebody, endpoint.pk),
        lambda: webhooks.disable(somebody, endpoint.pk),
        lambda: webhooks.enable(somebody, endpoint.pk), lambda: webhooks.send_again(somebody, uuid.uuid4()),
    ]  # fmt: skip
    for call in calls:
        refused(call, "not_an_operator", status=403)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"url": "http://hooks.example.org/"}, "invalid"),
        ({"url": "https://u:p@hooks.example.org/"}, "invalid"),
        ({"partner_slug": "nobody"}, "unknown_partner"),
        ({"events": ["launched"]}, "unknown_event"),
    ],
)
def test_bad_input_adds_nothing(said, code):
    who = actor(operator())
    refused(lambda: webhooks.add(who, **{"url": URL, **said}), code, status=400)


def test_without_a_key_nothing_is_added(settings):
    settings.WEBHOOK_KEY = b""
    who = actor(operator())
    refused(lambda: webhooks.add(who, url=URL), "webhooks_off", status=503)


def test_disabling_and_enabling(story):
    endpoint = add()
    who = actor(operator())
    assert (webhooks.disable(who, endpoint.pk).enabled, webhooks.enable(who, endpoint.pk).enabled) == (False, True)
    refused(lambda: webhooks.enable(who, endpoint.pk), "webhook_enabled")
    assert list(Event.objects.filter(verb__endswith="_webhook").order_by("number").values_list("verb", flat=True)) == [
        "add_webhook", "disable_webhook", "enable_webhook",
    ]  # fmt: skip


def test_a_rotation_makes_another_secret_and_the_old_one_signs_beside_it():
    endpoint = add()
    before = webhooks.shown_secret(endpoint)
    rotated = webhooks.rotate(actor(operator()), endpoint.pk)
    now = rotated.rotated_at
    assert webhooks.shown_secret(rotated) != before
    assert [len(webhooks.secrets_of(rotated, now=at)) for at in (now, now + webhooks.OVERLAP)] == [2, 1]
    assert webhooks.secrets_of(rotated, now=now)[1] == webhooks.secrets_of(endpoint, now=now)[0]


def test_secrets_are_nobody_elses_and_in_no_table(settings):
    endpoints = [add(), add("https://hooks.example.org/other")]
    shown = {webhooks.shown_secret(endpoint) for endpoint in endpoints}
    settings.WEBHOOK_KEY = b"another key that is long enough, too"
    shown |= {webhooks.shown_secret(endpoint) for endpoint in endpoints}
    assert len(shown) == 4
    with connections["self_service"].cursor() as cursor:
        for table in ("reviews_webhookendpoint", "reviews_event", "reviews_outboxmessage"):
            cursor.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%%whsec%%'")
            assert cursor.fetchone() == (0,)


# --- the database agrees ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reviews_webhookendpoint SET url = 'https://other.example.org/'",
        "UPDATE reviews_webhookendpoint SET partner_id = NULL, created_by = 'x'",
        "UPDATE reviews_webhookendpoint SET events = '[\"draft\"]'",
        "UPDATE reviews_webhookendpoint SET enabled = false",
        "DELETE FROM reviews_webhookendpoint",
        "UPDATE reviews_outboxmessage SET event_id = gen_random_uuid() WHERE channel = 'webhook'",
        "UPDATE reviews_outboxmessage SET channel = 'mail' WHERE channel = 'webhook'",
        "DELETE FROM reviews_outboxmessage",
        "UPDATE reviews_deliveryattempt SET outcome = 'delivered'",
        "DELETE FROM reviews_deliveryattempt",
        "INSERT INTO reviews_outboxmessage "
        "(id, channel, kind, revision, recipient, detail, planned_for, not_before, status, attempts, error) "
        "VALUES (gen_random_uuid(), 'webhook', 'approved', 1, '', '{}', now(), now(), 'waiting', 0, '')",
    ],
)
def test_raw_sql_changes_no_webhook_and_no_record_of_it(story, statement):
    add()
    story.open()
    DeliveryAttempt.objects.create(message=OutboxMessage.objects.get(), outcome="refused", status=500, ms=1)
    with pytest.raises(IntegrityError), transaction.atomic(using="self_service"), connections["self_service"].cursor() as cursor:
        cursor.execute(statement)


# --- the command and the pages ------------------------------------------------------------------------------------------------------------


def said_by(capsys, *arguments: str) -> str:
    call_command("webhook", *arguments)
    return capsys.readouterr().out


def test_the_command_adds_lists_rotates_and_shows_secrets(story, capsys):
    operator()
    secret = said_by(capsys, "add", URL, "--as", "operator", "--partner", story.partner.slug, "--event", "approved").split()[-1]
    (listed,) = json.loads(said_by(capsys, "list", "--json"))
    assert (listed["url"], listed["partner"], listed["events"], listed["enabled"]) == (URL, story.partner.slug, ["approved"], True)
    assert said_by(capsys, "secret", listed["id"]).split()[-1] == secret
    assert secret.startswith("whsec_")
    assert said_by(capsys, "rotate", listed["id"], "--as", "operator").split()[-1] != secret
    assert said_by(capsys, "disable", listed["id"], "--as", "operator").endswith("disabled.\n")
    assert "disabled, by an operator" in said_by(capsys, "list")
    assert said_by(capsys, "enable", listed["id"], "--as", "operator").endswith("enabled.\n")
    assert "whsec_" not in said_by(capsys, "list", "--json")


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", URL), ("add", "http://x.test", "--as", "operator"), ("rotate", str(uuid.uuid4()), "--as", "operator"),
        ("secret", str(uuid.uuid4())), ("add", URL, "--as", "owner"),
    ],
)  # fmt: skip
def test_the_command_refuses_in_words(story, arguments):
    operator()
    with pytest.raises(CommandError):
        call_command("webhook", *arguments)
    assert not WebhookEndpoint.objects.exists()


def settled(story: Story) -> OutboxMessage:
    add()
    story.open()
    OutboxMessage.objects.update(status="failed", attempts=12, settled_at=story.plan.created_at, error="refused")
    return OutboxMessage.objects.get()


def test_send_again_shows_what_it_does_then_does_it(story):
    message = settled(story)
    visitor, page = Visitor(operator()), f"/admin/reviews/outboxmessage/{message.pk}/send-again/"
    assert page in visitor.get("/admin/reviews/outboxmessage/").content.decode()
    shown = visitor.get(page)
    assert "Send again to hooks.example.org" in text_of(shown)
    assert "token=5" not in shown.content.decode()
    assert OutboxMessage.objects.get().status == "failed"
    assert visitor.post(page).status_code == 302
    assert (OutboxMessage.objects.get().status, OutboxMessage.objects.get().settled_at) == ("waiting", None)
    assert Event.objects.get(verb="send_again").detail["message"] == str(message.pk)
    assert "waits for its next attempt already" in text_of(visitor.get(page))
    assert visitor.post(page).status_code == 409


def test_send_again_is_for_operators(story):
    message = settled(story)
    page = f"/admin/reviews/outboxmessage/{message.pk}/send-again/"
    answers = [Visitor(who).post(page).status_code for who in (make_user("auditor", groups=("auditors",)), story.release, story.owner)]
    assert answers == [403, 403, 403]
    assert Visitor(operator()).get(f"/admin/reviews/outboxmessage/{uuid.uuid4()}/send-again/").status_code == 404
    assert OutboxMessage.objects.get().status == "failed"


def test_no_page_shows_more_than_the_host_of_an_address(story):
    endpoint, auditor = add(), Visitor(make_user("auditor", groups=("auditors",)))
    for page in ("", f"{endpoint.pk}/change/"):
        answer = auditor.get(f"/admin/reviews/webhookendpoint/{page}")
        assert (answer.status_code, "hooks.example.org" in text_of(answer), "token=5" in answer.content.decode()) == (200, True, False)


def test_confirmations_and_new_subjects_are_no_transitions(story):
    endpoint = add()
    review_request = story.open()
    confirm_all(story.owner, review_request)
    decisions.edit_subject(actor(story.owner), review_request.pk, subject=[])
    make_plan(story.owner, story.partner)
    assert told(endpoint) == [("", "draft")]

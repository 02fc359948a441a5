"""`manage.py expire`: every due expiry of every plan and environment is written once, with its event, however many processes do it."""

import json
from threading import Event as Signal
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from drafts.models import CoveragePlan
from reviews import decisions
from reviews.lifecycle import due_expiries, expire
from reviews.models import DeploymentReviewRequest, Event
from tests.barrier import at_once, won
from tests.clock import lapse
from tests.factories import Story, actor, confirm_all, make_environment, make_plan
from tests.invariants import assert_consistent

ONE = [{"name": "release", "group": "release", "quorum": 1}]


def lapsed(story: Story, *, many: int) -> list[DeploymentReviewRequest]:
    """Reviews that lapsed as soon as they were requested, each of its own plan."""
    make_environment("sandbox", rules=ONE, review_seconds=0)
    found = []
    for _ in range(many):
        plan = make_plan(story.owner, story.partner)
        review_request = decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug="sandbox")
        confirm_all(story.owner, review_request)
        found.append(decisions.request_review(actor(story.owner), review_request.pk))
    return found


def run(*arguments: str, capsys) -> tuple[int, dict]:
    with pytest.raises(SystemExit) as ended:
        call_command("expire", "--json", *arguments)
    return ended.value.code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("batch", ["1", "2", "200"])
def test_expire_writes_what_is_due_and_nothing_else(both_stores, capsys, batch):
    story = Story()
    due, approved, running = lapsed(story, many=3), story.approved(), story.in_review()
    assert run("--batch", batch, capsys=capsys) == (0, {"expired": 3, "failed": 0})
    assert {DeploymentReviewRequest.objects.get(pk=one.pk).state for one in due} == {"expired"}
    assert [DeploymentReviewRequest.objects.get(pk=one.pk).state for one in (approved, running)] == ["approved", "review_requested"]
    for one in due:
        event = one.events.last()
        said = (event.verb, event.actor, event.actor_id, event.role, event.channel, event.from_state, event.to_state, event.digest)
        assert said == ("expire", "the clock", None, "clock", "clock", "review_requested", "expired", one.digest)
        assert CoveragePlan.objects.get(pk=one.plan_id).state == "draft"
    assert run(capsys=capsys) == (0, {"expired": 0, "failed": 0})
    assert_consistent()


def test_expire_writes_the_end_of_an_approval(both_stores, capsys):
    story = Story()
    make_environment("sandbox", rules=ONE)
    review_request = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="sandbox")
    confirm_all(story.owner, review_request)
    lapse(story.vote(story.release, decisions.request_review(actor(story.owner), review_request.pk)))
    assert run(capsys=capsys) == (0, {"expired": 1, "failed": 0})
    assert DeploymentReviewRequest.objects.get(pk=review_request.pk).state == "expired"
    assert_consistent()


def test_a_written_expiry_sets_what_rested_on_it(both_stores):
    story = Story()
    review_request = story.approved()
    before = review_request.updated_at
    lapse(review_request)
    assert CoveragePlan.objects.get(pk=story.plan.pk).state == "approved"
    assert expire(review_request.pk, wait=True) is True
    assert CoveragePlan.objects.get(pk=story.plan.pk).state == "draft"
    assert DeploymentReviewRequest.objects.get(pk=review_request.pk).updated_at > before
    assert_consistent()


def test_the_plan_follows_when_its_approval_ends(both_stores, capsys):
    story = Story(rules=ONE)
    review_request = story.in_review()
    story.vote(story.release, review_request)
    assert CoveragePlan.objects.get(pk=story.plan.pk).state == "approved"
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reviews_deploymentreviewrequest SET expires_at = now() - interval '1 second'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert run(capsys=capsys)[1]["expired"] == 1
    plan = CoveragePlan.objects.get(pk=story.plan.pk)
    assert (plan.state, plan.approved_until) == ("draft", None)


def test_due_expiries_come_in_pages_by_their_end(both_stores):
    lapsed(Story(), many=3)
    whole = due_expiries(most=10)
    assert whole == sorted(whole)
    assert due_expiries(after=whole[0], most=1) == whole[1:2]
    assert due_expiries(after=whole[2], most=1) == []


def test_R02_many_at_once_write_each_expiry_once(both_stores_committed):
    due = lapsed(Story(), many=12)

    def command() -> int:
        with pytest.raises(SystemExit) as ended:
            call_command("expire", "--batch", "5")
        return ended.value.code

    assert won(at_once(*[command] * 4)) == [0, 0, 0, 0]
    assert Event.objects.filter(verb="expire").count() == len(due) == 12
    assert_consistent()


def test_expire_passes_by_what_is_held_and_comes_back(both_stores_committed, capsys):
    held, other = lapsed(Story(), many=2)
    locked, release = Signal(), Signal()

    def hold() -> None:
        with transaction.atomic(using="self_service"):
            list(DeploymentReviewRequest.objects.using("self_service").select_for_update().filter(pk=held.pk))
            locked.set()
            release.wait(10)
        connections.close_all()

    holder = Thread(target=hold)
    holder.start()
    locked.wait(10)
    assert (expire(held.pk, wait=False), expire(other.pk, wait=False)) == (None, True)
    release.set()
    assert (expire(held.pk, wait=True), expire(held.pk, wait=True)) == (True, False)
    holder.join()
    assert_consistent()


def test_expire_says_when_one_could_not_be_written(both_stores, capsys):
    """A guard of the database that refuses stands for whatever may come."""
    lapsed(Story(), many=2)
    with connections["self_service"].cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER stop BEFORE INSERT ON reviews_event FOR EACH ROW WHEN (NEW.verb = 'expire')"
            " EXECUTE FUNCTION reviews_counted_upwards()"
        )
    assert run(capsys=capsys) == (1, {"expired": 0, "failed": 2})
    assert set(DeploymentReviewRequest.objects.values_list("state", flat=True)) == {"review_requested"}


def test_expire_on_sqlite(sqlite_installation):
    for command in (["create_signing_key"], ["seed_demo"]):
        sqlite_installation.manage(*command, RECEIPT_SIGNING_KEY_FILE=str(sqlite_installation.store.parent / "key.pem"))
    done = [sqlite_installation.manage("expire", "--json") for _ in range(2)]
    assert [json.loads(each.stdout)["failed"] for each in done] == [0, 0]
    verified = sqlite_installation.manage("verify_history")
    assert (verified.returncode, verified.stdout.split(" ")[-2]) == (0, "0"), verified.stdout

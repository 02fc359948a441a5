"""R10, F04, F07, F12 on real PostgreSQL: who meets another transaction tries again briefly, then is refused; never half a write."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connections, transaction

from config.refusals import Refused
from config.retrying import ATTEMPTS, BUSY
from drafts.coverage import append_move
from drafts.models import CoveragePlan, ExpansionMove
from reviews import decisions
from reviews.models import Decision, DeploymentReviewRequest, Vote
from tests.barrier import at_once
from tests.factories import Story, actor, make_plan
from tests.invariants import assert_consistent, fingerprint
from tests.reviews.machine.cast import MOVE

pytestmark = pytest.mark.usefixtures("both_stores_committed")
STORE = "self_service"
ONE = [{"name": "release", "group": "release", "quorum": 1}]


def session(setting: str, call: Callable) -> Callable:
    """The call on a connection of its own with a setting of PostgreSQL's."""

    def run():
        with connections[STORE].cursor() as cursor:
            cursor.execute(f"SET {setting}")
        return call()

    return run


@contextmanager
def held(rows, *, seconds: float | None = None) -> Iterator[None]:
    """Another session has locked the rows, for some seconds or as long as the block lasts."""
    locked, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(using=STORE):
                list(rows.using(STORE).select_for_update(of=("self",)))
                locked.set()
                let_go.wait(seconds if seconds is not None else 30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait(10)
    try:
        yield
    finally:
        let_go.set()
        thread.join()


def one(model, pk):
    return model.objects.filter(pk=pk)


def test_R10_55P03_a_lock_that_is_free_again_in_a_moment_is_waited_for_by_trying_again():
    story = Story()
    review_request = story.in_review()
    recall = session("lock_timeout = '20ms'", lambda: decisions.recall(actor(story.owner), review_request.pk))
    with held(one(DeploymentReviewRequest, review_request.pk), seconds=0.06):
        (answer,) = at_once(recall)
    assert answer.state == "draft"
    assert_consistent()


def test_R10_55P03_a_lock_that_stays_is_refused_after_a_few_tries():
    story = Story()
    review_request = story.in_review()
    before = fingerprint()
    seen = []

    def counting(execute, sql, params, many, context):
        seen.extend([sql] if "FOR UPDATE" in sql else [])
        return execute(sql, params, many, context)

    def recall():
        with connections[STORE].execute_wrapper(counting):
            return decisions.recall(actor(story.owner), review_request.pk)

    with held(one(DeploymentReviewRequest, review_request.pk)):
        began = time.monotonic()
        (answer,) = at_once(session("lock_timeout = '20ms'", recall))
    assert isinstance(answer, Refused)
    assert (answer.reasons, answer.status) == ((BUSY,), 409)
    assert len(seen) == ATTEMPTS
    assert time.monotonic() - began < 2
    assert fingerprint() == before


def test_F07_who_waited_as_long_as_a_request_may_does_not_wait_again():
    """2 seconds are the lock timeout of requests; other requests go on meanwhile."""
    story = Story()
    review_request, other = story.in_review(), make_plan(story.owner, story.partner)
    vote = session("lock_timeout = '2s'", lambda: story.vote(story.release, review_request))
    with held(one(DeploymentReviewRequest, review_request.pk)):
        began = time.monotonic()
        answers = at_once(vote, lambda: append_move(actor(story.owner), other.pk, fields=MOVE))
        waited = time.monotonic() - began
    assert answers[0].reasons == (BUSY,)
    assert waited < 3.5  # a second wait would end after 4 seconds
    assert answers[1].number == 1
    assert not Vote.objects.exists()
    assert_consistent()


def test_R10_40P01_whom_a_deadlock_throws_out_tries_again_and_wins():
    """The other session has the plan and then wants the request; the verb has the request and then wants the plan."""
    story = Story()
    review_request = story.in_review()
    has_plan, verb_has_request = threading.Event(), threading.Event()

    def other():
        with transaction.atomic(using=STORE):
            list(one(CoveragePlan, review_request.plan_id).using(STORE).select_for_update(of=("self",)))
            has_plan.set()
            verb_has_request.wait(10)
            list(one(DeploymentReviewRequest, review_request.pk).using(STORE).select_for_update())

    def recall():
        has_plan.wait(10)

        def tell(execute, sql, params, many, context):
            if "drafts_coverageplan" in sql and "FOR UPDATE" in sql:
                verb_has_request.set()
            return execute(sql, params, many, context)

        with connections[STORE].execute_wrapper(tell):
            return decisions.recall(actor(story.owner), review_request.pk)

    answers = at_once(other, recall)
    # PostgreSQL throws out whoever looks first; were it the other session, the verb would simply go on.
    assert answers[1].state == "draft"
    assert answers[0] is None or "deadlock" in str(answers[0])
    assert_consistent()


def test_R10_40001_under_a_stricter_isolation_the_loser_tries_again():
    story = Story()
    strict = "default_transaction_isolation = 'repeatable read'"
    append = session(strict, lambda: append_move(actor(story.owner), story.plan.pk, fields=MOVE))
    for _ in range(10):
        answers = at_once(append, append)
        assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert list(ExpansionMove.objects.values_list("number", flat=True)) == list(range(1, 21))


def test_R10_40001_that_never_ends_is_refused():
    """A deferred trigger stands for a database that says at each COMMIT that it could not serialize."""
    story = Story()
    review_request = story.in_review()
    before = fingerprint()
    with failing("40001", deferred=True) as asked:
        with pytest.raises(Refused) as caught:
            decisions.recall(actor(story.owner), review_request.pk)
        assert asked() == ATTEMPTS
    assert (caught.value.status, caught.value.codes) == (409, ["busy"])
    assert fingerprint() == before


@pytest.mark.parametrize("code", ["53100", "57014", "22000", "58030"])
def test_other_errors_of_the_database_are_not_tried_again(code):
    """Disk full, cancelled, bad data, I/O: what went wrong once is not made better by haste."""
    story = Story()
    review_request = story.in_review()
    before = fingerprint()
    with failing(code) as asked:
        with pytest.raises(DatabaseError) as caught:
            decisions.recall(actor(story.owner), review_request.pk)
        assert asked() == 1
    assert caught.value.__cause__.pgcode == code
    assert fingerprint() == before


def test_inside_a_transaction_of_the_caller_nothing_is_tried_again():
    story = Story()
    review_request = story.in_review()
    with failing("40001") as asked:
        with pytest.raises(OperationalError), transaction.atomic(using=STORE):
            decisions.recall(actor(story.owner), review_request.pk)
        assert asked() == 1
    assert DeploymentReviewRequest.objects.get(pk=review_request.pk).state == "review_requested"


def test_F12_an_approval_whose_event_cannot_be_written_fails_whole():
    story = Story(rules=ONE)
    review_request = story.in_review()
    before = fingerprint()
    with failing("53100"), pytest.raises(DatabaseError):
        story.vote(story.release, review_request)
    assert fingerprint() == before
    assert story.vote(story.release, review_request).state == "approved"
    assert_consistent()


def test_a_guard_that_refuses_at_the_last_moment_leaves_nothing():
    story = Story(rules=ONE)
    review_request = story.in_review()
    before = fingerprint()
    with failing("23001"), pytest.raises(IntegrityError):
        story.vote(story.release, review_request)
    assert fingerprint() == before


@contextmanager
def failing(code: str, *, deferred: bool = False) -> Iterator[Callable[[], int]]:
    """Each event that is written makes the database fail with this SQLSTATE, at once or at COMMIT; yields how often it was asked."""
    when = (
        "CONSTRAINT TRIGGER {} AFTER INSERT ON reviews_event DEFERRABLE INITIALLY DEFERRED"
        if deferred
        else "TRIGGER {} AFTER INSERT ON reviews_event"
    )
    function = (
        f"RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('asked'); RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
    )
    _run(
        "CREATE SEQUENCE asked",
        f"CREATE FUNCTION zz_fail() {function}",
        f"CREATE {when.format('zz_fail')} FOR EACH ROW EXECUTE FUNCTION zz_fail()",
    )
    try:
        yield lambda: _run("SELECT last_value - 1 + is_called::int FROM asked")[0]
    finally:
        _run("DROP FUNCTION zz_fail() CASCADE", "DROP SEQUENCE asked")


def _run(*statements: str) -> tuple:
    with connections[STORE].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchone() if cursor.description else ()


# --- F04 --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(3))
def test_F04_a_session_that_is_ended_between_transition_and_commit_leaves_nothing(number):
    story = Story(rules=ONE)
    review_request = story.in_review()
    before = fingerprint()

    def ended(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if sql.startswith('UPDATE "reviews_deploymentreviewrequest"'):
            with context["connection"].connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                _end(cursor.fetchone()[0])
        return answer

    def vote():
        with connections[STORE].execute_wrapper(ended):
            return story.vote(story.release, review_request)

    (answer,) = at_once(vote)
    assert isinstance(answer, OperationalError)
    assert fingerprint() == before
    assert story.vote(story.release, review_request).state == "approved"
    assert Decision.objects.count() == 1
    assert_consistent()


def _end(backend: int) -> None:
    """By a session of the same role, as an operator would."""

    def run() -> None:
        try:
            _run(f"SELECT pg_terminate_backend({backend})")
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    time.sleep(0.05)

"""F08 on real PostgreSQL: a process that is killed at a named point of an approval leaves all of it or nothing, and the next try tells."""

import os
import signal
from functools import partial

import pytest
from django.db import connections

from config.refusals import Refused
from receipts.models import Receipt
from reviews.models import Decision, DeploymentReviewRequest, Vote
from tests.invariants import assert_consistent
from tests.reviews.test_races import ONE, Arena
from tests.rounds import rounds

pytestmark = pytest.mark.usefixtures("both_stores_committed")
# 50 at each point by `make races`.
TIMES = max(rounds(60) // 20, 1)
POINTS = {
    "before the vote": ('INSERT INTO "reviews_vote"', "before"),
    "after the vote": ('INSERT INTO "reviews_vote"', "after"),
    "after the receipt": ('INSERT INTO "receipts_receipt"', "after"),
    "after the decision": ('INSERT INTO "reviews_decision"', "after"),
    "after the event": ('INSERT INTO "reviews_event"', "after"),
    "after the transition": ('UPDATE "reviews_deploymentreviewrequest"', "after"),
    "after the plan": ('UPDATE "drafts_coverageplan"', "after"),
    "after the commit": ("COMMIT", "after"),
}


def killed_at(point: tuple[str, str], call) -> None:
    """Run the call in a process of its own, which dies by SIGKILL at the point."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a fork of a process with threads may find a lock that nobody lets go
        try:
            for connection in connections.all():
                connection.connection = None  # the parent's line; this process makes its own
            _die_at(point)
            call()
        finally:
            os._exit(7)  # the point was not reached
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def _die_at(point: tuple[str, str]) -> None:
    start, when = point
    connection = connections["self_service"]
    if start == "COMMIT":
        commit = connection._commit
        connection._commit = lambda: (commit(), os.kill(os.getpid(), signal.SIGKILL))
        return

    def wrapper(execute, sql, params, many, context):
        if sql.startswith(start) and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = execute(sql, params, many, context)
        if sql.startswith(start):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    connection.execute_wrappers.append(wrapper)


@pytest.mark.parametrize("point", POINTS)
def test_F08_a_process_killed_during_an_approval_leaves_all_of_it_or_nothing(point):
    arena = Arena(rules=ONE)
    whole = point == "after the commit"
    for _ in range(TIMES):
        asked = arena.fresh()
        vote = arena.voting(arena.release, asked)

        killed_at(POINTS[point], vote)

        found = DeploymentReviewRequest.objects.get(pk=asked.pk)
        rows = [
            Vote.objects.filter(review_request=asked),
            Decision.objects.filter(pk=asked.pk),
            Receipt.objects.filter(request_id=asked.pk),
        ]
        assert [rows_of.count() for rows_of in rows] == [int(whole)] * 3
        assert found.state == ("approved" if whole else "review_requested")
        _next_try(partial(vote), decided=whole)
    assert_consistent()


def _next_try(vote, *, decided: bool) -> None:
    """Who heard nothing tries again, and learns what is the case."""
    if not decided:
        assert vote().state == "approved"
        return
    with pytest.raises(Refused) as caught:
        vote()
    assert caught.value.codes[0] in ("state_approved", "already_approved")


def test_a_killed_process_holds_no_lock_for_long():
    """PostgreSQL notices the end of the line and lets go of the row."""
    arena = Arena(rules=ONE)
    asked = arena.fresh()
    killed_at(POINTS["after the vote"], arena.voting(arena.release, asked))
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET lock_timeout = '5s'")
    assert arena.voting(arena.reviewers[1], asked)().state == "approved"

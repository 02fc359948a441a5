"""A prepared question answers what its queryset would, anew each time, under the same locks."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.db.transaction import TransactionManagementError

from config.databases import STORE
from config.prepared import Prepared
from drafts.coverage import SEEN
from drafts.models import CoveragePlan, Partner
from reviews.models import DeploymentReviewRequest
from reviews.record import database_now
from tests.factories import Story

pytestmark = pytest.mark.usefixtures("both_stores")

by_id = Prepared(lambda pk: SEEN.filter(pk=pk), uuid.UUID)
named = Prepared(lambda name, version: CoveragePlan.objects.filter(name=name, version=version).order_by("pk"), str, int)


def as_it_is(plan: CoveragePlan) -> dict:
    return {name: value for name, value in vars(plan).items() if name != "_state"}


def test_a_prepared_question_answers_as_its_queryset():
    plan = Story().plan

    found, asked = by_id.first(plan.pk), SEEN.get(pk=plan.pk)

    assert as_it_is(found) == as_it_is(asked)
    assert as_it_is(found.partner) == as_it_is(asked.partner)
    assert (found._state.db, found._state.adding) == (STORE, False)


def test_each_value_is_that_of_the_call():
    story = Story()
    other = CoveragePlan.objects.create(partner=story.partner, name="another", external_reference="b", reference_key="b")

    assert [[plan.pk for plan in named(*values)] for values in ((story.plan.name, 1), ("another", 1), ("another", 2), (None, 1))] == [
        [story.plan.pk], [other.pk], [], [],
    ]  # fmt: skip


def test_the_database_is_asked_anew():
    plan = Story().plan
    by_id.first(plan.pk)
    CoveragePlan.objects.filter(pk=plan.pk).update(name="renamed", version=2)

    assert by_id.first(plan.pk).name == "renamed"
    assert by_id.first(uuid.uuid4()) is None


def test_a_time_is_compared_by_the_database():
    story, now = Story(), database_now()
    since = Prepared(lambda moment: Partner.objects.filter(created_at__gte=moment), type(now))

    assert [len(since(moment)) for moment in (now - timedelta(minutes=1), now + timedelta(minutes=1))] == [1, 0]
    assert since.first(now - timedelta(minutes=1)) == story.partner


def test_a_value_that_stands_nowhere_is_refused():
    forgotten = Prepared(lambda pk, _name: CoveragePlan.objects.filter(pk=pk), uuid.UUID, str)

    with pytest.raises(ValueError, match="stands nowhere"):
        forgotten(uuid.uuid4(), "x")


@pytest.mark.django_db(transaction=True, databases=["default", "self_service"])
def test_a_row_is_locked_inside_a_transaction_only():
    locked = Prepared(lambda pk: DeploymentReviewRequest.objects.using(STORE).select_for_update().filter(pk=pk), uuid.UUID)
    request_id = Story().open().pk

    with pytest.raises(TransactionManagementError):
        locked(request_id)
    with transaction.atomic(using=STORE):
        assert locked.first(request_id).pk == request_id
        assert _is_locked(request_id)
    with pytest.raises(TransactionManagementError):
        locked(request_id)


def _is_locked(request_id: uuid.UUID) -> bool:
    """Asked by another connection."""
    found = []

    def look() -> None:
        with transaction.atomic(using=STORE):
            rows = DeploymentReviewRequest.objects.using(STORE).select_for_update(skip_locked=True).filter(pk=request_id)
            found.append(not rows.exists())
        connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found == [True]


def test_each_thread_asks_over_its_own_connection():
    kept = []

    def ask() -> None:
        by_id(uuid.uuid4())
        kept.append(connections[STORE].__dict__["prepared_questions"][by_id])
        connections.close_all()

    by_id(uuid.uuid4())
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    assert kept[0] is not connections[STORE].__dict__["prepared_questions"][by_id]

"""Moving time without waiting: stored times are shifted with the triggers off, which only the owner of a database can do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connections, transaction

from config.databases import STORE
from drafts.models import CoveragePlan, ExpansionMove
from reviews.models import DeploymentReviewRequest


@contextmanager
def unguarded() -> Iterator[None]:
    """One transaction on the draft store in which no trigger fires."""
    connection = connections[STORE]
    with transaction.atomic(using=STORE), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
            yield
            cursor.execute("SET LOCAL session_replication_role = origin")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        lifted = cursor.fetchall()
        for name, _ in lifted:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield
        for _, text in lifted:
            cursor.execute(text)


def lapse(review_request: DeploymentReviewRequest, *, ago: timedelta = timedelta(days=1)) -> None:
    """The request, and the states that rest on it, ended this long ago; nothing else is written."""
    old = DeploymentReviewRequest.objects.get(pk=review_request.pk).expires_at
    new = DeploymentReviewRequest.objects.as_of_now().get(pk=review_request.pk).requested_at - ago
    with unguarded():
        DeploymentReviewRequest.objects.filter(pk=review_request.pk).update(expires_at=new)
        for rows in (CoveragePlan.objects.filter(pk=review_request.plan_id), ExpansionMove.objects.filter(plan=review_request.plan_id)):
            for column in ("review_until", "approved_until"):
                rows.filter(**{column: old}).update(**{column: new})

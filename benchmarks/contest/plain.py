"""The cycle as a plain Django script: models, one transaction a step, row locks; no router, fence, deadline or rights."""

import os
import uuid

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.reference.settings"

import django  # noqa: E402

django.setup()

from django.db import models, transaction  # noqa: E402

from access.models import User  # noqa: E402
from benchmarks.contest.counting import counting_stopwatch  # noqa: E402
from benchmarks.contest.said import CONFIRMATIONS  # noqa: E402
from benchmarks.contest.story import Teller  # noqa: E402
from benchmarks.worker import serve  # noqa: E402
from drafts import models as drafts  # noqa: E402
from receipts import models as receipts  # noqa: E402
from reviews import models as reviews  # noqa: E402

PRIMARY, STORE = "default", "self_service"


def model(name: str) -> type[models.Model]:
    return next(getattr(module, name) for module in (reviews, drafts, receipts) if hasattr(module, name))


def everything(name: str, where: dict) -> models.QuerySet:
    return model(name).objects.using(STORE).filter(**where)


class ModelPen:
    def transaction(self):
        return transaction.atomic(using=STORE)

    def locked(self, table: str, **where):
        return everything(table, where).select_for_update().get()

    def locked_rows(self, table: str, **where) -> list:
        return list(everything(table, where).select_for_update())

    def shared(self, table: str, **where) -> list:
        """Django has no FOR SHARE."""
        name = model(table)._meta.db_table
        query = f"SELECT * FROM {name} WHERE kid = %s FOR SHARE"  # noqa: S608  a name of ours
        return list(model(table).objects.db_manager(STORE).raw(query, list(where.values())))

    def rows(self, table: str, **where) -> list:
        return list(everything(table, where))

    def newest_event(self, request_id: uuid.UUID) -> tuple[int, str]:
        newest = everything("Event", {"review_request_id": request_id}).order_by("-number")
        return newest.values_list("number", "sha256").first()

    def policy(self, environment_id: uuid.UUID):
        return everything("ReviewPolicy", {"environment_id": environment_id, "outcome__outcome": "accepted"}).order_by("-version").first()

    def members(self, groups: list[str]) -> list[tuple[int, str]]:
        found = User.objects.using(PRIMARY).filter(is_active=True, machine=False, groups__name__in=groups)
        return list(found.values_list("pk", "groups__name"))

    def insert(self, table: str, *rows: dict) -> None:
        made = [model(table)(**row) for row in rows]
        if len(made) == 1:
            made[0].save(using=STORE, force_insert=True)
        else:
            model(table).objects.using(STORE).bulk_create(made)

    def update(self, table: str, where: dict, **values) -> None:
        """The state of a request is protected from an assignment, so the script sets it as any other column."""
        everything(table, where).update(**values)


def tell(plan_id: uuid.UUID) -> None:
    request_id = watch.step("open", lambda: teller.open(plan_id))
    for kind in CONFIRMATIONS:
        watch.step("confirm", lambda: teller.confirm(request_id, kind))  # noqa: B023  called at once
    digest = watch.step("request", lambda: teller.request(request_id))
    watch.step("vote", lambda: teller.vote(request_id, "release", digest))
    watch.step("decide", lambda: teller.vote(request_id, "security", digest))


def cycles(plans: list[str]) -> dict[str, object]:
    return watch.over(lambda: [tell(uuid.UUID(each)) for each in plans], number=len(plans))


watch = counting_stopwatch()
teller = Teller(ModelPen(), dict(User.objects.using(PRIMARY).values_list("username", "pk")))

if __name__ == "__main__":
    serve(cycles=cycles)

"""The database agrees about drafts: moves stay as appended, on PostgreSQL. (SQLite: tests/reviews/test_sqlite_guards.py.)"""

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from drafts.coverage import append_move
from drafts.models import CoveragePlan, ExpansionMove, Membership, Partner
from tests.factories import actor, make_partner, make_plan, make_user

pytestmark = pytest.mark.usefixtures("both_stores")
MOVE = {"gate_type": "g", "system_scope": "s", "authority_context": "a", "corrects": None}


@pytest.fixture
def plan() -> CoveragePlan:
    owner = make_user("owner")
    made = make_plan(owner, make_partner(owners=(owner,)))
    for _ in range(2):
        append_move(actor(owner), made.pk, fields=MOVE)
    return made


def fails(call) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(using="self_service"):
        call()


def run(sql: str) -> None:
    with connections["self_service"].cursor() as cursor:
        cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("column", ["gate_type", "system_scope", "authority_context", "number", "corrects", "created_at", "plan_id", "id"])
def test_R11_no_column_of_a_move_that_an_owner_wrote_can_be_updated(plan, column):
    text = ("gate_type", "system_scope", "authority_context")
    value = (
        "'other'"
        if column in text
        else {"number": "number + 7", "corrects": "1", "created_at": "now() - interval '1 day'"}.get(column, "gen_random_uuid()")
    )
    fails(lambda: run(f"UPDATE drafts_expansionmove SET {column} = {value} WHERE number = 2"))


@pytest.mark.parametrize(
    "sql", ["DELETE FROM drafts_expansionmove", "TRUNCATE drafts_expansionmove", "TRUNCATE drafts_coverageplan CASCADE"]
)
def test_R11_moves_are_not_deleted(plan, sql):
    fails(lambda: run(sql))


def test_R11_a_move_is_not_swapped_by_upsert_or_bulk_update(plan):
    move = plan.moves.first()
    move.system_scope = "everything"
    fails(lambda: move.save())
    fails(lambda: ExpansionMove.objects.bulk_update([move], ["system_scope"]))
    fails(lambda: ExpansionMove.objects.bulk_create([move], update_conflicts=True, update_fields=["system_scope"], unique_fields=["id"]))
    fails(lambda: ExpansionMove.objects.update_or_create(plan=plan, number=1, defaults={"system_scope": "everything"}))
    fails(lambda: move.delete())


def test_a_plan_with_moves_is_not_deleted_by_raw_sql(plan):
    fails(lambda: run("DELETE FROM drafts_coverageplan"))


@pytest.mark.parametrize("state", ["rejected", "", "APPROVED"])
def test_an_unknown_state_of_a_plan_or_move_is_refused(plan, state):
    fails(lambda: CoveragePlan.objects.update(state=state))
    fails(lambda: ExpansionMove.objects.update(state=state))


def test_an_unknown_role_and_a_second_membership_are_refused(plan):
    partner = Partner.objects.get()
    for fields in ({"user_id": 99, "role": "admin"}, {"user_id": partner.memberships.get().user_id, "role": "viewer"}):
        with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
            Membership.objects.create(partner=partner, username="x", **fields)

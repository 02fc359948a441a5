"""The database agrees about drafts: moves stay as appended, on PostgreSQL. (SQLite: tests/reviews/test_sqlite_guards.py.)"""

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from access.models import User
from drafts.coverage import append_move, delete_plan
from drafts.models import Author, CoveragePlan, ExpansionMove, Membership, Partner
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


# --- who wrote it stays on record -------------------------------------------------------------------------------------------------


@pytest.fixture
def bare() -> CoveragePlan:
    """A plan without moves and requests: nothing else keeps it."""
    owner = make_user("owner")
    return make_plan(owner, make_partner(owners=(owner,)))


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM drafts_author",
        "TRUNCATE drafts_author",
        "UPDATE drafts_author SET user_id = 0",
        "UPDATE drafts_author SET username = 'nobody'",
        "UPDATE drafts_author SET plan_id = gen_random_uuid()",
        "WITH gone AS (DELETE FROM drafts_author RETURNING 1) SELECT count(*) FROM gone",
        "UPDATE drafts_coverageplan SET id = gen_random_uuid()",
        "UPDATE drafts_coverageplan SET partner_id = gen_random_uuid()",
        "CREATE TEMP TABLE drafts_coverageplan (id uuid) ON COMMIT DROP; DELETE FROM drafts_author",
        "SET LOCAL search_path = pg_temp; DELETE FROM self_service_drafts.drafts_author",
    ],
)
def test_an_author_cannot_take_back_having_written(bare, sql):
    fails(lambda: run(sql))
    assert Author.objects.count() == 1


def test_a_plan_does_not_come_back_without_its_authors(plan):
    """Foreign keys are asked at the end: delete plan and authors, then put the plan back. Moves and requests keep the plan."""
    kept = "CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM drafts_coverageplan"
    gone = "DELETE FROM drafts_coverageplan; DELETE FROM drafts_author; INSERT INTO drafts_coverageplan SELECT * FROM kept"
    fails(lambda: run(f"{kept}; {gone}"))


def test_a_deleted_plan_takes_its_authors_along(bare):
    delete_plan(actor_named("owner"), bare.pk)
    run("SET CONSTRAINTS ALL IMMEDIATE")
    assert (CoveragePlan.objects.count(), Author.objects.count()) == (0, 0)


def actor_named(username: str):
    return actor(User.objects.get(username=username))


SQLITE = """
from config.refusals import Refused
from drafts.coverage import create_plan, delete_plan, edit_plan
from drafts.models import Author, CoveragePlan
from tests.drafts.test_guards import SAME
from tests.factories import actor, make_partner, make_plan, make_user
owner = make_user("owner")
partner = make_partner(owners=(owner,))
plan, other = make_plan(owner, partner, external_reference="same"), make_plan(owner, partner)
for verb in (lambda: create_plan(actor(owner), partner_slug=partner.slug, fields=SAME),
             lambda: edit_plan(actor(owner), other.pk, fields={"external_reference": "same"})):
    try:
        verb()
    except Refused as refusal:
        print(refusal.codes)
delete_plan(actor(owner), plan.pk)
print(CoveragePlan.objects.count(), Author.objects.count())
"""
SAME = {"name": "n", **dict.fromkeys(("gate_type", "system_scope", "authority_context"), "x"), "external_reference": "same"}


def test_on_sqlite_a_repeated_reference_is_named_and_a_plan_is_deleted(sqlite_installation):
    done = sqlite_installation.manage("shell", "--verbosity", "0", "-c", SQLITE)
    assert done.stdout.splitlines() == ["['duplicate_reference']", "['duplicate_reference']", "1 1"], done.stderr


@pytest.mark.parametrize("state", ["rejected", "", "APPROVED"])
def test_an_unknown_state_of_a_plan_or_move_is_refused(plan, state):
    fails(lambda: CoveragePlan.objects.update(state=state))
    fails(lambda: ExpansionMove.objects.update(state=state))


def test_an_unknown_role_and_a_second_membership_are_refused(plan):
    partner = Partner.objects.get()
    for fields in ({"user_id": 99, "role": "admin"}, {"user_id": partner.memberships.get().user_id, "role": "viewer"}):
        with pytest.raises(IntegrityError), transaction.atomic(using="self_service"):
            Membership.objects.create(partner=partner, username="x", **fields)

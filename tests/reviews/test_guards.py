"""The database agrees, on PostgreSQL: what the verbs would never write is refused, by raw SQL and by every way of the ORM."""

import json
import uuid

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connections, transaction

from drafts.models import ExpansionMove
from readiness.schema import GUARDED
from receipts.models import Receipt
from reviews import decisions
from reviews.models import Confirmation, Decision, DeploymentReviewRequest, Event, Packet, Vote
from tests.factories import Story, actor, confirm_all
from tests.invariants import assert_consistent, fingerprint
from tests.reviews.attacks import APPROVE, ATTACKS, KEPT, NOT_THAT_PACKET, REQUEST, WRONG, approval, copy, event, literals, put_up, stage
from tests.reviews.breaches import BREACHES, every_rule

pytestmark = pytest.mark.usefixtures("both_stores")


def run(names: dict[str, uuid.UUID], *statements: str) -> None:
    changes = Packet.objects.filter(review_request=names.get("changes")).first()
    values = literals(names, bytes(changes.body) if changes else b"", postgresql=True)
    with connections["self_service"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.replace("%", "%%").format(**values))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def fails(call) -> None:
    """The call is refused by the database, which takes back all of its statement."""
    with pytest.raises(DatabaseError), transaction.atomic(using="self_service"):
        call()


BATCHES = 8
NAMES = list(ATTACKS)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_raw_sql_is_refused(batch):
    names = stage()
    before = fingerprint()
    for name in NAMES[batch::BATCHES]:
        print(name)  # shown when it fails
        fails(lambda name=name: run(names, ATTACKS[name]))
    assert fingerprint() == before
    assert_consistent()


@pytest.mark.parametrize("word", ["TRUNCATE {}", "TRUNCATE {} CASCADE", "TRUNCATE ONLY {} RESTART IDENTITY CASCADE"])
def test_raw_truncate_is_refused(word):
    stage()
    guarded = [model._meta.db_table for model in KEPT] + [REQUEST, "drafts_expansionmove", "reviews_denial", *GUARDED]
    above = ["drafts_partner", "drafts_coverageplan", "reviews_environment"] if "CASCADE" in word else []
    for table in guarded + above:
        fails(lambda table=table: run({}, word.format(table)))


@pytest.mark.parametrize(
    "sql",
    [
        f"MERGE INTO {REQUEST} r USING (SELECT 1) s ON r.id = {{in_review}} WHEN MATCHED THEN UPDATE SET state = 'approved'",
        "MERGE INTO reviews_vote v USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
        "WITH gone AS (DELETE FROM reviews_vote RETURNING id) SELECT count(*) FROM gone",
        f"WITH done AS (UPDATE {REQUEST} SET state = 'approved' WHERE id = {{in_review}} RETURNING id) SELECT * FROM done",
        "DO $$ BEGIN EXECUTE 'DELETE FROM reviews_event'; END $$",
        "UPDATE reviews_deploymentreviewrequest r SET state = 'approved' FROM receipts_receipt x WHERE r.id = {in_review}",
        f"SET search_path = public, pg_temp; UPDATE self_service_drafts.{REQUEST} SET state = 'approved' WHERE id = {{in_review}}",
    ],
)
def test_other_words_of_postgresql_are_refused(sql):
    names = stage()
    if "$$" in sql:
        fails(lambda: connections["self_service"].cursor().execute(sql))
    else:
        fails(lambda: run(names, sql))


def test_temporary_tables_do_not_vouch_for_an_approval():
    """Found by attack: a guard whose search_path leaves pg_temp out looks there first."""
    names = stage()

    def attack():
        run(names, "CREATE TEMP TABLE receipts_receipt (LIKE self_service_drafts.receipts_receipt) ON COMMIT DROP")
        run(names, "CREATE TEMP TABLE reviews_decision (LIKE self_service_drafts.reviews_decision) ON COMMIT DROP")
        run(names, *(statement.replace('FROM "', 'FROM self_service_drafts."') for statement in approval()))

    fails(attack)


def test_no_confirmation_comes_into_a_review_that_has_begun():
    """Each kind once is a rule of its own, so this request asked for four of five."""
    story = Story(required_confirmations=["owner", "environment", "sla", "rollback"])
    review_request = story.open()
    confirm_all(story.owner, review_request, but=("support",))
    more = copy(Confirmation, "kind = 'sla'", id="gen_random_uuid()", kind="'support'")
    with transaction.atomic(using="self_service"):
        run({}, more)
        transaction.set_rollback(True, using="self_service")
    decisions.request_review(actor(story.owner), review_request.pk)
    fails(lambda: run({}, more))


def test_rows_of_a_table_that_inherits_vouch_for_nothing():
    """The owner of a table can hang another below it, without any trigger; what is read with ONLY does not see it."""
    names = stage()

    def attack():
        run(names, "CREATE TEMP TABLE fake () INHERITS (self_service_drafts.receipts_receipt) ON COMMIT DROP")
        vote, receipt, *rest = approval()
        run(names, vote, receipt.replace('INTO "receipts_receipt"', "INTO fake"), *rest)

    fails(attack)


def test_a_function_in_a_schema_before_the_others_calls_no_two_rows_equal():
    """The guards of rows with columns that may change compare them by functions of PostgreSQL, whatever a session looks into first."""
    stage()

    def attack():
        with connections["self_service"].cursor() as cursor:
            cursor.execute("CREATE SCHEMA evil")
            cursor.execute("CREATE FUNCTION evil.to_jsonb(record) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$")
            cursor.execute("SET LOCAL search_path = evil, self_service_drafts, pg_catalog")
            cursor.execute("UPDATE drafts_expansionmove SET authority_context = 'other'")

    fails(attack)


@pytest.mark.parametrize("batch", range(3))
def test_approved_needs_its_receipt_and_its_decision(batch):
    names = stage()
    for wrong in list(WRONG)[batch::3]:
        print(wrong)  # shown when it fails
        fails(lambda wrong=wrong: run(names, *approval(WRONG[wrong])))


def test_approved_by_raw_sql_with_all_that_it_takes_is_the_one_way():
    """The control: the attacks above fail for the reason that they name."""
    names = stage()
    run(names, *approval())
    assert DeploymentReviewRequest.objects.get(pk=names["in_review"]).state == "approved"


def test_a_revision_needs_its_own_packet():
    names = stage()
    for change in NOT_THAT_PACKET:
        print(change)
        fails(lambda change=change: run(names, *NOT_THAT_PACKET[change]))
    run(names, *put_up())


def test_each_rule_of_a_guard_says_its_own_sentence():
    names = stage()
    before = fingerprint()
    for rule, ways in BREACHES.items():
        for statements in ways:
            print(*rule)  # shown when it fails
            with pytest.raises(IntegrityError, match=f"^{rule[2]}"), transaction.atomic(using="self_service"):
                run(names, *statements)
    assert fingerprint() == before
    assert_consistent()


def test_every_rule_of_every_guard_has_its_breach():
    assert set(BREACHES) == every_rule(postgresql=True)


def test_states_of_moves_and_counts_of_denials_may_change():
    """The control for the columns that the guards leave open."""
    names = stage()
    run(names, "UPDATE drafts_expansionmove SET state = 'draft', review_until = NULL, approved_until = NULL")
    run(names, "UPDATE reviews_denial SET count = count + 1, last_at = now()")


# --- the ORM's ways around a verb -------------------------------------------------------------------------------------------------


def in_review() -> DeploymentReviewRequest:
    return DeploymentReviewRequest.objects.get(pk=stage()["in_review"])


def test_queryset_update_of_a_state_is_refused():
    pk = in_review().pk
    for state in ("approved", "revoked"):
        fails(lambda state=state: DeploymentReviewRequest.objects.filter(pk=pk).update(state=state))
    fails(lambda: DeploymentReviewRequest.objects.update(digest="0" * 64))
    fails(lambda: DeploymentReviewRequest.objects.filter(pk=pk).update(production_write=True))


def test_bulk_update_of_a_state_is_refused():
    review_request = in_review()
    review_request.__dict__["state"] = "approved"
    fails(lambda: DeploymentReviewRequest.objects.bulk_update([review_request], ["state"]))


def test_a_state_set_behind_the_protection_is_refused():
    review_request = in_review()
    review_request.__dict__["state"] = "approved"
    fails(lambda: review_request.save())
    fails(lambda: review_request.save(update_fields=["state"]))
    fails(lambda: review_request.save_base(raw=True))


def test_a_deferred_instance_cannot_carry_another_state():
    """facts.md: the protection of the state field does not stop an assignment on a deferred instance."""
    pk = in_review().pk
    deferred = DeploymentReviewRequest.objects.only("pk").get(pk=pk)
    deferred.state = "approved"
    fails(lambda: deferred.save(update_fields=["state"]))


def test_a_transition_called_without_its_verb_is_refused():
    review_request = in_review()
    review_request.approve()
    fails(lambda: review_request.save())


@pytest.mark.parametrize("state", ["review_requested", "changes_requested", "approved", "rejected", "expired", "revoked"])
def test_a_request_is_not_created_in_another_state(state):
    old = DeploymentReviewRequest.objects.get(pk=stage()["changes"])
    values = {"plan": old.plan, "partner": old.partner, "environment": old.environment, "opened_by_id": 1, "opened_by": "x"}
    values |= {"expires_at": old.expires_at}
    made = DeploymentReviewRequest(**values, state=state)
    fails(lambda: DeploymentReviewRequest.objects.create(**values, state=state))
    fails(lambda: DeploymentReviewRequest.objects.bulk_create([made]))
    fails(lambda: DeploymentReviewRequest.objects.update_or_create(pk=old.pk, defaults={"revision": 5, "digest": "0" * 64}))


def test_an_upsert_of_the_orm_is_refused():
    review_request = in_review()
    review_request.__dict__["state"] = "approved"
    fails(
        lambda: DeploymentReviewRequest.objects.bulk_create(
            [review_request], update_conflicts=True, update_fields=["state"], unique_fields=["id"]
        )
    )


@pytest.mark.parametrize("model", KEPT + [ExpansionMove])
def test_rows_that_are_kept_refuse_every_way_of_the_orm(model):
    stage()
    row = model.objects.first()
    column = {ExpansionMove: "authority_context"}.get(model, model._meta.concrete_fields[-1].attname)
    fails(lambda: row.save(force_update=True) if model is not ExpansionMove else model.objects.update(authority_context="x"))
    fails(lambda: model.objects.update(**{column: getattr(row, column)} if model is not ExpansionMove else {column: "other"}))
    fails(lambda: row.delete())
    fails(lambda: model.objects.all().delete())
    fails(lambda: model.objects.all()._raw_delete("self_service"))
    if model is not ExpansionMove:
        fails(lambda: model.objects.bulk_update([row], [column]) if column != "id" else row.save(force_update=True))


@pytest.mark.parametrize("model", [DeploymentReviewRequest, Vote, Event, Decision, Packet, Receipt])
def test_loaddata_does_not_overwrite(model, tmp_path):
    stage()
    row = model.objects.first()
    (written,) = json.loads(serializers.serialize("json", [row]))
    change = {
        DeploymentReviewRequest: {"state": "revoked"},
        Vote: {"username": "x"},
        Event: {"actor": "x"},
        Decision: {"conditions": ["x"]},
        Packet: {"moves_count": 7},
        Receipt: {"kid": "x" * 43},
    }[model]
    if model is DeploymentReviewRequest:
        row = model.objects.as_of_now().get(state_now="review_requested", environment__slug="staging")
        (written,) = json.loads(serializers.serialize("json", [row]))
    written["fields"] |= change
    path = tmp_path / "attack.json"
    path.write_text(json.dumps([written]))
    fails(lambda: call_command("loaddata", str(path), database="self_service", verbosity=0))


def test_loaddata_does_not_insert_an_approved_request(tmp_path):
    row = DeploymentReviewRequest.objects.get(pk=stage()["approved"])
    (written,) = json.loads(serializers.serialize("json", [row]))
    written["pk"] = str(uuid.uuid4())
    path = tmp_path / "attack.json"
    path.write_text(json.dumps([written]))
    fails(lambda: call_command("loaddata", str(path), database="self_service", verbosity=0))


def test_a_second_open_request_is_refused_by_constraint():
    old = DeploymentReviewRequest.objects.get(pk=stage()["draft"])
    with pytest.raises(IntegrityError, match="one_open_request"), transaction.atomic(using="self_service"):
        DeploymentReviewRequest.objects.create(
            plan=old.plan, partner=old.partner, environment=old.environment, opened_by_id=1, opened_by="x"
        )


def test_the_sentence_of_a_guard_names_what_is_wrong():
    names = stage()
    with pytest.raises(IntegrityError, match="approved needs its decision and its receipt"), transaction.atomic(using="self_service"):
        run(names, event("in_review", "review_requested", "approved"), APPROVE)
    with pytest.raises(IntegrityError, match="a vote quotes the packet under review"), transaction.atomic(using="self_service"):
        run(
            names,
            "DROP TRIGGER reviews_vote_guard_insert ON reviews_vote",
            copy(Vote, "review_request_id = {in_review}", id="{new}", user_id="99", revision="2"),
        )

"""Each way to disagree is found, with what to do; an untouched installation agrees; looking changes nothing. On both back ends."""

import ast
import base64
import json
import re
from contextlib import nullcontext

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from access.models import User
from config.snapshot import snapshot
from drafts.models import CoveragePlan, ExpansionMove, Partner
from readiness import reconcile
from readiness.remedies import REMEDIES
from receipts import log, status
from receipts.keys import register_key
from receipts.models import Use
from receipts.signing import log_signer
from reviews import decisions, mentions
from reviews.models import DeploymentReviewRequest
from tests.clock import lapse
from tests.conftest import PROJECT, run_manage
from tests.factories import Story, actor, make_plan
from tests.readiness.disagreements import DISAGREEMENTS, agreed, codes, codes_after, looked, unfound

KEY = base64.b64encode(bytes(range(32))).decode()
LOG_KEY = base64.b64encode(bytes(range(1, 33))).decode()
IN_ONE_PROCESS = """
import json
from tests.readiness.disagreements import agreed, codes, unfound
ids = agreed()
print(json.dumps([sorted(codes()), unfound(ids), sorted(codes())]))
"""
# Only a checkpoint from outside can show these; each has a test of its own.
FROM_OUTSIDE = {"checkpoint_invalid", "checkpoint_differs", "checkpoint_ahead"}
LOOKING = ("reviews/history.py", "reviews/frozen.py", "reviews/revoked.py", "reviews/standing.py", "reviews/logged.py")
LOOKING += ("receipts/log_check.py", "receipts/status_check.py", "readiness/people_check.py", "readiness/reconcile.py")


@pytest.fixture
def ids(both_stores):
    return agreed()


def test_an_untouched_installation_agrees(ids):
    report = looked()
    assert [each.code for each in report.mismatches] == []
    assert report.notes == []
    assert report.checked["review_requests"] == 12
    assert report.checked["leaves"] >= 8


def test_each_disagreement_is_found_and_taken_back(ids):
    assert unfound(ids) == {}
    assert codes() == set()


def test_each_disagreement_is_found_on_sqlite_too(sqlite_installation):
    env = sqlite_installation.env | {"RECEIPT_SIGNING_KEY": KEY}
    # Half a hundred looks at everything: on a busy machine that is more than the usual two minutes.
    done = run_manage("shell", "--verbosity", "0", "-c", IN_ONE_PROCESS, env=env, timeout=900)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[], {}, []]


def test_each_word_has_a_remedy_and_a_way_to_come_to_it():
    assert set(DISAGREEMENTS) | FROM_OUTSIDE == set(REMEDIES)
    assert words_of_the_code() == set(REMEDIES)


def words_of_the_code() -> set[str]:
    """The stable words among the texts of the modules that look: in findings, and nowhere else of that form."""
    found = set()
    for path in LOOKING:
        for node in ast.walk(ast.parse((PROJECT / path).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in REMEDIES:
                found.add(node.value)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Finding", "story.at_fault", "self.at_fault"):
                found |= {
                    arg.value for arg in node.args if isinstance(arg, ast.Constant) and re.fullmatch(r"[a-z]+(_[a-z]+)+", str(arg.value))
                }
    return found


def test_each_remedy_is_told_to_operators():
    page = (PROJECT / "docs" / "operations.md").read_text()
    assert [word for word in REMEDIES if f"`{word}`" not in page] == []


# --- people ---------------------------------------------------------------------------------------------------------------------------


def test_every_column_that_names_a_person_is_looked_at():
    """A column for a person that is added later is among them by itself; this is the list as it is."""
    found = {f"{model.__name__}.{user_id}": username for model, user_id, username in mentions.columns()}
    assert found == {
        "Membership.user_id": "username", "Author.user_id": "username", "KeptAnswer.user_id": "",
        "ReviewPolicy.proposed_by_id": "proposed_by",
        "PolicyOutcome.settled_by_id": "settled_by", "DeploymentReviewRequest.opened_by_id": "opened_by",
        "DeploymentReviewRequest.requested_by_id": "requested_by", "Confirmation.confirmed_by_id": "confirmed_by",
        "Confirmation.named_id": "named", "Vote.user_id": "username", "Event.actor_id": "actor", "FreezeWindow.frozen_by_id": "frozen_by",
        "FreezeEnd.ended_by_id": "ended_by", "StagingValidation.handed_in_by_id": "handed_in_by", "Denial.actor_id": "actor",
        "WebhookEndpoint.created_by_id": "created_by", "OutboxMessage.recipient_id": "recipient",
    }  # fmt: skip


def primary(statement: str, *values: object) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, values)


def test_people_who_are_gone_or_renamed_are_notes_while_they_hold_nothing(ids):
    primary("UPDATE access_user SET username = 'renamed' WHERE username = 'release'")
    primary("DELETE FROM access_user_groups WHERE user_id = (SELECT id FROM access_user WHERE username = 'security')")
    primary("DELETE FROM access_user WHERE username = 'security'")
    report = looked()
    assert [each.code for each in report.mismatches] == []
    assert [note.split(";")[0] for note in report.notes] == [
        "1 people of the record have no account any more",
        "1 people of the record have another name by now",
    ]


def test_a_primary_that_forgot_its_newest_people_is_older(ids):
    primary("SELECT setval(pg_get_serial_sequence('access_user', 'id'), 3)")
    report = looked()
    assert {each.code for each in report.mismatches} == {"user_id_ahead"}
    assert "older than the draft store" in report.mismatches[0].remedy


def test_groups_that_no_event_gave_are_found(ids):
    primary("INSERT INTO access_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = 'security'", ids["member"])
    found = looked().mismatches
    assert [(each.code, each.where) for each in found] == [("groups_differ", f"user {ids['member']}")]
    assert found[0].detail == "member is in readers, security, and by the record in readers."


# --- plans ----------------------------------------------------------------------------------------------------------------------------


def test_what_lapsed_by_itself_is_no_mismatch(both_stores):
    story = Story()
    review_request = story.approved()
    lapse(review_request)
    assert codes() & {"plan_state_differs", "move_state_differs", "states_differ"} == set()


def test_a_plan_that_its_owner_expanded_is_no_mismatch(both_stores):
    story = Story()
    story.approved()
    decisions.expand(actor(story.owner), story.plan.pk)
    assert CoveragePlan.objects.get().state == "draft"
    assert "plan_state_differs" not in codes()


def test_plans_without_a_standing_request_are_not_looked_at_one_by_one(ids):
    assert looked().checked["plans_in_question"] < CoveragePlan.objects.count()


# --- keys and status ------------------------------------------------------------------------------------------------------------------


def test_what_waits_for_the_key_is_a_note(both_stores, settings):
    story = Story()
    review_request = story.approved()
    settings.RECEIPT_SIGNING_KEY = ""
    decisions.revoke(actor(story.owner), review_request.pk, comment="stop")
    report = looked()
    assert {each.code for each in report.mismatches} <= {"groups_differ", "membership_differs"}
    assert report.notes == ["Something is revoked that no signed status says yet; run `manage.py sign_pending` where the key is."]


# --- checkpoints kept outside -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkpoint(both_stores, settings):
    """Text of a checkpoint of the log as it is, by the log's own key."""
    settings.LOG_SIGNING_KEY = LOG_KEY
    agreed()
    register_key(log_signer(), use=Use.LOG)
    assert log.sign_checkpoint()
    return log.head().note


def against(text: str) -> list[str]:
    return [each.code for each in reconcile.compare({"copy": text}, progress=print, moment=nullcontext).mismatches]


def test_a_checkpoint_of_now_and_of_before_agree(checkpoint):
    assert against(checkpoint) == []
    story_goes_on()
    assert against(checkpoint) == []


def story_goes_on() -> None:
    approved = DeploymentReviewRequest.objects.as_of_now().filter(state_now="approved").first()
    decisions.revoke(actor(User.objects.get(username="operator")), approved.pk, comment="stop")


def test_a_checkpoint_of_later_says_that_the_store_is_older(checkpoint):
    with transaction.atomic(using="self_service"):
        story_goes_on()
        log.sign_checkpoint()
        later = log.head().note
        transaction.set_rollback(True, using="self_service")
    assert against(later) == ["checkpoint_ahead"]


def test_a_checkpoint_of_another_history_differs(checkpoint):
    with transaction.atomic(using="self_service"):
        story_goes_on()
        log.sign_checkpoint()
        other = log.head().note
        transaction.set_rollback(True, using="self_service")
    for _ in range(2):
        status.publish()
    assert "checkpoint_differs" in against(other)


def test_a_text_that_no_key_signed_is_no_checkpoint(checkpoint):
    assert against(checkpoint.replace("\n\n", "\n\n—", 1)) == ["checkpoint_invalid"]


# --- one moment, for reading ------------------------------------------------------------------------------------------------------------


def test_a_snapshot_writes_nothing_and_stands_still(both_stores_committed):
    story = Story()
    with snapshot("self_service"):
        before = ExpansionMove.objects.count()
        with pytest.raises(DatabaseError, match="read-only"):
            CoveragePlan.objects.update(archived=True)
    assert ExpansionMove.objects.count() == before
    assert CoveragePlan.objects.get(pk=story.plan.pk).archived is False


def test_a_snapshot_on_sqlite_writes_nothing_and_keeps_nobody_out(sqlite_installation):
    done = sqlite_installation.manage("shell", "--verbosity", "0", "-c", SQLITE_SNAPSHOT.format(path=sqlite_installation.store))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "attempt to write a readonly database 0 0 1"


SQLITE_SNAPSHOT = """
import sqlite3
from django.db import DatabaseError
from access.models import User
from config.snapshot import snapshot
from drafts.models import Partner
with snapshot("self_service"):
    seen = Partner.objects.count()
    try:
        Partner.objects.create(slug="mine", name="mine")
    except DatabaseError as error:
        said = str(error)
    other = sqlite3.connect("{path}", timeout=1)
    other.execute("INSERT INTO drafts_partner (id, slug, name, demo) VALUES ('1', 'theirs', 'theirs', 0)")
    other.commit()
    inside = Partner.objects.count()
print(said, seen, inside, Partner.objects.count())
"""


def test_a_snapshot_begins_outside_every_transaction(both_stores):
    with pytest.raises(TransactionManagementError), snapshot("self_service"):
        pass


# --- the command ------------------------------------------------------------------------------------------------------------------------


def reconciled(*arguments: str, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile", *arguments)
    return ended.value.code, capsys.readouterr().out


def test_command_says_agree_and_ends_with_0(both_stores_committed, capsys):
    agreed()
    ended, said = reconciled(capsys=capsys)
    assert (ended, said.splitlines()[-1].endswith("checked, 0 mismatches.")) == (0, True)
    ended, said = reconciled("--json", capsys=capsys)
    assert (ended, json.loads(said)["agree"], json.loads(said)["mismatches"]) == (0, True, [])


def test_command_lists_what_differs_with_what_to_do_and_ends_with_1(both_stores_committed, capsys):
    agreed()
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE reviews_vote SET digest = repeat('0', 64)")
        cursor.execute("SET session_replication_role = origin")
    ended, said = reconciled(capsys=capsys)
    assert ended == 1
    assert "vote_on_another" in said
    assert REMEDIES["vote_on_another"] in said
    ended, said = reconciled("--json", capsys=capsys)
    found = json.loads(said)
    assert (ended, found["agree"]) == (1, False)
    assert set(found["mismatches"][0]) == {"area", "where", "code", "detail", "remedy"}


def test_command_changes_nothing(sqlite_installation):
    files = (sqlite_installation.primary, sqlite_installation.store)
    before = [path.read_bytes() for path in files]
    done = sqlite_installation.manage("reconcile")
    assert done.returncode == 0, done.stderr
    assert [path.read_bytes() for path in files] == before


def test_command_knows_wrong_usage(sqlite_installation, tmp_path):
    assert sqlite_installation.manage("reconcile", "--checkpoint", str(tmp_path / "none")).returncode == 2
    assert sqlite_installation.manage("reconcile", "--everything").returncode == 2


@pytest.mark.parametrize("variable", ["SELF_SERVICE_DATABASE_URL", "DATABASE_URL"])
def test_command_cannot_tell_without_either_database(sqlite_installation, tmp_path, variable):
    done = sqlite_installation.manage("reconcile", "--json", **{variable: f"sqlite:///{tmp_path}/none/there.sqlite3"})
    assert (done.returncode, json.loads(done.stdout)["agree"]) == (3, None), done.stderr


def test_command_cannot_tell_of_tables_that_are_not_there(sqlite_installation, tmp_path):
    done = sqlite_installation.manage("reconcile", SELF_SERVICE_DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert done.returncode == 3


def test_statements_do_not_grow_with_each_request_of_a_batch(ids):
    def statements() -> int:
        with CaptureQueriesContext(connections["self_service"]) as asked:
            assert codes() == set()
        return len(asked)

    before, owner = statements(), User.objects.get(username="owner")
    for _ in range(3):
        plan = make_plan(owner, Partner.objects.get(slug="northstar_controls"))
        decisions.open_request(actor(owner), plan_id=plan.pk, environment_slug="staging")
    assert statements() <= before


def test_one_disagreement_alone_is_told_alone(ids):
    assert codes_after("vote_on_another", ids) == {"vote_on_another", "votes_differ"}

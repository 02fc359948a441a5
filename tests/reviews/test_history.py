"""L02: what somebody who owns the database does to the record is found, and an untouched record is clean; on both back ends."""

import base64
import json
from functools import partial

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction

from reviews import decisions, history
from reviews.models import Chain, DeploymentReviewRequest, Event
from reviews.organisation import COMMAND_LINE, set_environment
from reviews.record import event_sha256
from tests.barrier import at_once, won
from tests.factories import Story, actor
from tests.reviews.tampering import TAMPERINGS, all_findings, findings_after, staged, unfound

KEY = base64.b64encode(bytes(range(32))).decode()
IN_ONE_PROCESS = """
import json
from tests.reviews.tampering import all_findings, staged, unfound
ids = staged()
print(json.dumps([all_findings(), unfound(ids)]))
"""


@pytest.fixture
def ids(both_stores):
    return staged()


def test_an_untouched_record_is_clean(ids):
    assert all_findings() == []


def test_L02_tampering_is_found_where_it_is(ids):
    assert unfound(ids) == []
    assert all_findings() == []


def test_L02_tampering_is_found_on_sqlite_too(sqlite_installation):
    done = sqlite_installation.manage("shell", "--verbosity", "0", "-c", IN_ONE_PROCESS, RECEIPT_SIGNING_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[], []]


def test_findings_name_the_request(ids):
    statements, _ = TAMPERINGS["a comment"]
    assert {chain for _, _, chain in findings_after(statements, ids)} == {str(ids["approved"])}


# --- the database counts --------------------------------------------------------------------------------------------------------------


def test_L02_counts_go_upwards_only(both_stores):
    story = Story()
    review_request = story.in_review()
    set_environment(COMMAND_LINE, "canary", name="Canary", protected=False)
    assert DeploymentReviewRequest.objects.get(pk=review_request.pk).event_count == review_request.events.count() == 7
    assert Chain.objects.get().events == 1
    for statement in (
        "UPDATE reviews_deploymentreviewrequest SET event_count = event_count - 1",
        "UPDATE reviews_chain SET events = events - 1",
        "UPDATE reviews_chain SET name = 'other'",
        "DELETE FROM reviews_chain",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(using="self_service"), connections["self_service"].cursor() as cursor:
            cursor.execute(statement)


# --- records from before ----------------------------------------------------------------------------------------------------------------


def test_events_from_before_there_were_roles_still_verify(both_stores):
    story = Story()
    review_request = story.open()
    event = review_request.events.get()
    event.role = ""
    event.sha256 = event_sha256(event)
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reviews_event SET role = '', sha256 = %s", [event.sha256])
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert all_findings() == []
    decisions.edit_subject(actor(story.owner), review_request.pk, subject=[])
    assert all_findings() == []


def test_events_from_before_the_organisation_had_a_chain_are_anchored(both_stores):
    """Each of them was number 1 and quoted nothing; from the next event on none of them can go."""
    for name in ("One", "Two", "Three"):
        event = Event(number=1, at=history_time(), verb="set_environment", actor="command line", channel="command", detail={"name": name})
        event.sha256 = event_sha256(event)
        event.save(force_insert=True)
    set_environment(COMMAND_LINE, "canary", name="Canary", protected=False)
    set_environment(COMMAND_LINE, "canary", name="Again", protected=False)
    assert [event.number for event in Event.objects.filter(review_request=None)] == [1, 1, 1, 2, 3]
    assert history.organisation_findings() == []
    gone = "DELETE FROM reviews_event WHERE id = (SELECT id FROM reviews_event WHERE number = 1 LIMIT 1)"
    assert ("chain_broken", 2, "organisation") in findings_after([gone], {})


def history_time():
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def test_organisation_events_written_at_once_are_one_chain(both_stores_committed):
    def change(number: int) -> None:
        for turn in range(6):
            set_environment(COMMAND_LINE, f"place{number}", name=f"Place {number} {turn}", protected=False)

    assert won(at_once(*(partial(change, number) for number in range(4)))) == [None] * 4
    assert list(Event.objects.filter(review_request=None).order_by("number").values_list("number", flat=True)) == list(range(1, 25))
    assert history.organisation_findings() == []


# --- the command ------------------------------------------------------------------------------------------------------------------------


def verify(*arguments: str, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        call_command("verify_history", *arguments)
    return ended.value.code, capsys.readouterr().out


def test_command_says_clean_and_ends_with_0(both_stores, capsys):
    review_request = Story().approved()
    assert verify(capsys=capsys) == (0, "1 review requests checked, 0 findings.\n")
    assert verify(str(review_request.pk), "--json", capsys=capsys) == (0, '{"checked": 1, "findings": []}\n')


def test_command_says_what_and_where_and_ends_with_1(both_stores, capsys):
    review_request = Story().approved()
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM reviews_event WHERE number = 4")
    status, said = verify("--json", capsys=capsys)
    first = json.loads(said)["findings"][0]
    assert (status, first["chain"], first["number"], first["code"]) == (1, str(review_request.pk), 4, "event_missing")
    assert verify(str(review_request.pk), capsys=capsys)[0] == 1


def test_command_cannot_tell_without_the_draft_store(sqlite_installation, tmp_path):
    nowhere = {"SELF_SERVICE_DATABASE_URL": f"sqlite:///{tmp_path}/none/there.sqlite3"}
    for command in ("verify_history", "expire"):
        done = sqlite_installation.manage(command, "--json", **nowhere)
        assert done.returncode == 3, (done.stdout, done.stderr)


def test_command_knows_no_other_request(sqlite_installation):
    done = sqlite_installation.manage("verify_history", "00000000-0000-0000-0000-000000000000")
    assert done.returncode == 2

"""The history of verdicts: recorded when it changes and only then, with its cause; shown as a strip and a table that say the same."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.db import DatabaseError, OperationalError, transaction

from readiness import aside, history
from readiness.gate import readiness
from readiness.models import VerdictChange
from tests.barrier import at_once, won
from tests.conftest import run_manage
from tests.factories import Story
from tests.invariants import fingerprint
from tests.pages import SCRIPT, text_of

both_stores = pytest.mark.usefixtures("both_stores")
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def story():
    return Story()


# --- recording --------------------------------------------------------------------------------------------------------------------


@both_stores
def test_first_verdict_is_recorded_and_the_same_one_is_not(story):
    first = history.record(readiness())

    assert (first.number, first.status, first.was, first.standing, first.cause) == (1, "ready_for_review", "", {}, [])
    assert abs((VerdictChange.objects.get().at - datetime.now(UTC)).total_seconds()) < 60
    assert (history.record(readiness()), VerdictChange.objects.count()) == (None, 1)


@both_stores
def test_change_is_recorded_with_its_cause_and_its_end_too(story):
    history.record(readiness())
    story.security.groups.clear()

    second = history.record(readiness())
    story.security.groups.set(story.release.groups.model.objects.filter(name="security"))
    third = history.record(readiness())

    assert (second.number, second.was, second.status, second.standing) == (
        2, "ready_for_review", "blocked", {"policies_fillable": "block"},
    )  # fmt: skip
    (cause,) = second.cause
    assert (cause["check"], cause["was"], cause["now"]) == ("policies_fillable", "clear", "block")
    assert "Nobody could approve for production" in cause["evidence"]
    assert (third.status, third.standing, third.cause[0]["was"], third.cause[0]["now"]) == ("ready_for_review", {}, "block", "clear")


def changed(found, **results: str):
    """The verdict with some checks' results changed, and the status that follows."""
    findings = tuple(replace(each, result=results.get(each.id, each.result)) for each in found.findings)
    standing = {str(each.result) for each in findings}
    status = "blocked" if "block" in standing else "unknown" if "unknown" in standing else "ready_for_review"
    return replace(found, findings=findings, status=status)


@both_stores
def test_same_status_for_another_reason_is_a_change(story):
    found = readiness()
    for results, recorded in (
        ({"writable": "block"}, True),
        ({"writable": "block"}, False),
        ({"writable": "block", "side_doors": "warn"}, False),
        ({"clocks_agree": "block"}, True),
        ({"clocks_agree": "block", "writable": "unknown"}, True),
        ({"clocks_agree": "unknown"}, True),
        ({}, True),
    ):
        assert (history.record(changed(found, **results)) is not None) is recorded, results
    newest = VerdictChange.objects.first()
    assert [(cause["check"], cause["was"], cause["now"]) for cause in newest.cause] == [("clocks_agree", "unknown", "clear")]


@both_stores
def test_check_that_is_no_longer_there_is_named_by_its_id(story):
    VerdictChange.objects.create(number=1, status="blocked", standing={"gone": "block"}, cause=[])

    (cause,) = history.record(readiness()).cause

    assert (cause["title"], cause["evidence"]) == ("gone", "The check is no longer there.")


@pytest.mark.usefixtures("both_stores_committed")
def test_R06_two_at_once_record_one_change():
    found = readiness()

    answers = won(at_once(*[lambda: history.record(found)] * 6))

    assert VerdictChange.objects.count() == 1
    assert len([answer for answer in answers if answer]) == 1


@both_stores
def test_rows_stay_as_they_were_written(story):
    history.record(readiness())
    before = fingerprint()
    for call in (
        lambda: VerdictChange.objects.update(status="blocked"),
        lambda: VerdictChange.objects.all().delete(),
        lambda: VerdictChange.objects.create(number=2, status="fine", standing={}, cause=[]),
    ):
        with pytest.raises(DatabaseError), transaction.atomic(using="self_service"):
            call()
    assert fingerprint() == before


# --- the command ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def installed(sqlite_installation, tmp_path):
    env = sqlite_installation.env | {"RECEIPT_SIGNING_KEY_FILE": str(tmp_path / "key.pem")}
    assert run_manage("keys", "create", env=env).returncode == 0
    return env


def record(env, *arguments):
    return run_manage("readiness", "--record", *arguments, env=env)


def test_command_records_changes_and_keeps_output_and_exit_status(installed):
    plain = run_manage("readiness", "--json", env=installed)

    first, second = record(installed, "--json"), record(installed, "--json")
    blocked = record(installed | {"RECEIPT_SIGNING_KEY_FILE": "", "RECEIPT_SIGNING_KEY": "eHh4"}, "--json")

    assert (first.stdout, first.returncode, second.stdout) == (plain.stdout, plain.returncode, plain.stdout)
    assert ("Recorded as change 1." in first.stderr, "Nothing has changed since the last record." in second.stderr) == (True, True)
    assert (blocked.returncode, "Recorded as change 2." in blocked.stderr) == (1, True)


def test_without_the_option_nothing_is_recorded(installed):
    run_manage("readiness", env=installed)

    assert "Recorded as change 1." in record(installed).stderr


def test_store_that_is_away_or_not_migrated_records_nothing_and_says_so(installed, tmp_path):
    away = installed | {"SELF_SERVICE_DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/nowhere"}
    empty = installed | {"SELF_SERVICE_DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}

    for env, status in ((away, 3), (empty, 1)):
        done = record(env)
        assert (done.returncode, "The verdict could not be recorded" in done.stderr) == (status, True), done.stderr
        assert "Traceback" not in done.stderr


# --- the page ---------------------------------------------------------------------------------------------------------------------


@both_stores
def test_page_says_that_nothing_was_recorded_yet(client):
    assert "No verdict has been recorded yet; manage.py readiness --record does it" in text_of(client.get("/self-service/readiness"))


@both_stores
def test_strip_and_table_show_the_same_facts(story, client):
    history.record(readiness())
    story.security.groups.clear()
    history.record(readiness())

    answer = client.get("/self-service/readiness")

    page = answer.content.decode()
    strip = re.search(r'<svg class="strip".*?</svg>', page, re.DOTALL)[0]
    shown = re.findall(r'class="strip-(\w+)".*?<title>(.*?) since (.*?) UTC</title>', strip, re.DOTALL)
    rows = re.findall(r"<td><time [^>]*>(.*?) UTC</time></td><td><strong class=\"state state-(\w+)\">(.*?)</strong>", page)
    assert [(word, since, status) for status, word, since in shown] == [(word, since, status) for since, status, word in rows[::-1]]
    assert [status for _, status, _ in rows] == ["blocked", "ready_for_review"]
    assert "Every protected environment has a policy that people can satisfy: clear before, blocks now." in text_of(answer)
    assert "First record: nothing stood in the way" in text_of(answer)


@both_stores
def test_strip_needs_no_inline_style_or_script(story, client):
    history.record(readiness())

    page = client.get("/self-service/readiness").content.decode()

    assert re.findall(r"\sstyle=|<style|<script|\son\w+=", page) == []


@both_stores
def test_H06_script_in_a_cause_stays_text(client):
    cause = {"check": "x", "title": SCRIPT, "was": "clear", "now": "block", "evidence": SCRIPT}
    VerdictChange.objects.create(number=1, status="blocked", standing={"x": "block"}, cause=[cause])

    page = client.get("/self-service/readiness").content.decode()

    assert (SCRIPT in page, html.escape(SCRIPT) in page) == (False, True)


@both_stores
def test_only_the_newest_are_read(story, client, django_assert_num_queries):
    for number in range(1, 31):
        VerdictChange.objects.create(number=number, status="blocked", standing={}, cause=[])

    with django_assert_num_queries(2, using="self_service"):
        found = history.recent()

    assert [change.number for change in found.changes] == list(range(30, 10, -1))


@both_stores
def test_page_renders_when_the_history_cannot_be_read(client, monkeypatch):
    def fail():
        raise OperationalError("gone")

    monkeypatch.setattr(history, "recent", fail)

    assert "The history cannot be read right now." in text_of(client.get("/self-service/readiness"))


# --- the strip's geometry, and reading beside -------------------------------------------------------------------------------------


def at(*minutes: float, statuses=("ready_for_review", "blocked", "unknown")) -> list[VerdictChange]:
    return [
        VerdictChange(number=number, status=statuses[number % 3], at=START + timedelta(minutes=offset))
        for number, offset in enumerate(minutes)
    ]


def test_segments_are_as_wide_as_their_verdict_lasted():
    found = history.segments(at(0, 30), START + timedelta(minutes=120))

    spare = history.WIDTH - 2 * history.NARROWEST
    assert [segment.width for segment in found] == [history.NARROWEST + spare // 4, history.NARROWEST + spare * 3 // 4]
    assert [segment.x for segment in found] == [0, found[0].width]
    assert sum(segment.width for segment in found) <= history.WIDTH


@pytest.mark.parametrize("minutes", [(0,), (0, 0.001, 60), (0, 0, 0), tuple(range(20)), (5, 3)])
def test_segments_fill_the_strip_and_none_vanishes(minutes):
    found = history.segments(at(*minutes), START + timedelta(minutes=60))

    assert min(segment.width for segment in found) >= history.NARROWEST
    assert [segment.x for segment in found[1:]] == [segment.x + segment.width for segment in found[:-1]]
    assert found[-1].x + found[-1].width <= history.WIDTH


def test_worse_verdict_is_taller():
    heights = {segment.change.status: segment.height for segment in history.segments(at(0, 1, 2), START + timedelta(minutes=3))}

    assert heights["ready_for_review"] < heights["unknown"] < heights["blocked"] == history.HEIGHT


def test_server_does_not_wait_for_a_read_that_hangs(settings):
    settings.SERVER = True
    going_on = Event()
    try:
        collect = [aside.start(going_on.wait) for _ in range(6)]
        started = datetime.now(UTC)
        assert collect[0]() is None
        assert (datetime.now(UTC) - started).total_seconds() < 0.5
        assert [each() for each in collect[1:]] == [None] * 5
    finally:
        going_on.set()
    assert aside.start(lambda: 7)() == 7


def test_server_reads_on_a_thread_and_forgives_a_database(settings):
    def fail():
        raise OperationalError("gone")

    settings.SERVER = True

    assert (aside.start(fail)(), aside.start(lambda: "read")()) == (None, "read")

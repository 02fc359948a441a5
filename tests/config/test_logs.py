"""Lines for machines: one object each, ids and stable words, and nothing of what an exception or a client said."""

import json
import logging
import sys

import pytest
from django.db import transaction
from django.test import Client

from config import logs
from config.refusals import Refused
from drafts.coverage import create_plan
from reviews import decisions
from tests.conftest import run_manage, run_python
from tests.factories import PLAN_FIELDS, Story, actor, make_plan

CANARY = "canary-5d1f"


def line(message: str = "said", *, args: tuple = (), exc_info=None, **extra) -> dict:
    record = logging.LogRecord("readiness.test", logging.WARNING, __file__, 1, message, args, exc_info)
    record.__dict__.update(extra)
    text = logs.JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_says_when_what_and_how_grave():
    found = line("%s of %s", args=(1, 2))
    assert found.pop("at").endswith("+00:00")
    assert found == {"level": "WARNING", "logger": "readiness.test", "message": "1 of 2"}


def test_a_line_names_its_request_while_there_is_one():
    named = logs.request_id.set("abc")
    assert line()["request_id"] == "abc"
    logs.request_id.reset(named)
    assert "request_id" not in line()


def test_a_line_takes_known_members_and_no_others():
    found = line(verb="recall", outcome="done", password=CANARY, reasons=[], actor_id=7)
    assert (found["verb"], found["outcome"], found["actor_id"]) == ("recall", "done", 7)
    assert CANARY not in json.dumps(found)


def test_an_exception_is_its_type_and_its_places_and_never_its_text():
    try:
        raise ValueError(CANARY)
    except ValueError:
        found = line("it failed", exc_info=sys.exc_info())
    assert found["error"] == "ValueError"
    assert found["trace"][-1].endswith("test_an_exception_is_its_type_and_its_places_and_never_its_text")
    assert CANARY not in json.dumps(found)


@pytest.mark.parametrize("form", logs.FORMATS)
def test_H02_a_host_that_is_not_ours_leaves_one_line_without_trace_or_host(sqlite_installation, form):
    code = f"""
import django; django.setup()
from django.test import Client
print(Client(raise_request_exception=False).get("/readiness", headers={{"host": "{CANARY}.example"}}).status_code)
"""
    env = sqlite_installation.env | {"LOG_FORMAT": form, "DJANGO_SETTINGS_MODULE": "config.settings", "ALLOWED_HOSTS": "ours.example"}

    done = run_python(code, env=env)

    assert done.stdout == "400\n", done.stderr
    assert "refused: DisallowedHost" in done.stderr
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stderr


def test_a_message_stays_one_short_line():
    assert len(line('x\n{"level": "forged"}\n' * 200)["message"]) == logs.LONGEST_MESSAGE


@pytest.mark.parametrize("word", ["JSON", "text", "yes"])
def test_an_unknown_format_stops_the_start(word):
    done = run_manage("check", env={"READINESS_ENVIRONMENT": "test", "DATABASE_URL": "sqlite:////nowhere/x", "LOG_FORMAT": word})
    assert (done.returncode, done.stderr) == (1, "readiness will not start: LOG_FORMAT must be one of these words: line, json.\n")


def test_calls_and_verbs_are_told_to_machines_alone():
    levels = {form: logs.settings_of(form, "INFO")["loggers"]["readiness.calls"]["level"] for form in logs.FORMATS}
    assert levels == {"line": "WARNING", "json": "INFO"}


# --- what is told -----------------------------------------------------------------------------------------------------------------------


def listen(caplog) -> None:
    for name in ("readiness.calls", "readiness.verbs"):
        caplog.set_level(logging.INFO, name)


def told(caplog, logger: str) -> list[dict]:
    return [{name: record.__dict__.get(name) for name in logs.MEMBERS} for record in caplog.records if record.name == logger]


def test_a_verb_is_told_when_it_is_done_with_what_it_was_done_to(both_stores_committed, caplog):
    story = Story()
    listen(caplog)
    opened = story.open()
    assert [(said["verb"], said["outcome"]) for said in told(caplog, "readiness.verbs")] == [("open", "done")]
    decisions.withdraw(actor(story.owner), opened.pk, comment="no")
    last = told(caplog, "readiness.verbs")[-1]
    assert (last["verb"], last["about"], last["actor_id"]) == ("withdraw", str(opened.pk), story.owner.pk)


def test_a_verb_that_is_refused_tells_codes_and_no_words(both_stores_committed, caplog):
    story = Story()
    listen(caplog)
    with pytest.raises(Refused):
        create_plan(actor(story.viewer), partner_slug=story.partner.slug, fields=PLAN_FIELDS | {"external_reference": CANARY})
    said = told(caplog, "readiness.verbs")
    assert [(each["verb"], each["outcome"], each["actor_id"]) for each in said] == [("create_plan", "refused", story.viewer.pk)]
    assert said[0]["reasons"]
    assert CANARY not in str([record.__dict__ for record in caplog.records])


def test_what_is_taken_back_is_not_told_as_done(both_stores_committed, caplog):
    story = Story()
    listen(caplog)
    with transaction.atomic(using="self_service"):
        make_plan(story.owner, story.partner)
        transaction.set_rollback(True, using="self_service")
    assert told(caplog, "readiness.verbs") == []


def test_a_call_is_told_by_its_route_and_probes_are_not(both_stores, caplog):
    listen(caplog)
    client = Client()
    for path in ("/livez", "/protocol/v1/schema", f"/nowhere/{CANARY}", f"/protocol?x={CANARY}"):
        client.get(path)
    said = told(caplog, "readiness.calls")
    assert [(each["route"], each["status"]) for each in said] == [("protocol/v1/schema", 200), ("", 404), ("protocol", 200)]
    assert all(each["ms"] > 0 for each in said)

"""`manage.py readiness` and `check --deploy`: every form of the answer, and exit codes that never say yes on doubt."""

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

import pytest

from tests.conftest import PROJECT, run_manage, run_python

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def ready(sqlite_installation):
    """A seeded installation on two SQLite files, ready in its environment; the environment of its commands."""
    folder = sqlite_installation.primary.parent
    key = {"RECEIPT_SIGNING_KEY_FILE": str(folder / "key.pem")}
    for command in (["keys", "create"], ["seed_demo"]):
        done = sqlite_installation.manage(*command, **key)
        assert done.returncode == 0, done.stderr
    return sqlite_installation.env | key


def ask(env, *arguments, **options):
    return run_manage("readiness", *arguments, env=env, **options)


def plan_in(env, state: str) -> tuple[str, str]:
    code = (
        "from reviews.models import *; r = DeploymentReviewRequest.objects.as_of_now()"
        f".filter(state_now='{state}', environment__slug='production').first(); print(r.plan_id, r.environment.slug)"
    )
    return tuple(run_manage("shell", "-v", "0", "-c", code, env=env).stdout.split())


def test_text_names_every_check_and_the_verdict(ready):
    done = ask(ready)

    assert (done.returncode, done.stdout.strip().splitlines()[-1]) == (0, "ready_for_review")
    assert "No demo data" in done.stdout


def test_json_and_checks(ready):
    assert json.loads(ask(ready, "--json").stdout)["status"] == "ready_for_review"
    checks = json.loads(ask(ready, "--json", "--checks").stdout)["checks"]
    assert {"id", "title", "area", "result", "evidence", "remedy", "age", "cost"} <= set(checks[0])


def test_markdown_goes_to_the_step_summary_too(ready, tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")

    done = ask(ready | {"GITHUB_STEP_SUMMARY": str(summary)}, "--markdown")

    assert done.stdout.startswith("## Readiness: ready_for_review")
    assert summary.read_text() == "before\n" + done.stdout


def test_junit_counts_what_blocks(ready, tmp_path):
    ask(ready | {"READINESS_ENVIRONMENT": "production", "SECRET_KEY": "k" * 40}, "--junit", str(tmp_path / "r.xml"))

    suite = xml.parse(tmp_path / "r.xml").getroot()
    assert int(suite.get("tests")) == len(suite.findall("testcase")) > 15
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) > 0


@pytest.mark.parametrize(
    ("state", "status", "words"), [("approved", 0, "may launch"), ("review_requested", 1, "may not launch"), ("rejected", 1, "may not")]
)
def test_launch_of_a_plan(ready, state, status, words):
    plan, environment = plan_in(ready, state)

    done = ask(ready, "--plan", plan, "--environment", environment)
    as_json = json.loads(ask(ready, "--plan", plan, "--environment", environment, "--json").stdout)

    assert (done.returncode, words in done.stdout) == (status, True)
    assert as_json["may_launch"] is (status == 0)


def test_launch_needs_the_readiness_of_the_installation_too(ready):
    plan, environment = plan_in(ready, "approved")

    done = ask(ready | {"RECEIPT_SIGNING_KEY_FILE": "/nowhere"}, "--plan", plan, "--environment", environment)

    assert done.returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [["--nonsense"], ["--plan", "x"], ["--plan", NOBODY], ["--environment", "production"], ["--wait", "soon"], ["--json", "--markdown"],
     ["--plan", NOBODY, "--environment", "production"]],
)  # fmt: skip
def test_wrong_usage_is_2(ready, arguments):
    assert ask(ready, *arguments).returncode == 2


def test_wait_ends_with_the_answer_it_has(ready):
    done = ask(ready | {"RECEIPT_SIGNING_KEY_FILE": "/nowhere"}, "--wait", "2s")

    assert done.returncode == 1


def test_unmigrated_databases_are_blocked_and_say_what_to_type(tmp_path):
    env = {
        "READINESS_ENVIRONMENT": "test",
        "DATABASE_URL": f"sqlite:///{tmp_path}/p.sqlite3",
        "SELF_SERVICE_DATABASE_URL": f"sqlite:///{tmp_path}/s.sqlite3",
    }

    done = ask(env)

    assert (done.returncode, "manage.py migrate_all" in done.stdout) == (1, True)


def test_deploy_check_shows_the_same_findings_with_ids(ready):
    strict = ready | {"READINESS_ENVIRONMENT": "production", "SECRET_KEY": "k" * 40}
    checks = json.loads(ask(strict, "--json", "--checks").stdout)["checks"]

    done = run_manage("check", "--deploy", env=ready)

    assert done.returncode == 1
    for check in [check for check in checks if check["result"] == "block"]:
        assert f"(readiness.E{check['number']:03}) {check['title']}" in done.stderr


# --- never 0 on doubt -----------------------------------------------------------------------------------------------------------


def started(env, *arguments, **options) -> subprocess.Popen:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | env
    command = [sys.executable, "manage.py", "readiness", *arguments]
    return subprocess.Popen(command, cwd=PROJECT, env=clean, preexec_fn=_heeds_interrupts, **options)


def _heeds_interrupts() -> None:
    """A test run that was started in the background ignores them, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("form", [[], ["--json"], ["--json", "--checks"], ["--markdown"]])
def test_answer_that_nobody_reads_is_a_doubt(ready, form):
    read, write = os.pipe()
    os.close(read)
    try:
        process = started(ready, *form, stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)

    said = process.communicate(timeout=60)[1].decode()

    assert (process.returncode, "BrokenPipeError" in said, "Traceback" in said) == (3, True, False)


@pytest.mark.parametrize("place", ["/nowhere/at/all.xml", "/dev/full"])
def test_report_that_cannot_be_written_is_a_doubt(ready, place):
    done = ask(ready, "--junit", place)

    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (3, "", False)


def test_output_to_a_full_disk_is_a_doubt(ready):
    with open("/dev/full", "w") as full:
        process = started(ready, "--json", stdout=full, stderr=subprocess.PIPE)

    process.communicate(timeout=60)

    assert process.returncode not in (0, 1, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_while_waiting_is_no_yes(ready, number):
    process = started(ready | {"RECEIPT_SIGNING_KEY_FILE": "/nowhere"}, "--wait", "60s", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(4)

    process.send_signal(number)
    process.communicate(timeout=30)

    assert process.returncode not in (0, 1, 2)


BROKEN = """
import django
django.setup()
from django.core.management import call_command
from readiness.management.commands import readiness

def broken(*arguments, **options):
    raise {error}("db.internal")

readiness.readiness = broken
call_command("readiness")
"""


@pytest.mark.parametrize("error", ["RuntimeError", "MemoryError", "OSError", "ValueError"])
def test_W15_answer_that_raises_is_a_doubt_in_words(ready, error):
    done = run_python(BROKEN.format(error=error), env=ready | {"DJANGO_SETTINGS_MODULE": "config.settings"})

    assert (done.returncode, error in done.stderr, "db.internal" in done.stderr + done.stdout) == (3, True, False)


SKEWED = """
import time
true = time.time
time.time = lambda: true() + {seconds}
import django
django.setup()
from django.core.management import call_command
call_command("readiness", "--json", "--checks")
"""


@pytest.mark.parametrize(("seconds", "result"), [(0, "pass"), (600, "block"), (-600, "block")])
def test_F17_clock_of_this_machine_that_is_wrong_is_found(seconds, result):
    """Asked of two real PostgreSQL servers by a process whose own clock is skewed; the databases need no tables for that."""
    names = ("DATABASE_URL", "SELF_SERVICE_DATABASE_URL", "READINESS_ENVIRONMENT", "SECRET_KEY")
    env = {name: os.environ[name] for name in names} | {"DJANGO_SETTINGS_MODULE": "config.settings"}

    done = run_python(SKEWED.format(seconds=seconds), env=env)

    found = {check["id"]: check for check in json.loads(done.stdout)["checks"]}["clocks_agree"]
    assert (found["result"], "NTP" in found["remedy"]) == (result, result == "block")

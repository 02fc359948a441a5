"""The example units of systemd name what there is: commands, flags, settings, times."""

import configparser
import re
import shlex
import subprocess
import sys

import pytest
from django.core.management import get_commands, load_command_class

from config.serving import WORDS
from tests.conftest import PROJECT

FOLDER = PROJECT / "examples" / "systemd"
UNITS = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.*")) if path.is_file()}
TIMERS = sorted(name for name in UNITS if name.endswith(".timer"))
SERVED = ("readiness-self-service.service", "readiness-review.service")
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text()


def parsed(text: str) -> list[tuple[str, str, str]]:
    """(section, name, value); a name may stand more than once."""
    found, section = [], ""
    for line in text.splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.append((section, name, value))
    return found


def values(unit: str, name: str) -> list[str]:
    return [value for _, found, value in parsed(UNITS[unit]) if found == name]


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_has_sections_names_and_values(unit):
    configparser.ConfigParser(strict=False, interpolation=None).read_string(UNITS[unit])
    assert {section for section, _, _ in parsed(UNITS[unit])} <= {"Unit", "Service", "Timer", "Install"}
    assert all(re.fullmatch(r"[A-Z]\w+", name) for _, name, _ in parsed(UNITS[unit]))


@pytest.mark.parametrize("unit", SERVED)
def test_a_server_has_the_flags_that_are_tested(unit):
    """tests/faults/test_stop.py stops a server with those of the Procfile; only address, port and number of workers may differ."""
    ours = shlex.split(values(unit, "ExecStart")[0])[1:]
    line = next(line for line in (PROJECT / "Procfile").read_text().splitlines() if line.startswith("web: granian "))
    free = {"--host", "--port", "--workers"}
    assert _without(ours, free) == _without(shlex.split(line)[2:], free)


def _without(words: list[str], names: set[str]) -> list[str]:
    places = {number for number, word in enumerate(words) if word in names}
    return [word for number, word in enumerate(words) if number not in places and number - 1 not in places]


def test_the_server_knows_every_flag():
    known = subprocess.run([sys.executable, "-m", "granian", "--help"], capture_output=True, text=True, check=True).stdout
    used = {word for unit in SERVED for word in shlex.split(values(unit, "ExecStart")[0]) if word.startswith("--")}
    assert {flag for flag in used if not re.search(rf"(?<![\w-]){flag}(?![\w-])", known)} == set()


@pytest.mark.parametrize("unit", SERVED)
def test_a_stop_has_more_time_than_the_server_takes_for_it(unit):
    words = shlex.split(values(unit, "ExecStart")[0])
    kill = int(words[words.index("--workers-kill-timeout") + 1])
    assert kill < int(values(unit, "TimeoutStopSec")[0]) <= 30
    assert values(unit, "KillMode") == ["mixed"]


def test_each_server_says_what_it_is():
    said = {unit: [value for value in values(unit, "Environment") if value.startswith("READINESS_SERVES=")] for unit in SERVED}
    assert said == {unit: [f"READINESS_SERVES={unit.removeprefix('readiness-').removesuffix('.service')}"] for unit in SERVED}
    assert {value[0].partition("=")[2] for value in said.values()} <= set(WORDS)


def test_the_process_without_a_key_cannot_read_one():
    assert values("readiness-self-service.service", "EnvironmentFile") == ["/etc/readiness/env"]
    assert values("readiness-self-service.service", "InaccessiblePaths") == ["-/etc/readiness/keys"]
    assert "/etc/readiness/keys.env" in values("readiness-review.service", "EnvironmentFile")


@pytest.mark.parametrize("unit", TIMERS)
def test_each_timer_starts_a_command_that_there_is_with_arguments_that_it_takes(unit):
    command = re.fullmatch(r"readiness-job@(\w+)\.timer", unit)[1]
    arguments = FOLDER / f"readiness-job@{command}.service.d" / "arguments.conf"
    given = re.findall(r'^Environment="JOB_ARGUMENTS=(.*)"$', arguments.read_text(), re.M) if arguments.exists() else [""]
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    parser.parse_args(shlex.split(given[0]))
    assert re.fullmatch(r"[\d*:/\- ]+", values(unit, "OnCalendar")[0])


def test_each_command_for_cron_has_its_timer():
    told = {name for line in OPERATIONS.splitlines() if "for cron" in line.lower() for name in re.findall(r"^\| `manage\.py (\w+)`", line)}
    assert told | {"readiness", "reconcile"} == {re.fullmatch(r"readiness-job@(\w+)\.timer", unit)[1] for unit in TIMERS}


def test_every_unit_is_told_of():
    named = [name for name in UNITS if name.endswith(".service")]
    assert [name for name in named if name not in OPERATIONS] == []

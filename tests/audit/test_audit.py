"""The audit finds what it is for, and never takes silence for a yes; and what the checklist says of the code, read from its trees."""

import ast
import json
import re
import subprocess
import sys

import pytest

from tests.audit import PROJECT, ages, code, flaws, licences, secrets

ROOMS = ("config", "access", "drafts", "receipts", "reviews", "readiness")
TREES = {path.relative_to(PROJECT).as_posix(): ast.parse(path.read_text()) for room in ROOMS for path in (PROJECT / room).rglob("*.py")}


def calls() -> list[tuple[str, str, ast.Call]]:
    return [(path, ast.unparse(node.func), node) for path, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.Call)]


# --- the audit --------------------------------------------------------------------------------------------------------------------------


def judged(packages: list[dict]) -> tuple[list[str], list[str]]:
    return flaws.judged("the.lock", json.dumps({"dependencies": packages}), "")


def test_C01_a_known_flaw_is_found():
    assert judged([{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1"}]}]) == (["the.lock: a 1: PYSEC-1"], [])


def test_C01_packages_without_a_flaw_are_none():
    assert judged([{"name": "a", "version": "1", "vulns": []}]) == ([], [])


def test_C01_some_skipped_are_findings():
    found = judged([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "no answer"}])
    assert found == (["the.lock: b was skipped: no answer"], [])


@pytest.mark.parametrize(
    "printed", ["", "{}", "no JSON", '{"dependencies": null}', '{"dependencies": [{"name": "a", "skip_reason": "x"}]}']
)
def test_C01_silence_is_not_audited_and_never_a_yes(printed):
    found, unasked = flaws.judged("the.lock", printed, "it fell over")
    assert (found, len(unasked)) == ([], 1)


def test_C03_code_of_high_severity_is_found(tmp_path, monkeypatch):
    (tmp_path / "bad.py").write_text("import subprocess\nsubprocess.run(input(), shell=True)\n")
    monkeypatch.setattr(code, "ROOMS", (str(tmp_path),))
    found, unasked = code.audit()
    assert (len(found), "B602" in found[0], unasked) == (1, True, [])


def test_C06_every_licence_is_on_the_list_and_agpl_is_not():
    assert licences.audit()[0] == []
    assert not [word for word in licences.ALLOWED if "agpl" in word or "affero" in word]


def test_C06_a_licence_that_is_not_on_the_list_is_found(monkeypatch):
    monkeypatch.setattr(licences, "ALLOWED", licences.ALLOWED - {"bsd-3-clause"})
    assert "django: 'bsd-3-clause' is not on the list" in licences.audit()[0]


def saying(answers: dict[str, bool | None]):
    """An index that answers so, of release 1."""
    return lambda name, version: answers[name] if version == "1" else None


def test_C06_an_old_package_without_a_reason_is_found_and_a_reason_without_an_old_package_too():
    found, unasked = ages.judged({"lodash": "1", "rfc8785": "1", "toml": "1"}, saying({"lodash": True, "rfc8785": True, "toml": False}))
    assert (len(found), unasked) == (2, [])


def test_C06_silence_of_the_index_is_not_audited():
    assert ages.judged({"a": "1"}, saying({"a": None})) == ([], ["ages of 1 packages"])


def test_C03_a_secret_in_the_history_is_found(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "settings.py").write_text("KEY = '" + "AKIA" + "IOSFODNN7ABCDEFG" + "'\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    (tmp_path / "settings.py").write_text("KEY = None\n")
    subprocess.run([*git, "commit", "-qam", "second"], check=True)
    monkeypatch.setattr(secrets, "PROJECT", tmp_path)
    found, unasked = secrets.audit()
    assert ([line.partition(" ")[2] for line in found], unasked) == (["settings.py: AWS Access Key"], [])


def test_the_command_says_what_it_left_out():
    done = subprocess.run(
        [sys.executable, "-m", "tests.audit", "--only", "licences"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    last = done.stdout.splitlines()[-1]
    assert (done.returncode, last.startswith("0 findings")) == (0, True)
    assert ("nothing left out" in last) != ("*not audited*" in last)


def test_C01_locks_are_pinned_with_hashes_and_have_the_floors():
    text = (PROJECT / "requirements.lock").read_text()
    pins = dict(re.findall(r"^([a-z0-9][\w.-]*)==([\w.]+)(?: ; .*)? \\\n    --hash=sha256:", text, re.M))
    assert {line for line in text.splitlines() if "==" in line and line.partition("==")[0] not in pins} == set()
    assert tuple(map(int, pins["django"].split("."))) >= (5, 2, 19)
    assert tuple(map(int, pins["djangorestframework"].split("."))) >= (3, 18, 3)


# --- what the checklist says of the code ------------------------------------------------------------------------------------------------


def test_no_command_of_ours_runs_a_shell():
    started = [
        (path, name) for path, name, _ in calls() if name.startswith(("subprocess.", "os.system", "os.popen", "os.exec", "os.spawn"))
    ]
    shell = [path for path, _, call in calls() for keyword in call.keywords if keyword.arg == "shell"]
    assert {path for path, _ in started} <= {"readiness/demo.py"}
    assert shell == []


def test_no_text_becomes_code():
    risky = {"eval", "exec", "compile", "__import__", "pickle.loads", "pickle.load", "marshal.loads", "yaml.load", "Template", "Engine"}
    assert [(path, name) for path, name, _ in calls() if name in risky] == []
    # A format string is one of ours: `something.format(…)` on a text that stands in the code, or on a constant of ours.
    odd = [ast.unparse(call.func) for _, name, call in calls() if name.endswith(".format") and "request" in name]
    assert odd == []


def test_no_script_of_ours_keeps_anything_in_the_browser():
    scripts = [path for path in (PROJECT / "templates").rglob("*.js") if "vendor" not in path.parts]
    words = ("localStorage", "sessionStorage", "indexedDB", "document.cookie")
    assert [(path.name, word) for path in scripts for word in words if word in path.read_text()] == []


def test_nothing_of_the_tests_is_packaged():
    said = re.search(r"\[tool\.setuptools\.packages\.find\]\ninclude = (\[.*\])", (PROJECT / "pyproject.toml").read_text())[1]
    assert sorted(ast.literal_eval(said)) == sorted(f"{room}*" for room in ROOMS)

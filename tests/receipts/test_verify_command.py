"""The verifier as a command: what it demands, how it ends, what it prints."""

import json
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

import receipts.verify
from receipts.envelope import rfc3339
from receipts.verify import main
from tests.conftest import PROJECT
from tests.receipts.bundles import ROOT, YEAR, attestation, bundle, digest_of, entry, log_key, offline, status
from tests.receipts.samples import ISSUER, JWKS, NOW, OTHER_SIGNER, SHA, as_bytes, payload, sealed
from tests.receipts.test_verify_legacy import SAMPLE, SAMPLE_KEYS

FILE = Path(receipts.verify.__file__)
AGES = timedelta(days=36500)


def endless(**changes) -> dict:
    return payload(**{"expires_at": NOW + AGES} | changes)


def living(signed: dict | None = None, **changes) -> dict:
    """A bundle that this machine's clock does not end."""
    held = {"attestation": attestation(not_after=rfc3339(NOW + AGES)), "status": status(next_update=rfc3339(NOW + AGES))}
    return bundle(signed or endless(), **held | changes)


@pytest.fixture
def files(tmp_path):
    """files(document, pinned, option) writes both files and names them as arguments."""

    def write(document=None, pinned=JWKS, option="--jwks") -> list[str]:
        (tmp_path / "receipt.json").write_bytes(document if isinstance(document, bytes) else as_bytes(document or sealed(endless())))
        (tmp_path / "pinned.json").write_bytes(pinned if isinstance(pinned, bytes) else as_bytes(pinned))
        return [str(tmp_path / "receipt.json"), option, str(tmp_path / "pinned.json")]

    return write


def test_command_runs_as_a_file_on_its_own_without_django(files, tmp_path):
    alone = tmp_path / "alone.py"
    alone.write_bytes(FILE.read_bytes())
    program = f"import sys, runpy; sys.argv = {['verify', *files()]!r}\ntry: runpy.run_path({str(alone)!r}, run_name='__main__')\n"
    program += "finally: assert not {name for name in sys.modules if name.split('.')[0] in ('django', 'receipts', 'rfc8785')}"

    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.splitlines()[0], done.stderr) == (0, "verified", "")


def test_command_runs_where_it_lies(files):
    arguments = [*files(), "--issuer", ISSUER, "--environment", "production", "--subject", f"sha256:{SHA}"]
    done = subprocess.run([sys.executable, FILE, *arguments], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_command_is_installed_under_its_name():
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]

    assert scripts["readiness-verify"] == "receipts.verify:main"


def test_command_verifies_a_bundle_with_everything_demanded(files, capsys):
    demands = ["--issuer", ISSUER, "--environment", "production", "--subject", f"sha256:{SHA}", "--require-log", "--require-status"]
    limits = ["--max-age", "99999d", "--max-status-age", "99999d"]

    assert main([*files(living(), ROOT, "--root"), *demands, *limits, "--json"]) == 0
    assert main([*files(living(), offline(), "--jwks"), *demands, *limits]) == 0
    assert main([*files(living()), *demands, *limits, "--log-key", log_key()]) == 0
    assert '"issuer_identity_verified": true' in capsys.readouterr().out


def test_command_reads_the_logs_key_from_a_file(files, tmp_path):
    (tmp_path / "log.vkey").write_text(log_key() + "\n")

    assert main([*files(living()), "--require-log", "--log-key", str(tmp_path / "log.vkey")]) == 0
    assert main([*files(living()), "--require-log", "--log-key", str(tmp_path / "missing")]) == 2


REFUSED = {
    "another issuer": (living(), ["--issuer", "https://other.test"], "issuer_mismatch"),
    "another environment": (living(), ["--environment", "staging"], "environment_mismatch"),
    "another artifact": (living(), ["--subject", "sha256:" + "00" * 32], "subject_mismatch"),
    "too old": (living(), ["--max-age", "1s"], "receipt_too_old"),
    "over": (living(payload(expires_at=NOW - YEAR)), [], "receipt_expired"),
    "with conditions": (living(endless(verdict="constrain", conditions=["x"])), [], "verdict_constrain"),
    "a rejection": (living(endless(verdict="reject")), ["--accept-conditions"], "verdict_reject"),
    "no log": (living(log=...), ["--require-log"], "log_missing"),
    "no status": (living(status=...), ["--require-status"], "status_missing"),
    "no status, age demanded": (living(status=...), ["--max-status-age", "24h"], "status_missing"),
    "an old status": (living(), ["--max-status-age", "1s"], "status_stale"),
    "revoked": (living(status=status(revoked=[entry(digest_of(living()["receipt"]))])), [], "receipt_revoked"),
    "another signer": (living(signer=OTHER_SIGNER), [], "subject_kid_mismatch"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_command_ends_with_1_and_names_what_is_not_verified(files, capsys, case):
    document, demands, word = REFUSED[case]
    attested = {**document, "attestation": living()["attestation"]}

    assert main([*files(attested, ROOT, "--root"), *demands, "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert (printed["verified"], word in printed["reasons"]) == (False, True)


def test_command_prints_the_report_as_json(files, capsys):
    assert main([*files(), "--environment", "staging", "--json"]) == 1

    printed = json.loads(capsys.readouterr().out)
    assert (printed["verified"], printed["signature_valid"], printed["reasons"]) == (False, True, ["environment_mismatch"])
    assert (printed["failed_step"], printed["issuer_identity_verified"]) == ("demands", False)
    assert printed["signed_payload"] == endless()
    assert printed["status"]["state"] == "unknown"
    assert any("no root vouches" in note for note in printed["notes"])


def test_command_names_the_reason_in_words(files, capsys):
    assert main([*files(sealed(endless(), signer=OTHER_SIGNER))]) == 1
    assert capsys.readouterr().out.splitlines() == ["not verified", "unknown_kid: the key set holds no key of that name"]


def test_command_prints_nothing_that_was_not_verified(files, capsys):
    secret = "\x1b[31mnot signed"
    for document in (
        sealed(endless(environment=secret), signer=OTHER_SIGNER),
        sealed(endless(), verdict=secret),
        {**sealed(endless()), secret: secret},
        living(status=status(OTHER_SIGNER, issuer=secret)),
    ):
        for more in ([], ["--json"]):
            assert main([*files(document), *more]) == 1
    out = capsys.readouterr()
    assert "not signed" not in out.out + out.err


def test_command_lets_no_signed_text_steer_a_terminal(files, capsys):
    assert main(files(sealed(endless(environment="\x1b[2J\n\u202e")))) == 0
    assert not {"\x1b", "\u202e"} & set(capsys.readouterr().out)


def test_command_wants_conditions_accepted(files, capsys):
    arguments = files(sealed(endless(verdict="constrain", conditions=["x"])))

    assert (main(arguments), main([*arguments, "--accept-conditions"])) == (1, 0)
    assert "verdict_constrain" in capsys.readouterr().out


def test_command_verifies_a_public_sample_and_says_what_that_leaves_open(files, capsys):
    assert main(files(SAMPLE, SAMPLE_KEYS)) == 0
    assert "note: It is not a deployment review receipt of ours" in capsys.readouterr().out
    assert main([*files(SAMPLE, SAMPLE_KEYS), "--environment", "production"]) == 1


@pytest.mark.parametrize("text", [b"", b"<html>", b"no json", b"[]", b'{"keys":[],"keys":[]}', b"\xff"])
@pytest.mark.parametrize("option", ["--jwks", "--root"])
def test_command_ends_with_2_when_what_is_pinned_cannot_be_read(files, capsys, text, option):
    assert main(files(None, text, option)) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_command_ends_with_2_on_files_that_cannot_be_read(files, tmp_path):
    arguments = files()

    assert main([str(tmp_path / "missing"), *arguments[1:]]) == 2
    assert main([str(tmp_path), *arguments[1:]]) == 2
    assert main([*arguments[:2], str(tmp_path / "missing")]) == 2
    assert main(files(b" " * (1024 * 1024 + 1))) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--jwks", "b"],
        ["a"],
        ["a", "--jwks", "b", "--root", "c"],
        ["a", "--jwks", ""],
        ["a", "--jwks", "b", "--environment", ""],
        ["a", "--jwks", "b", "--issuer", ""],
        ["a", "--jwks", "b", "--subject", ""],
        ["a", "--jwks", "b", "--subject", "sha256:" + "AB" * 32],
        ["a", "--jwks", "b", "--max-age", "72"],
        ["a", "--jwks", "b", "--max-age", "-1h"],
        ["a", "--jwks", "b", "--env", "production"],
        ["a", "--jwks", "b", "--accept"],
    ],
)
def test_command_ends_with_2_on_wrong_usage(capsys, wrong):
    with pytest.raises(SystemExit, match="2"):
        main(wrong)
    assert "usage:" in capsys.readouterr().err

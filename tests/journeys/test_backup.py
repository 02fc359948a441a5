"""Backup and restore, rehearsed on two real clusters: what comes back agrees, and what came back too old is told, with what to do."""

import base64
import json
import os
import secrets
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import PROJECT, run_manage, run_python
from tests.faults.installation import SIDES
from tests.server import fresh_database

SCRIPT = PROJECT / "examples" / "backup.sh"
DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
LATER = """
import django
django.setup()
from access.models import User
from access.tokens import create_token
from access.actors import actor_of
from datetime import timedelta
from drafts.models import Partner
from reviews.models import DeploymentReviewRequest
from reviews.organisation import COMMAND_LINE, set_groups, set_membership
from reviews import decisions
from tests.factories import make_plan
newcomer = User.objects.create_user("newcomer", password="a long enough password")
set_groups(COMMAND_LINE, newcomer, add={"release"})
set_membership(COMMAND_LINE, newcomer, Partner.objects.get(slug="northstar_controls"), role="owner")
make_plan(newcomer, Partner.objects.get(slug="northstar_controls"))
approved = DeploymentReviewRequest.objects.as_of_now().filter(state_now="approved").first()
decisions.revoke(actor_of(User.objects.get(username="owner"), channel="page"), approved.pk, comment="later")
"""


class Place:
    """An installation's two databases and what commands are given of them."""

    def __init__(self, urls: dict[str, str], shared: dict[str, str]) -> None:
        self.urls = urls
        self.env = shared | {SIDES[side]: url for side, url in urls.items()}

    def manage(self, *arguments: str) -> subprocess.CompletedProcess:
        return run_manage(*arguments, env=self.env)

    def backup(self, *arguments: str) -> subprocess.CompletedProcess:
        path = os.pathsep.join([*map(str, DEBIAN), os.environ["PATH"]])
        env = {"PATH": path, "HOME": os.environ.get("HOME", "/")} | {name: self.env[name] for name in SIDES.values()}
        return subprocess.run([SCRIPT, *arguments], env=env, capture_output=True, text=True, check=False)

    def reconciled(self, *arguments: str) -> tuple[int, set[str]]:
        done = self.manage("reconcile", "--json", *arguments)
        return done.returncode, {each["code"] for each in json.loads(done.stdout)["mismatches"]}


@pytest.fixture(scope="module")
def shared() -> dict[str, str]:
    return {
        "READINESS_ENVIRONMENT": "test",
        "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
        "RECEIPT_ISSUER": "https://readiness.test",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "LOG_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


@pytest.fixture(scope="module")
def places(shared) -> Iterator[dict[str, Place]]:
    """Name → an installation on databases of its own: `old` is where the work is, the others are empty."""
    mark = secrets.token_hex(4)
    with ExitStack() as stack:
        found = {}
        for name in ("old", "whole", "older_store", "older_primary"):
            urls = {side: stack.enter_context(fresh_database(os.environ[variable], f"{name}_{mark}")) for side, variable in SIDES.items()}
            found[name] = Place(urls, shared)
        yield found


@pytest.fixture(scope="module")
def told(places, tmp_path_factory) -> dict[str, str]:
    """A backup, more work, a checkpoint that is kept outside, and a second backup; name → path."""
    old, folder = places["old"], tmp_path_factory.mktemp("backups")
    paths = {name: str(folder / name) for name in ("first", "second", "checkpoint")}
    for command in (["migrate_all"], ["seed_demo"], ["keys", "create", "--log"], ["publish_status"]):
        done = old.manage(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert old.backup("dump", paths["first"]).returncode == 0
    done = run_python(LATER, env=old.env | {"DJANGO_SETTINGS_MODULE": "config.settings"})
    assert done.returncode == 0, done.stderr
    assert old.manage("log", "export-checkpoint", "--file", paths["checkpoint"]).returncode == 0
    assert old.backup("dump", paths["second"]).returncode == 0
    return paths


def restored(place: Place, primary: str, store: str) -> Place:
    for side, folder in (("primary", primary), ("self_service", store)):
        done = place.backup("restore", folder, side)
        assert done.returncode == 0, done.stderr
    return place


def test_both_restored_from_one_backup_agree_with_each_other_and_with_the_checkpoint(places, told):
    assert places["old"].reconciled("--checkpoint", told["checkpoint"]) == (0, set())
    whole = places["whole"]
    done = whole.backup("restore", told["second"])
    assert (done.returncode, done.stdout) == (0, "primary: restored\nself_service: restored\n"), done.stderr
    assert whole.reconciled("--checkpoint", told["checkpoint"]) == (0, set())
    assert whole.manage("migrate_all", "--check").returncode == 0
    assert whole.manage("readiness").returncode == places["old"].manage("readiness").returncode == 0


def test_a_draft_store_from_an_older_backup_is_told(places, told):
    place = restored(places["older_store"], told["second"], told["first"])
    status, codes = place.reconciled("--checkpoint", told["checkpoint"])
    assert status == 1
    assert {"checkpoint_ahead", "groups_differ"} <= codes


def test_a_primary_from_an_older_backup_is_told(places, told):
    place = restored(places["older_primary"], told["first"], told["second"])
    status, codes = place.reconciled("--checkpoint", told["checkpoint"])
    assert (status, codes) == (1, {"user_id_ahead"})


def test_dumps_are_for_their_maker_alone_and_nothing_is_restored_over_rows(places, told):
    dumps = [Path(told["second"]) / f"{side}.dump" for side in SIDES]
    assert {stat.S_IMODE(path.stat().st_mode) for path in dumps} == {0o600}
    done = places["old"].backup("restore", told["first"])
    assert (done.returncode, "is not empty" in done.stderr) == (1, True)


def test_wrong_usage_and_missing_dumps_are_refused(places, tmp_path):
    place = places["old"]
    assert [place.backup(*words).returncode for words in ([], ["dump"], ["copy", "x"], ["dump", str(tmp_path), "primary"])] == [2, 2, 2, 2]
    empty = Place(dict(place.urls), place.env)
    assert empty.backup("restore", str(tmp_path)).returncode == 1


def test_the_script_names_no_password(places):
    text = SCRIPT.read_text()
    assert not any(urlsplit(url).password in text for url in places["old"].urls.values())
    assert subprocess.run(["sh", "-n", SCRIPT], check=False).returncode == 0

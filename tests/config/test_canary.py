"""D13: a test that does not say which databases it uses gets none of them. Tried on tests of its own, in a pytest of its own."""

import os
import subprocess
import sys

import pytest
from django.db import DatabaseError, transaction

from reviews.models import Event, Vote
from tests.conftest import PROJECT
from tests.factories import Story

CANARY = """
import pytest
from django.db import DatabaseError, transaction
from access.models import User
from drafts.models import Partner

def test_none_asks_primary(): User.objects.count()
def test_none_asks_store(): Partner.objects.count()
@pytest.mark.django_db
def test_default_asks_primary(): User.objects.count()
@pytest.mark.django_db
def test_default_asks_store(): Partner.objects.count()
@pytest.mark.django_db(databases=["self_service"])
def test_store_asks_primary(): User.objects.count()
@pytest.mark.django_db(databases=["self_service"])
def test_store_asks_store(): Partner.objects.count()
def test_both_asks_primary(both_stores): User.objects.count()
def test_both_asks_store(both_stores): Partner.objects.count()
def test_committed_asks_store(both_stores_committed): Partner.objects.count()
"""
ALLOWED = {"default_asks_primary", "store_asks_store", "both_asks_primary", "both_asks_store", "committed_asks_store"}


NAMES = [line.split("(")[0].removeprefix("def test_") for line in CANARY.splitlines() if line.startswith("def")]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, bool]:
    """Name → passed, of the canaries; they run on the clusters of this test run, in databases of their own."""
    canary = tmp_path_factory.mktemp("canary") / "test_canary.py"
    canary.write_text(CANARY)
    canary.with_name("conftest.py").write_text("from tests.conftest import *")
    own = f"canary_{os.getpid()}"
    urls = {name: f"{os.environ[name].rpartition('/')[0]}/{own}" for name in ("DATABASE_URL", "SELF_SERVICE_DATABASE_URL")}
    # What looks like a worker starts no clusters.
    env = os.environ | urls | {"PYTEST_XDIST_WORKER": own, "PYTEST_ADDOPTS": ""}
    options = ["-c", "pyproject.toml", "-p", "no:cacheprovider", "-p", "no:xdist", "-v", "--tb=no"]
    command = [sys.executable, "-m", "pytest", *options, str(canary)]
    done = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True, check=False)
    lines = [line.split("::test_")[1].split()[:2] for line in done.stdout.splitlines() if "::test_" in line and "%]" in line]
    return {name: outcome == "PASSED" for name, outcome in lines}


@pytest.mark.parametrize("name", NAMES)
def test_d13_canary_that_touches_an_undeclared_alias_fails(outcomes, name):
    assert outcomes[name] is (name in ALLOWED)


@pytest.mark.usefixtures("both_stores_committed")
@pytest.mark.parametrize("time", ["first", "second"])
def test_tables_that_refuse_every_delete_are_empty_again_after_a_test_that_commits(time):
    assert not Event.objects.exists()
    assert not Vote.objects.exists()
    story = Story()
    story.vote(story.release, story.in_review())
    assert Event.objects.exists()
    assert Vote.objects.exists()
    with pytest.raises(DatabaseError), transaction.atomic(using="self_service"):
        Event.objects.all()._raw_delete("self_service")

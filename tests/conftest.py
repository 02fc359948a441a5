"""What all tests share: which databases they touch, commands in clean processes, a migrated pair of SQLite files."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations

from access import limits
from tests.processes import PROJECT as PROJECT
from tests.processes import run as run
from tests.processes import run_manage as run_manage
from tests.processes import run_python as run_python

BOTH = ["default", "self_service"]


# --- databases ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def both_stores():
    """This test may use both databases; it is rolled back. As an argument, or by `usefixtures("both_stores")`."""


@pytest.fixture
def both_stores_committed():
    """This test may use both databases and commits in them, so that other connections and triggers on commit see it; emptied afterwards."""


def pytest_itemcollected(item) -> None:
    """A fixture cannot say which databases pytest-django opens for its test; a mark can."""
    if "both_stores_committed" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.django_db(transaction=True, databases=BOTH))
    elif "both_stores" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.django_db(databases=BOTH))


@pytest.fixture(autouse=True, scope="session")
def flush_guarded_tables():
    """Votes, events, receipts and log refuse TRUNCATE, which is how Django empties tables after a test that commits.

    The role of the tests may lift triggers for one transaction (tests/pgplugin.py grants it); an installation's role may not.
    """
    with pytest.MonkeyPatch.context() as patch:
        stock = DatabaseOperations.sql_flush

        def sql_flush(self, *args, **kwargs) -> list[str]:
            statements = stock(self, *args, **kwargs)
            return ["SET LOCAL session_replication_role = replica", *statements] if statements else []

        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture(autouse=True)
def fast_passwords(settings):
    """Argon2 takes some 50 ms and 100 MB for each password on purpose, which no test of a flow needs to wait for."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture(autouse=True)
def no_lots_left():
    """A process keeps lots of calls between requests; a test starts without those of the one before."""
    limits.calls.empty()


# --- commands in their own process ----------------------------------------------------------------------------------------------


@pytest.fixture
def manage() -> Callable[..., subprocess.CompletedProcess]:
    """manage(*args, env=…) → CompletedProcess, of a process with that environment and no other."""
    return run_manage


@dataclass(frozen=True)
class SqliteInstallation:
    """Two migrated SQLite files and the environment that leads to them."""

    primary: Path
    store: Path

    @property
    def env(self) -> dict[str, str]:
        return {
            "READINESS_ENVIRONMENT": "test",
            "DATABASE_URL": f"sqlite:///{self.primary}",
            "SELF_SERVICE_DATABASE_URL": f"sqlite:///{self.store}",
            "RECEIPT_ISSUER": "https://readiness.test",
        }

    def manage(self, *args: str, **more: str) -> subprocess.CompletedProcess:
        return run_manage(*args, env=self.env | more)


@pytest.fixture(scope="session")
def migrated_files(tmp_path_factory) -> Path:
    """A folder with both files, migrated once per process and copied for each test."""
    folder = tmp_path_factory.mktemp("migrated")
    done = SqliteInstallation(folder / "primary.sqlite3", folder / "store.sqlite3").manage("migrate_all")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def sqlite_installation(migrated_files, tmp_path) -> SqliteInstallation:
    """Two fresh migrated SQLite files: for raw SQL against triggers, and for commands."""
    for name in ("primary.sqlite3", "store.sqlite3"):
        shutil.copy(migrated_files / name, tmp_path / name)
    return SqliteInstallation(tmp_path / "primary.sqlite3", tmp_path / "store.sqlite3")

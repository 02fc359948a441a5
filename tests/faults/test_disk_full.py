"""The draft store's disk is full while a crowd works: refusals in words, and all that was acknowledged is still there afterwards."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.crowd import Crowd
from tests.faults.durable import Durable, alive, site
from tests.faults.installation import until
from tests.faults.test_ordeal import APPROVALS, approvals, assert_whole, staffed
from tests.pgplugin import Cluster

MEGABYTES = 256
SMALL = "\nmin_wal_size = 32MB\nmax_wal_size = 64MB"
pytestmark = [
    pytest.mark.skipif("FAULTS_WHOLE" not in os.environ, reason="for `make faults`"),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system, which only root may"),
]


@dataclass
class Cramped(Durable):
    """A cluster whose folder is a file system of a few megabytes."""

    def start(self) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", self.folder], check=True)
        self.settings += SMALL
        super().start()

    def stop(self) -> None:
        super().stop()
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def running(self) -> bool:
        try:
            return alive(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]))
        except FileNotFoundError:
            return False


def cramped(role: str, database: str) -> Cluster:
    """The draft store's disk is small; the primary's is not."""
    return Cramped(role, database) if role.startswith("store") else Durable(role, database)


@contextmanager
def no_room(cluster: Cramped) -> Iterator[None]:
    """Inside the block not one byte more fits."""
    ballast = cluster.folder / "ballast"
    with ballast.open("wb") as file:
        try:
            while file.write(b"\0" * 65536):
                file.flush()
        except OSError:
            pass
    try:
        yield
    finally:
        Path(ballast).unlink()
        if not cluster.running():  # out of room for its own log it ends, as PostgreSQL does, until somebody starts it
            (cluster.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
            cluster.start_again()


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path):
    with site(tmp_path, servers=2, make=cramped) as place:
        crowd = staffed(place)
        store = place.clusters["self_service"]
        with crowd.at_work(owners=4):
            until(lambda: _going(crowd, APPROVALS), within=60 + 10 * APPROVALS)
            with no_room(store):
                before = approvals(crowd)
                until(lambda: _refusing(crowd), within=60)
            until(lambda: _going(crowd, before + APPROVALS), within=120 + 10 * APPROVALS)
        assert_whole(place, crowd)


def _going(crowd: Crowd, least: int) -> bool:
    return crowd.stopping.is_set() or approvals(crowd) >= least


def _refusing(crowd: Crowd) -> bool:
    """At least one call was answered that the store cannot take it."""
    return crowd.stopping.is_set() or crowd.unavailable > 0

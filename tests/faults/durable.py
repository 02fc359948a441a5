"""Clusters that keep what was committed (fsync on) and can be killed and started again, and servers that can be, too."""

import base64
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from tests.conftest import PROJECT, run_manage
from tests.faults.installation import SIDES, through
from tests.faults.proxy import Proxy
from tests.pgplugin import Cluster, binaries, server_user, start_two
from tests.server import START_SECONDS, await_life, free_port

# As PostgreSQL is out of the box; the checkpoint comes often, so that a crash falls into one now and then.
KEPT = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\ncheckpoint_timeout = 30s"
# As in the Procfile, but one worker, so that the test knows whom it kills.
FLAGS = ("--interface", "wsgi", "--host", "127.0.0.1", "--http", "1", "--no-ws", "--workers", "1", "--blocking-threads", "8")
FLAGS += ("--backlog", "1024", "--backpressure", "64", "--workers-kill-timeout", "15", "--log-level", "warning")


def family(pid: int) -> list[int]:
    """A process and all that came of it, by Linux's own account."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(each for child in children for each in family(int(child)))]


def kill(pid: int) -> None:
    """SIGKILL to the whole family at once, and wait until none of it is left."""
    os.kill(pid, signal.SIGSTOP)  # no more children
    pids = family(pid)
    for each in pids:
        os.kill(each, signal.SIGKILL)
    end = time.monotonic() + 10
    while any(alive(each) for each in pids):
        assert time.monotonic() < end, "killed, and still there"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Neither gone nor waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass
class Durable(Cluster):
    """A cluster whose power can be cut."""

    settings: str = KEPT

    def crash(self) -> None:
        """Every process of the server dies by SIGKILL."""
        lock = self.folder / "data" / "postmaster.pid"
        kill(int(lock.read_text().split()[0]))
        # In a container nobody may bury the dead, and a number that is still taken would pass for a server that runs.
        for left in (lock, *self.folder.glob(".s.PGSQL.*.lock")):
            left.unlink()

    def start_again(self) -> None:
        """As an operator would; returns when recovery is over."""
        user = server_user()
        command = [binaries(self.folder) / "pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-t", "60", "start"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env, groups = {"PATH": os.environ["PATH"], "TZ": "UTC"}, [] if user else None
        done = subprocess.run(command, check=False, cwd="/", env=env, user=user, extra_groups=groups, **quiet)
        assert done.returncode == 0, (self.folder / "log").read_text(errors="replace")[-2000:]


@dataclass
class Server:
    """A granian on a port of its own, which can be killed, ended in order, and started again."""

    env: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | self.env
        command = [sys.executable, "-m", "granian", *FLAGS, "--port", str(self.port), "config.wsgi:application"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=PROJECT, env=clean, stdout=output, stderr=output)
        await_life(f"{self.address}/livez", self.process, within=2 * START_SECONDS)

    def crash(self) -> None:
        kill(self.process.pid)
        self.process.wait()

    def stop(self) -> float:
        """SIGTERM, and wait; seconds that it took."""
        start = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=40)
        return time.monotonic() - start


@dataclass
class Site:
    """Two durable clusters behind proxies, and servers on them. `env` leads through the proxies, `direct` does not."""

    clusters: dict[str, Durable]
    proxies: dict[str, Proxy]
    env: dict[str, str]
    direct: dict[str, str]
    servers: list[Server]

    def manage(self, *words: str, stdin: str = "") -> str:
        done = run_manage(*words, env=self.direct, input=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def site(folder: Path, *, servers: int, make: type[Durable] = Durable) -> Iterator[Site]:
    """Made by the commands an operator runs. `folder` takes the servers' logs."""
    with ExitStack() as stack:
        pair = dict(zip(SIDES, start_two(SimpleNamespace(add_cleanup=stack.callback), make=make), strict=True))
        proxies = {side: Proxy(("127.0.0.1", cluster.port)) for side, cluster in pair.items()}
        for proxy in proxies.values():
            stack.callback(proxy.close)
        direct = {
            "READINESS_ENVIRONMENT": "test",
            "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "RECEIPT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "RECEIPT_ISSUER": "https://readiness.test",
            "API_CALLS_PER_MINUTE": "999999999",
            "ANONYMOUS_CALLS_PER_MINUTE": "999999999",
        }
        env = direct | {SIDES[side]: through(cluster.url, proxies[side]) for side, cluster in pair.items()}
        direct |= {SIDES[side]: cluster.url for side, cluster in pair.items()}
        found = Site(pair, proxies, env, direct, [Server(env, folder / f"server{number}.log") for number in range(servers)])
        for command in ("migrate_all", "seed_demo"):
            found.manage(command)
        for server in found.servers:
            server.start()
            stack.callback(_end, server)
        yield found


def _end(server: Server) -> None:
    if server.process.poll() is None:
        server.stop()

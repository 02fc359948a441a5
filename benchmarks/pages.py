"""What a worker needs: memory, time to start, statements of each page."""

import statistics
import time
from contextlib import ExitStack

from benchmarks.browser import Browser
from benchmarks.report import Goal, Part
from benchmarks.servers import OURS, REFERENCE, Server, installation, serve, until_alive
from benchmarks.worker import Worker

STARTS, ASKS, MOST = 5, 200, 25
MEGABYTE = 1 << 20


def started(stack: ExitStack, env: dict[str, str], application: str) -> tuple[Server, float]:
    """A server, and the seconds until it answered."""
    began = time.perf_counter()
    server = serve(stack, env, application)
    until_alive(server)
    return server, time.perf_counter() - began


def worker_megabytes(server: Server) -> float:
    """Resident memory of the worker, without the process that watches it."""
    return sum(each.memory_info().rss for each in server.process.children(recursive=True)) / MEGABYTE


def measure(env: dict[str, str], *, starts: int, asks: int) -> dict:
    with ExitStack() as stack:
        seconds: dict[str, list[float]] = {"this project": [], "plain Django": []}
        for _ in range(starts):
            for name, application in (("this project", OURS), ("plain Django", REFERENCE)):
                with ExitStack() as one:
                    seconds[name].append(started(one, env, application)[1])
        server, _ = started(stack, env, OURS)
        fresh, browser = worker_megabytes(server), Browser(stack, server.port)
        for _ in range(asks):
            for path in ("/self-service/readiness", "/protocol", "/accounts/login/"):
                browser.get(path)
        return {
            "start_seconds": {name: statistics.median(times) for name, times in seconds.items()},
            "megabytes": {"fresh": fresh, "used": worker_megabytes(server)},
            "pages": 3 * asks,
            "statements": Worker(stack, "benchmarks.contest.pages", env).ask("statements"),
        }


def goals(found: dict) -> list[Goal]:
    start, memory = found["start_seconds"], found["megabytes"]
    return [
        Goal("statements of the costliest page, both databases", max(map(sum, found["statements"].values())), at_most=MOST),
        Goal("start until the first answer, this project / plain Django", start["this project"] / start["plain Django"]),
        Goal("memory of a worker, MB", memory["used"]),
    ]


def table(found: dict) -> list[str]:
    start, memory = found["start_seconds"], found["megabytes"]
    lines = [f"start: {start['this project']:.1f} s, plain Django {start['plain Django']:.1f} s"]
    lines += [f"memory of one worker: {memory['fresh']:.0f} MB fresh, {memory['used']:.0f} MB after {found['pages']} pages", ""]
    lines.append(f"{'statements':20}{'primary':>10}{'store':>10}")
    return lines + [f"{name:20}{primary:10}{store:10}" for name, (primary, store) in found["statements"].items()]


def run(*, quick: bool = False) -> Part:
    with ExitStack() as stack:
        env = installation(stack)
        found = measure(env, starts=1, asks=2) if quick else measure(env, starts=STARTS, asks=ASKS)
    return Part("workers and pages", goals(found), table(found), found)

"""Deciding votes by 1, 2, 4 and 8 clients at once: on requests of their own, beside pgbench with the same statements; and all on one."""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.report import Goal, Part, median_ratio
from benchmarks.servers import installation
from benchmarks.worker import Worker
from config.databases import SCHEMA

CLIENTS = (1, 2, 4, 8)
MOST = CLIENTS[-1]
ROUNDS, DECISIONS, PGBENCH_SECONDS, ON_ONE = 5, 48, 3, 25
START_SECONDS = 0.1


def pgbench_program() -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    found = next((str(folder / "pgbench") for folder in folders if (folder / "pgbench").exists()), shutil.which("pgbench"))
    if found is None:
        raise SystemExit("pgbench is missing: install the programs of PostgreSQL (Debian: postgresql), or leave this part out")
    return found


# --- ours -----------------------------------------------------------------------------------------------------------------------------


def all_at_once(workers: list[Worker], what: str, each_said: list[dict]) -> list:
    for worker, said in zip(workers, each_said, strict=True):
        worker.tell(what, **said)
    return [worker.hear() for worker in workers]


def undecided(workers: list[Worker], number: int) -> list[list[str]]:
    share = -(-number // len(workers))
    return [each for found in all_at_once(workers, "undecided", [{"number": share}] * len(workers)) for each in found][:number]


def per_second(workers: list[Worker], clients: int, decisions: int) -> float:
    """Approvals a second, each on a request of its own."""
    requests, share = undecided(workers, decisions), decisions // clients
    at = time.time() + START_SECONDS
    shares = [requests[number * share : (number + 1) * share] for number in range(clients)]
    said = [{"requests": each, "username": f"security-{number}", "at": at} for number, each in enumerate(shares)]
    found = all_at_once(workers[:clients], "decide", said)
    outcomes = {outcome for each in found for outcome, _ in each["said"]}
    if outcomes != {"approved"}:
        raise SystemExit(f"not every vote decided: {outcomes}")
    return share * clients / (max(each["ended"] for each in found) - min(each["began"] for each in found))


def on_one(workers: list[Worker]) -> list[list]:
    """[outcome, milliseconds] of every client, all at once on one request."""
    (request,) = undecided(workers[:1], 1)
    at = time.time() + START_SECONDS
    said = [{"requests": [request], "username": f"security-{number}", "at": at} for number in range(len(workers))]
    return [each["said"][0] for each in all_at_once(workers, "decide", said)]


# --- pgbench --------------------------------------------------------------------------------------------------------------------------


def scripts(worker: Worker, requests: list[list[str]], folder: Path) -> list[Path]:
    """One for each request, recorded now: a leaf has its place in the log as it stands."""
    places = []
    for number, request in enumerate(requests):
        places.append(folder / f"client-{number}.sql")
        said = worker.ask("recorded", request=request, username=f"security-{number}")
        places[-1].write_text(script(said), encoding="utf-8")
    return places


def script(statements: list[str]) -> str:
    """Taken back at the end, after every check that a commit would make, so that it can be run again and again."""
    return ";\n".join(["BEGIN", *statements, "SET CONSTRAINTS ALL IMMEDIATE", "ROLLBACK", ""])


def pgbench_per_second(scripts: list[Path], env: dict[str, str], *, seconds: int) -> float:
    """One process for each client, because each has a script of its own."""
    with ThreadPoolExecutor(len(scripts)) as threads:
        return sum(threads.map(partial(_pgbench, env=env, seconds=seconds), scripts))


def _pgbench(place: Path, *, env: dict[str, str], seconds: int) -> float:
    store = urlsplit(env["SELF_SERVICE_DATABASE_URL"])
    address = ["--host", "127.0.0.1", "--port", str(store.port), "--username", store.username]
    command = [pgbench_program(), "--no-vacuum", "--client", "1", "--time", str(seconds), "--file", str(place), *address, store.path[1:]]
    secret = {"PGPASSWORD": store.password, "PGOPTIONS": f"-c search_path={SCHEMA} -c timezone=UTC", "PATH": env["PATH"]}
    done = subprocess.run(command, env=secret, check=False, capture_output=True, text=True, timeout=60 + seconds)
    if done.returncode:
        raise SystemExit(f"pgbench: {done.stderr[-500:]}")
    return float(next(line for line in done.stdout.splitlines() if line.startswith("tps = ")).split()[2])


# --- both -----------------------------------------------------------------------------------------------------------------------------


def clients_of(stack: ExitStack, env: dict[str, str], number: int) -> list[Worker]:
    """So many processes, and as many people who can give a deciding vote: security-0 and so on."""
    workers = [Worker(stack, "benchmarks.contest.ours", env) for _ in range(number)]
    workers[0].ask("members", number=number)
    return workers


def measure(*, rounds: int, decisions: int, seconds: int, ones: int) -> dict:
    with ExitStack() as stack:
        env = installation(stack)
        workers = clients_of(stack, env, MOST)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        waiting, found = undecided(workers, MOST), []
        for number in range(rounds):
            print(f"approvals, round {number + 1} of {rounds}", file=sys.stderr)
            found.append(
                {
                    clients: {
                        "ours": per_second(workers, clients, decisions),
                        "pgbench": pgbench_per_second(scripts(workers[0], waiting[:clients], folder), env, seconds=seconds),
                    }
                    for clients in CLIENTS
                }
            )
        return {"rounds": found, "on_one": [on_one(workers) for _ in range(ones)]}


def goals(found: dict) -> list[Goal]:
    rounds, ones = found["rounds"], found["on_one"]
    clean = sum(sorted(outcome for outcome, _ in each) == ["approved", *["state_approved"] * (MOST - 1)] for each in ones)
    cuts = statistics.quantiles([ms for each in ones for _, ms in each], n=100, method="inclusive")
    return [
        Goal(
            "8 clients in process / pgbench, approvals a second",
            median_ratio((each[MOST]["ours"], each[MOST]["pgbench"]) for each in rounds),
            at_least=0.25,
        ),
        Goal(
            "8 clients / 1 client, approvals a second", median_ratio((each[MOST]["ours"], each[1]["ours"]) for each in rounds), at_least=1.6
        ),
        Goal("pgbench: 8 clients / 1 client", median_ratio((each[MOST]["pgbench"], each[1]["pgbench"]) for each in rounds)),
        Goal("8 clients on one request: share with one approval, seven clean refusals", clean / len(ones), at_least=1),
        Goal("8 clients on one request: p99 / p50", cuts[98] / cuts[49], at_most=10),
    ]


def table(found: dict) -> list[str]:
    lines = [f"{'approvals a second':20}" + "".join(f"{f'{clients} clients':>12}" for clients in CLIENTS)]
    for name in ("ours", "pgbench"):
        cells = [statistics.median(each[clients][name] for each in found["rounds"]) for clients in CLIENTS]
        lines.append(f"{name:20}" + "".join(f"{cell:12.1f}" for cell in cells))
    return lines


def run(*, quick: bool = False) -> Part:
    if quick:
        found = measure(rounds=1, decisions=MOST, seconds=1, ones=1)
    else:
        found = measure(rounds=ROUNDS, decisions=DECISIONS, seconds=PGBENCH_SECONDS, ones=ON_ONE)
    return Part("approvals at once", goals(found), table(found), found)

"""What lists, pages and the gate cost with 10,000, 100,000 and 1,000,000 review requests: three installations that take turns."""

import statistics
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg2

from benchmarks.browser import Browser
from benchmarks.filling import RARE, fill
from benchmarks.report import Goal, Part
from benchmarks.servers import OURS, approved_plan, installation, manage, serve, until_alive
from config.cursor import Cursor
from config.databases import SCHEMA

SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (200, 400)
ROUNDS, WARM_UP = 15, 2
PASSWORD = "readiness-demo"  # noqa: S105  the demo's, public
GROWS, RARELY = 1.5, 3
QUEUE, PLANS, EVENTS = "/admin/reviews/deploymentreviewrequest/", "/admin/drafts/coverageplan/", "/admin/reviews/event/"
MIDDLE = "SELECT created_at FROM reviews_deploymentreviewrequest ORDER BY created_at LIMIT 1 OFFSET %s"


@dataclass(frozen=True)
class Place:
    """One installation of a size, with its server up and everybody signed in."""

    size: int
    people: dict[str, Browser]
    middle: str
    approved: str
    request: str


# What is asked: name → (who, path of a place, how much it may grow).
LIST = "/api/v1/review-requests/?page_size=50"
Ask = tuple[str, Callable[[Place], str], float]
ASKED: dict[str, Ask] = {
    "API list, first page": ("auditor's token", lambda _: LIST, GROWS),
    "API list, first page, an owner's": ("owner's token", lambda _: LIST, GROWS),
    "API list, deep": ("auditor's token", lambda place: f"{LIST}&cursor={place.middle}", GROWS),
    "API list by state": ("auditor's token", lambda _: f"{LIST}&state=review_requested", GROWS),
    "API list by state, an owner's": ("owner's token", lambda _: f"{LIST}&state=review_requested", GROWS),
    "API search, a common word": ("auditor's token", lambda _: f"{LIST}&q=claims", GROWS),
    "API search, a rare word": ("auditor's token", lambda _: f"{LIST}&q={RARE}", RARELY),
    "API plans, first page, an owner's": ("owner's token", lambda _: "/api/v1/plans/?page_size=50", GROWS),
    "admin queue": ("release", lambda _: QUEUE, GROWS),
    "owner home": ("owner", lambda _: "/self-service/plans/", GROWS),
    "timeline": ("auditor's token", lambda place: f"/api/v1/review-requests/{place.request}/timeline/", GROWS),
    "gate": ("gate's token", lambda place: f"/api/v1/gate/?plan={place.approved}&environment=production", GROWS),
    "auditor's search in the queue, rare": ("auditor", lambda _: f"{QUEUE}?queue=all&q={RARE}", RARELY),
    "auditor's search in the queue, common": ("auditor", lambda _: f"{QUEUE}?queue=all&q=claims", RARELY),
    "auditor's search in plans, rare": ("auditor", lambda _: f"{PLANS}?q={RARE}", RARELY),
    "auditor's search in events": ("auditor", lambda _: f"{EVENTS}?q=owner", GROWS),
}


def place_of(stack: ExitStack, env: dict[str, str], size: int) -> Place:
    """Fills an installation of the demo."""
    began = time.monotonic()
    fill(env["SELF_SERVICE_DATABASE_URL"], size=size)
    print(f"{size:,} review requests filled in {time.monotonic() - began:.0f} s", file=sys.stderr)
    server = serve(stack, env, OURS)
    tokens = {f"{user}'s token": manage(env, "create_token", user, "--scope=read").split()[-1] for user in ("auditor", "owner")}
    tokens["gate's token"] = manage(env, "create_token", "owner", "--scope=gate").split()[-1]
    until_alive(server)
    people = {name: Browser(stack, server.port, token) for name, token in tokens.items()}
    for username in ("owner", "release", "auditor"):
        people[username] = Browser(stack, server.port)
        people[username].sign_in("/accounts/login/", username, PASSWORD)
    connection = psycopg2.connect(env["SELF_SERVICE_DATABASE_URL"], options=f"-c search_path={SCHEMA} -c timezone=UTC")
    try:
        with connection.cursor() as cursor:
            cursor.execute(MIDDLE, [size // 2])
            moment = cursor.fetchone()[0]
            cursor.execute("SELECT md5('request ' || %s)::uuid::text", [size // 2])
            request = cursor.fetchone()[0]
    finally:
        connection.close()
    after = Cursor(back=False, values=(moment.isoformat(), str(uuid.UUID(int=2**128 - 1))))
    return Place(size, people, str(after), approved_plan(env), request)


def measure(envs: dict[int, dict[str, str]], *, rounds: int) -> dict[str, dict[int, float]]:
    """`envs`: size → the installation to fill. Asked → size → median milliseconds. The sizes take turns within each round."""
    with ExitStack() as stack:
        places = [place_of(stack, env, size) for size, env in envs.items()]
        found: dict[str, dict[int, list[float]]] = {name: {size: [] for size in envs} for name in ASKED}
        for number in range(rounds + WARM_UP):
            print(f"growth, round {number + 1} of {rounds + WARM_UP}", file=sys.stderr)
            for name, (who, path, _) in ASKED.items():
                for place in places:
                    answer = place.people[who].get(path(place))
                    if number >= WARM_UP:
                        found[name][place.size].append(answer.seconds * 1e3)
    return {name: {size: statistics.median(times) for size, times in each.items()} for name, each in found.items()}


def goals(found: dict[str, dict[int, float]]) -> list[Goal]:
    grown = {name: each[max(each)] / each[min(each)] for name, each in found.items()}
    return [Goal(f"{name}: largest / smallest, ms", grown[name], at_most=most) for name, (_, _, most) in ASKED.items()]


def table(found: dict[str, dict[int, float]]) -> list[str]:
    sizes = next(iter(found.values()))
    lines = [f"{'ms with so many requests':42}" + "".join(f"{size:>12,}" for size in sizes)]
    return lines + [f"{name:42}" + "".join(f"{ms:12.1f}" for ms in each.values()) for name, each in found.items()]


def run(*, quick: bool = False) -> Part:
    with ExitStack() as stack:
        envs = {size: installation(stack) for size in (QUICK_SIZES if quick else SIZES)}
        found = measure(envs, rounds=1 if quick else ROUNDS)
    return Part("growth", goals(found), table(found), found)

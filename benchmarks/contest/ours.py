"""The cycle by this project's own verbs, as a process that serves requests calls them."""

import os
import secrets
import time
import uuid

os.environ["READINESS_PROCESS"] = "server"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django  # noqa: E402

django.setup()

from django.db import connections, transaction  # noqa: E402

from access.actors import actor_of  # noqa: E402
from access.models import User  # noqa: E402
from benchmarks.contest.counting import counting_stopwatch  # noqa: E402
from benchmarks.contest.said import CONFIRMATIONS, EVIDENCE, MOVE, PLAN, SUBJECT, VALID_UNTIL  # noqa: E402
from benchmarks.worker import serve  # noqa: E402
from config.databases import STORE  # noqa: E402
from config.refusals import Refused  # noqa: E402
from drafts.coverage import append_move, create_plan  # noqa: E402
from reviews import decisions  # noqa: E402
from reviews.organisation import COMMAND_LINE, set_groups  # noqa: E402


def person(username: str, channel: str):
    return actor_of(User.objects.get(username=username), channel=channel)


watch = counting_stopwatch()
owner, release, security = person("owner", "page"), person("release", "admin"), person("security", "admin")


def plan() -> uuid.UUID:
    made = create_plan(owner, partner_slug="northstar_controls", fields=PLAN | {"external_reference": f"bench-{secrets.token_hex(8)}"})
    for _ in range(2):
        append_move(owner, made.pk, fields=MOVE)
    return made.pk


def in_review(plan_id: uuid.UUID):
    found = watch.step("open", lambda: decisions.open_request(owner, plan_id=plan_id, environment_slug="production", subject=SUBJECT))
    for kind, fields in CONFIRMATIONS.items():
        said = {"fields": fields, "valid_until": VALID_UNTIL, "evidence_url": EVIDENCE}
        watch.step("confirm", lambda: decisions.confirm(owner, found.pk, kind, **said))  # noqa: B023  called at once
    return watch.step("request", lambda: decisions.request_review(owner, found.pk))


def tell(plan_id: uuid.UUID) -> None:
    found = in_review(plan_id)
    watch.step("vote", lambda: decisions.vote(release, found.pk, choice="approve", digest=found.digest))
    decided = watch.step("decide", lambda: decisions.vote(security, found.pk, choice="approve", digest=found.digest))
    if decided.state != "approved":
        raise SystemExit("the cycle did not end in an approval")


def cycles(number: int) -> dict[str, object]:
    plans = [plan() for _ in range(number)]
    return watch.over(lambda: [tell(each) for each in plans], number=number)


def prepared(number: int) -> list[str]:
    """Plans with their moves, for a contestant that has no verbs."""
    return [str(plan()) for _ in range(number)]


# --- approvals by many at once ------------------------------------------------------------------------------------------------------


def members(number: int) -> None:
    """So many more people who can give the deciding vote."""
    for each in range(number):
        user = User.objects.create_user(f"security-{each}", password=secrets.token_urlsafe(12), is_staff=True)
        set_groups(COMMAND_LINE, user, add={"security"})


def undecided(number: int) -> list[list[str]]:
    """Review requests that lack one vote: [id, digest]."""
    found = [in_review(plan()) for _ in range(number)]
    for each in found:
        decisions.vote(release, each.pk, choice="approve", digest=each.digest)
    return [[str(each.pk), each.digest] for each in found]


def decide(requests: list[list[str]], username: str, at: float) -> dict[str, object]:
    """Begin at a time of the clock. What each call came to, and its milliseconds."""
    reviewer, said = person(username, "admin"), []
    time.sleep(max(0.0, at - time.time()))
    began = time.time()
    for request_id, digest in requests:
        started = time.perf_counter()
        outcome = _outcome(reviewer, uuid.UUID(request_id), digest)
        said.append([outcome, (time.perf_counter() - started) * 1e3])
    return {"began": began, "ended": time.time(), "said": said}


def _outcome(reviewer, request_id: uuid.UUID, digest: str) -> str:
    try:
        return str(decisions.vote(reviewer, request_id, choice="approve", digest=digest).state)
    except Refused as refusal:
        return ",".join(refusal.codes)


def recorded(request: list[str], username: str) -> list[str]:
    """The statements of a deciding vote on the draft store, with their values; the vote itself is taken back."""
    found: list[str] = []
    store = connections[STORE]

    def note(execute, sql, params, many, context):
        if context["connection"].alias == STORE and not sql.startswith(("SAVEPOINT", "RELEASE")):
            found.append(context["cursor"].mogrify(sql, params).decode())
        return execute(sql, params, many, context)

    with transaction.atomic(using=STORE), store.execute_wrapper(note):
        decisions.vote(person(username, "admin"), uuid.UUID(request[0]), choice="approve", digest=request[1])
        transaction.set_rollback(True, using=STORE)
    return found


if __name__ == "__main__":
    serve(cycles=cycles, prepared=prepared, members=members, undecided=undecided, decide=decide, recorded=recorded)

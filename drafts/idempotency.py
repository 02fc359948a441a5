"""Idempotency keys: the answer to a call is kept in the transaction of its verb, and given again to the same call.

Only answers of verbs that were done are kept. A refusal changed nothing, so the same key may be tried again once its reasons are gone.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connections, transaction
from django.db.models.functions import Now

from access.actors import Actor
from config.databases import STORE
from config.refusals import Reason, Refused, recorded
from config.retrying import retried
from drafts.models import KeptAnswer

KEPT_FOR = timedelta(hours=24)
IN_FLIGHT = Reason(
    "in_flight", "A call with this idempotency key is being answered at this moment. Wait, then ask again.", clear_by="whoever calls"
)
REUSED = Reason(
    "idempotency_key_reused",
    "This idempotency key belongs to another call: its body or If-Match was different. Take a new key for a new call.",
    clear_by="whoever calls",
    status=422,
)


@dataclass(frozen=True)
class Answer:
    """What a call is answered: `body` is the JSON text, `headers` those that belong to the answer."""

    status: int
    body: str
    headers: dict[str, str]
    replayed: bool = False


@dataclass(frozen=True)
class Keyed:
    """A call under a key: who calls what, and a digest of everything that it says."""

    actor: Actor
    route: str
    key: str
    said: bytes

    @property
    def place(self) -> dict:
        """Where its answer is kept. Of the key only a digest: it is a text from outside like any other."""
        key = hashlib.sha256(self.key.encode()).hexdigest()
        return {"user_id": self.actor.user_id, "token_id": self.actor.token_id, "route": self.route, "key": key}

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.said).hexdigest()


@retried
def once(call: Keyed, act: Callable[[], Answer]) -> Answer:
    """Do it and keep the answer in one commit, or give the kept answer. Raises what `act` raises, 409 in_flight, 422 for another call."""
    refusal = None
    with transaction.atomic(using=STORE):
        try:
            if kept := _found(call):
                return kept
            answer = act()
            _keep(call, answer)
        except Refused as found:
            # What the verb did is undone by then; its denial is all that this transaction commits.
            refusal = found
    if refusal:
        raise refusal
    return answer


def _found(call: Keyed) -> Answer | None:
    with recorded(call.actor, "idempotency_key"):
        _take_key(call)
        return _kept(call)


def _take_key(call: Keyed) -> None:
    """Hold the key until the transaction ends, or say at once that another call holds it. SQLite's writers wait for each other anyway."""
    if connections[STORE].vendor != "postgresql":
        return
    with connections[STORE].cursor() as cursor:
        named = "\n".join(map(str, call.place.values()))
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [named])
        if not cursor.fetchone()[0]:
            raise Refused(IN_FLIGHT)


def _kept(call: Keyed) -> Answer | None:
    found = KeptAnswer.objects.filter(**call.place).first()
    if found is None:
        return None
    if found.call_sha256 != call.digest:
        raise Refused(REUSED)
    return Answer(found.status, found.body, found.headers, replayed=True)


def _keep(call: Keyed, answer: Answer) -> None:
    if 200 <= answer.status < 300:
        said = {"call_sha256": call.digest, "status": answer.status, "body": answer.body, "headers": answer.headers}
        KeptAnswer.objects.create(**call.place, **said)


def forget() -> int:
    """Delete the answers that were kept long enough; how many there were. One statement, so many may run at once."""
    return KeptAnswer.objects.filter(created_at__lt=Now() - KEPT_FOR).delete()[0]

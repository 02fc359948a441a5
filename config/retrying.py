"""A verb that met another transaction is tried again, a few times and briefly; after that the answer is a refusal in words."""

import secrets
import time
from collections.abc import Callable
from functools import wraps

from django.db import DatabaseError, connections

from config.databases import STORE
from config.refusals import Reason, Refused

# PostgreSQL says that it took all of the transaction back: serialization_failure, deadlock_detected, lock_not_available.
RETRIED = frozenset({"40001", "40P01", "55P03"})
ATTEMPTS = 4
# From the first call on. Who waited for a lock as long as the lock timeout allows does not wait again.
BUDGET_SECONDS = 1.5
BUSY = Reason(
    "busy",
    "Somebody else is changing this at the same moment, so nothing was changed. Try again shortly.",
    clear_by="whoever changes it, by finishing",
)
_jitter = secrets.SystemRandom()


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE of a database error; SQLite has none."""
    return getattr(error.__cause__, "pgcode", None) or ""


def retried(verb: Callable) -> Callable:
    """For a verb that is one transaction on the draft store. Inside a caller's transaction, not ours to take back, nothing is repeated.

    Raises Refused 409 `busy` when the tries or the time are used up; every other database error goes on as it is.
    """

    @wraps(verb)
    def run(*args, **kwargs):
        if connections[STORE].in_atomic_block:
            return verb(*args, **kwargs)
        until = time.monotonic() + BUDGET_SECONDS
        for attempt in range(ATTEMPTS):
            try:
                return verb(*args, **kwargs)
            except DatabaseError as error:
                if sqlstate(error) not in RETRIED:
                    raise
            pause = _jitter.uniform(0.01, 0.03) * 2**attempt
            if time.monotonic() + pause > until:
                break
            time.sleep(pause)
        raise Refused(BUSY)

    return run

"""When to look: at most one probe run a second and process, off the request's thread, so that a silent database delays nobody."""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import connections

from config.databases import PRIMARY, STORE
from readiness.looks import KeyLook, Look, look, look_at_key, unfillable
from readiness.trespass import Trespass, trespass

logger = logging.getLogger(__name__)
FRESH_SECONDS = 1.0
ANSWER_SECONDS = 0.7
STALE_SECONDS = 2.4
# Fresh and silent together are less than stale: while a database is silent, only who finds nothing to answer with waits.
SILENCE_SECONDS = 1.3
# How long a run takes at most, for who would rather wait than not know which side is away.
RUN_SECONDS = SILENCE_SECONDS + 0.2
# A healthy run is over by then, so that who starts one answers with it.
GLANCE_SECONDS = 0.05
RENEWED_SECONDS = 4.0


@dataclass(frozen=True)
class Facts:
    """One probe run: both looks (None: silent), and what was asked across both. `finished`: monotonic seconds."""

    primary: Look | None
    store: Look | None
    trespass: Trespass
    unfillable: dict[str, str] | None
    key: KeyLook | None
    at: datetime
    finished: float

    @property
    def age(self) -> float:
        """Seconds since the run ended."""
        return max(0.0, time.monotonic() - self.finished)


def nothing_known() -> Facts:
    return Facts(None, None, Trespass(), None, None, datetime.now(UTC), time.monotonic())


def _across(primary: Look | None, store: Look | None) -> tuple[Trespass, dict | None]:
    """What only both together tell; runs where the primary may be asked."""
    if primary is None or store is None:
        return Trespass(), None
    found = trespass(store.standing.role) if store.vendor == "postgresql" else Trespass()
    return found, unfillable(store.rows["rules"]) if primary.complete and store.complete else None


def _facts(primary: Look | None, store: Look | None, across: tuple[Trespass, dict | None]) -> Facts:
    rows = store.rows if store else {}
    key = look_at_key(rows.get("jwks"), rows["keys"].in_force if "keys" in rows else [])
    return Facts(primary, store, *across, key, datetime.now(UTC), time.monotonic())


def probe() -> Facts:
    """Look now, in this thread: for commands and checks."""
    primary, store = look(PRIMARY), look(STORE)
    return _facts(primary, store, _across(primary, store))


class Prober:
    """Probe runs of a server process: one thread per database and one that waits for both, none of them a request's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = {alias: ThreadPoolExecutor(1, f"probe-{alias}") for alias in (PRIMARY, STORE)}
        self._waiter = ThreadPoolExecutor(1, "probe")
        self._run: Future[Facts] | None = None
        self._last: Facts | None = None
        self._renew_at = {PRIMARY: 0.0, STORE: 0.0}

    def latest(self, *, patience: float) -> Facts:
        """The last finished run if it is fresh, else a new one if that ends soon, else the last one until it is stale.

        `patience`: seconds to wait when there is nothing to answer with. Otherwise only who starts a run waits, for a glance.
        """
        last = self._last
        if last is not None and last.age < FRESH_SECONDS:
            return last
        run, mine = self._started()
        usable = last is not None and last.age < STALE_SECONDS
        try:
            return run.result(timeout=(GLANCE_SECONDS if mine else 0) if usable else patience)
        except NotInTime:
            return last if usable else nothing_known()

    def _started(self) -> tuple[Future[Facts], bool]:
        """The run under way, and whether it was begun just now."""
        with self._lock:
            begin = self._run is None or self._run.done() and (self._last is None or self._last.age >= FRESH_SECONDS)
            if begin:
                self._run = self._waiter.submit(self._probe)
            return self._run, begin

    def _look(self, alias: str) -> Look | None:
        """Over a connection of a few seconds: an older one does not show what a new one meets, such as a limit or a changed right."""
        if time.monotonic() >= self._renew_at[alias]:
            connections.close_all()
            self._renew_at[alias] = time.monotonic() + RENEWED_SECONDS
        return look(alias)

    def _probe(self) -> Facts:
        looks = {alias: self._threads[alias].submit(self._look, alias) for alias in (PRIMARY, STORE)}
        deadline = time.monotonic() + SILENCE_SECONDS
        primary, store = (_within(looks[alias], deadline) for alias in (PRIMARY, STORE))
        across = (Trespass(), None)
        if primary is not None and store is not None:
            across = _within(self._threads[PRIMARY].submit(_across, primary, store), deadline) or across
        self._last = _facts(primary, store, across)
        return self._last


def _within(future: Future, deadline: float):
    try:
        return future.result(timeout=max(0.0, deadline - time.monotonic()))
    except NotInTime:
        # Not begun is taken back, so that a silent database holds one thread and no queue.
        future.cancel()
        return None
    except Exception:  # a look that fails has seen nothing, and the page still answers
        logger.exception("a look failed")
        return None


_prober: list[Prober] = []
_prober_lock = threading.Lock()


def latest(*, patience: float = ANSWER_SECONDS) -> Facts:
    """The facts to answer with: shared for at most a second in a server, looked for afresh in a command."""
    if not settings.SERVER:
        return probe()
    with _prober_lock:
        if not _prober:
            _prober.append(Prober())
    return _prober[0].latest(patience=patience)

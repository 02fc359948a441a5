"""When to look: at most one probe run a second and process, off the request's thread, so that a silent database delays nobody."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from config.databases import PRIMARY, STORE
from readiness.looks import KeyLook, Look, Trespass, look, look_at_key, trespass, unfillable

FRESH_SECONDS = 1.0
ANSWER_SECONDS = 0.8
STALE_SECONDS = 2.4
SILENCE_SECONDS = 1.5


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
    key = look_at_key(store.rows.get("jwks") if store else None)
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

    def latest(self) -> Facts:
        """The last finished run if it is fresh, else a new one if that ends soon, else the last one until it is stale."""
        last = self._last
        if last is not None and last.age < FRESH_SECONDS:
            return last
        try:
            return self._started().result(timeout=ANSWER_SECONDS)
        except NotInTime:
            return last if last is not None and last.age < STALE_SECONDS else nothing_known()

    def _started(self) -> Future[Facts]:
        with self._lock:
            if self._run is None or self._run.done() and (self._last is None or self._last.age >= FRESH_SECONDS):
                self._run = self._waiter.submit(self._probe)
            return self._run

    def _probe(self) -> Facts:
        looks = {alias: self._threads[alias].submit(look, alias) for alias in (PRIMARY, STORE)}
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


_prober: list[Prober] = []
_prober_lock = threading.Lock()


def latest() -> Facts:
    """The facts to answer with: shared for at most a second in a server, looked for afresh in a command."""
    if not settings.SERVER:
        return probe()
    with _prober_lock:
        if not _prober:
            _prober.append(Prober())
    return _prober[0].latest()

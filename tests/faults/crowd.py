"""Owners, reviewers and onlookers who work at random on a site whatever happens to it, and note what they were told."""

import http.client
import itertools
import queue
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL
from tests.faults.history import DONE, REFUSED, UNKNOWN, Notes
from tests.faults.installation import DEMO_PASSWORD
from tests.faults.test_away import PLAN
from tests.server import Answer, Visitor

# What a client hears when the line breaks, or when nobody answers in time.
BROKEN = (OSError, http.client.HTTPException)
DESK = "/admin/reviews/deploymentreviewrequest"
REVIEWERS = ("release", "reviewer1", "reviewer2", "reviewer3")
# An environment whose policy has one seat, so that each approval decides.
ENVIRONMENT = "staging"
CHOICES = ("approve",) * 8 + ("request_changes", "reject")
PATIENCE_SECONDS = 60.0


@dataclass
class Crowd:
    """`addresses`: of the servers; a client whose line broke goes to another. `waiting`: requests in review, for each reviewer."""

    addresses: list[str]
    token: str
    notes: Notes = field(default_factory=Notes)
    stopping: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    waiting: dict[str, queue.Queue] = field(default_factory=lambda: {name: queue.Queue() for name in REVIEWERS})
    numbers: Iterator[int] = field(default_factory=itertools.count)
    seen: list[str] = field(default_factory=list)
    unavailable: int = 0  # answers that a database does not take it now

    def mark(self) -> str:
        return f"remark {next(self.numbers):06d} of this run"

    @contextmanager
    def at_work(self, *, owners: int, onlookers: int = 1) -> Iterator[None]:
        """They work inside the block. Raises what any of them stumbled over."""
        work = [self._owner] * owners + [self._onlooker] * onlookers
        threads = [threading.Thread(target=self._guarded, args=(each, number)) for number, each in enumerate(work)]
        threads += [threading.Thread(target=self._guarded, args=(self._reviewer, name)) for name in REVIEWERS]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join(3 * PATIENCE_SECONDS)
        assert not [thread for thread in threads if thread.is_alive()], "somebody does not come home"
        assert self.failures == []

    def _guarded(self, work: Callable, who) -> None:
        try:
            work(who)
        except Exception as failure:  # told by `at_work`
            self.failures.append(failure)
            self.stopping.set()

    # --- what each of them does ---------------------------------------------------------------------------------------------------

    def _owner(self, number: int) -> None:
        chance, client = random.Random(number), self._client(number)
        while not self.stopping.is_set():
            if (request := self._opened(client)) and self._put_up(client, request):
                self._maybe_more(chance, client, request)

    def _opened(self, client: "Client") -> str:
        """A plan and its request, each asked for under a key until somebody says what became of it."""
        plan = client.surely("POST", "plans/", PLAN | {"external_reference": f"host-request-{secrets.token_hex(8)}"})
        opened = plan and client.surely("POST", "review-requests/", {"plan": plan.json["id"], "environment": ENVIRONMENT})
        return opened.json["id"] if opened else ""

    def _put_up(self, client: "Client", request: str) -> bool:
        said = {"evidence_url": "https://evidence.example.org/1", "valid_until": VALID_UNTIL}
        path = f"review-requests/{request}/"
        for kind, fields in CONFIRMATION_FIELDS.items():
            if not client.surely("PUT", f"{path}confirmations/{kind}/", said | {"fields": fields}, of=path):
                return False
        if not client.surely("POST", f"{path}request-review/", {}, of=path, enough="review_requested"):
            return False
        for theirs in self.waiting.values():
            theirs.put(request)
        self.seen.append(request)
        return True

    def _maybe_more(self, chance: random.Random, client: "Client", request: str) -> None:
        """Now and then an owner says something, or gives up, while reviewers decide."""
        if chance.random() < 0.5:
            self._noted(client, request, chance.choice(["comment", "comment", "withdraw"]))

    def _noted(self, client: "Client", request: str, verb: str) -> None:
        mark, began = self.mark(), time.time()
        answer = client.once("POST", f"review-requests/{request}/{verb}/", {"comment": mark}, of=f"review-requests/{request}/")
        self.notes.call(request, verb, mark, began, outcome(answer, 200, 201))

    def _reviewer(self, name: str) -> None:
        chance, client = random.Random(name), self._client(REVIEWERS.index(name))
        while not self.stopping.is_set():
            try:
                request = self.waiting[name].get(timeout=0.2)
            except queue.Empty:
                continue
            client.decide(name, request, chance.choice(CHOICES))

    def _onlooker(self, number: int) -> None:
        chance, client = random.Random(number), self._client(number)
        while not self.stopping.is_set():
            if not self.seen:
                time.sleep(0.1)
                continue
            request, began = chance.choice(self.seen[-20:]), time.time()
            answer = client.call(lambda visitor: visitor.api("GET", f"review-requests/{request}/"))  # noqa: B023  called at once
            if answer and answer.status == 200:
                self.notes.look(request, answer.json["state"], began)
            time.sleep(0.05)

    def _client(self, number: int) -> "Client":
        return Client(self, number % len(self.addresses))


def outcome(answer: Answer | None, *done: int) -> str:
    """What the caller knows now. A 503 does not say on which side of the commit the line was lost."""
    if answer is None or answer.status == 503:
        return UNKNOWN
    assert answer.status < 500, answer.text
    return DONE if answer.status in done else REFUSED


class Client:
    """One of the crowd, at one server until that fails them."""

    def __init__(self, crowd: Crowd, at: int) -> None:
        self.crowd, self.at = crowd, at
        self.machine = Visitor(crowd.addresses[at], crowd.token)
        self.person = Visitor(crowd.addresses[at])
        self.in_as = ""

    def call(self, ask: Callable[[Visitor], Answer], visitor: Visitor | None = None) -> Answer | None:
        """One try; None when the line broke."""
        visitor = visitor or self.machine
        try:
            answer = ask(visitor)
            self.crowd.unavailable += getattr(answer, "status", 0) == 503
            return answer
        except BROKEN:
            self.at = (self.at + 1) % len(self.crowd.addresses)
            self.machine.address = self.person.address = self.crowd.addresses[self.at]
            return None

    def once(self, method: str, path: str, body: dict, *, of: str, key: str = "") -> Answer | None:
        """One try, with the version that is there now."""
        etag = ""
        if of:
            found = self.call(lambda visitor: visitor.api("GET", of))
            if found is None or found.status != 200:
                return found
            etag = found.headers["etag"]
        return self.call(lambda visitor: visitor.api(method, path, body, etag=etag, key=key))

    def surely(self, method: str, path: str, body: dict, *, of: str = "", enough: str = "") -> Answer | None:
        """Tried under one key until it is done; None when the crowd goes home meanwhile. `enough`: the state that says it was done."""
        key, end = secrets.token_hex(8), time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            answer = self.once(method, path, body, of=of, key=key if method == "POST" else "")
            if answer and answer.status in (200, 201):
                return answer
            if answer and answer.status == 409 and enough and self._is(of, enough):
                return answer
            assert answer is None or answer.status in (409, 412, 422, 429, 503), (method, path, answer.text)
            if self.crowd.stopping.is_set():
                return None
            time.sleep(0.2)
        raise AssertionError(f"{method} {path} was not done in {PATIENCE_SECONDS} s")

    def _is(self, path: str, state: str) -> bool:
        found = self.call(lambda visitor: visitor.api("GET", path))
        return bool(found) and found.status == 200 and found.json["state"] == state

    def decide(self, name: str, request: str, choice: str) -> None:
        """Read the decision page and post it, once."""
        if not self._signed_in(name):
            return
        mark, path = self.crowd.mark(), f"{DESK}/{request}/decide/"
        page = self.call(lambda visitor: visitor.form(path), self.person)
        if not page or "digest" not in page:
            return
        began = time.time()
        answer = self.call(lambda visitor: visitor.post(path, page | {"choice": choice, "comment": mark}), self.person)
        if answer and answer.status == 302 and "/accounts/" in answer.headers["location"]:
            self.in_as = ""
            self.crowd.notes.call(request, choice, mark, began, REFUSED)
            return
        self.crowd.notes.call(request, choice, mark, began, outcome(answer, 302))

    def _signed_in(self, name: str) -> bool:
        if self.in_as != name:
            page = self.call(lambda visitor: visitor.form("/accounts/login/"), self.person)
            said = (page or {}) | {"username": name, "password": DEMO_PASSWORD}
            answer = page and self.call(lambda visitor: visitor.post("/accounts/login/", said), self.person)
            self.in_as = name if answer and answer.status == 302 else ""
        return bool(self.in_as)

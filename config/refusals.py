"""The one way to say no: an exception that carries every reason, with who can clear it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from django.db import transaction

from config import logs
from config.databases import STORE

# product.md: the status is the first of these that applies.
STATUS_ORDER = (401, 404, 403, 428, 412, 400, 413, 415, 422, 409, 503)


@dataclass(frozen=True)
class Reason:
    """One unmet guard. `code`: stable word; `detail`: a sentence; `clear_by`: who can clear it; `pointer`: RFC 6901 pointer of a field.

    `parameter`: the query parameter that it is about; `version`: the one that stands, where another was quoted.
    """

    code: str
    detail: str
    clear_by: str = ""
    pointer: str = ""
    status: int = 409
    parameter: str = ""
    version: int | None = None

    def as_error(self) -> dict[str, str]:
        error = {"pointer": self.pointer, "code": self.code, "detail": self.detail}
        more = {"clear_by": self.clear_by, "parameter": self.parameter}
        return error | {name: value for name, value in more.items() if value}


class Refused(Exception):
    """A verb will not do it. `reasons`: all unmet guards; `status`: the HTTP status of the first kind that applies."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__("; ".join(reason.detail for reason in reasons))
        self.reasons = reasons

    @property
    def status(self) -> int:
        return min((reason.status for reason in self.reasons), key=STATUS_ORDER.index)

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in self.reasons]


@dataclass(frozen=True)
class Unfit:
    """What a channel found wrong with a call before a verb saw it; every verb refuses for these reasons beside its own.

    `unread`: pointers of what the verb was not given and need not ask for; "" is the whole body.
    """

    reasons: tuple[Reason, ...] = ()
    unread: tuple[str, ...] = ()

    def said_once(self, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        """Without what a verb says of parts that it was not given."""
        return tuple(reason for reason in reasons if reason in self.reasons or reason.status != 400 or not self._unread(reason.pointer))

    def _unread(self, pointer: str) -> bool:
        return any(pointer == part or pointer.startswith(f"{part}/") for part in self.unread)


def refuse_if(reasons: list[Reason]) -> None:
    if reasons:
        raise Refused(*reasons)


def reasons_of(check: Callable) -> tuple[object, list[Reason]]:
    """What a check returns, or None and the reasons why it refused; so that other guards are asked beside it."""
    try:
        return check(), []
    except Refused as refusal:
        return None, list(refusal.reasons)


def not_found(what: str) -> Refused:
    return Refused(Reason("not_found", f"There is no such {what}, or it is not yours to see.", status=404))


# reviews writes the denial; drafts refuses too and must not know reviews, so reviews signs up here when it is ready.
recorders: list[Callable] = []


@contextmanager
def recorded(actor, verb: str, *, about: object = None) -> Iterator[None]:
    """Around a verb, outside its transaction: hand a refusal to the recorders, then let it go on. `about`: id of what it is done to."""
    try:
        yield
        # With the answer to an idempotency key around it, what was done is done when that commits.
        transaction.on_commit(partial(logs.verb, actor, verb, "done", about=about), using=STORE)
    except Refused as found:
        refusal = Refused(*actor.unfit.said_once(found.reasons))
        logs.verb(actor, verb, "refused", reasons=refusal.codes, about=about)
        for record in recorders:
            record(actor, verb, refusal)
        raise refusal from None

"""What a method of the API says about itself, for the OpenAPI schema. Plain values; config/openapi.py turns them into one."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Told:
    """`name`: operation id; `summary`: one line; `answers`: status → serializer of the body, or None for none; `body`: serializer.

    `precondition`: If-Match is needed (True), may be given (False), means nothing (None). `versioned`: the answer has an ETag.
    `listed`: a page of the answer's serializer. `parameters`: query parameter → what it says. `refusals`: statuses beside the usual ones.
    """

    name: str
    summary: str
    answers: dict[int, object]
    body: type | None = None
    partial: bool = False
    precondition: bool | None = None
    versioned: bool = False
    listed: bool = False
    verb: bool = False
    media_type: str = "application/json"
    parameters: dict[str, dict] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()


def told(name: str, summary: str, *answer, status: int = 200, **more) -> Callable:
    """Write on a method of a view what it does. `answer`: the serializer of what it answers with `status`; none for an empty body."""

    def write(method: Callable) -> Callable:
        method.told = Told(name, summary, {status: answer[0] if answer else None}, **more)
        return method

    return write


def reads(name: str, summary: str, answer, **more) -> Callable:
    return told(name, summary, answer, **more)


def lists(name: str, summary: str, answer, **more) -> Callable:
    return told(name, summary, answer, listed=True, **more)


def does(name: str, summary: str, *answer, **more) -> Callable:
    """A verb: it can be refused for the state of things."""
    return told(name, summary, *answer, verb=True, **more)


def changes(name: str, summary: str, answer, **more) -> Callable:
    """A verb on something with a version, which answers with the next one."""
    return does(name, summary, answer, precondition=True, versioned=True, **more)

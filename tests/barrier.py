"""Many threads at one moment, each with its own connections to both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from config.refusals import Refused


def at_once(*calls: Callable) -> list:
    """Run all calls at a barrier; what each answered, or the exception that it raised, in order."""
    barrier = Barrier(len(calls))

    def run(call: Callable):
        try:
            for alias in ("default", "self_service"):
                connections[alias].ensure_connection()
            barrier.wait(timeout=10)
            return call()
        except Exception as failure:
            return failure
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def won(answers: list) -> list:
    """The answers that are no refusal. Anything but an answer or a clean refusal fails the test."""
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, Refused):
            raise answer
    return [answer for answer in answers if not isinstance(answer, Exception)]


def refusals(answers: list) -> list[Refused]:
    return [answer for answer in answers if isinstance(answer, Refused)]

"""Runs the tests once with a look at which statements they reach, then for each mutant those that reach its own, each in another process.

A pytest plugin, used by `python -m tests.mutation`. A mutant takes the place of the functions in the memory of a forked process, so that
databases, fixtures and collected tests are made once; tests that roll back leave the databases as they were.
"""

import builtins
import gc
import json
import os
import resource
import signal
import sys
import time
import types
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from django.db import connections

from tests.mutation.mutants import Mutant, marked, mutants

PROJECT = Path(__file__).resolve().parent.parent.parent
# A mutant that loops is found out by processor time, so that a busy machine kills nothing; one that waits for a lock for ever, by time.
# One that no test of so many seconds kills is a survivor.
PROCESSOR_SECONDS, PATIENCE_SECONDS, MOST_SECONDS = 60, 900, 25.0
# Of a process that could not take the mutant; it counts against the figure.
UNFIT = 3


class Oracle:
    """The hook that stands in for pytest's loop over tests."""

    def __init__(self, modules: list[str], report: Path, *, only: str = "", missed: set[str] | None = None) -> None:
        self.modules, self.report, self.only, self.missed = modules, report, only, missed
        self.reach: dict[tuple[str, int], set[int]] = defaultdict(set)
        self.seconds: dict[int, float] = {}
        self.kills: Counter[tuple[str, int]] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session) -> bool:
        self.items = session.items
        self._look_at_all()
        gc.collect()
        gc.freeze()
        found = [mutant for path in self.modules for mutant in mutants(path, (PROJECT / path).read_text())]
        found = [mutant for mutant in found if self.only in str(mutant) and (self.missed is None or str(mutant) in self.missed)]
        answers = []
        for number, mutant in enumerate(found, start=1):
            answers.append({"mutant": str(mutant), "path": mutant.path, "answer": self._answer(mutant)})
            print(f"{number}/{len(found)} {answers[-1]['answer']}: {mutant}", flush=True)
            self.report.write_text(json.dumps(answers, indent=1))
        return True

    # --- which test reaches which statement -------------------------------------------------------------------------------------------

    def _look_at_all(self) -> None:
        """With a mark before each statement of the modules; what marks them is found as a name of Python's own."""
        plain = {path: (PROJECT / path).read_text() for path in self.modules}
        for path, source in plain.items():
            put_in_place(path, compile(marked(path, source), str(PROJECT / path), "exec"))
        for number, item in enumerate(self.items):
            builtins._reached = lambda path, line, number=number: self.reach[path, line].add(number)
            began = time.process_time()
            if not self._passes(number):
                print(f"left out, as it fails without any mutant: {item.nodeid}", flush=True)
                for found in self.reach.values():
                    found.discard(number)
            self.seconds[number] = time.process_time() - began
        for path, source in plain.items():
            put_in_place(path, compile(source, str(PROJECT / path), "exec"))
        print(f"{len(self.items)} tests look on, {sum(self.seconds.values()):.0f} seconds of them", flush=True)

    def _passes(self, number: int) -> bool:
        """Run one test. Naming another as the next one keeps the databases, which belong to the session."""
        item, other = self.items[number], self.items[number - 1]
        item.session._setupstate.teardown_exact(item)
        return all(report.passed for report in runtestprotocol(item, nextitem=other, log=False))

    def _asked(self, mutant: Mutant) -> list[int]:
        """The tests that reach the statement, or the module for one at its top: the finders in this function first, then those that have
        its word in their name, those of its own file, and the quick ones.
        """
        own, word = f"test_{Path(mutant.path).name}", mutant.owner.strip("_()").split("_")[0]
        here = {(path, line): found for (path, line), found in self.reach.items() if path == mutant.path}
        numbers = set().union(*(found for (_, line), found in here.items() if not mutant.owner or line == mutant.statement))

        def order(number: int) -> tuple:
            item = self.items[number]
            return -self.kills[mutant.owner, number], not word or word not in item.name, item.path.name != own, self.seconds[number]

        return sorted(numbers, key=order)

    # --- one mutant -------------------------------------------------------------------------------------------------------------------

    def _answer(self, mutant: Mutant) -> str:
        asked = self._asked(mutant)
        if not asked:
            return "not reached"
        found, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(found)
            os._exit(self._tried(mutant, asked, tell))
        os.close(tell)
        ended = _exit_of(child)
        if ended == UNFIT:
            return "not tried"
        killed = ended != 0
        if killed and (killer := os.read(found, 16)):
            self.kills[mutant.owner, int(killer)] += 1
        os.close(found)
        return "killed" if killed else "survived"

    def _tried(self, mutant: Mutant, asked: list[int], tell: int) -> int:
        """In the child: 1 when a test fails, which it tells, 0 when none does, UNFIT where the mutant finds no place."""
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            for connection in connections.all():
                connection.connection = None  # the parent's; this process makes its own
                vars(connection).pop("prepared_questions", None)  # in the words of the code before the change
            put_mutant_in_place(mutant)
        except Exception:
            return UNFIT
        try:
            spent = 0.0
            for number in asked:
                if not self._passes(number):
                    os.write(tell, str(number).encode())
                    return 1
                spent += self.seconds[number]
                if spent > MOST_SECONDS:
                    break
        except BaseException:
            return 1
        return 0


def _exit_of(child: int) -> int:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 1


def put_mutant_in_place(mutant: Mutant) -> None:
    code = compile(mutant.tree, str(PROJECT / mutant.path), "exec")
    if mutant.owner.endswith("()"):
        _replace_defaults(mutant, code)
    elif mutant.owner:
        put_in_place(mutant.path, code)
    else:
        _replace_values(mutant, code)


def _replace_defaults(mutant: Mutant, code: types.CodeType) -> None:
    """What arguments are when they are left out."""
    name = mutant.owner.removesuffix("()")
    made = {"__name__": "mutant", "__file__": str(PROJECT / mutant.path)}
    exec(code, made)  # noqa: S102  our own source, changed in one place
    changed = made[name]
    while hasattr(changed, "__wrapped__"):
        changed = changed.__wrapped__
    for function in functions_of(mutant.path):
        if function.__qualname__ == name:
            function.__defaults__, function.__kwdefaults__ = changed.__defaults__, changed.__kwdefaults__


@cache
def functions_of(path: str) -> list[types.FunctionType]:
    """All that were made of a module's text. Looked for once, before any process is forked: looking touches every page of memory."""
    place = str(PROJECT / path)
    return [thing for thing in gc.get_objects() if type(thing) is types.FunctionType and thing.__code__.co_filename == place]


def put_in_place(path: str, code: types.CodeType) -> None:
    """Give the functions of a module, wherever they are held, the code that another text of it has for them."""
    found = {(part.co_qualname, part.co_firstlineno): part for part in _codes(code)}
    for function in functions_of(path):
        # The line too: every lambda at the top of a module has the same name.
        if changed := found.get((function.__code__.co_qualname, function.__code__.co_firstlineno)):
            function.__code__ = changed


def _codes(code: types.CodeType):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _replace_values(mutant: Mutant, code: types.CodeType) -> None:
    """What the top of the module computes, in the module and wherever it was imported by its name."""
    name = mutant.path.removesuffix(".py").replace("/", ".")
    original, made = vars(sys.modules[name]), {"__name__": name, "__file__": str(PROJECT / mutant.path)}
    exec(code, made)  # noqa: S102  our own source, changed in one place
    for key, value in made.items():
        old = original.get(key)
        if key.startswith("__") or isinstance(value, types.FunctionType | type | types.ModuleType) or old is value:
            continue
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(key) is old:
                setattr(module, key, value)

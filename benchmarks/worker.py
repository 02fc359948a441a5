"""A contestant in a process of its own, with settings of its own: asked and answering in lines of JSON, so that several can take turns."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.servers import PROJECT, end


class Worker:
    """The parent's end. Ended with the stack."""

    def __init__(self, stack: ExitStack, module: str, env: dict[str, str]) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([sys.executable, "-m", module], cwd=PROJECT, env=env, **pipes)
        stack.callback(end, self._process)

    def ask(self, what: str, **said):
        self.tell(what, **said)
        return self.hear()

    def tell(self, what: str, **said) -> None:
        self._process.stdin.write(json.dumps({"ask": what, **said}) + "\n")
        self._process.stdin.flush()

    def hear(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a contestant ended before it answered; what it said stands above")
        return json.loads(line)


def serve(**answers: Callable) -> None:
    """The child's end: one answer a line, until nobody asks any more. What goes wrong ends the process, and so the run."""
    for line in sys.stdin:
        said = json.loads(line)
        print(json.dumps(answers[said.pop("ask")](**said)), flush=True)

"""What a contestant measures of itself: milliseconds and statements by step, and the CPU time of its client and its backends."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable

import psutil

STEPS = ("open", "confirm", "request", "vote", "decide")


class Stopwatch:
    """`backends`: process ids of its connections' servers, asked when counting begins."""

    def __init__(self, backends: Callable[[], list[int]]) -> None:
        self._backends = backends
        self.statements = 0
        self.clear()

    def clear(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.counted: Counter = Counter()

    def step(self, name: str, work: Callable):
        before, began = self.statements, time.perf_counter()
        found = work()
        self.seconds[name] += time.perf_counter() - began
        self.counted[name] += self.statements - before
        return found

    def over(self, cycles: Callable[[], None], *, number: int) -> dict[str, object]:
        """Per cycle: milliseconds by step, statements by step, CPU milliseconds. BEGIN and COMMIT are counted for nobody."""
        self.clear()
        servers = [psutil.Process(pid) for pid in self._backends()]
        before, own = sum(map(_cpu, servers)), time.process_time()
        cycles()
        cpu = {"client_ms": time.process_time() - own, "backend_ms": sum(map(_cpu, servers)) - before}
        return {
            "ms": {name: self.seconds[name] / number * 1e3 for name in STEPS},
            "statements": {name: self.counted[name] / number for name in STEPS},
            "cpu": {name: spent / number * 1e3 for name, spent in cpu.items()},
        }


def _cpu(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return spent.user + spent.system

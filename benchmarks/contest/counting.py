"""A stopwatch over Django's two connections, which counts every statement."""

from django.db import connections

from benchmarks.contest.stopwatch import Stopwatch

ALIASES = ("default", "self_service")


def counting_stopwatch() -> Stopwatch:
    def counted(execute, sql, params, many, context):
        watch.statements += 1
        return execute(sql, params, many, context)

    def backends() -> list[int]:
        for alias in ALIASES:
            connections[alias].ensure_connection()
            if counted not in connections[alias].execute_wrappers:
                connections[alias].execute_wrappers.append(counted)
        return [connections[alias].connection.info.backend_pid for alias in ALIASES]

    watch = Stopwatch(backends)
    return watch

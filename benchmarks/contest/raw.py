"""The cycle as bare SQL in psycopg2: what the two databases themselves cost. `unguarded` lifts the triggers, to see what those cost."""

import os
import uuid
from contextlib import contextmanager
from types import SimpleNamespace

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.reference.settings"

import django  # noqa: E402

django.setup()

import psycopg2  # noqa: E402
from django.apps import apps  # noqa: E402
from psycopg2.extras import Json, NamedTupleCursor, register_uuid  # noqa: E402

from benchmarks.contest.said import CONFIRMATIONS  # noqa: E402
from benchmarks.contest.stopwatch import Stopwatch  # noqa: E402
from benchmarks.contest.story import Teller  # noqa: E402
from benchmarks.worker import serve  # noqa: E402
from config.databases import SCHEMA  # noqa: E402

TABLES = {each.__name__: each._meta.db_table for each in apps.get_models()}
MEMBERS = """SELECT person.id, team.name FROM access_user person JOIN access_user_groups seat ON seat.user_id = person.id
JOIN auth_group team ON team.id = seat.group_id WHERE person.is_active AND NOT person.machine AND team.name = ANY(%s)"""
POLICY = """SELECT policy.* FROM reviews_reviewpolicy policy JOIN reviews_policyoutcome said ON said.policy_id = policy.id
WHERE policy.environment_id = %s AND said.outcome = 'accepted' ORDER BY policy.version DESC LIMIT 1"""
register_uuid()


def _value(value):
    return Json(value) if isinstance(value, dict | list) else value


def _row(found) -> SimpleNamespace:
    """`pk` as models have it: the plan's section asks for that."""
    said = found._asdict()
    return SimpleNamespace(**said, pk=said.get("id"))


class SqlPen:
    def __init__(self) -> None:
        self.primary = psycopg2.connect(os.environ["DATABASE_URL"])
        self.store = psycopg2.connect(os.environ["SELF_SERVICE_DATABASE_URL"], options=f"-c search_path={SCHEMA} -c timezone=UTC")
        self.primary.autocommit = True
        # A transaction begins with its first statement; the psycopg2 of the others is told when.
        self.cursor = self.store.cursor(cursor_factory=NamedTupleCursor)

    @contextmanager
    def transaction(self):
        with self.store:
            yield

    def _execute(self, query: str, parameters: list):
        watch.statements += 1
        self.cursor.execute(query, parameters)
        return self.cursor

    def _select(self, table: str, where: dict, end: str = "") -> list:
        condition = " AND ".join(f"{column} = %s" for column in where)
        found = self._execute(f"SELECT * FROM {TABLES[table]} WHERE {condition}{end}", list(where.values()))  # noqa: S608  names of ours
        return [_row(found) for found in found.fetchall()]

    def locked(self, table: str, **where) -> SimpleNamespace:
        return self._select(table, where, " FOR UPDATE")[0]

    def locked_rows(self, table: str, **where) -> list:
        return self._select(table, where, " FOR UPDATE")

    def shared(self, table: str, **where) -> list:
        return self._select(table, where, " FOR SHARE")

    def rows(self, table: str, **where) -> list:
        return self._select(table, where)

    def newest_event(self, request_id: uuid.UUID) -> tuple[int, str]:
        query = "SELECT number, sha256 FROM reviews_event WHERE review_request_id = %s ORDER BY number DESC LIMIT 1"
        return tuple(self._execute(query, [request_id]).fetchone())

    def policy(self, environment_id: uuid.UUID) -> SimpleNamespace:
        return _row(self._execute(POLICY, [environment_id]).fetchone())

    def members(self, groups: list[str]) -> list[tuple[int, str]]:
        watch.statements += 1
        with self.primary.cursor() as cursor:
            cursor.execute(MEMBERS, [groups])
            return cursor.fetchall()

    def insert(self, table: str, *rows: dict) -> None:
        columns = ", ".join(f'"{column}"' for column in rows[0])
        places = ", ".join(f"({', '.join(['%s'] * len(rows[0]))})" for _ in rows)
        values = [_value(value) for row in rows for value in row.values()]
        self._execute(f"INSERT INTO {TABLES[table]} ({columns}) VALUES {places}", values)  # noqa: S608  names of ours

    def update(self, table: str, where: dict, **values) -> None:
        changes, condition = ", ".join(f"{column} = %s" for column in values), " AND ".join(f"{column} = %s" for column in where)
        self._execute(f"UPDATE {TABLES[table]} SET {changes} WHERE {condition}", [*values.values(), *where.values()])  # noqa: S608  likewise


def tell(plan_id: uuid.UUID) -> None:
    request_id = watch.step("open", lambda: teller.open(plan_id))
    for kind in CONFIRMATIONS:
        watch.step("confirm", lambda: teller.confirm(request_id, kind))  # noqa: B023  called at once
    digest = watch.step("request", lambda: teller.request(request_id))
    watch.step("vote", lambda: teller.vote(request_id, "release", digest))
    watch.step("decide", lambda: teller.vote(request_id, "security", digest))


def cycles(plans: list[str], *, unguarded: bool = False) -> dict[str, object]:
    """The role of the benchmark owns its tables and may lift their triggers for a session; one that serves may not."""
    with pen.store:
        pen.cursor.execute(f"SET session_replication_role = {'replica' if unguarded else 'origin'}")
    return watch.over(lambda: [tell(uuid.UUID(each)) for each in plans], number=len(plans))


def people() -> dict[str, int]:
    with pen.primary.cursor() as cursor:
        cursor.execute("SELECT username, id FROM access_user")
        return dict(cursor.fetchall())


watch = Stopwatch(lambda: [pen.primary.info.backend_pid, pen.store.info.backend_pid])
pen = SqlPen()
teller = Teller(pen, people())

if __name__ == "__main__":
    serve(cycles=cycles)

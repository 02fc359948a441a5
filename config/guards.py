"""Rules that each written row must meet, kept by one trigger per table and event on both back ends, against raw SQL too.

In a migration, after the one that creates the table:

    def rules(sql: Sql) -> Rules:
        return [("NEW.count > OLD.count", "a count only grows")]

    operations = [guard("reviews_denial", "update", rules)]

A condition stands for what must hold; one that is not plainly true, NULL included, refuses the statement with an IntegrityError that says
the sentence. On SQLite a row that exists cannot be replaced either, whatever conflict word the statement uses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.db.migrations import RunPython

Rules = list[tuple[str, str]]
# SQLite knows no start of a transaction; it writes one at a time, and one that serves a request is over by then.
SQLITE_TRANSACTION = "-15 seconds"


@dataclass(frozen=True)
class Sql:
    """The few words in which the two back ends differ. `postgresql` False means SQLite."""

    postgresql: bool

    @property
    def only(self) -> str:
        """Before the name of a table that is read: rows of a table that inherits from it vouch for nothing."""
        return "ONLY " if self.postgresql else ""

    @property
    def now(self) -> str:
        return "clock_timestamp()" if self.postgresql else "strftime('%Y-%m-%d %H:%M:%f', 'now')"

    @property
    def began(self) -> str:
        """No later than the moment that the verb read from the clock, so that no verb is refused for being slow."""
        return "now()" if self.postgresql else f"strftime('%Y-%m-%d %H:%M:%f', 'now', '{SQLITE_TRANSACTION}')"

    def time(self, value: str) -> str:
        """A stored time, to compare with the clock or with `after`."""
        return value if self.postgresql else f"strftime('%Y-%m-%d %H:%M:%f', {value})"

    def after(self, value: str, seconds: str) -> str:
        if self.postgresql:
            return f"({value} + make_interval(secs => {seconds}))"
        return f"strftime('%Y-%m-%d %H:%M:%f', {value}, '+' || {seconds} || ' seconds')"

    def same(self, *columns: str) -> str:
        word = "IS NOT DISTINCT FROM" if self.postgresql else "IS"
        return "(" + " AND ".join(f"NEW.{column} {word} OLD.{column}" for column in columns) + ")"

    def document(self, value: str) -> str:
        """Stored bytes of a JSON text, as JSON."""
        return f"convert_from({value}, 'UTF8')::jsonb" if self.postgresql else f"CAST({value} AS TEXT)"

    def member(self, value: str, *path: str) -> str:
        """A member of a JSON value, as text on PostgreSQL, as what it is on SQLite."""
        return f"({value} #>> '{{{','.join(path)}}}')" if self.postgresql else f"json_extract({value}, '$.{'.'.join(path)}')"

    def part(self, value: str, *path: str) -> str:
        """A member of a JSON value, as JSON."""
        return f"({value} #> '{{{','.join(path)}}}')" if self.postgresql else f"json_extract({value}, '$.{'.'.join(path)}')"

    def items(self, value: str) -> str:
        """For FROM: the members of a JSON array, or the values of an object, each as `item.value`."""
        if not self.postgresql:
            return f"json_each({value}) AS item"
        values = f"CASE jsonb_typeof({value}) WHEN 'object' THEN jsonb_path_query_array({value}, '$.*') ELSE {value} END"
        return f"jsonb_array_elements({values}) AS item(value)"

    def word(self, value: str) -> str:
        """An `item.value` that is a text, as text."""
        return f"({value} #>> '{{}}')" if self.postgresql else value

    def number(self, value: str) -> str:
        return f"({value})::bigint" if self.postgresql else f"({value})"

    def length(self, value: str) -> str:
        return f"jsonb_array_length({value})" if self.postgresql else f"json_array_length({value})"

    def bare(self, value: str) -> str:
        """A UUID, as a column or as text, in a form that compares."""
        return f"replace(({value}){'::text' if self.postgresql else ''}, '-', '')"


def when(condition: str, must: str) -> str:
    return f"(NOT ({condition}) OR ({must}))"


def guard(
    table: str, event: str, rules: Callable[[Sql], Rules], *, unless: Callable[[Sql], str] | None = None, key: str = "id", lock: str = ""
) -> RunPython:
    """The migration operation that puts a table's rules for one event in place, instead of earlier ones of that table and event.

    `key`: its primary key. `unless`: of statements that need not meet the rules. `lock`: for PostgreSQL, what stands between SELECT and
    FOR SHARE, so that rows that the rules look at do not change before the statement commits.
    """
    install = partial(_install, table=table, event=event, rules=rules, unless=unless, key=key, lock=lock)
    return RunPython(install, partial(_remove, table=table, event=event), elidable=False)


def name_of(table: str, event: str) -> str:
    return f"{table}_guard_{event}"


def _install(apps, schema_editor, *, table: str, event: str, rules, unless, key: str, lock: str) -> None:
    _remove(apps, schema_editor, table=table, event=event)
    sql = Sql(postgresql=schema_editor.connection.vendor == "postgresql")
    exempt = unless(sql) if unless else ""
    if sql.postgresql:
        made = _postgresql(table, event, rules(sql), exempt=exempt, schema=_schema(schema_editor), lock=lock)
    else:
        made = _sqlite(table, event, _place(table, event, key) + rules(sql), exempt=exempt)
    for statement in made:
        schema_editor.execute(statement, params=None)


def _remove(apps, schema_editor, *, table: str, event: str) -> None:
    name = name_of(table, event)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f'DROP FUNCTION IF EXISTS "{name}"() CASCADE', params=None)
    else:
        schema_editor.execute(f'DROP TRIGGER IF EXISTS "{name}"', params=None)


def _schema(schema_editor) -> str:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return cursor.fetchone()[0]


def _postgresql(table: str, event: str, rules: Rules, *, exempt: str, schema: str, lock: str) -> list[str]:
    name, row = name_of(table, event), "OLD" if event == "delete" else "NEW"
    raised = "RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE ="
    checks = "\n".join(f"IF ({condition}) IS NOT TRUE THEN {raised} '{sentence}'; END IF;" for condition, sentence in rules)
    # search_path is kept with the function, so that a session with another one meets the guard all the same; pg_temp is named and last,
    # because left out it is searched first, and a temporary table would vouch for anything.
    head = f'CREATE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql SET search_path = "{schema}", pg_temp AS $$'
    held = f"PERFORM {lock} FOR SHARE;\n" if lock else ""
    passed = f"IF {exempt} THEN RETURN {row}; END IF;\n" if exempt else ""
    return [
        f"{head} BEGIN\n{passed}{held}{checks}\nRETURN {row}; END $$",
        f'CREATE TRIGGER "{name}" BEFORE {event.upper()} ON "{table}" FOR EACH ROW EXECUTE FUNCTION "{name}"()',
    ]


def _place(table: str, event: str, key: str) -> Rules:
    """INSERT OR REPLACE and UPDATE OR REPLACE can name a row by its hidden rowid, and so delete it without asking a delete trigger."""
    taken = f'SELECT 1 FROM "{table}" AS other WHERE other.rowid = NEW.rowid OR other."{key}" = NEW."{key}"'  # noqa: S608  names of ours
    new, kept = (f"NOT EXISTS ({taken})", "a row is not replaced"), ("NEW.rowid IS OLD.rowid", "a row keeps its place")
    return {"insert": [new], "update": [kept]}.get(event, [])


def _sqlite(table: str, event: str, rules: Rules, *, exempt: str) -> list[str]:
    checks = " ".join(f"SELECT RAISE(ABORT, '{sentence}') WHERE ({condition}) IS NOT TRUE;" for condition, sentence in rules)
    when_not = f"WHEN ({exempt}) IS NOT TRUE " if exempt else ""
    return [f'CREATE TRIGGER "{name_of(table, event)}" BEFORE {event.upper()} ON "{table}" {when_not}BEGIN {checks} END']

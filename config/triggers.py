"""Append-only tables, kept so by triggers on both back ends, against raw SQL too.

In a migration, after the one that creates the table:

    operations = [*append_only("receipts_receipt"), *append_only("reviews_denial", mutable=("count", "last_at"))]

Every refused statement raises django.db.IntegrityError with a sentence such as "receipts_receipt is append-only". The operations run
only on the alias that holds the app (RunPython asks the router), can be reversed, and may be repeated with other arguments: the newest
ones hold. Two things to know about SQLite: a migration that rebuilds a table (most AlterField, AddField, AddConstraint) drops its
triggers, and fails where a trigger of another table reads it, so wrap those operations in `keeping_triggers(…)`; and a repeated unique
value is refused before an ON CONFLICT clause is looked at, because INSERT OR REPLACE would otherwise delete the old row without firing
a delete trigger, so upserts do not work on these tables.
"""

from dataclasses import dataclass
from functools import partial
from itertools import groupby

from django.db.migrations import RunPython
from django.db.migrations.operations.base import Operation

EVENTS = ("update", "delete", "insert")
INDEXED_COLUMNS = """SELECT found.name, part.name FROM pragma_index_list(%s) AS found, pragma_index_info(found.name) AS part
WHERE found."unique" AND NOT found.partial ORDER BY found.name, part.seqno"""


def append_only(table: str, *, mutable: tuple[str, ...] = (), deletable: bool = False) -> list[RunPython]:
    """Migration operations after which rows of `table` stay as inserted.

    `mutable`: columns (database names) that an UPDATE may change, all others compare equal; `deletable`: rows may be deleted.
    """
    install = partial(_install, table=table, mutable=mutable, deletable=deletable)
    return [RunPython(install, partial(_remove, table=table), elidable=False)]


def keeping_triggers(*operations: Operation) -> list[Operation]:
    """The operations of a migration, on SQLite with every trigger of the database lifted before them and put back after.

    Put back as they were: a guard that lists columns (`append_only` with `mutable`) does not know new ones until it is repeated.
    """
    lifted: list[str] = []
    return [RunPython(partial(_lift, lifted=lifted), partial(_put_back, lifted=lifted)), *operations,
            RunPython(partial(_put_back, lifted=lifted), partial(_lift, lifted=lifted))]  # fmt: skip


def _lift(apps, schema_editor, *, lifted: list[str]) -> None:
    if schema_editor.connection.vendor == "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid")
        found = cursor.fetchall()
    lifted[:] = [text for _, text in found]
    for name, _ in found:
        schema_editor.execute(f'DROP TRIGGER "{name}"', params=None)


def _put_back(apps, schema_editor, *, lifted: list[str]) -> None:
    """Operations in between may have made some of them anew; those hold."""
    for text in lifted:
        schema_editor.execute(text.replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS", 1), params=None)
    lifted.clear()


def _install(apps, schema_editor, *, table: str, mutable: tuple[str, ...], deletable: bool) -> None:
    connection = schema_editor.connection
    columns = _columns(connection, table)
    if unknown := sorted(set(mutable) - set(columns)):
        raise ValueError(f"{table} has no column {unknown[0]}.")
    _remove(apps, schema_editor, table=table)
    if connection.vendor == "postgresql":
        statements = _postgresql(table, mutable=mutable, deletable=deletable)
    else:
        fixed = [column for column in columns if column not in mutable] if mutable else []
        statements = _sqlite(table, mutable=mutable, deletable=deletable, fixed=fixed, unique=_unique_sets(connection, table))
    for statement in statements:
        schema_editor.execute(statement, params=None)


def _remove(apps, schema_editor, *, table: str) -> None:
    if schema_editor.connection.vendor == "postgresql":
        # The triggers hang on the function, and CASCADE reaches nothing else.
        schema_editor.execute(f'DROP FUNCTION IF EXISTS "{table}_append_only"() CASCADE', params=None)
        return
    for event in EVENTS:
        schema_editor.execute(f'DROP TRIGGER IF EXISTS "{table}_no_{event}"', params=None)


def _sentence(table: str, mutable: tuple[str, ...]) -> str:
    return f"{table} is append-only" + (f" except for {', '.join(mutable)}" if mutable else "")


def _columns(connection, table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [column.name for column in connection.introspection.get_table_description(cursor, table)]


def _unique_sets(connection, table: str) -> list[list[str]]:
    """Column lists that are unique together on SQLite; partial indexes and those on expressions are left out."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXED_COLUMNS, [table])
        rows = cursor.fetchall()
    indexes = [[column for _, column in columns] for _, columns in groupby(rows, key=lambda row: row[0])]
    return [columns for columns in indexes if None not in columns]


def _postgresql(table: str, *, mutable: tuple[str, ...], deletable: bool) -> list[str]:
    """One function and its triggers. A row turned into jsonb compares every column, those of later migrations too.

    Its search_path is its own: a function called to_jsonb, in a schema that a session looks into first, would call any two rows equal.
    """
    names = ", ".join(f"'{column}'" for column in mutable)
    same = f"to_jsonb(OLD) - ARRAY[{names}]::text[] = to_jsonb(NEW) - ARRAY[{names}]::text[]"
    function = f"""CREATE FUNCTION "{table}_append_only"() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    {f"IF TG_OP = 'UPDATE' AND {same} THEN RETURN NEW; END IF;" if mutable else ""}
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = '{_sentence(table, mutable)}';
END $$"""
    run = f'EXECUTE FUNCTION "{table}_append_only"()'
    rows = f'CREATE TRIGGER "{table}_no_change" BEFORE {"UPDATE" if deletable else "UPDATE OR DELETE"} ON "{table}" FOR EACH ROW {run}'
    whole = f'CREATE TRIGGER "{table}_no_truncate" BEFORE TRUNCATE ON "{table}" FOR EACH STATEMENT {run}'
    return [function, rows] if deletable else [function, rows, whole]


def _sqlite(table: str, *, mutable: tuple[str, ...], deletable: bool, fixed: list[str], unique: list[list[str]]) -> list[str]:
    """`fixed`: the columns an UPDATE must leave alone, all of them when empty; `unique`: what an INSERT OR REPLACE could hit."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_sentence(table, mutable)}'); END"
    # The rowid with them: a row that took another's place would be that row to whoever asks by it.
    changed = " OR ".join(["OLD.rowid IS NOT NEW.rowid", *(f'OLD."{column}" IS NOT NEW."{column}"' for column in fixed)]) if fixed else ""
    # The rowid too: INSERT OR REPLACE can name it, whatever the primary key is.
    same = " OR ".join(["rowid = NEW.rowid", *(" AND ".join(f'"{column}" = NEW."{column}"' for column in columns) for columns in unique)])
    conditions = {
        "update": f'BEFORE UPDATE ON "{table}" {f"WHEN {changed}" if changed else ""}',
        "delete": f'BEFORE DELETE ON "{table}"',
        "insert": f'BEFORE INSERT ON "{table}" WHEN EXISTS (SELECT 1 FROM "{table}" WHERE {same})',  # noqa: S608  names out of the schema
    }
    wanted = ("update",) if deletable else EVENTS
    return [f'CREATE TRIGGER "{table}_no_{event}" {conditions[event]} {refuse}' for event in wanted]


# --- rules of a table's own ---------------------------------------------------------------------------------------------------------

SAME = {"postgresql": "IS NOT DISTINCT FROM", "sqlite": "IS"}
Rules = tuple[tuple[str, str], ...]


def guarded(table: str, name: str, *, insert: Rules = (), update: Rules = ()) -> list[RunPython]:
    """Migration operations after which the database refuses an INSERT or UPDATE of `table` while a condition holds.

    Rules are (condition on OLD and NEW, sentence); `{same}` in a condition compares two values that may be null. On SQLite each rule is
    a trigger `<name>_<insert or update>_<number>`, on PostgreSQL all are one trigger `name`.
    """
    rules = {"INSERT": insert, "UPDATE": update}
    return [RunPython(partial(_guard, table=table, name=name, rules=rules), partial(_unguard, table=table, name=name, rules=rules))]


def _guard(apps, schema_editor, *, table: str, name: str, rules: dict[str, Rules]) -> None:
    _unguard(apps, schema_editor, table=table, name=name, rules=rules)
    build = _guard_on_postgresql if schema_editor.connection.vendor == "postgresql" else _guard_on_sqlite
    for statement in build(schema_editor.connection, table, name, rules):
        schema_editor.execute(statement, params=None)


def _unguard(apps, schema_editor, *, table: str, name: str, rules: dict[str, Rules]) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f'DROP FUNCTION IF EXISTS "{name}"() CASCADE', params=None)
        return
    for event, found in rules.items():
        for number in range(len(found)):
            schema_editor.execute(f'DROP TRIGGER IF EXISTS "{name}_{event.lower()}_{number}"', params=None)


def _guard_on_postgresql(connection, table: str, name: str, rules: dict[str, Rules]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = cursor.fetchone()[0]
    checks = "\n".join(
        f"IF TG_OP = '{event}' THEN IF {condition.format(same=SAME['postgresql'])} THEN"
        f" RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = '{sentence}'; END IF; END IF;"
        for event, found in rules.items()
        for condition, sentence in found
    )
    # The search path is kept with the function, pg_temp last, so that no session and no temporary table leads it astray.
    head = f'RETURNS trigger LANGUAGE plpgsql SET search_path = "{schema}", pg_temp AS'
    return [
        f'CREATE FUNCTION "{name}"() {head} $$ BEGIN {checks} RETURN NEW; END $$',
        f'CREATE TRIGGER "{name}" BEFORE INSERT OR UPDATE ON "{table}" FOR EACH ROW EXECUTE FUNCTION "{name}"()',
    ]


def _guard_on_sqlite(connection, table: str, name: str, rules: dict[str, Rules]) -> list[str]:
    return [
        f'CREATE TRIGGER "{name}_{event.lower()}_{number}" BEFORE {event} ON "{table}" WHEN {condition.format(same=SAME["sqlite"])}'
        f" BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
        for event, found in rules.items()
        for number, (condition, sentence) in enumerate(found)
    ]


# --- tables whose rows change, but not whenever somebody likes ---------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """What is refused: an `event` (INSERT, UPDATE or DELETE) while `condition` holds, in SQL of both back ends over OLD and NEW."""

    event: str
    condition: str
    sentence: str


def changed(*columns: str) -> str:
    """The condition that one of these columns, none of which may be null, changes."""
    return "(" + " OR ".join(f"OLD.{column} <> NEW.{column}" for column in columns) + ")"


def kept(table: str, *rules: Rule) -> list[RunPython]:
    """Migration operations after which rows of `table` obey the rules; a repeated unique value says "… has that row already" on SQLite."""
    return [RunPython(partial(_keep, table=table, rules=rules), partial(_let_go, table=table), elidable=False)]


def kept_names(table: str, rules: int) -> dict[str, set[str]]:
    """By back end: the triggers that `kept` makes for so many rules; a check asks whether they are there."""
    numbered = {f"{table}_guard_{number}" for number in range(rules)}
    return {"postgresql": {f"{table}_guard", f"{table}_kept"}, "sqlite": numbered | {f"{table}_no_insert", f"{table}_no_place"}}


def _keep(apps, schema_editor, *, table: str, rules: tuple[Rule, ...]) -> None:
    _let_go(apps, schema_editor, table=table)
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            statements = _keep_on_postgresql(table, rules, schema=cursor.fetchone()[0])
    else:
        statements = _keep_on_sqlite(table, rules, unique=_unique_sets(connection, table))
    for statement in statements:
        schema_editor.execute(statement, params=None)


def _let_go(apps, schema_editor, *, table: str) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f'DROP FUNCTION IF EXISTS "{table}_guard"() CASCADE', params=None)
        return
    for name in [f"{table}_no_insert", f"{table}_no_place", *(f"{table}_guard_{number}" for number in range(20))]:
        schema_editor.execute(f'DROP TRIGGER IF EXISTS "{name}"', params=None)


def _keep_on_postgresql(table: str, rules: tuple[Rule, ...], *, schema: str) -> list[str]:
    """search_path stays with the function, pg_temp last: no temporary table vouches for anything."""

    def refuse(sentence: str) -> str:
        return f"RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = '{sentence}';"

    asked = "\n".join(f"IF TG_OP = '{rule.event}' THEN IF {rule.condition} THEN {refuse(rule.sentence)} END IF; END IF;" for rule in rules)
    function = f"""CREATE FUNCTION "{table}_guard"() RETURNS trigger LANGUAGE plpgsql SET search_path = "{schema}", pg_temp AS $$ BEGIN
IF TG_OP = 'TRUNCATE' THEN {refuse(f"{table} is kept")} END IF;
{asked}
RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END; END $$"""
    run = f'EXECUTE FUNCTION "{table}_guard"()'
    return [
        function,
        f'CREATE TRIGGER "{table}_guard" BEFORE INSERT OR UPDATE OR DELETE ON "{table}" FOR EACH ROW {run}',
        f'CREATE TRIGGER "{table}_kept" BEFORE TRUNCATE ON "{table}" FOR EACH STATEMENT {run}',
    ]


def _keep_on_sqlite(table: str, rules: tuple[Rule, ...], *, unique: list[list[str]]) -> list[str]:
    """Beside the rules: REPLACE would delete a row without asking a delete trigger, and a rowid could be handed on."""
    same = " OR ".join(" AND ".join(f'"{column}" = NEW."{column}"' for column in columns) for columns in [["rowid"], *unique])
    there = f'EXISTS (SELECT 1 FROM "{table}" WHERE rowid IS NOT {{}} AND ({same}))'  # noqa: S608  names out of the schema
    asked = [(f"{table}_guard_{number}", rule.event, rule.condition, rule.sentence) for number, rule in enumerate(rules)]
    asked += [
        (f"{table}_no_insert", "INSERT", there.format("NULL"), f"{table} has that row already"),
        (f"{table}_no_place", "UPDATE", f"OLD.rowid IS NOT NEW.rowid OR {there.format('OLD.rowid')}", f"{table} has that row already"),
    ]
    return [
        f'CREATE TRIGGER "{name}" BEFORE {event} ON "{table}" WHEN {condition} BEGIN SELECT RAISE(ABORT, \'{sentence}\'); END'
        for name, event, condition, sentence in asked
    ]

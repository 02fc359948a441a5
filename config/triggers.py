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
    """One function and its triggers. A row turned into jsonb compares every column, those of later migrations too."""
    names = ", ".join(f"'{column}'" for column in mutable)
    same = f"to_jsonb(OLD) - ARRAY[{names}]::text[] = to_jsonb(NEW) - ARRAY[{names}]::text[]"
    function = f"""CREATE FUNCTION "{table}_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
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

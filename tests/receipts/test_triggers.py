"""config/triggers.py with its two options, on a table of its own, on both back ends."""

import pytest
from django.db import IntegrityError, OperationalError, connections, models, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.migrations import AddField
from django.db.migrations.state import ModelState, ProjectState

from config.triggers import append_only, keeping_triggers

CREATE = "CREATE TABLE diary (id integer PRIMARY KEY, day text NOT NULL UNIQUE, text text, seen integer, data text)"


class Diary:
    """A table with two rows behind an alias, and what is done to it."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.run(CREATE)
        self.run("INSERT INTO diary VALUES (1, 'mon', 'a', 0, NULL), (2, 'tue', 'b', 0, NULL)")

    def run(self, statement: str) -> None:
        with transaction.atomic(using=self.alias), connections[self.alias].cursor() as cursor:
            cursor.execute(statement)

    @property
    def rows(self) -> list[tuple]:
        with connections[self.alias].cursor() as cursor:
            cursor.execute("SELECT * FROM diary ORDER BY id")
            return cursor.fetchall()

    def is_refused(self, statement: str) -> bool:
        """Whether the guard said no; then nothing has changed either."""
        before, sentence = self.rows, ""
        try:
            self.run(statement)
        except IntegrityError as refusal:
            sentence = str(refusal)
        return sentence.startswith("diary is append-only") and self.rows == before

    def guard(self, *, backwards: bool = False, **options) -> None:
        for operation in append_only("diary", **options):
            with connections[self.alias].schema_editor(atomic=False) as editor:
                (operation.reverse_code if backwards else operation.code)(None, editor)


@pytest.fixture
def sqlite_diary(both_stores):
    settings = {**connections["default"].settings_dict, "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {}}
    connections["scratch"] = DatabaseWrapper(settings, "scratch")
    connections["scratch"].disable_constraint_checking()
    yield Diary("scratch")
    connections["scratch"].connection.close()
    del connections["scratch"]


@pytest.fixture
def postgresql_diary(both_stores) -> Diary:
    return Diary("self_service")


@pytest.fixture(params=["postgresql_diary", "sqlite_diary"])
def diary(request, both_stores) -> Diary:
    return request.getfixturevalue(request.param)


def test_plain_guard_lets_rows_in_and_nothing_else(diary):
    diary.guard()

    assert not diary.is_refused("INSERT INTO diary VALUES (3, 'wed', 'c', 0, NULL)")
    assert diary.is_refused("UPDATE diary SET seen = 1 WHERE id = 1")
    assert diary.is_refused("DELETE FROM diary WHERE id = 1")


def test_mutable_columns_change_alone(diary):
    diary.guard(mutable=("seen", "data"))

    assert not diary.is_refused("UPDATE diary SET seen = seen + 1, data = 'x'")
    assert not diary.is_refused("UPDATE diary SET seen = NULL, text = text")
    assert diary.is_refused("UPDATE diary SET seen = 2, text = 'other' WHERE id = 1")
    assert diary.is_refused("UPDATE diary SET text = NULL WHERE id = 1")
    assert diary.is_refused("UPDATE diary SET id = 9 WHERE id = 1")
    assert diary.is_refused("DELETE FROM diary")


def test_deletable_rows_go_but_do_not_change(diary):
    diary.guard(deletable=True)

    assert diary.is_refused("UPDATE diary SET text = 'other'")
    assert not diary.is_refused("DELETE FROM diary WHERE id = 1")


def test_the_newest_guard_holds_and_can_be_taken_back(diary):
    diary.guard(mutable=("seen",))
    diary.guard()
    assert diary.is_refused("UPDATE diary SET seen = 1")

    diary.guard(backwards=True)

    assert not diary.is_refused("UPDATE diary SET text = 'other'")
    assert not diary.is_refused("DELETE FROM diary")


def test_truncate_is_refused_on_postgresql_unless_rows_may_go(postgresql_diary):
    postgresql_diary.guard(mutable=("seen",))
    assert postgresql_diary.is_refused("TRUNCATE diary")

    postgresql_diary.guard(deletable=True)

    assert not postgresql_diary.is_refused("TRUNCATE diary")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO diary VALUES (1, 'sun', 'new', 0, NULL)",
        "INSERT OR REPLACE INTO diary VALUES (9, 'mon', 'new', 0, NULL)",
        "REPLACE INTO diary (rowid, day) VALUES (1, 'sun')",
        "INSERT INTO diary VALUES (9, 'mon', 'n', 0, NULL) ON CONFLICT (day) DO UPDATE SET text = 'new'",
    ],
)
def test_replace_is_refused_on_sqlite(sqlite_diary, statement):
    sqlite_diary.guard()

    assert sqlite_diary.is_refused(statement)


def test_upsert_changes_what_an_update_may_change_on_postgresql(postgresql_diary):
    postgresql_diary.guard(mutable=("seen",))
    upsert = "INSERT INTO diary VALUES (9, 'mon', 'n', 0, NULL) ON CONFLICT (day) DO UPDATE SET"

    assert postgresql_diary.is_refused(f"{upsert} text = 'new'")
    assert not postgresql_diary.is_refused(f"{upsert} seen = 5")


def test_a_column_that_is_not_there_is_an_error(diary):
    with pytest.raises(ValueError, match="diary has no column heard"):
        diary.guard(mutable=("heard",))


def test_guards_stand_in_the_schema_of_the_draft_store(both_stores):
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SELECT DISTINCT pronamespace::regnamespace::text FROM pg_proc WHERE proname LIKE %s", ["receipts_%_append_only"])

        assert cursor.fetchall() == [("self_service_drafts",)]


def test_D09_guards_are_made_on_the_side_that_holds_the_tables(both_stores):
    with transaction.atomic(using="default"), connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE %s", ["%_append_only"])

        assert cursor.fetchone() == (0,)


# --- rebuilding a table on SQLite ---------------------------------------------------------------------------------------------------


# What the migrations below know of the table.
BOOK = ModelState(
    "receipts", "Book", [("id", models.AutoField(primary_key=True)), ("day", models.TextField(unique=True))], {"db_table": "diary"}
)


def migrate(alias: str, operations: list, *, backwards: bool = False) -> None:
    before = ProjectState()
    before.add_model(BOOK)
    states = [before]
    for operation in operations:
        states.append(states[-1].clone())
        operation.state_forwards("receipts", states[-1])
    with connections[alias].schema_editor(atomic=True) as editor:
        for number in reversed(range(len(operations))) if backwards else range(len(operations)):
            old, new = (number + 1, number) if backwards else (number, number + 1)
            run = operations[number].database_backwards if backwards else operations[number].database_forwards
            run("receipts", editor, states[old], states[new])


def rebuilding() -> list:
    return [AddField("book", "mood", models.TextField(default="well"))]


@pytest.fixture
def watched(sqlite_diary, settings):
    """A guarded table, which a trigger of another table reads."""
    settings.DATABASE_ROUTERS = []
    sqlite_diary.guard()
    sqlite_diary.run("CREATE TABLE page (day text)")
    sqlite_diary.run(
        "CREATE TRIGGER page_guard BEFORE INSERT ON page WHEN NOT EXISTS (SELECT 1 FROM diary WHERE diary.day = NEW.day)"
        " BEGIN SELECT RAISE(ABORT, 'a page is of a day'); END"
    )
    return sqlite_diary


def test_a_rebuilt_table_loses_its_guard_or_fails_on_sqlite(watched):
    """The control: why keeping_triggers is there."""
    with pytest.raises(OperationalError, match="page_guard"):
        migrate("scratch", rebuilding())


@pytest.mark.parametrize("backwards", [False, True])
def test_keeping_triggers_keeps_those_of_the_table_and_those_that_read_it(watched, backwards):
    operations = keeping_triggers(*rebuilding())

    migrate("scratch", operations)
    if backwards:
        migrate("scratch", operations, backwards=True)

    assert len(watched.rows[0]) == (2 if backwards else 3)
    assert watched.is_refused("UPDATE diary SET day = 'sun'")
    assert watched.is_refused("DELETE FROM diary")
    with pytest.raises(IntegrityError, match="a page is of a day"):
        watched.run("INSERT INTO page VALUES ('sun')")


def test_a_guard_made_anew_in_between_is_the_one_that_holds(watched):
    anew = append_only("diary", mutable=("day",))

    migrate("scratch", keeping_triggers(*rebuilding(), *anew))

    assert not watched.is_refused("UPDATE diary SET day = 'sun' WHERE id = 1")
    assert watched.is_refused("UPDATE diary SET mood = 'ill'")


def test_keeping_triggers_leaves_postgresql_alone(postgresql_diary, settings):
    settings.DATABASE_ROUTERS = []
    postgresql_diary.guard()

    migrate("self_service", keeping_triggers(*rebuilding()))

    assert postgresql_diary.is_refused("UPDATE diary SET day = 'sun'")

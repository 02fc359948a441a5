"""config/triggers.py with its two options, on a table of its own, on both back ends."""

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper

from config.triggers import append_only

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

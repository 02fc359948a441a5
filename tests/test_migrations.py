"""Could the release before this one run beside the new schema? Asked of both databases, for what came after the first release.

Until there is a release nothing runs beside anything: `tests/released_migrations.txt` lists what the newest one has, and is empty so far.
`python manage.py migrate_all --plan` shows what would run; the linter reads the SQL that it would run there.
"""

from pathlib import Path

import pytest
from django.db import connection, connections, migrations, models
from django.db.migrations.loader import MigrationLoader
from django_migration_linter.sql_analyser import analyse_sql_statements, get_sql_analyser_class

from config.router import home_of
from tests.conftest import PROJECT

RELEASED = PROJECT / "tests" / "released_migrations.txt"
OURS = ("access", "drafts", "receipts", "reviews", "readiness")
ALIASES = ("default", "self_service")


def released() -> set[tuple[str, str]]:
    """(app, migration) of the newest release."""
    lines = [line for line in RELEASED.read_text().splitlines() if line and not line.startswith("#")]
    return {tuple(line.split(".", 1)) for line in lines}


def complaints(alias: str, operations: list, state, *, app: str) -> list[str]:
    """Codes of what an older release could not bear in the SQL of these operations, as that database would run it."""
    with connections[alias].schema_editor(collect_sql=True, atomic=False) as editor:
        for operation in operations:
            after = state.clone()
            operation.state_forwards(app, after)
            operation.database_forwards(app, editor, state, after)
            state = after
    analyser = get_sql_analyser_class(connections[alias].vendor)
    errors, _, _ = analyse_sql_statements(analyser, editor.collected_sql)
    return [error.code for error in errors]


@pytest.fixture
def loader(both_stores) -> MigrationLoader:
    return MigrationLoader(connection)


@pytest.mark.parametrize("alias", ALIASES)
def test_nothing_after_the_newest_release_breaks_it_while_both_run(loader, alias):
    wrong = {}
    since = released()
    if not since:
        # There is no release yet, so there is none that these could break; the tests below hold the tool to what it is for.
        assert "Unreleased: 0.1.0" in (PROJECT / "CHANGELOG.md").read_text()
        return
    for app, name in sorted(set(loader.disk_migrations) - since):
        if app in OURS and home_of(app) == alias:
            before = loader.project_state(loader.disk_migrations[app, name].dependencies)
            found = complaints(alias, loader.disk_migrations[app, name].operations, before, app=app)
            wrong |= {f"{app}.{name}": found} if found else {}
    assert wrong == {}


BREAKING = {
    "a column that goes": ("DROP_COLUMN", lambda model, field: migrations.RemoveField(model, field)),
    "a column that gets another name": ("RENAME_COLUMN", lambda model, field: migrations.RenameField(model, field, "other")),
    "a table that goes": ("DROP_TABLE", lambda model, _: migrations.DeleteModel(model)),
    "a column that must be given": ("NOT_NULL", lambda model, _: migrations.AddField(model, "more", models.IntegerField(default=1))),
}
PLACES = {"default": ("access", "tally", "count"), "self_service": ("reviews", "chain", "events")}


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("name", BREAKING)
def test_the_linter_finds_what_breaks_an_older_release_in_either_database(loader, alias, name):
    app, model, field = PLACES[alias]
    code, operation = BREAKING[name]
    assert complaints(alias, [operation(model, field)], loader.project_state(), app=app) == [code]


@pytest.mark.parametrize("alias", ALIASES)
def test_the_linter_lets_pass_what_an_older_release_bears(loader, alias):
    app, model, _ = PLACES[alias]
    fine = migrations.AddField(model, "more", models.IntegerField(null=True))
    assert complaints(alias, [fine], loader.project_state(), app=app) == []


def test_a_migration_of_one_database_is_nothing_in_the_other(loader):
    """The router lets each side's operations through there alone, so that the linter asks the database that they are for."""
    app, model, field = PLACES["self_service"]
    assert complaints("default", [migrations.RemoveField(model, field)], loader.project_state(), app=app) == []


def test_what_is_released_is_there(loader):
    assert {(app, name) for app, name in released()} - set(loader.disk_migrations) == set()
    assert Path(RELEASED).exists()

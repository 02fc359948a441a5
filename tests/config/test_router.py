"""Which database holds which table, and that nothing crosses (D09, D10)."""

import sqlite3

import pytest
from django.apps import apps
from django.db import connections, migrations, models, router
from django.test.utils import isolate_apps

from access.models import User
from config.router import PINNED_APPS, home_of
from drafts.models import Author, CoveragePlan, Membership, Partner

PINNED = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in PINNED_APPS]
OTHERS = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label not in PINNED_APPS]


def test_pinned_apps_are_exactly_the_four_of_the_draft_store():
    assert {"drafts", "reviews", "receipts", "readiness"} == PINNED_APPS
    assert {model._meta.app_label for model in PINNED} == PINNED_APPS


@pytest.mark.parametrize("model", PINNED + OTHERS, ids=lambda model: model._meta.label)
def test_reads_writes_and_migrations_agree_on_one_home(model):
    home = "self_service" if model in PINNED else "default"
    assert (router.db_for_read(model), router.db_for_write(model)) == (home, home)
    for alias in connections:
        assert router.allow_migrate_model(alias, model) is (alias == home)


def tables_by_home(alias: str) -> set[str]:
    return {model._meta.db_table for model in PINNED + OTHERS if home_of(model._meta.app_label) == alias and model._meta.managed}


@pytest.mark.usefixtures("both_stores")
@pytest.mark.parametrize("alias", ["default", "self_service"])
def test_d09_migrate_makes_only_its_sides_tables_on_postgresql(alias):
    with connections[alias].cursor() as cursor:
        found = set(connections[alias].introspection.table_names(cursor))
    assert found == tables_by_home(alias) | {"django_migrations"}


def test_d09_migrate_makes_only_its_sides_tables_on_sqlite(sqlite_installation):
    for alias, path in (("default", sqlite_installation.primary), ("self_service", sqlite_installation.store)):
        database = sqlite3.connect(path)
        found = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")}
        database.close()
        assert found == tables_by_home(alias) | {"django_migrations"}


@pytest.mark.usefixtures("both_stores")
@pytest.mark.parametrize(
    ("app_label", "alias", "runs"),
    [
        ("drafts", "self_service", True),
        ("reviews", "self_service", True),
        ("receipts", "self_service", True),
        ("readiness", "self_service", True),
        ("access", "default", True),
        ("auth", "default", True),
        ("drafts", "default", False),
        ("reviews", "default", False),
        ("receipts", "default", False),
        ("readiness", "default", False),
        ("access", "self_service", False),
        ("auth", "self_service", False),
        ("contenttypes", "self_service", False),
        ("sessions", "self_service", False),
    ],
)
def test_d09_data_migrations_run_on_their_side_only(app_label, alias, runs):
    ran = []
    state = migrations.state.ProjectState()
    with connections[alias].schema_editor() as editor:
        migrations.RunPython(lambda *_: ran.append("python")).database_forwards(app_label, editor, state, state)
        migrations.RunSQL("SELECT 1").database_forwards(app_label, editor, state, state)
    assert ran == (["python"] if runs else [])


def test_d10_no_relation_of_any_model_crosses_the_databases():
    fields = [
        field
        for model in PINNED + OTHERS
        for field in model._meta.get_fields(include_hidden=True)
        if field.is_relation and field.related_model
    ]
    crossing = [str(field) for field in fields if home_of(field.model._meta.app_label) != home_of(field.related_model._meta.app_label)]
    assert crossing == []


@isolate_apps("drafts")
def test_d10_assignment_across_the_databases_is_refused():
    class Crossing(models.Model):
        user = models.ForeignKey(User, models.CASCADE, related_name="+", db_constraint=False)

        class Meta:
            app_label = "drafts"

        def __str__(self) -> str:
            return "crossing"

    with pytest.raises(ValueError, match="the current database router prevents this relation"):
        Crossing(user=User(username="ada"))


@pytest.mark.usefixtures("both_stores")
def test_d10_deleting_a_user_leaves_draft_rows_as_they_were(django_assert_num_queries):
    user = User.objects.create(username="ada")
    partner = Partner.objects.create(slug="acme", name="Acme")
    plan = CoveragePlan.objects.create(
        partner=partner, name="p", gate_type="g", system_scope="s", authority_context="a", external_reference="r"
    )
    person = {"user_id": user.pk, "username": user.username}
    Membership.objects.create(partner=partner, role="owner", **person)
    Author.objects.create(plan=plan, **person)

    with django_assert_num_queries(0, using="self_service"):
        user.delete()

    assert list(Membership.objects.values("user_id", "username")) == [person]
    assert list(Author.objects.values("user_id", "username")) == [person]

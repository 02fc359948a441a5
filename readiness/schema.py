"""Whether a database holds what this code needs: its migrations applied, and the tables really there."""

from django.apps import apps
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from config.router import home_of


def pending_migrations(alias: str) -> list[str]:
    """`app.name` of each migration that this code has and the database does not, in order. Raises DatabaseError when it cannot be asked."""
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def missing_tables(alias: str) -> list[str]:
    """Tables that belong behind the alias and are not there. A migration is recorded in both databases, also where it did nothing."""
    with connections[alias].cursor() as cursor:
        return sorted(tables_kept_in(alias) - set(connections[alias].introspection.table_names(cursor)))


def tables_kept_in(alias: str) -> set[str]:
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True) if _kept_in(model, alias)}


def _kept_in(model, alias: str) -> bool:
    return model._meta.managed and not model._meta.proxy and home_of(model._meta.app_label) == alias

"""Give each review request the partner of its plan. From now on the database refuses any other, and that it changes."""

from importlib import import_module

from django.db import migrations

from config.guards import Rules, Sql, guard, name_of

earlier = import_module("reviews.migrations.0007_decided_guards")
REQUEST = earlier.REQUEST
FILL = f"UPDATE {REQUEST} SET partner_id = (SELECT plan.partner_id FROM drafts_coverageplan AS plan WHERE plan.id = {REQUEST}.plan_id)"


def new_request(sql: Sql) -> Rules:
    plan = earlier.exists(sql, "drafts_coverageplan AS plan", "plan.id = NEW.plan_id AND plan.partner_id = NEW.partner_id")
    return [*earlier.new_request(sql), (plan, "a review request is of the partner of its plan")]


def only_counts(sql: Sql) -> str:
    kept = "" if sql.postgresql else f" AND {sql.same('partner_id')}"
    return f"({earlier.only_counts(sql)}{kept})"


def changed_request(sql: Sql) -> Rules:
    return [*earlier.changed_request(sql), (sql.same("partner_id"), "a review request stays that of its partner")]


def fill(apps, schema_editor) -> None:
    """Without the guard on changes, which the next operation puts back: this is no change that a verb makes."""
    if schema_editor.connection.vendor == "postgresql":
        statements = [f'DROP TRIGGER IF EXISTS "{name_of(REQUEST, "update")}" ON {REQUEST}', FILL, "SET CONSTRAINTS ALL IMMEDIATE"]
    else:
        statements = [f'DROP TRIGGER IF EXISTS "{name_of(REQUEST, "update")}"', FILL]
    for statement in statements:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("reviews", "0020_partner_of_request")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        guard(REQUEST, "insert", new_request),
        guard(REQUEST, "update", changed_request, unless=only_counts),
    ]

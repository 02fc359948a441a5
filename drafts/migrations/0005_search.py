from django.db import migrations, models

SEARCH = """CREATE INDEX plan_search ON drafts_coverageplan
USING gin (to_tsvector('simple', name || ' ' || external_reference))"""


def on_postgresql(statement):
    """SQLite has no such index; it looks at every row."""

    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("drafts", "0004_kept_answers")]

    operations = [
        migrations.RunPython(on_postgresql(SEARCH), on_postgresql("DROP INDEX plan_search")),
        migrations.AddIndex("coverageplan", models.Index(fields=["updated_at"], name="plan_changed")),
    ]

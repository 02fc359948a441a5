"""The database counts the events of each chain: of each request, and of the organisation's."""

from django.db import migrations

REQUEST = "reviews_deploymentreviewrequest"
CHAIN = "reviews_chain"
COUNT = f"UPDATE {REQUEST} SET event_count = event_count + 1 WHERE id = NEW.review_request_id"
COUNT_ORGANISATION = (
    f"INSERT INTO {CHAIN} (name, events) VALUES ('organisation', 1) ON CONFLICT (name) DO UPDATE SET events = {CHAIN}.events + 1"
)
KEPT = {
    REQUEST: ("reviews_request_count", "NEW.event_count < OLD.event_count", "events are counted upwards"),
    CHAIN: ("reviews_chain_count", "NEW.events < OLD.events OR NEW.name <> OLD.name", "events are counted upwards"),
}


def _postgresql(schema: str) -> list[str]:
    refuse = "RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = 'events are counted upwards';"
    head = f'RETURNS trigger LANGUAGE plpgsql SET search_path = "{schema}", pg_temp AS $$ BEGIN'
    return [
        f"CREATE FUNCTION reviews_event_counted() {head} IF NEW.review_request_id IS NULL THEN {COUNT_ORGANISATION}; ELSE {COUNT}; END IF;"
        " RETURN NULL; END $$",
        "CREATE TRIGGER reviews_event_counted AFTER INSERT ON reviews_event FOR EACH ROW EXECUTE FUNCTION reviews_event_counted()",
        f"CREATE FUNCTION reviews_counted_upwards() {head} {refuse} END $$",
        *(
            f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION reviews_counted_upwards()"
            for table, (name, condition, _) in KEPT.items()
        ),
        f"CREATE TRIGGER reviews_chain_kept BEFORE DELETE ON {CHAIN} FOR EACH ROW EXECUTE FUNCTION reviews_counted_upwards()",
    ]


def _sqlite() -> list[str]:
    event = "AFTER INSERT ON reviews_event WHEN NEW.review_request_id IS"
    return [
        f"CREATE TRIGGER reviews_event_counted {event} NOT NULL BEGIN {COUNT}; END",
        f"CREATE TRIGGER reviews_event_counted_organisation {event} NULL BEGIN {COUNT_ORGANISATION}; END",
        *(
            f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
            for table, (name, condition, sentence) in KEPT.items()
        ),
        f"CREATE TRIGGER reviews_chain_kept BEFORE DELETE ON {CHAIN} BEGIN SELECT RAISE(ABORT, 'events are counted upwards'); END",
    ]


def count_what_is_there(apps, schema_editor) -> None:
    counted = f"UPDATE {REQUEST} SET event_count = (SELECT count(*) FROM reviews_event WHERE review_request_id = {REQUEST}.id)"
    organisation = (
        f"INSERT INTO {CHAIN} (name, events) SELECT 'organisation', count(*) FROM reviews_event WHERE review_request_id IS NULL HAVING count(*) > 0"
    )
    for statement in (counted, organisation):
        schema_editor.execute(statement, params=None)


def install(apps, schema_editor) -> None:
    vendor = schema_editor.connection.vendor
    for statement in _postgresql(_schema(schema_editor)) if vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement, params=None)


def _schema(schema_editor) -> str:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return cursor.fetchone()[0]


def remove(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for function in ("reviews_event_counted", "reviews_counted_upwards"):
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {function}() CASCADE", params=None)
        return
    for statement in _sqlite():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {statement.split()[2]}", params=None)


class Migration(migrations.Migration):
    dependencies = [("reviews", "0004_record")]

    operations = [
        migrations.RunPython(count_what_is_there, migrations.RunPython.noop),
        migrations.RunPython(install, remove),
    ]

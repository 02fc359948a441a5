"""Webhooks: endpoints, what the database writes for them with each transition, and the log of attempts."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import config.constraints
from config.triggers import append_only, keeping_triggers

# One row for each endpoint that wants to hear of it, in the transaction of the event: no verb can forget it, and none pays a statement.
COLUMNS = (
    "id, channel, kind, review_request_id, revision, recipient, detail, planned_for, not_before, status, attempts, error, endpoint_id, event_id"
)
ROWS = """INSERT INTO reviews_outboxmessage ({columns})
SELECT {id}, 'webhook', NEW.to_state, NEW.review_request_id, NEW.revision, '', '{{}}', NEW.at, NEW.at, 'waiting', 0, '', endpoint.id, NEW.id
FROM reviews_webhookendpoint AS endpoint
WHERE endpoint.enabled AND ({length}(endpoint.events) = 0 OR {wanted})
AND (endpoint.partner_id IS NULL OR endpoint.partner_id = (SELECT plan.partner_id FROM reviews_deploymentreviewrequest AS asked
JOIN drafts_coverageplan AS plan ON plan.id = asked.plan_id WHERE asked.id = NEW.review_request_id))"""
TRANSITION = "NEW.review_request_id IS NOT NULL AND NEW.to_state <> '' AND NEW.from_state <> NEW.to_state"
POSTGRESQL = {"id": "gen_random_uuid()", "length": "jsonb_array_length", "wanted": "endpoint.events @> to_jsonb(NEW.to_state::text)"}
SQLITE = {
    "id": "lower(hex(randomblob(16)))",
    "length": "json_array_length",
    "wanted": "EXISTS (SELECT 1 FROM json_each(endpoint.events) AS item WHERE item.value = NEW.to_state)",
}


def install(apps, schema_editor) -> None:
    if schema_editor.connection.vendor != "postgresql":
        body = ROWS.format(columns=COLUMNS, **SQLITE)
        schema_editor.execute(f"CREATE TRIGGER reviews_event_told AFTER INSERT ON reviews_event WHEN {TRANSITION} BEGIN {body}; END", params=None)
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = cursor.fetchone()[0]
    body = ROWS.format(columns=COLUMNS, **POSTGRESQL)
    function = f"""CREATE FUNCTION reviews_event_told() RETURNS trigger LANGUAGE plpgsql SET search_path = "{schema}", pg_temp AS $$ BEGIN
{body}; RETURN NULL; END $$"""
    trigger = f"CREATE TRIGGER reviews_event_told AFTER INSERT ON reviews_event FOR EACH ROW WHEN ({TRANSITION})"
    for statement in (function, f"{trigger} EXECUTE FUNCTION reviews_event_told()"):
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor) -> None:
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    statement = "DROP FUNCTION IF EXISTS reviews_event_told() CASCADE" if on_postgresql else "DROP TRIGGER IF EXISTS reviews_event_told"
    schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('drafts', '0008_one_plan_per_folded_reference'),
        ('reviews', '0014_queue_indexes'),
    ]

    operations = [
        *keeping_triggers(
            migrations.AddField(
                model_name='outboxmessage',
                name='event',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reviews.event'),
            ),
            migrations.CreateModel(
                name='DeliveryAttempt',
                fields=[
                    ('id', models.BigAutoField(primary_key=True, serialize=False)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('outcome', models.CharField(max_length=20)),
                    ('status', models.PositiveSmallIntegerField(null=True)),
                    ('ms', models.PositiveIntegerField()),
                    ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tries', to='reviews.outboxmessage')),
                ],
            ),
            migrations.CreateModel(
                name='WebhookEndpoint',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('url', models.CharField(max_length=500)),
                    ('events', models.JSONField(default=list)),
                    ('generation', models.PositiveIntegerField(default=1)),
                    ('rotated_at', models.DateTimeField(null=True)),
                    ('enabled', models.BooleanField(default=True)),
                    ('disabled_reason', models.CharField(blank=True, max_length=16)),
                    ('failing_since', models.DateTimeField(null=True)),
                    ('created_by_id', models.BigIntegerField()),
                    ('created_by', models.CharField(max_length=64)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('partner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='drafts.partner')),
                ],
            ),
            migrations.AddField(
                model_name='outboxmessage',
                name='endpoint',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='reviews.webhookendpoint'),
            ),
            migrations.AddConstraint(
                model_name='outboxmessage',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('channel', 'mail'), ('endpoint__isnull', True), ('event__isnull', True)), models.Q(('channel', 'webhook'), ('endpoint__isnull', False), ('event__isnull', False)), _connector='OR'), name='outbox_webhook_has_endpoint'),
            ),
            migrations.AddConstraint(
                model_name='outboxmessage',
                constraint=models.UniqueConstraint(fields=('endpoint', 'event'), name='outbox_one_per_endpoint'),
            ),
            migrations.AddConstraint(
                model_name='webhookendpoint',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('disabled_reason', ''), ('enabled', True)), models.Q(('enabled', False), models.Q(('disabled_reason', ''), _negated=True)), _connector='OR'), name='webhook_disabled_for_a_reason'),
            ),
            migrations.AddConstraint(
                model_name='webhookendpoint',
                constraint=models.CheckConstraint(condition=models.Q(('generation__gte', 1)), name='webhook_generation_from_one'),
            ),
            migrations.AddConstraint(
                model_name='webhookendpoint',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('url', kind='line', length=500), name='webhook_url_short'),
            ),
        ),
        *append_only(
            "reviews_webhookendpoint", mutable=("generation", "rotated_at", "enabled", "disabled_reason", "failing_since")
        ),
        *append_only("reviews_outboxmessage", mutable=("not_before", "status", "attempts", "settled_at", "error")),
        *append_only("reviews_deliveryattempt"),
        migrations.RunPython(install, remove),
    ]

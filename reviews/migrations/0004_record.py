"""Roles in events, chains that the database counts, and what finds lapsed requests quickly."""

from django.db import migrations, models

from config.triggers import keeping_triggers

LAPSING = ("review_requested", "changes_requested", "approved")
ROLES = ["owner", "viewer", "requester", "reviewer", "named_person", "auditor", "operator", "superuser", "clock"]


class Migration(migrations.Migration):

    dependencies = [
        ("reviews", "0003_staging"),
    ]

    operations = keeping_triggers(
        migrations.AddField(
            model_name="event",
            name="role",
            field=models.CharField(
                blank=True,
                choices=[
                    ("owner", "owner"),
                    ("viewer", "viewer"),
                    ("requester", "requester"),
                    ("reviewer", "reviewer"),
                    ("named_person", "named person"),
                    ("auditor", "auditor"),
                    ("operator", "operator"),
                    ("superuser", "superuser"),
                    ("clock", "the clock"),
                ],
                db_default="",
                default="",
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(
                condition=models.Q(("number__gt", 1), ("review_request__isnull", True)), fields=("number",), name="one_organisation_event_per_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="event", constraint=models.CheckConstraint(condition=models.Q(("role__in", ["", *ROLES])), name="event_role_known")
        ),
        migrations.AddIndex(model_name="event", index=models.Index(fields=["actor", "-at"], name="event_of_actor")),
        migrations.AddIndex(model_name="event", index=models.Index(fields=["verb", "-at"], name="event_of_verb")),
        migrations.CreateModel(
            name="Chain",
            fields=[
                ("name", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("events", models.PositiveIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="deploymentreviewrequest",
            name="event_count",
            field=models.PositiveIntegerField(db_default=0, editable=False),
        ),
        migrations.AddIndex(
            model_name="deploymentreviewrequest",
            index=models.Index(condition=models.Q(("state__in", LAPSING)), fields=["expires_at", "id"], name="request_lapses"),
        ),
    )

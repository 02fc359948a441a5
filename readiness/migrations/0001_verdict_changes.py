"""The history of verdicts."""

import django.db.models.functions.datetime
from django.db import migrations, models

from config.triggers import append_only


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='VerdictChange',
            fields=[
                ('number', models.PositiveIntegerField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('status', models.CharField(max_length=16)),
                ('was', models.CharField(blank=True, max_length=16)),
                ('standing', models.JSONField()),
                ('cause', models.JSONField()),
            ],
            options={
                'ordering': ['-number'],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ('ready_for_review', 'blocked', 'unknown'))), name='verdict_status_known')],
            },
        ),
        *append_only("readiness_verdictchange"),
    ]

"""Freeze windows, and policies that say how old a confirmation and a sign-in may be."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from config.triggers import append_only, keeping_triggers


class Migration(migrations.Migration):

    dependencies = [
        ('reviews', '0009_decided_before_the_log'),
    ]

    operations = [
        migrations.CreateModel(
            name='FreezeWindow',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=300)),
                ('people', models.JSONField(default=list)),
                ('frozen_by_id', models.BigIntegerField()),
                ('frozen_by', models.CharField(max_length=64)),
                ('frozen_at', models.DateTimeField()),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='freezes', to='reviews.environment')),
            ],
            options={
                'indexes': [models.Index(fields=['environment', 'ends_at'], name='freeze_by_end')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='freeze_ends_after_start')],
            },
        ),
        migrations.CreateModel(
            name='FreezeEnd',
            fields=[
                ('freeze', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='end', serialize=False, to='reviews.freezewindow')),
                ('comment', models.TextField()),
                ('ended_by_id', models.BigIntegerField()),
                ('ended_by', models.CharField(max_length=64)),
                ('ended_at', models.DateTimeField()),
            ],
        ),
        *keeping_triggers(
            migrations.AddField(model_name='reviewpolicy', name='maximum_ages', field=models.JSONField(default=dict)),
            migrations.AddField(model_name='reviewpolicy', name='session_seconds', field=models.PositiveIntegerField(null=True)),
        ),
        *append_only("reviews_freezewindow"),
        *append_only("reviews_freezeend"),
    ]

"""Staging validation: what operators pin, and what owners hand in."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from config.triggers import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('reviews', '0002_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='StagingPin',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('issuer', models.CharField(max_length=200)),
                ('jwks', models.JSONField()),
                ('environment', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='StagingValidation',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('payload', models.BinaryField()),
                ('signature', models.BinaryField()),
                ('kid', models.CharField(max_length=64)),
                ('payload_sha256', models.CharField(max_length=64)),
                ('handed_in_by_id', models.BigIntegerField()),
                ('handed_in_by', models.CharField(max_length=64)),
                ('handed_in_at', models.DateTimeField()),
                ('review_request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='staging_validations', to='reviews.deploymentreviewrequest')),
            ],
        ),
        *append_only("reviews_stagingpin"),
        *append_only("reviews_stagingvalidation"),
    ]

"""Typed fields, subjects, conditions and rules have a length in the database too; the issuer of staging as well."""

import config.constraints
import django.db.models.functions.comparison
from config.triggers import keeping_triggers
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('drafts', '0008_one_plan_per_folded_reference'),
        ('reviews', '0018_packet_indexes'),
    ]

    operations = [
        *keeping_triggers(
            migrations.AddConstraint(
                model_name='confirmation',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('evidence_sha256', kind='line', length=64), name='confirmation_sha256_short'),
            ),
            migrations.AddConstraint(
                model_name='confirmation',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin(django.db.models.functions.comparison.Cast('fields', models.TextField()), kind='line', length=8000), name='confirmation_fields_short'),
            ),
            migrations.AddConstraint(
                model_name='deploymentreviewrequest',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin(django.db.models.functions.comparison.Cast('subject', models.TextField()), kind='line', length=20000), name='request_subject_short'),
            ),
            migrations.AddConstraint(
                model_name='reviewpolicy',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin(django.db.models.functions.comparison.Cast('rules', models.TextField()), kind='line', length=40000), name='policy_rules_short'),
            ),
            migrations.AddConstraint(
                model_name='stagingpin',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('issuer', kind='line', length=200), name='staging_issuer_short'),
            ),
            migrations.AddConstraint(
                model_name='vote',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin(django.db.models.functions.comparison.Cast('conditions', models.TextField()), kind='line', length=40000), name='vote_conditions_short'),
            ),
        ),
    ]

"""Texts of partners, plans and moves have a length and no control characters in the database too; a plan gets room for its folded reference."""

import django.db.models.functions.text
from django.db import migrations, models

import config.constraints
import config.custody
from config.triggers import keeping_triggers


class Migration(migrations.Migration):
    dependencies = [("drafts", "0005_search")]

    operations = [
        *keeping_triggers(
            migrations.AddField(
                model_name='coverageplan',
                name='reference_key',
                field=models.CharField(editable=False, max_length=64, null=True),
            ),
            migrations.AlterField(
                model_name='coverageplan',
                name='external_reference',
                field=models.CharField(max_length=200, validators=[config.custody.name_text]),
            ),
            migrations.AlterField(
                model_name='coverageplan',
                name='gate_type',
                field=models.CharField(max_length=64, validators=[config.custody.name_text]),
            ),
            migrations.AlterField(
                model_name='coverageplan',
                name='name',
                field=models.CharField(max_length=120, validators=[config.custody.name_text]),
            ),
            migrations.AlterField(
                model_name='coverageplan',
                name='system_scope',
                field=models.CharField(max_length=120, validators=[config.custody.name_text]),
            ),
            migrations.AlterField(
                model_name='expansionmove',
                name='gate_type',
                field=models.CharField(max_length=64, validators=[config.custody.name_text]),
            ),
            migrations.AlterField(
                model_name='expansionmove',
                name='system_scope',
                field=models.CharField(max_length=120, validators=[config.custody.name_text]),
            ),
            migrations.AlterField(
                model_name='partner',
                name='name',
                field=models.CharField(max_length=120, validators=[config.custody.name_text]),
            ),
            migrations.AlterField(
                model_name='partner',
                name='slug',
                field=models.SlugField(max_length=64, unique=True, validators=[config.custody.slug_text]),
            ),
            migrations.AddConstraint(
                model_name='coverageplan',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('name', kind='line', length=120), name='plan_name_short'),
            ),
            migrations.AddConstraint(
                model_name='coverageplan',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('external_reference', kind='line', length=200), name='plan_reference_short'),
            ),
            migrations.AddConstraint(
                model_name='coverageplan',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('gate_type', kind='line', length=64), name='plan_gate_type_short'),
            ),
            migrations.AddConstraint(
                model_name='coverageplan',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('system_scope', kind='line', length=120), name='plan_system_scope_short'),
            ),
            migrations.AddConstraint(
                model_name='coverageplan',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('authority_context', kind='line', length=300), name='plan_authority_short'),
            ),
            migrations.AddConstraint(
                model_name='expansionmove',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('gate_type', kind='line', length=64), name='move_gate_type_short'),
            ),
            migrations.AddConstraint(
                model_name='expansionmove',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('system_scope', kind='line', length=120), name='move_system_scope_short'),
            ),
            migrations.AddConstraint(
                model_name='expansionmove',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('authority_context', kind='line', length=300), name='move_authority_short'),
            ),
            migrations.AddConstraint(
                model_name='partner',
                constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('slug'), name='one_partner_per_slug'),
            ),
            migrations.AddConstraint(
                model_name='partner',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('slug', kind='line', length=64), name='partner_slug_short'),
            ),
            migrations.AddConstraint(
                model_name='partner',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('name', kind='line', length=120), name='partner_name_short'),
            ),
        ),
    ]

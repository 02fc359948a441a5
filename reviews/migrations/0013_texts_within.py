"""Names, links and comments have a length and no control characters in the database too; a folded reference replaces no plan."""

from django.db import migrations, models

import config.constraints
import config.custody
from config.triggers import Rule, changed, keeping_triggers, kept

# As in 0006: anew, because on SQLite the guard against REPLACE names the columns that are unique.
PLAN = (
    Rule("UPDATE", changed("id", "partner_id"), "a plan stays the plan of its partner"),
    Rule("DELETE", "EXISTS (SELECT 1 FROM drafts_expansionmove AS move WHERE move.plan_id = OLD.id)", "a plan with moves is kept"),
    Rule(
        "DELETE",
        "EXISTS (SELECT 1 FROM reviews_deploymentreviewrequest AS asked WHERE asked.plan_id = OLD.id)",
        "a plan with review requests is kept",
    ),
)


class Migration(migrations.Migration):
    dependencies = [("reviews", "0012_outbox"), ("drafts", "0008_one_plan_per_folded_reference")]

    operations = [
        *keeping_triggers(
            migrations.AddConstraint(
                model_name='freezewindow',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('reason', kind='line', length=300), name='freeze_reason_short'),
            ),
            migrations.AddConstraint(
                model_name='freezeend',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('comment', kind='lines', length=2000), name='freeze_comment_short'),
            ),
            migrations.AlterField(
                model_name='environment',
                name='name',
                field=models.CharField(max_length=120, validators=[config.custody.name_text]),
            ),
            migrations.AlterField(
                model_name='environment',
                name='slug',
                field=models.SlugField(max_length=64, unique=True, validators=[config.custody.slug_text]),
            ),
            migrations.AddConstraint(
                model_name='confirmation',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('evidence_url', kind='line', length=500), name='confirmation_link_short'),
            ),
            migrations.AddConstraint(
                model_name='confirmation',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('named', kind='line', length=64), name='confirmation_named_short'),
            ),
            migrations.AddConstraint(
                model_name='environment',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('slug', kind='line', length=64), name='environment_slug_short'),
            ),
            migrations.AddConstraint(
                model_name='environment',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('name', kind='line', length=120), name='environment_name_short'),
            ),
            migrations.AddConstraint(
                model_name='event',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('comment', kind='lines', length=2000), name='event_comment_short'),
            ),
            migrations.AddConstraint(
                model_name='vote',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('comment', kind='lines', length=2000), name='vote_comment_short'),
            ),
        ),
        *kept("drafts_coverageplan", *PLAN),
    ]

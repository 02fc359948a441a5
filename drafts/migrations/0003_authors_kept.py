"""Who wrote a plan stays on record as long as the plan does: an author who deleted that could vote on their own work."""

import django.db.models.deletion
from django.db import migrations, models

from config.triggers import Rule, changed, kept

AUTHOR = (
    Rule("UPDATE", "true", "an author stays as written"),
    Rule("DELETE", "EXISTS (SELECT 1 FROM drafts_coverageplan AS plan WHERE plan.id = OLD.plan_id)", "an author goes only with the plan"),
)
PLAN = (
    Rule("UPDATE", changed("id", "partner_id"), "a plan stays the plan of its partner"),
    Rule("DELETE", "EXISTS (SELECT 1 FROM drafts_expansionmove AS move WHERE move.plan_id = OLD.id)", "a plan with moves is kept"),
)


class Migration(migrations.Migration):
    dependencies = [("drafts", "0002_moves_append_only")]

    operations = [
        migrations.AlterField(
            model_name="author",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.DO_NOTHING, related_name="authors", to="drafts.coverageplan"
            ),
        ),
        *kept("drafts_author", *AUTHOR),
        *kept("drafts_coverageplan", *PLAN),
    ]

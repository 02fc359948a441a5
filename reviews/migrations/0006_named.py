"""The person named for a confirmation; and confirmations, and plans under review, that stay as the packet found them."""

from django.db import migrations, models

from config.triggers import Rule, changed, kept, keeping_triggers

OPEN = "SELECT 1 FROM reviews_deploymentreviewrequest AS asked WHERE asked.id = {row}.review_request_id AND asked.state IN ('draft', 'changes_requested')"
CONFIRMATION = (
    Rule("INSERT", f"NOT EXISTS ({OPEN.format(row='NEW')})", "a confirmation is given before the review"),
    Rule("UPDATE", f"NOT EXISTS ({OPEN.format(row='OLD')})", "a confirmation stays while its packet stands"),
    Rule("UPDATE", changed("id", "review_request_id", "kind"), "what a confirmation is about never changes"),
    Rule("DELETE", "true", "confirmations are kept"),
)
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
    dependencies = [("reviews", "0005_counted_chains"), ("drafts", "0003_authors_kept")]

    operations = [
        *keeping_triggers(
            migrations.AddField("confirmation", "named", models.CharField(blank=True, max_length=64, default=""), preserve_default=False),
            migrations.AddField("confirmation", "named_id", models.BigIntegerField(null=True)),
            migrations.AddIndex(
                "confirmation",
                models.Index(condition=models.Q(("named_id__isnull", False)), fields=["named_id"], name="confirmation_of_named"),
            ),
            migrations.AddConstraint(
                "confirmation",
                models.CheckConstraint(
                    condition=models.Q(("named", ""), ("named_id__isnull", True))
                    | (models.Q(("named_id__isnull", False)) & models.Q(("named", ""), _negated=True)),
                    name="confirmation_named_has_name",
                ),
            ),
        ),
        *kept("reviews_confirmation", *CONFIRMATION),
        *kept("drafts_coverageplan", *PLAN),
    ]

"""A review request holds the partner of its plan, so that one index gives a partner's requests, newest first. Filled in by the next one."""

import django.db.models.deletion
from django.db import migrations, models

from config.triggers import keeping_triggers


class Migration(migrations.Migration):
    dependencies = [("drafts", "0009_plan_newest_in_state"), ("reviews", "0019_typed_texts_within")]

    operations = [
        *keeping_triggers(
            migrations.AddField(
                model_name='deploymentreviewrequest',
                name='partner',
                field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='review_requests', to='drafts.partner'),
            ),
        ),
    ]

"""Every review request has a partner, and indexes give a partner's requests, newest first."""

import django.db.models.deletion
from django.db import migrations, models

from config.triggers import keeping_triggers


class Migration(migrations.Migration):
    dependencies = [("reviews", "0021_fill_partners")]

    operations = [
        *keeping_triggers(
            migrations.AlterField(
                model_name='deploymentreviewrequest',
                name='partner',
                field=models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='review_requests', to='drafts.partner'),
            ),
        ),
        migrations.AddIndex(
            model_name='deploymentreviewrequest',
            index=models.Index(fields=['partner', '-created_at', '-id'], name='request_newest_of_partner'),
        ),
        migrations.AddIndex(
            model_name='deploymentreviewrequest',
            index=models.Index(fields=['partner', 'state', '-created_at', '-id'], name='request_in_state_of_partner'),
        ),
    ]

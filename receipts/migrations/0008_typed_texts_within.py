"""What an operator types about keys has a length and no control characters in the database too."""

import config.constraints
from config.triggers import keeping_triggers
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('receipts', '0007_log'),
    ]

    operations = [
        *keeping_triggers(
            migrations.AddConstraint(
                model_name='attestation',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('root_key_id', kind='line', length=64), name='attestation_root_short'),
            ),
            migrations.AddConstraint(
                model_name='signingkey',
                constraint=models.CheckConstraint(condition=config.constraints.TextWithin('reason', kind='line', length=300), name='key_reason_short'),
            ),
        ),
    ]

"""Two plans of a partner whose references differ only in case, width or composition are refused by the database."""

from django.db import migrations, models

from config.triggers import keeping_triggers


class Migration(migrations.Migration):
    dependencies = [("drafts", "0007_fold_references")]

    operations = [
        *keeping_triggers(
            migrations.AlterField(
                model_name='coverageplan',
                name='reference_key',
                field=models.CharField(editable=False, max_length=64),
            ),
            migrations.AddConstraint(
                model_name='coverageplan',
                constraint=models.UniqueConstraint(fields=('partner', 'reference_key'), name='one_plan_per_folded_reference'),
            ),
        ),
    ]

"""Names of people and tokens, and addresses, have a length and no control characters in the database too."""

import config.constraints
import config.custody
import django.core.validators
import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0004_time_zone'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='email',
            field=models.EmailField(blank=True, max_length=254, validators=[config.custody.no_payload], verbose_name='email address'),
        ),
        migrations.AlterField(
            model_name='user',
            name='username',
            field=models.CharField(max_length=64, unique=True, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]*\\Z', 'Use letters, digits, dots, dashes and underscores; an e-mail address is not a username.'), config.custody.no_payload]),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.CheckConstraint(condition=config.constraints.TextWithin('name', kind='line', length=80), name='token_name_short'),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.CheckConstraint(condition=config.constraints.TextWithin(django.db.models.functions.comparison.Cast('partners', models.TextField()), kind='line', length=2000), name='token_partners_short'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=config.constraints.TextWithin('username', kind='line', length=64), name='username_short'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=config.constraints.TextWithin('email', kind='line', length=254), name='user_email_short'),
        ),
    ]

"""A later version of a policy is proposed by one operator and accepted by another. What ruled before this was asked is accepted."""

import django.db.models.deletion
from django.db import migrations, models

from config.constraints import TextWithin
from config.guards import Rules, Sql, guard, when
from config.triggers import append_only, keeping_triggers


def accept_what_ruled(apps, schema_editor) -> None:
    alias = schema_editor.connection.alias
    outcomes = apps.get_model("reviews", "PolicyOutcome").objects.using(alias)
    for policy in apps.get_model("reviews", "ReviewPolicy").objects.using(alias):
        outcomes.create(policy=policy, outcome="accepted", settled_at=policy.created_at)


def nothing(apps, schema_editor) -> None:
    """The table goes with its rows."""


def new_outcome(sql: Sql) -> Rules:
    ours = f"{sql.only}reviews_reviewpolicy AS ours"
    earlier = (
        f"EXISTS (SELECT 1 FROM {sql.only}reviews_policyoutcome AS earlier, {sql.only}reviews_reviewpolicy AS theirs, {ours}"
        " WHERE earlier.outcome = 'accepted' AND theirs.id = earlier.policy_id AND ours.id = NEW.policy_id"
        " AND theirs.environment_id = ours.environment_id)"
    )
    by_another = f"EXISTS (SELECT 1 FROM {ours} WHERE ours.id = NEW.policy_id AND ours.proposed_by_id <> NEW.settled_by_id)"
    by_the_same = f"EXISTS (SELECT 1 FROM {ours} WHERE ours.id = NEW.policy_id AND ours.proposed_by_id = NEW.settled_by_id)"
    return [
        (when(f"NEW.outcome = 'accepted' AND {earlier}", by_another), "nobody accepts what they proposed"),
        (when("NEW.outcome = 'withdrawn'", by_the_same), "who proposed withdraws"),
        (f"{sql.time('NEW.settled_at')} <= {sql.now}", "a policy is settled by now"),
    ]


class Migration(migrations.Migration):

    dependencies = [
        ('reviews', '0015_webhooks'),
    ]

    operations = [
        *keeping_triggers(
            migrations.AddField(model_name='reviewpolicy', name='proposed_by', field=models.CharField(blank=True, max_length=64, default=''), preserve_default=False),
            migrations.AddField(model_name='reviewpolicy', name='proposed_by_id', field=models.BigIntegerField(null=True)),
        ),
        migrations.CreateModel(
            name='PolicyOutcome',
            fields=[
                ('policy', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='outcome', serialize=False, to='reviews.reviewpolicy')),
                ('outcome', models.CharField(choices=[('accepted', 'Accepted'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn')], max_length=9)),
                ('comment', models.TextField(blank=True)),
                ('settled_by_id', models.BigIntegerField(null=True)),
                ('settled_by', models.CharField(blank=True, max_length=64)),
                ('settled_at', models.DateTimeField()),
            ],
            options={
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('outcome__in', ['accepted', 'declined', 'withdrawn'])), name='outcome_known'),
                    models.CheckConstraint(condition=TextWithin('comment', kind='lines', length=2000), name='outcome_comment_short'),
                ],
            },
        ),
        migrations.RunPython(accept_what_ruled, nothing),
        *append_only("reviews_policyoutcome"),
        guard("reviews_policyoutcome", "insert", new_outcome, key="policy_id"),
    ]

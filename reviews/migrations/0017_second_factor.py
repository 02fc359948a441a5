"""A policy may ask for a second factor at a decision, and each vote says whether there was one. Nothing is known of earlier votes: none."""

from importlib import import_module

from django.db import migrations, models

from config.guards import Rules, Sql, guard, when
from config.triggers import keeping_triggers

earlier = import_module("reviews.migrations.0007_decided_guards")


def new_vote(sql: Sql) -> Rules:
    tables = f"{earlier.REQUEST} AS asked, reviews_reviewpolicy AS policy"
    asks = earlier.exists(sql, tables, f"{earlier.ASKED} AND policy.id = asked.policy_id AND policy.second_factor")
    return [*earlier.new_vote(sql), (when(asks, "NEW.second_factor"), "a vote has the second factor that its policy asks for")]


class Migration(migrations.Migration):

    dependencies = [
        ('reviews', '0016_accepted_policies'),
    ]

    operations = [
        *keeping_triggers(
            migrations.AddField(model_name='reviewpolicy', name='second_factor', field=models.BooleanField(db_default=False, default=False)),
            migrations.AddField(model_name='vote', name='second_factor', field=models.BooleanField(db_default=False, default=False)),
        ),
        guard("reviews_vote", "insert", new_vote, lock=earlier.THIS),
    ]

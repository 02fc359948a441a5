"""Moves stay as appended; only what reviews.lifecycle.carry sets may change."""

from django.db import migrations

from config.triggers import append_only


class Migration(migrations.Migration):
    dependencies = [("drafts", "0001_initial")]

    operations = [*append_only("drafts_expansionmove", mutable=("state", "review_until", "approved_until"))]

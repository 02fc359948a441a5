"""Receipts and public keys stay as they were inserted."""

from django.db import migrations

from config.triggers import append_only


class Migration(migrations.Migration):
    dependencies = [("receipts", "0001_initial")]

    operations = [*append_only("receipts_receipt"), *append_only("receipts_signingkey")]

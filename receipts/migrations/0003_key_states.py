"""Keys have a way: next, active, retired, revoked. The guards of 0002 make place for it; 0005 brings its own."""

from django.db import migrations, models
from django.db.migrations import RunPython

from config.triggers import append_only


def lifted(table: str) -> list[RunPython]:
    return [RunPython(operation.reverse_code, operation.code) for operation in append_only(table)]


class Migration(migrations.Migration):
    dependencies = [("receipts", "0002_append_only")]

    operations = [
        *lifted("receipts_signingkey"),
        migrations.AddField(
            "signingkey",
            "use",
            models.CharField(
                choices=[("receipt_signing", "receipts"), ("log_signing", "the log")], default="receipt_signing", max_length=15
            ),
        ),
        migrations.AddField(
            "signingkey",
            "state",
            models.CharField(
                choices=[("next", "Next"), ("active", "Active"), ("retired", "Retired"), ("revoked", "Revoked")],
                default="next",
                max_length=7,
            ),
        ),
        migrations.AddField("signingkey", "activated_at", models.DateTimeField(null=True)),
        migrations.AddField("signingkey", "retired_at", models.DateTimeField(null=True)),
        migrations.AddField("signingkey", "revoked_at", models.DateTimeField(null=True)),
        migrations.AddField("signingkey", "reason", models.CharField(blank=True, default="", max_length=300), preserve_default=False),
    ]

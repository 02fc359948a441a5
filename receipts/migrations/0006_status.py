"""What is revoked, and the signed documents that say so; both append-only."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Now

from config.triggers import append_only, guarded

REASONS = [
    ("revoked", "Revoked"),
    ("superseded", "Superseded"),
    ("policy_tightened", "The policy was tightened"),
    ("key_compromised", "Its key was compromised"),
]
IN_ORDER = ("NEW.seq <> 1 + COALESCE((SELECT MAX(seq) FROM receipts_statusdocument), 0)", "status documents are numbered one after another")


class Migration(migrations.Migration):
    dependencies = [("receipts", "0005_key_guards")]

    operations = [
        migrations.CreateModel(
            name="Revocation",
            fields=[
                (
                    "receipt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="revocation",
                        serialize=False,
                        to="receipts.receipt",
                    ),
                ),
                ("revoked_at", models.DateTimeField()),
                ("reason", models.CharField(choices=REASONS, max_length=16)),
                ("superseded_by", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(reason__in=[word for word, _ in REASONS]), name="revocation_reason_known")
                ],
            },
        ),
        migrations.CreateModel(
            name="StatusDocument",
            fields=[
                ("seq", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("payload", models.BinaryField()),
                ("signature", models.BinaryField()),
                ("kid", models.CharField(max_length=43)),
                ("issued_at", models.DateTimeField()),
                ("next_update", models.DateTimeField()),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(seq__gte=1), name="status_from_one"),
                    models.CheckConstraint(condition=Q(next_update__gt=F("issued_at")), name="status_lasts"),
                ],
            },
        ),
        *append_only("receipts_revocation"),
        *append_only("receipts_statusdocument"),
        *guarded("receipts_statusdocument", "receipts_status_guard", insert=(IN_ORDER,)),
    ]

"""The log: full subtrees of its Merkle tree, append-only, and the one head, which only grows."""

from django.db import migrations, models
from django.db.models import F, Q

from config.triggers import append_only, guarded

KINDS = [("decision", "Decision"), ("receipt", "Receipt"), ("status", "Status"), ("key", "Key")]
EMPTY = ("NEW.size <> 0 OR NEW.note_size <> 0", "the log begins empty")
GROWS = (
    ("NEW.size < OLD.size OR NEW.note_size < OLD.note_size", "the log only grows"),
    (
        "NEW.size > OLD.size AND NOT EXISTS (SELECT 1 FROM receipts_lognode WHERE place = 2 * (NEW.size - 1) AND data IS NOT NULL)",
        "the log grows by a leaf",
    ),
    ("NEW.size = OLD.size AND NOT (NEW.frontier {same} OLD.frontier)", "a log of one size has one root"),
)


class Migration(migrations.Migration):
    dependencies = [("receipts", "0006_status")]

    operations = [
        migrations.CreateModel(
            name="LogNode",
            fields=[
                ("place", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.BinaryField()),
                ("data", models.BinaryField(null=True)),
                ("kind", models.CharField(blank=True, choices=KINDS, max_length=8)),
                ("request_id", models.UUIDField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=Q(data__isnull=False), fields=["hash"], name="log_leaf_by_hash"),
                    models.Index(condition=Q(request_id__isnull=False), fields=["request_id"], name="log_leaf_by_request"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(data__isnull=True, kind="", request_id__isnull=True)
                        | Q(data__isnull=False, kind__in=[word for word, _ in KINDS]),
                        name="log_leaf_or_node",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LogHead",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("size", models.PositiveBigIntegerField(default=0)),
                ("frontier", models.BinaryField(default=b"")),
                ("kid", models.CharField(blank=True, max_length=43)),
                ("note", models.TextField(blank=True)),
                ("note_size", models.PositiveBigIntegerField(default=0)),
                ("note_kid", models.CharField(blank=True, max_length=43)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(id=1), name="one_log_head"),
                    models.CheckConstraint(condition=Q(note_size__lte=F("size")), name="checkpoint_within_log"),
                ],
            },
        ),
        *append_only("receipts_lognode"),
        *append_only("receipts_loghead", mutable=("size", "frontier", "kid", "note", "note_size", "note_kid")),
        *guarded("receipts_loghead", "receipts_log_guard", insert=(EMPTY,), update=GROWS),
    ]

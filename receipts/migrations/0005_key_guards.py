"""A key moves only along its way, one of each use is active at most, and what is said of a key is said once."""

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Now

from config.triggers import append_only, guarded

EDGES = "'next>active', 'active>retired', 'next>revoked', 'retired>revoked'"
ANOTHER_ACTIVE = (
    "NEW.state = 'active' AND EXISTS (SELECT 1 FROM receipts_signingkey AS other"
    " WHERE other.state = 'active' AND other.\"use\" = NEW.\"use\" AND other.kid <> NEW.kid)"
)
ONE_ACTIVE = (ANOTHER_ACTIVE, "another key is active")
FRESH = (
    "NEW.state NOT IN ('next', 'active') OR NEW.retired_at IS NOT NULL OR NEW.revoked_at IS NOT NULL OR NEW.reason <> ''",
    "a key begins as next or active",
)
WAY = (
    (f"OLD.state || '>' || NEW.state NOT IN ({EDGES})", "this change is not on the way of a key"),
    ("NOT (OLD.activated_at {same} NEW.activated_at) AND NEW.state <> 'active'", "a key comes into force once"),
    ("NOT (OLD.retired_at {same} NEW.retired_at) AND NEW.state <> 'retired'", "a key retires once"),
    ("NOT (OLD.revoked_at {same} NEW.revoked_at AND OLD.reason = NEW.reason) AND NEW.state <> 'revoked'", "a key is revoked once"),
)


def check(condition: Q, name: str) -> migrations.AddConstraint:
    return migrations.AddConstraint("signingkey", models.CheckConstraint(condition=condition, name=name))


class Migration(migrations.Migration):
    dependencies = [("receipts", "0004_keys_in_force")]

    operations = [
        check(Q(state__in=["next", "active", "retired", "revoked"]), "key_state_known"),
        check(Q(use__in=["receipt_signing", "log_signing"]), "key_use_known"),
        migrations.AddConstraint(
            "signingkey", models.UniqueConstraint(fields=["use"], condition=Q(state="active"), name="one_active_key")
        ),
        check(~Q(state__in=["active", "retired"]) | Q(activated_at__isnull=False), "key_in_force_since"),
        check(~Q(state="retired") | Q(retired_at__isnull=False), "key_retired_since"),
        check(~Q(state="revoked") | (Q(revoked_at__isnull=False) & ~Q(reason="")), "key_revoked_since_and_why"),
        *append_only("receipts_signingkey", mutable=("state", "activated_at", "retired_at", "revoked_at", "reason")),
        *guarded("receipts_signingkey", "receipts_key_guard", insert=(FRESH, ONE_ACTIVE), update=(*WAY, ONE_ACTIVE)),
        migrations.CreateModel(
            name="Attestation",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kid", models.CharField(db_index=True, max_length=43)),
                ("subject_kid", models.CharField(max_length=300)),
                ("root_key_id", models.CharField(max_length=64)),
                ("root_public_key_b64", models.CharField(max_length=44)),
                ("payload", models.BinaryField()),
                ("signature", models.BinaryField()),
                ("not_before", models.DateTimeField()),
                ("not_after", models.DateTimeField()),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=Q(not_after__gt=F("not_before")), name="attestation_lasts")],
            },
        ),
        *append_only("receipts_attestation"),
    ]

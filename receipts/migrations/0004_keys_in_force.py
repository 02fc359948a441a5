"""Of the keys that were registered before keys had states, the newest is active and the others are retired."""

from django.db import migrations


def give_states(apps, schema_editor) -> None:
    keys = apps.get_model("receipts", "SigningKey").objects.using(schema_editor.connection.alias)
    newer = None
    for key in keys.order_by("-created_at", "-kid"):
        key.state = "retired" if newer else "active"
        key.activated_at, key.retired_at = key.created_at, newer and newer.created_at
        key.save(update_fields=["state", "activated_at", "retired_at"])
        newer = key


class Migration(migrations.Migration):
    dependencies = [("receipts", "0003_key_states")]

    operations = [migrations.RunPython(give_states, migrations.RunPython.noop)]

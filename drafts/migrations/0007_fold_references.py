"""Fold the references that are there. Of two that fold to one, the earlier keeps the key, and the later one's is its own."""

import hashlib
import unicodedata

from django.db import migrations


def folded(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold()).split())


def fold(apps, schema_editor) -> None:
    alias = schema_editor.connection.alias
    plans, taken = apps.get_model("drafts", "CoveragePlan").objects.using(alias), set()
    for plan in plans.order_by("created_at", "pk").only("pk", "partner_id", "external_reference"):
        key = hashlib.sha256(folded(plan.external_reference).encode()).hexdigest()
        if (plan.partner_id, key) in taken:
            key = hashlib.sha256(f"{plan.pk}\n{plan.external_reference}".encode()).hexdigest()
        taken.add((plan.partner_id, key))
        plans.filter(pk=plan.pk).update(reference_key=key)


class Migration(migrations.Migration):
    dependencies = [("drafts", "0006_texts_within")]

    operations = [migrations.RunPython(fold, migrations.RunPython.noop)]

"""The one table of this site."""

import django.db.models.deletion
from django.db import migrations, models

SAID = [(f"{kind}_said", models.TextField(blank=True)) for kind in ("owner", "environment", "sla", "rollback", "support")]
PAGE = models.OneToOneField(
    auto_created=True, on_delete=django.db.models.deletion.CASCADE, parent_link=True, primary_key=True, serialize=False, to="wagtailcore.page"
)


class Migration(migrations.Migration):
    initial = True
    dependencies = [("wagtailcore", "0001_squashed_0016_change_page_url_path_to_text_field")]
    operations = [
        migrations.CreateModel(
            name="CoveragePage", fields=[("page_ptr", PAGE), *SAID], options={"abstract": False}, bases=("wagtailcore.page",)
        )
    ]

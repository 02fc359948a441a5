"""A page with a field for each of what our five confirmations say."""

from django.db import models
from wagtail.admin.panels import FieldPanel
from wagtail.models import Page


class CoveragePage(Page):
    owner_said = models.TextField(blank=True)
    environment_said = models.TextField(blank=True)
    sla_said = models.TextField(blank=True)
    rollback_said = models.TextField(blank=True)
    support_said = models.TextField(blank=True)

    content_panels = [
        *Page.content_panels,
        *(FieldPanel(f"{kind}_said") for kind in ("owner", "environment", "sla", "rollback", "support")),
    ]

from django.apps import AppConfig


class DraftsConfig(AppConfig):
    name = "drafts"
    verbose_name = "Draft coverage"
    default_auto_field = "django.db.models.BigAutoField"

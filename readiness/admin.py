"""The history of verdicts, for who reads all."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from config.admin import ReadOnlyAdmin
from readiness.models import VerdictChange


@admin.register(VerdictChange)
class VerdictChangeAdmin(ReadOnlyAdmin):
    hint = gettext_lazy("How the verdict on this installation has changed")
    list_display = ["number", "at", "status", "was"]
    list_filter = ["status"]
    ordering = ["-number"]
    fields = ["number", "at", "status", "was", "standing", "cause"]

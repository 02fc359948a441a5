"""Receipts at the desk: to look at, not to touch."""

from django.contrib import admin

from config.admin import ReadOnlyAdmin
from receipts.models import Receipt


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ["id", "verdict", "request_id", "revision", "issued_at", "expires_at"]
    list_filter = ["verdict"]
    ordering = ["-issued_at", "-id"]
    fields = ["id", "request_id", "revision", "verdict", "packet_digest", "commitment_id", "kid", "issued_at", "expires_at", "created_at"]

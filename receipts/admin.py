"""Receipts at the desk: to look at, not to touch."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from config.admin import ORGANISATION, ReadOnlyAdmin
from receipts.models import Receipt, SigningKey


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    hint = gettext_lazy("The signed records of decisions")
    list_display = ["id", "verdict", "request_id", "revision", "issued_at", "expires_at"]
    list_filter = ["verdict"]
    ordering = ["-issued_at", "-id"]
    fields = ["id", "request_id", "revision", "verdict", "packet_digest", "commitment_id", "kid", "issued_at", "expires_at", "created_at"]


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    """The public halves. Keys are made, rotated, retired and revoked by `manage.py keys`, where the private half is."""

    group, hint = ORGANISATION, gettext_lazy("Public halves of the keys that sign; changed by manage.py keys alone")
    list_display = ["kid", "use", "state", "activated_at", "retired_at", "revoked_at", "reason"]
    list_filter = ["use", "state"]
    ordering = ["-created_at", "kid"]
    standing = ["state", "created_at", "activated_at", "retired_at", "revoked_at", "reason"]
    fields = ["kid", "use", "public_key_b64", *standing]

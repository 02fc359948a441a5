"""People at the desk: to look at, not to touch. No password hash is shown, nor anything a token could be guessed from."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_totp.models import TOTPDevice

from access.models import ApiToken, User
from config.admin import ORGANISATION, ReadOnlyAdmin

# Stock auth would let whoever may change groups rename one, or make one, into the name that a policy asks for.
admin.site.unregister(Group)
# And the library's page would show the secrets of second factors.
admin.site.unregister(TOTPDevice)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    group, hint = ORGANISATION, gettext_lazy("People and jobs, and their groups")
    list_display = ["username", "group_names", "is_active", "machine"]
    list_filter = ["is_active", "machine", "groups"]
    search_fields = ["username"]
    ordering = ["username"]
    fields = ["username", "group_names", "is_active", "machine", "is_staff", "is_superuser", "date_joined", "last_login"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=gettext_lazy("groups"))
    def group_names(self, user) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or _("none")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Whose tokens there are and what they may do; nothing from which one could be made."""

    group, hint = ORGANISATION, gettext_lazy("Whose API tokens there are; never the tokens themselves")
    operator_columns = ("revoke",)
    list_display = [
        "user",
        "name",
        "scope_words",
        "partners",
        "created",
        "created_by",
        "last_used_at",
        "expiry",
        "revoked_at",
        "revoked_by",
    ]
    list_display_links = None  # a row's address would hold the token's digest
    list_select_related = ["user"]
    search_fields = ["user__username", "name", "public_id"]
    ordering = ["-created", "public_id"]

    @admin.display(description=gettext_lazy("scopes"))
    def scope_words(self, token) -> str:
        return ", ".join(token.scopes)

    @admin.display(description=gettext_lazy("revoke"))
    def revoke(self, token) -> str:
        return (
            "" if token.revoked_at else format_html('<a href="{}">{}</a>', reverse("admin:end_token", args=[token.public_id]), _("revoke"))
        )

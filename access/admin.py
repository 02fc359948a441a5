"""People at the desk: to look at, not to touch. No password hash is shown, nor anything a token could be guessed from."""

from django.contrib import admin
from django.contrib.auth.models import Group

from access.models import User
from config.admin import ReadOnlyAdmin

# Stock auth would let whoever may change groups rename one, or make one, into the name that a policy asks for.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ["username", "group_names", "is_active", "machine"]
    list_filter = ["is_active", "machine", "groups"]
    search_fields = ["username"]
    ordering = ["username"]
    fields = ["username", "group_names", "is_active", "machine", "is_staff", "is_superuser", "date_joined", "last_login"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="groups")
    def group_names(self, user) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "none"

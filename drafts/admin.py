"""Drafts at the desk: for auditors and operators, to look at."""

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.admin import ORGANISATION, ReadOnlyAdmin
from drafts import search
from drafts.models import CoveragePlan, Membership, Partner, PlanState


@admin.register(Partner)
class PartnerAdmin(ReadOnlyAdmin):
    group, hint = ORGANISATION, gettext_lazy("The organisations whose paths are covered")
    list_display = ["slug", "name", "created_at"]
    search_fields = ["slug", "name"]
    ordering = ["slug"]
    fields = ["id", "slug", "name", "created_at"]


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    group, hint = ORGANISATION, gettext_lazy("Who is owner or viewer of which partner")
    list_display = ["username", "role", "partner", "created_at"]
    list_filter = ["role", "partner"]
    list_select_related = ["partner"]
    search_fields = ["username", "partner__slug"]
    ordering = ["partner__slug", "username"]
    fields = ["username", "user_id", "role", "partner", "created_at"]


@admin.register(CoveragePlan)
class CoveragePlanAdmin(ReadOnlyAdmin):
    hint = gettext_lazy("What owners draft")
    list_display = ["name", "partner", "external_reference", "state_as_of_now", "archived", "updated_at"]
    list_filter = ["archived", "partner"]
    list_select_related = ["partner"]
    search_fields = ["name", "external_reference", "partner__slug"]
    ordering = ["-created_at", "-id"]
    boundary = ["partner", "name", "gate_type", "system_scope", "authority_context", "external_reference"]
    fields = ["id", *boundary, "state_as_of_now", "archived", "version", "created_at", "updated_at"]

    search_help_text = gettext_lazy("The beginnings of words of the name or the external reference, or of the partner's slug")

    def get_queryset(self, request):
        return CoveragePlan.objects.as_of_now()

    def get_search_results(self, request, queryset, search_term):
        """With the index that the plans have, instead of a look into every row."""
        if not search_term:
            return queryset, False
        own, partners = search.looked_up(search_term)
        return queryset.filter(Q(pk__in=own) | Q(partner__in=partners) if partners else Q(pk__in=own)), False

    @admin.display(description=gettext_lazy("state"), ordering="state_now")
    def state_as_of_now(self, plan) -> str:
        return _(PlanState(plan.state_now).label)

"""The queue of review requests at the desk: its tabs, its columns, and the addresses of its pages. Decisions have their own page."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.admin import MOST_ROWS, REVIEWS, LongList, desk_actor
from config.ways import Ways
from drafts import search
from drafts.models import CoveragePlan
from reviews import audit_desk, desk, packet_desk, queue
from reviews.models import DeploymentReviewRequest
from reviews.rights import is_asked, listed_requests


def chosen_tab(request) -> str:
    """The tab that the query names; else what waits on a reviewer, and all open for who only reads."""
    if not hasattr(request, "desk_tab"):
        named = request.GET.get("queue", "")
        request.desk_tab = named if named in queue.TABS else "waiting" if is_asked(desk_actor(request).groups) else "open"
    return request.desk_tab


class QueueFilter(admin.SimpleListFilter):
    title = gettext_lazy("queue")
    parameter_name = "queue"
    words = queue.TABS

    def lookups(self, request, model_admin):
        self.actor, self.chosen, self.visible = desk_actor(request), chosen_tab(request), model_admin.get_queryset(request)
        return list(self.words.items())

    def choices(self, changelist):
        for value, word in self.words.items():
            query = changelist.get_query_string({self.parameter_name: value}, remove=["p"])
            count = queue.bounded(queue.tab(self.actor, self.visible, value), value)
            yield {"selected": value == self.chosen, "query_string": query, "display": f"{_(word)} ({count})"}

    def queryset(self, request, queryset):
        return queue.tab(self.actor, queryset, self.chosen)


def _first_of_common(requests: QuerySet[DeploymentReviewRequest], text: str) -> list:
    """A common word is met every few rows of the tab, in its order, as far as its pages go. What partners have is another way."""
    plans = Q(plan__in=search.plans(CoveragePlan.objects.all(), text))
    return list(Ways("partner", tuple(search.partners(text)), (plans,)).first(requests.values_list("pk", flat=True), MOST_ROWS + 1))


@admin.register(DeploymentReviewRequest)
class QueueAdmin(LongList):
    """Its list has a template of its own, because a row says more than one value in a cell."""

    group, hint = REVIEWS, gettext_lazy("What waits on you, what is open, and what was decided")
    list_display = ["__str__"]
    list_filter = [QueueFilter]
    search_fields = ["plan__name"]
    search_help_text = gettext_lazy("The beginnings of words of the plan's name or external reference, or of the partner's slug")

    def has_view_permission(self, request, obj=None) -> bool:
        """Everybody at the desk; the queryset says which requests."""
        return admin.site.has_permission(request)

    def get_queryset(self, request):
        """Looked up once in a call: the counts of the tabs and the list itself ask for it."""
        if not hasattr(request, "desk_queue"):
            request.desk_queue = listed_requests(desk_actor(request))
        return request.desk_queue.all()

    def get_ordering(self, request):
        return queue.ORDERS[chosen_tab(request)]

    def get_search_results(self, request, queryset, search_term):
        """With the index that the plans have, instead of a look into every row."""
        if not search_term:
            return queryset, False
        if search.is_common(search_term):
            return queryset.filter(pk__in=_first_of_common(queryset, search_term)), False
        found, partners = search.looked_up(search_term)
        if len(found) >= search.MOST:
            return queryset.filter(pk__in=_first_of_common(queryset, search_term)), False
        return queryset.filter(Q(plan__in=found) | Q(partner__in=partners) if partners else Q(plan__in=found)), False

    def adorn(self, request, rows) -> None:
        """For the page that is shown, and for no other row."""
        standings = queue.standings(desk_actor(request), rows)
        for row in rows:
            row.standing = standings[row.pk]

    def changelist_view(self, request, extra_context=None):
        name = _("Review requests")
        return super().changelist_view(request, {"title": name, "heading": name, "chosen": chosen_tab(request), **(extra_context or {})})

    def get_urls(self):
        view, one = self.admin_site.admin_view, "<uuid:object_id>"
        return [
            path(f"{one}/change/", view(packet_desk.packet_page), name="reviews_deploymentreviewrequest_change"),
            path(f"{one}/decide/", desk.counted(view(desk.decide_page)), {"name": "vote"}, name="decide"),
            path(f"{one}/revoke/", desk.counted(view(desk.step_page)), {"name": "revoke"}, name="desk_revoke"),
            path(f"{one}/comment/", desk.counted(view(desk.step_page)), {"name": "comment"}, name="desk_comment"),
            path(f"{one}/timeline/", view(packet_desk.timeline), name="desk_timeline"),
            path(f"{one}/print/", view(audit_desk.print_page), name="desk_print"),
            path(f"{one}/history/", view(to_packet)),
            *super().get_urls(),
        ]


def to_packet(request, object_id):
    """Stock admin's history knows nothing of ours; the packet page has the timeline."""
    desk.seen(request, object_id)
    return HttpResponseRedirect(reverse(desk.PACKET, args=[object_id]) + "#timeline")

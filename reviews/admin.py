"""The queue of review requests, and the records behind them. Nothing here adds, edits or deletes; decisions have their own page."""

from datetime import datetime

from django.contrib import admin
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html

from config.admin import LongList, ReadOnlyAdmin, desk_actor, words
from drafts import search
from drafts.models import CoveragePlan, Partner
from reviews import desk, operators, outbox_admin, queue  # noqa: F401  the pages of what is sent register themselves
from reviews.models import (
    Choice,
    Confirmation,
    Decision,
    Denial,
    DeploymentReviewRequest,
    Environment,
    Event,
    FreezeWindow,
    ReviewPolicy,
    StagingPin,
    StagingValidation,
    State,
    Vote,
)
from reviews.policy import in_words
from reviews.reading import CHANNEL_WORDS, EVENT_WORDS
from reviews.rights import is_asked


def chosen_tab(request) -> str:
    """The tab that the query names; else what waits on a reviewer, and all open for who only reads."""
    if not hasattr(request, "desk_tab"):
        named = request.GET.get("queue", "")
        request.desk_tab = named if named in queue.TABS else "waiting" if is_asked(desk_actor(request).groups) else "open"
    return request.desk_tab


class QueueFilter(admin.SimpleListFilter):
    title = "queue"
    parameter_name = "queue"
    words = queue.TABS

    def lookups(self, request, model_admin):
        self.actor, self.chosen, self.visible = desk_actor(request), chosen_tab(request), model_admin.get_queryset(request)
        return list(self.words.items())

    def choices(self, changelist):
        for value, word in self.words.items():
            query = changelist.get_query_string({self.parameter_name: value}, remove=["p"])
            count = queue.bounded(queue.tab(self.actor, self.visible, value))
            yield {"selected": value == self.chosen, "query_string": query, "display": f"{word} ({count})"}

    def queryset(self, request, queryset):
        return queue.tab(self.actor, queryset, self.chosen)


@admin.register(DeploymentReviewRequest)
class QueueAdmin(LongList):
    about = ["plan_name", "partner", "environment_name", "state_word", "revision", "requested_by"]
    list_display = [*about, "waiting_since", "due", "can_approve", "news"]
    list_filter = [QueueFilter]
    search_fields = ["plan__name"]
    search_help_text = "The beginnings of words of the plan's name or external reference, or of the partner's slug"

    def has_view_permission(self, request, obj=None) -> bool:
        """Everybody at the desk; the queryset says which requests."""
        return admin.site.has_permission(request)

    def get_queryset(self, request):
        """Looked up once in a call: the counts of the tabs and the list itself ask for it."""
        if not hasattr(request, "desk_queue"):
            request.desk_queue = queue.visible(desk_actor(request))
        return request.desk_queue.all()

    def get_ordering(self, request):
        return queue.ORDERS[chosen_tab(request)]

    def get_search_results(self, request, queryset, search_term):
        """With the index that the plans have, instead of a look into every row."""
        if not search_term:
            return queryset, False
        partners = list(Partner.objects.filter(slug__startswith=search_term).values_list("pk", flat=True)[: queue.MOST_PLANS])
        try:
            # Looked up first: as a part of the one question, a common word took a minute in a long table.
            found = list(search.plans(CoveragePlan.objects.all(), search_term).values_list("pk", flat=True)[: queue.MOST_PLANS])
        except ValueError:
            found = []
        return queryset.filter(Q(plan__in=found) | Q(plan__partner__in=partners) if partners else Q(plan__in=found)), False

    def adorn(self, request, rows) -> None:
        """For the page that is shown, and for no other row."""
        standings = queue.standings(desk_actor(request), rows)
        for row in rows:
            row.standing = standings[row.pk]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": "Review requests", **(extra_context or {})})

    def get_urls(self):
        view, one = self.admin_site.admin_view, "<uuid:object_id>"
        return [
            path(f"{one}/change/", view(desk.packet_page), name="reviews_deploymentreviewrequest_change"),
            path(f"{one}/decide/", desk.counted(view(desk.decide_page)), {"name": "vote"}, name="decide"),
            path(f"{one}/revoke/", desk.counted(view(desk.step_page)), {"name": "revoke"}, name="desk_revoke"),
            path(f"{one}/comment/", desk.counted(view(desk.step_page)), {"name": "comment"}, name="desk_comment"),
            path(f"{one}/history/", view(to_packet)),
            *super().get_urls(),
        ]

    @admin.display(description="can still approve")
    def can_approve(self, review_request) -> str:
        return review_request.standing.can_approve

    @admin.display(description="changed since I looked")
    def news(self, review_request) -> str:
        return review_request.standing.news

    @admin.display(description="plan")
    def plan_name(self, review_request) -> str:
        return review_request.plan.name

    @admin.display(description="partner")
    def partner(self, review_request) -> str:
        return review_request.plan.partner.slug

    @admin.display(description="environment")
    def environment_name(self, review_request) -> str:
        return review_request.environment.name

    @admin.display(description="state")
    def state_word(self, review_request) -> str:
        state = State(review_request.state_now)
        return format_html('<strong class="state state-{}">{}</strong>', state.value, state.label)

    @admin.display(description="due (UTC)")
    def due(self, review_request) -> str:
        return _minute(review_request.due_at)

    @admin.display(description="waiting since (UTC)")
    def waiting_since(self, review_request) -> str:
        return _minute(review_request.requested_at)


def _minute(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else "not yet"


def to_packet(request, object_id):
    """Stock admin's history knows nothing of ours; the packet page has the timeline."""
    desk.seen(request, object_id)
    return HttpResponseRedirect(reverse(desk.PACKET, args=[object_id]) + "#timeline")


# --- records, for who reads all ---------------------------------------------------------------------------------------------------


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    list_display = ["slug", "name", "protected", "created_at"]
    ordering = ["slug"]
    fields = ["id", "slug", "name", "protected", "created_at"]


@admin.register(ReviewPolicy)
class ReviewPolicyAdmin(ReadOnlyAdmin):
    list_display = ["environment", "version", "asks", "standing", "proposed_by", "created_at"]
    list_filter = ["environment"]
    list_select_related = ["environment", "outcome"]
    ordering = ["environment__slug", "-version"]
    lifetimes = ["due_seconds", "review_seconds", "approval_seconds"]
    later = ["maximum_ages", "session_seconds", "standing", "proposed_by", "proposed_by_id", "digest", "created_at"]
    fields = ["id", "environment", "version", "asks", "required_confirmations", *lifetimes, "conditions_allowed", *later]

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("propose/<slug:slug>/", view(operators.propose_page), name="propose_policy"),
            path("<uuid:object_id>/settle/", view(operators.settle_page), name="settle_policy"),
            *super().get_urls(),
        ]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"environments": operators.may_write_about(request), **(extra_context or {})})

    @admin.display(description="standing")
    def standing(self, ruling) -> str:
        outcome = getattr(ruling, "outcome", None)
        if outcome is None:
            return format_html('<a href="{}">proposed: accept or decline</a>', reverse("admin:settle_policy", args=[ruling.pk]))
        who = f" by {outcome.settled_by}" if outcome.settled_by else ""
        return f"{outcome.outcome} {outcome.settled_at:%Y-%m-%d %H:%M}{who}" + (f": {outcome.comment}" if outcome.comment else "")

    @admin.display(description="asks for")
    def asks(self, ruling) -> str:
        return in_words(ruling.rules)


@admin.register(Confirmation)
class ConfirmationAdmin(ReadOnlyAdmin):
    list_display = ["review_request", "kind", "named", "confirmed_by", "confirmed_at", "valid_until"]
    list_filter = ["kind"]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["named", "confirmed_by"]
    ordering = ["-confirmed_at", "-id"]
    said = ["fields", "evidence_url", "evidence_sha256"]
    people = ["named", "named_id", "confirmed_by", "confirmed_by_id", "confirmed_at", "valid_until"]
    fields = ["id", "review_request", "kind", *said, *people]


@admin.register(Vote)
class VoteAdmin(LongList):
    list_display = ["cast_at", "username", "choice", "review_request", "revision"]
    list_filter = [words("choice", dict(Choice.choices))]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["username__exact"]
    search_help_text = "A username"
    ordering = ["-cast_at", "-id"]
    fields = ["id", "review_request", "revision", "digest", "user_id", "username", "choice", "conditions", "comment", "cast_at"]


@admin.register(Decision)
class DecisionAdmin(LongList):
    list_display = ["decided_at", "verdict", "review_request", "revision", "expires_at"]
    list_filter = ["verdict"]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["digest"]
    ordering = ["-decided_at", "pk"]
    fields = ["review_request", "revision", "digest", "verdict", "conditions", "decided_at", "expires_at", "supersedes"]


@admin.register(Event)
class EventAdmin(LongList):
    list_display = ["at", "actor", "verb", "from_state", "to_state", "channel", "review_request"]
    list_filter = [words("verb", EVENT_WORDS), words("channel", CHANNEL_WORDS)]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["actor__exact"]
    search_help_text = "A username"
    ordering = ["-at", "-id"]
    states = ["from_state", "to_state", "revision", "digest", "comment", "detail"]
    fields = [
        "id",
        "review_request",
        "number",
        "at",
        "verb",
        "actor",
        "actor_id",
        "role",
        "channel",
        "token_id",
        *states,
        "previous_sha256",
        "sha256",
    ]


@admin.register(FreezeWindow)
class FreezeWindowAdmin(ReadOnlyAdmin):
    list_display = ["environment", "starts_at", "ends_at", "ended", "reason", "frozen_by"]
    list_filter = ["environment"]
    list_select_related = ["environment", "end"]
    ordering = ["-ends_at", "-id"]
    fields = ["id", "environment", "starts_at", "ends_at", "ended", "reason", "people", "frozen_by", "frozen_by_id", "frozen_at"]

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("freeze/<slug:slug>/", view(operators.freeze_page), name="freeze"),
            path("<uuid:object_id>/end/", view(operators.end_freeze_page), name="end_freeze"),
            *super().get_urls(),
        ]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"environments": operators.may_write_about(request), **(extra_context or {})})

    @admin.display(description="ended")
    def ended(self, freeze) -> str:
        end = getattr(freeze, "end", None)
        if end is None:
            return format_html('<a href="{}">end it</a>', reverse("admin:end_freeze", args=[freeze.pk]))
        return f"{end.ended_at:%Y-%m-%d %H:%M} by {end.ended_by}: {end.comment}"


@admin.register(StagingPin)
class StagingPinAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "issuer", "environment"]
    ordering = ["-id"]
    fields = ["id", "issuer", "jwks", "environment", "created_at"]


@admin.register(StagingValidation)
class StagingValidationAdmin(ReadOnlyAdmin):
    list_display = ["handed_in_at", "handed_in_by", "review_request", "kid"]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["handed_in_by", "payload_sha256"]
    ordering = ["-id"]
    fields = ["id", "review_request", "payload_sha256", "kid", "handed_in_by", "handed_in_by_id", "handed_in_at"]


@admin.register(Denial)
class DenialAdmin(LongList):
    list_display = ["last_at", "actor", "verb", "reasons", "count", "channel"]
    list_filter = [words("channel", CHANNEL_WORDS)]
    search_fields = ["actor__exact", "verb__exact"]
    search_help_text = "A username, or a verb such as approve"
    ordering = ["-last_at", "-id"]
    fields = ["id", "actor", "actor_id", "channel", "token_id", "verb", "reasons", "count", "first_at", "last_at"]

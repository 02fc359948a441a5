"""The records at the desk, for who reads all. Nothing here adds, edits or deletes."""

from django.contrib import admin
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.admin import ORGANISATION, LongList, ReadOnlyAdmin, words
from reviews import audit_desk, operators, organisation_desk, outbox_admin, queue_admin, staging_desk, webhook_desk  # noqa: F401  they register themselves
from reviews.happened import CHANNEL_WORDS, EVENT_WORDS
from reviews.models import (
    Choice,
    Confirmation,
    Decision,
    Denial,
    Environment,
    Event,
    FreezeWindow,
    ReviewPolicy,
    StagingPin,
    StagingValidation,
    Vote,
)
from reviews.policy import in_words


def _change_words(name: str) -> str:
    return _("change %(name)s") % {"name": name}


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    group, hint = ORGANISATION, gettext_lazy("Where rollouts go")
    operator_columns = ("change",)
    list_display = ["slug", "name", "protected", "created_at"]
    ordering = ["slug"]
    fields = ["id", "slug", "name", "protected", "created_at"]

    @admin.display(description=gettext_lazy("change"))
    def change(self, environment) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:set_environment", args=[environment.slug]), _change_words(environment.slug)
        )


@admin.register(ReviewPolicy)
class ReviewPolicyAdmin(ReadOnlyAdmin):
    group, hint = ORGANISATION, gettext_lazy("What each environment asks for: proposed by one operator, accepted by another")
    list_display = ["environment", "version", "asks", "standing", "proposed_by", "created_at"]
    list_filter = ["environment"]
    list_select_related = ["environment", "outcome"]
    ordering = ["environment__slug", "-version"]
    lifetimes = ["due_seconds", "review_seconds", "approval_seconds"]
    later = ["maximum_ages", "session_seconds", "second_factor", "standing", "proposed_by", "proposed_by_id", "digest", "created_at"]
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

    @admin.display(description=gettext_lazy("standing"))
    def standing(self, ruling) -> str:
        outcome = getattr(ruling, "outcome", None)
        if outcome is None:
            address = reverse("admin:settle_policy", args=[ruling.pk])
            return format_html('<a href="{}">{}</a>', address, _("proposed: accept or decline"))
        who = " " + _("by %(name)s") % {"name": outcome.settled_by} if outcome.settled_by else ""
        said = _(outcome.get_outcome_display()).lower()
        return f"{said} {outcome.settled_at:%Y-%m-%d %H:%M}{who}" + (f": {outcome.comment}" if outcome.comment else "")

    @admin.display(description=gettext_lazy("asks for"))
    def asks(self, ruling) -> str:
        return in_words(ruling.rules)


@admin.register(Confirmation)
class ConfirmationAdmin(ReadOnlyAdmin):
    hint = gettext_lazy("What is stated, by whom, and until when it holds")
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
    hint = gettext_lazy("Each reviewer's word on one packet")
    list_display = ["cast_at", "username", "choice", "review_request", "revision"]
    list_filter = [words("choice", dict(Choice.choices))]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["username__exact"]
    search_help_text = gettext_lazy("A username")
    ordering = ["-cast_at", "-id"]
    said = ["choice", "conditions", "comment", "second_factor", "cast_at"]
    fields = ["id", "review_request", "revision", "digest", "user_id", "username", *said]


@admin.register(Decision)
class DecisionAdmin(LongList):
    hint = gettext_lazy("What the votes came to")
    list_display = ["decided_at", "verdict", "review_request", "revision", "expires_at"]
    list_filter = ["verdict"]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["digest"]
    ordering = ["-decided_at", "pk"]
    fields = ["review_request", "revision", "digest", "verdict", "conditions", "decided_at", "expires_at", "supersedes"]


@admin.register(Event)
class EventAdmin(LongList):
    hint = gettext_lazy("Who did what, when")
    list_display = ["at", "actor", "verb", "from_state", "to_state", "channel", "review_request"]
    list_filter = [words("verb", EVENT_WORDS), words("channel", CHANNEL_WORDS)]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["actor__exact"]
    search_help_text = gettext_lazy("A username")
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
    group, hint = ORGANISATION, gettext_lazy("When nothing is launched")
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

    @admin.display(description=gettext_lazy("ended"))
    def ended(self, freeze) -> str:
        end = getattr(freeze, "end", None)
        if end is None:
            return format_html('<a href="{}">{}</a>', reverse("admin:end_freeze", args=[freeze.pk]), _("end it"))
        return f"{end.ended_at:%Y-%m-%d %H:%M} " + _("by %(name)s") % {"name": end.ended_by} + f": {end.comment}"


@admin.register(StagingPin)
class StagingPinAdmin(ReadOnlyAdmin):
    group, hint = ORGANISATION, gettext_lazy("Whose receipts count as staging's")
    list_display = ["created_at", "issuer", "requests", "keys"]
    ordering = ["-id"]
    fields = ["id", "issuer", "jwks", "requests", "created_at"]

    @admin.display(description=gettext_lazy("requests to"))
    def requests(self, pin) -> str:
        return pin.environment or _("every environment")

    @admin.display(description=gettext_lazy("keys"))
    def keys(self, pin) -> str:
        return ", ".join(key["kid"] for key in pin.jwks["keys"])


@admin.register(StagingValidation)
class StagingValidationAdmin(ReadOnlyAdmin):
    hint = gettext_lazy("Receipts of staging that were handed in")
    list_display = ["handed_in_at", "handed_in_by", "review_request", "kid"]
    list_select_related = ["review_request__plan", "review_request__environment"]
    search_fields = ["handed_in_by", "payload_sha256"]
    ordering = ["-id"]
    fields = ["id", "review_request", "payload_sha256", "kid", "handed_in_by", "handed_in_by_id", "handed_in_at"]


@admin.register(Denial)
class DenialAdmin(LongList):
    hint = gettext_lazy("Refused attempts, with every reason")
    list_display = ["last_at", "actor", "verb", "reasons", "count", "channel"]
    list_filter = [words("channel", CHANNEL_WORDS)]
    search_fields = ["actor__exact", "verb__exact"]
    search_help_text = gettext_lazy("A username, or a verb such as approve")
    ordering = ["-last_at", "-id"]
    fields = ["id", "actor", "actor_id", "channel", "token_id", "verb", "reasons", "count", "first_at", "last_at"]

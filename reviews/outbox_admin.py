"""What is sent out, at the desk: the outbox, the webhooks and each attempt at one. Looked at, and put up once more."""

from django.contrib import admin
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from config.admin import ORGANISATION, LongList, ReadOnlyAdmin, words
from reviews import operators
from reviews.models import Channel, DeliveryAttempt, OutboxMessage, OutboxStatus, WebhookEndpoint

WORDS = {"rotate": gettext_noop("rotate"), "disable": gettext_noop("disable"), "enable": gettext_noop("enable")}


@admin.register(OutboxMessage)
class OutboxAdmin(LongList):
    hint = gettext_lazy("What is told to people and machines")
    list_display = ["created_at", "channel", "kind", "to", "review_request", "status", "attempts", "again"]
    list_filter = [words("status", dict(OutboxStatus.choices)), words("channel", dict(Channel.choices))]
    list_select_related = ["review_request__plan", "review_request__environment", "endpoint"]
    ordering = ["-created_at", "-id"]
    standing = ["planned_for", "not_before", "status", "attempts", "settled_at", "error"]
    about = ["review_request", "revision", "recipient", "recipient_id", "endpoint", "event"]
    fields = ["id", "channel", "kind", *about, "detail", "created_at", *standing]

    def get_urls(self):
        again = path("<uuid:object_id>/send-again/", self.admin_site.admin_view(operators.send_again_page), name="send_again")
        return [again, *super().get_urls()]

    @admin.display(description=gettext_lazy("to"))
    def to(self, message) -> str:
        return message.endpoint.host if message.endpoint else message.recipient

    @admin.display(description=gettext_lazy("send again"))
    def again(self, message) -> str:
        if message.endpoint is None or message.status == OutboxStatus.WAITING:
            return ""
        return format_html('<a href="{}">{}</a>', reverse("admin:send_again", args=[message.pk]), _("send again"))


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Of an address only the host is shown: the rest of it is often a secret."""

    group, hint = ORGANISATION, gettext_lazy("Where transitions are told to machines")
    operator_columns = ("change",)
    list_display = ["host", "partner", "events", "enabled", "disabled_reason", "failing_since", "created_by", "created_at"]
    list_filter = ["enabled"]
    list_select_related = ["partner"]
    ordering = ["-created_at", "-id"]
    standing = ["enabled", "disabled_reason", "failing_since", "generation", "rotated_at"]
    fields = ["id", "host", "partner", "events", *standing, "created_by", "created_by_id", "created_at"]

    @admin.display(description=gettext_lazy("change"))
    def change(self, endpoint) -> str:
        words = ["rotate", "disable" if endpoint.enabled else "enable"]
        return format_html_join(
            ", ", '<a href="{}">{}</a>', ((reverse(f"admin:{word}_webhook", args=[endpoint.pk]), _(WORDS[word])) for word in words)
        )


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(LongList):
    hint = gettext_lazy("Each try to reach a webhook")
    list_display = ["at", "endpoint", "message", "outcome", "status", "ms"]
    list_select_related = ["message__endpoint"]
    ordering = ["-id"]
    fields = ["id", "at", "message", "outcome", "status", "ms"]

    @admin.display(description=gettext_lazy("webhook"))
    def endpoint(self, attempt) -> str:
        return attempt.message.endpoint.host

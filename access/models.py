"""Who may call: people, and tokens that act for them. Lives in the primary database."""

import uuid
from functools import cached_property

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_noop
from knox.models import AbstractAuthToken

from config.constraints import json_within, within
from config.custody import no_payload

username_validator = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Use letters, digits, dots, dashes and underscores; an e-mail address is not a username."
)


class Mail(models.TextChoices):
    """What somebody wants to hear of by mail."""

    ALL = "all", gettext_noop("Everything: when my review is asked for, reminders, and decisions on what I requested")
    DECISIONS = "decisions", gettext_noop("Only decisions on what I requested")
    NONE = "none", gettext_noop("Nothing")


class User(AbstractUser):
    """A person, or a machine that never reviews. The username goes into permanent records, so it may not be an e-mail address."""

    username = models.CharField(max_length=64, unique=True, validators=[username_validator, no_payload])
    email = models.EmailField("email address", blank=True, validators=[no_payload])
    machine = models.BooleanField(default=False, help_text="A job or client. It can draft and read, and it never counts as a reviewer.")
    mail = models.CharField(max_length=9, choices=Mail.choices, default=Mail.ALL, db_default=Mail.ALL)
    # In which they read times, such as Europe/Berlin (access/zones.py).
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(condition=~models.Q(username__contains="@"), name="username_is_no_address"),
            within("username_short", "username", 64),
            within("user_email_short", "email", 254),
            models.CheckConstraint(condition=models.Q(mail__in=Mail.values), name="user_mail_known"),
            within("user_time_zone_short", "time_zone", 64),
        ]


class Scope(models.TextChoices):
    READ = "read", gettext_noop("read everything its user may read")
    DRAFT = "draft", gettext_noop("write plans, moves, requests and its user's confirmations")
    REQUEST = "request", gettext_noop("request review, recall, withdraw, revoke, comment")
    GATE = "gate", gettext_noop("ask the gate, nothing else")


class ApiToken(AbstractAuthToken):
    """A token: its user's rights, narrowed to scopes and, where named, to partners. Only a SHA-512 digest of it is stored."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80, blank=True)
    scopes = models.JSONField()
    partners = models.JSONField(null=True, blank=True, help_text="Slugs of the partners it is limited to; empty means all of its user's.")
    created_by = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True, editable=False)
    revoked_by = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(revoked_at__isnull=True, revoked_by="") | models.Q(revoked_at__isnull=False),
                name="token_revoked_by_somebody",
            ),
            within("token_name_short", "name", 80),
            json_within("token_partners_short", "partners", 2000),
        ]

    def __str__(self) -> str:
        return self.name or str(self.public_id)

    @cached_property
    def user_groups(self) -> frozenset[str]:
        """Names of its user's groups; checking a token reads them in the same query."""
        return frozenset(self.user.groups.values_list("name", flat=True))


class Tally(models.Model):
    """How often something happened in the window that ends at `until`, epoch seconds of the primary's clock. Holds no name, no address."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    until = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return self.key

"""Questions about people that reviews asks of the primary: one statement each, and one refusal when it is away."""

from collections.abc import Collection

from django.db import DatabaseError, InterfaceError
from django.db.models import Exists, OuterRef
from django_otp.plugins.otp_totp.models import TOTPDevice

from access.models import Mail, User
from config.refusals import Reason, Refused

Groups = dict[int, frozenset[str]]


def primary_unavailable() -> Refused:
    detail = "The primary database does not answer, so nobody's rights can be checked. Nothing was changed; try again shortly."
    return Refused(Reason("primary_unavailable", detail, clear_by="an operator", status=503))


def _grouped(rows) -> tuple[Groups, dict[int, str]]:
    groups: dict[int, set[str]] = {}
    names: dict[int, str] = {}
    for user_id, username, group in rows:
        groups.setdefault(user_id, set()).add(group)
        names[user_id] = username
    return {user_id: frozenset(found) for user_id, found in groups.items()}, names


def person(username: str) -> tuple[int, str] | None:
    """User id and username of an active human, asked now, or None. Raises Refused 503 when the primary is away."""
    try:
        return User.objects.filter(username=username, is_active=True, machine=False).values_list("pk", "username").first()
    except (DatabaseError, InterfaceError):
        raise primary_unavailable() from None


def mail_of(user_id: int) -> tuple[str, str]:
    """The address of an active human and what they want to hear of; no address for anybody else. Raises Refused 503."""
    try:
        found = User.objects.filter(pk=user_id, is_active=True, machine=False).values_list("email", "mail").first()
    except (DatabaseError, InterfaceError):
        raise primary_unavailable() from None
    return found or ("", Mail.NONE)


def reviewers(groups: Collection[str], *, only: Collection[int] | None = None) -> tuple[Groups, dict[int, str]]:
    """Active humans in any of these groups, asked now: user id → their groups among these, and user id → username.

    `only` limits the answer to some user ids. Raises Refused 503 when the primary is away.
    """
    people = User.objects.filter(is_active=True, machine=False, groups__name__in=groups)
    if only is not None:
        people = people.filter(pk__in=only)
    try:
        return _grouped(list(people.order_by("username").values_list("pk", "username", "groups__name")))
    except (DatabaseError, InterfaceError):
        raise primary_unavailable() from None


def voters(groups: Collection[str], *, only: Collection[int], app: int | None) -> tuple[Groups, frozenset[int]]:
    """As `reviewers`, and whose second factor `app` is, if it is in use; still one statement. Raises Refused 503."""
    if app is None:
        return reviewers(groups, only=only)[0], frozenset()
    in_use = Exists(TOTPDevice.objects.filter(pk=app, user=OuterRef("pk"), confirmed=True))
    people = User.objects.filter(is_active=True, machine=False, groups__name__in=groups, pk__in=only).annotate(has_app=in_use)
    try:
        rows = list(people.order_by("username").values_list("pk", "username", "groups__name", "has_app"))
    except (DatabaseError, InterfaceError):
        raise primary_unavailable() from None
    return _grouped(row[:3] for row in rows)[0], frozenset(row[0] for row in rows if row[3])


def active_people(usernames: Collection[str]) -> dict[str, int]:
    """Username → user id of the active humans among these. Raises Refused 503 when the primary is away."""
    found = User.objects.filter(username__in=usernames, is_active=True, machine=False)
    try:
        return dict(found.values_list("username", "pk"))
    except (DatabaseError, InterfaceError):
        raise primary_unavailable() from None

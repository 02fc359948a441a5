"""Whom the draft store names: every pair of user id and username in it, and what its events say of groups, memberships and tokens."""

from collections.abc import Iterator
from datetime import datetime

from django.apps import apps
from django.db.models import BigIntegerField, CharField, Min, Model

from drafts.models import Author, KeptAnswer, Membership
from reviews.models import OPEN_STATES, DeploymentReviewRequest, Event

Person = tuple[int, str]
CHUNK = 2000


def columns() -> list[tuple[type[Model], str, str]]:
    """(model, column of the id, column of the name or nothing) wherever a row of the draft store names a person."""
    found = []
    for label in ("drafts", "reviews", "receipts", "readiness"):
        for model in apps.get_app_config(label).get_models():
            texts = {field.name for field in model._meta.concrete_fields if isinstance(field, CharField)}
            ids = [field.name for field in model._meta.concrete_fields if type(field) is BigIntegerField and field.name.endswith("_id")]
            found += [(model, name, next((text for text in (name[:-3], "username") if text in texts), "")) for name in ids]
    return found


def mentions() -> Iterator[Person]:
    """Each pair once for each column that holds it; an id of nobody, such as the command line's, is none."""
    for model, user_id, username in columns():
        rows = model.objects.order_by().filter(**{f"{user_id}__gt": 0}).distinct()
        if username:
            yield from rows.values_list(user_id, username).iterator(chunk_size=CHUNK)
        else:
            yield from ((found, "") for found in rows.values_list(user_id, flat=True).iterator(chunk_size=CHUNK))


def first_seen() -> dict[int, datetime]:
    """User id → when the draft store heard of it first."""
    found: dict[int, datetime] = {}
    for model, user_id, at in ((Event, "actor_id", "at"), (Author, "user_id", "created_at"), (Membership, "user_id", "created_at")):
        rows = model.objects.order_by().filter(**{f"{user_id}__gt": 0}).values_list(user_id).annotate(first=Min(at))
        for person, first in rows.iterator(chunk_size=CHUNK):
            found[person] = min(first, found.get(person, first))
    return found


def holders() -> set[int]:
    """Ids that hold something now: a partner, or an open request."""
    members = set(Membership.objects.values_list("user_id", flat=True).distinct())
    owners = DeploymentReviewRequest.objects.as_of_now().filter(state_now__in=OPEN_STATES)
    return members | set(owners.values_list("opened_by_id", flat=True).distinct())


def tokens() -> set[tuple[str, int]]:
    """(public id of a token, id of the user whom it acted for)."""
    acted = Event.objects.order_by().exclude(token_id="").values_list("token_id", "actor_id").distinct()  # noqa: S106  none
    answered = KeptAnswer.objects.order_by().exclude(token_id="").values_list("token_id", "user_id").distinct()  # noqa: S106  none
    return {*acted.iterator(chunk_size=CHUNK), *answered.iterator(chunk_size=CHUNK)}


def groups_told() -> dict[int, frozenset[str]]:
    """User id → the groups that the events lead to; whoever is in none of its events is not among them."""
    found: dict[int, frozenset[str]] = {}
    for detail in _details("set_groups"):
        before = found.get(detail["user_id"], frozenset())
        found[detail["user_id"]] = (before | set(detail["add"])) - set(detail["remove"])
    return found


def memberships_told() -> dict[tuple[str, int], str]:
    """(partner, user id) → role that the events lead to."""
    found = {(detail["partner"], detail["user_id"]): detail["role"] for detail in _details("set_membership")}
    return {who: role for who, role in found.items() if role}


def memberships() -> dict[tuple[str, int], str]:
    rows = Membership.objects.values_list("partner__slug", "user_id", "role")
    return {(slug, user_id): role for slug, user_id, role in rows.iterator(chunk_size=CHUNK)}


def _details(verb: str) -> Iterator[dict]:
    rows = Event.objects.filter(review_request=None, verb=verb).order_by("number", "pk")
    return rows.values_list("detail", flat=True).iterator(chunk_size=CHUNK)

"""The roll: everybody the primary knows, in groups or not, and the last id that it gave. For comparing it with the draft store."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connections

from access.models import ApiToken, User
from config.databases import PRIMARY

TABLE = User._meta.db_table


@dataclass(frozen=True)
class Roll:
    """`users`: id → (username, joined); `groups`: id → names; `tokens`: public id → id of its user; `last_id`: the newest id ever given."""

    users: dict[int, tuple[str, datetime]]
    groups: dict[int, frozenset[str]]
    tokens: dict[str, int]
    last_id: int


def roll() -> Roll:
    """Four statements."""
    groups: dict[int, set[str]] = {}
    for user_id, name in User.groups.through.objects.values_list("user_id", "group__name"):
        groups.setdefault(user_id, set()).add(name)
    return Roll(
        users={pk: (name, joined) for pk, name, joined in User.objects.values_list("pk", "username", "date_joined")},
        groups={user_id: frozenset(names) for user_id, names in groups.items()},
        tokens={str(uuid.UUID(str(public_id))): user_id for public_id, user_id in ApiToken.objects.values_list("public_id", "user_id")},
        last_id=_last_id(),
    )


def _last_id() -> int:
    """The sequence's word: the highest id that is there says nothing of who was deleted."""
    on_postgresql = connections[PRIMARY].vendor == "postgresql"
    asked = "SELECT pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass)"
    with connections[PRIMARY].cursor() as cursor:
        cursor.execute(asked if on_postgresql else "SELECT seq FROM sqlite_sequence WHERE name = %s", [TABLE])
        found = cursor.fetchone()
    return int(found[0] or 0) if found else 0

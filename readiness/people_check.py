"""Do the two databases agree on people? What one of them restored from a backup would have forgotten, or given to somebody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from access.roll import Roll
from reviews import mentions

# Both clocks may differ by some seconds; an account is made before it is named.
CLOCKS = timedelta(minutes=1)


@dataclass(frozen=True)
class Named:
    """All that the draft store says of people, read before the primary is."""

    pairs: frozenset[mentions.Person]
    first_seen: dict
    holders: frozenset[int]
    tokens: frozenset[tuple[str, int]]
    groups: dict[int, frozenset[str]]
    memberships_told: dict[tuple[str, int], str]
    memberships: dict[tuple[str, int], str]

    @classmethod
    def read(cls) -> "Named":
        return cls(
            pairs=frozenset(mentions.mentions()),
            first_seen=mentions.first_seen(),
            holders=frozenset(mentions.holders()),
            tokens=frozenset(mentions.tokens()),
            groups=mentions.groups_told(),
            memberships_told=mentions.memberships_told(),
            memberships=mentions.memberships(),
        )


Mismatch = tuple[str, str, str]


def people_findings(named: Named, roll: Roll) -> Iterator[Mismatch]:
    """(where, code, detail)."""
    names: dict[int, set[str]] = {}
    for user_id, username in sorted(named.pairs):
        names.setdefault(user_id, set()).add(username)
    for user_id in sorted(names):
        yield from _person(user_id, named, roll)
    yield from _tokens(named, roll)
    yield from _groups(named, roll)
    yield from _memberships(named)


def _person(user_id: int, named: Named, roll: Roll) -> Iterator[Mismatch]:
    where, known = f"user {user_id}", roll.users.get(user_id)
    if user_id > roll.last_id:
        yield where, "user_id_ahead", f"The draft store names user {user_id}, and the primary has given ids up to {roll.last_id} only."
    elif known is None and user_id in named.holders:
        yield where, "user_gone", "The primary does not know this user, who holds a partner or an open request."
    elif known and user_id in named.first_seen and known[1] - CLOCKS > named.first_seen[user_id]:
        yield where, "user_id_given_again", f"The account {known[0]} was made after the draft store had named this id."


def _tokens(named: Named, roll: Roll) -> Iterator[Mismatch]:
    for token_id, user_id in sorted(named.tokens, key=str):
        if token_id not in roll.tokens and user_id in roll.users:
            yield (
                f"token {token_id}",
                "token_unknown",
                f"The draft store has a call by it, of user {user_id}; the primary knows none.",
            )
        elif roll.tokens.get(token_id, user_id) != user_id:
            yield f"token {token_id}", "token_differs", f"It acted for user {user_id}, and the primary says that it is another's."


def _groups(named: Named, roll: Roll) -> Iterator[Mismatch]:
    for user_id, (username, _) in sorted(roll.users.items()):
        told, there = named.groups.get(user_id, frozenset()), roll.groups.get(user_id, frozenset())
        if told != there:
            detail = f"{username} is in {_list(there)}, and by the record in {_list(told)}."
            yield f"user {user_id}", "groups_differ", detail


def _memberships(named: Named) -> Iterator[Mismatch]:
    for slug, user_id in sorted(named.memberships.keys() | named.memberships_told.keys()):
        told, there = (rows.get((slug, user_id), "no member") for rows in (named.memberships_told, named.memberships))
        if told != there:
            yield f"user {user_id}", "membership_differs", f"{there} of {slug}, and by the record {told}."


def _list(groups: frozenset[str]) -> str:
    return ", ".join(sorted(groups)) or "no group"


def people_notes(named: Named, roll: Roll) -> Iterator[str]:
    """What is as it should be, and worth knowing: the record keeps people who are gone, and names of then."""
    gone = sorted({user_id for user_id, _ in named.pairs if user_id not in roll.users and user_id <= roll.last_id} - named.holders)
    if gone:
        yield f"{len(gone)} people of the record have no account any more; ids {_some(gone)}."
    renamed = sorted({pair[0] for pair in named.pairs if pair[1] and pair[0] in roll.users and roll.users[pair[0]][0] != pair[1]})
    if renamed:
        yield f"{len(renamed)} people of the record have another name by now; ids {_some(renamed)}."


def _some(ids: list[int]) -> str:
    return ", ".join(map(str, ids[:20])) + (" and more" if len(ids) > 20 else "")

"""What differs between two packets, section by section and field by field, in words. Pure: two packet values in, changes out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from reviews.reading import PLAN_LABELS

SECTION_LABELS = {
    "environment": gettext_noop("Environment"),
    "subject": gettext_noop("Subject"),
    "policy": gettext_noop("Policy"),
    "plan": gettext_noop("Plan"),
    "moves": gettext_noop("Expansion moves"),
    "confirmations": gettext_noop("Confirmations"),
    "authors": gettext_noop("Authors"),
}
Leaf = str | int | float | bool | None


@dataclass(frozen=True)
class Change:
    """One field of one section. `field`: its place in the section, such as `rollback/fields/max_minutes` or `2/system_scope`;
    `change`: `added`, `removed` or `changed`; before and after are null where there is nothing.
    """

    section: str
    field: str
    change: str
    before: Leaf
    after: Leaf

    @property
    def section_label(self) -> str:
        return _(SECTION_LABELS[self.section])

    @property
    def label(self) -> str:
        """The field as a person reads it."""
        if self.section == "plan":
            return _(PLAN_LABELS.get(self.field, self.field))
        place = self.field.replace("/fields/", "/").replace("/", ": ").replace("_", " ")
        words = {"moves": _("Move %(place)s"), "authors": _("User %(place)s")}.get(self.section, "%(place)s")
        return words % {"place": place}


def compare(before: Mapping | None, after: Mapping) -> list[Change]:
    """Every changed field, in the order of the sections; against nothing, every field is added."""
    return [change for section in SECTION_LABELS for change in _section(section, (before or {}).get(section), after.get(section))]


def _section(section: str, before: object, after: object) -> Iterator[Change]:
    old, new = (dict(_leaves(_named(section, value))) for value in (before, after))
    for field in sorted(old.keys() | new.keys(), key=_order):
        if field not in old:
            yield Change(section, field, "added", None, new[field])
        elif field not in new:
            yield Change(section, field, "removed", old[field], None)
        elif old[field] != new[field]:
            yield Change(section, field, "changed", old[field], new[field])


def _order(field: str) -> list[tuple[int, int, str]]:
    """Move 2 before move 10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in field.split("/")]


def _named(section: str, value: object) -> object:
    """Rows by the name that stays when others come or go: a move by its number, an author by id, a subject by name."""
    if value is None:
        return {}
    if section == "environment":
        return {"slug": value}
    if section == "moves":
        return {str(move["number"]): {name: part for name, part in move.items() if name != "number"} for move in value}
    if section == "authors":
        return {str(author["user_id"]): author["username"] for author in value}
    if section == "subject":
        return _subjects(value)
    return value


def _subjects(subjects: list[dict]) -> dict[str, dict]:
    """Names may repeat; the second of a name is `name (2)`. A slash in a name would read as a place, so it is shown as a fraction slash."""
    found: dict[str, dict] = {}
    for subject in subjects:
        name, number = subject["name"].replace("/", "\u2044"), 1
        while (key := name if number == 1 else f"{name} ({number})") in found:
            number += 1
        found[key] = subject["digest"]
    return found


def _leaves(value: object, place: str = "") -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{place}/{name}" if place else str(name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{place}/{number}")
    else:
        yield place, value

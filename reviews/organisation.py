"""Who is in which group, who owns what, and what an environment asks for. Each change leaves its event first, then happens."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import QuerySet

from access import second_factor
from access.actors import Actor, actor_of
from access.models import User
from access.people import primary_unavailable
from config.databases import PRIMARY, STORE
from config.refusals import Reason, refuse_if
from drafts.custody import folded, name_text, rule_reasons, slug_text
from drafts.models import Membership, Partner, Role
from reviews.models import Environment
from reviews.record import database_now, write_event

NAME_LENGTH, GROUP_LENGTH = 120, 150
LONGEST_SECONDS = 3650 * 86400
COMMAND_LINE = Actor(user_id=0, username="command line", channel="command")


def set_groups(actor: Actor, user: User, *, add: set[str] = frozenset(), remove: set[str] = frozenset()) -> None:
    """Put somebody into groups and out of others. Nobody changes their own. The event commits before the groups change."""
    if actor.user_id == user.pk:
        refuse_if([Reason("own_groups", "Nobody changes their own groups.", clear_by="another operator", status=403)])
    refuse_if(group_reasons(add))
    with transaction.atomic(using=STORE):
        detail = {"user_id": user.pk, "username": user.username, "add": sorted(add), "remove": sorted(remove)}
        write_event(actor, "set_groups", None, at=database_now(), detail=detail)
    with transaction.atomic(using=PRIMARY):
        user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in sorted(add)))
        user.groups.remove(*Group.objects.filter(name__in=remove))


def set_email(actor: Actor, user: User, address: str) -> None:
    """Where mail for somebody goes, empty for nowhere. The event says that it was set; the address stays in the primary."""
    try:
        validate_email(address) if address else None
    except ValidationError:
        refuse_if([Reason("invalid", "This is no e-mail address.", status=400)])
    with transaction.atomic(using=STORE):
        detail = {"user_id": user.pk, "username": user.username, "set": bool(address)}
        write_event(actor, "set_email", None, at=database_now(), detail=detail)
    User.objects.filter(pk=user.pk).update(email=address)


def group_reasons(names: Iterable[str]) -> list[Reason]:
    """What is wrong with names of groups: as texts, or because a group of nearly that name is another one."""
    known = {folded(name): name for name in _groups()}
    reasons = [reason for name in names for reason in rule_reasons(name, name_text, pointer="/group", length=GROUP_LENGTH)]
    if clash := next((known[folded(name)] for name in names if known.get(folded(name), name) != name), ""):
        reasons.append(Reason("group_exists", f"There is the group {clash} already; write it like that.", pointer="/group", status=400))
    return reasons


def _groups() -> list[str]:
    try:
        return list(Group.objects.values_list("name", flat=True))
    except (DatabaseError, InterfaceError):
        raise primary_unavailable() from None


def set_partner(actor: Actor, slug: str, *, name: str = "") -> Partner:
    """Find a partner, or make one."""
    if (found := Partner.objects.filter(slug=slug).first()) is not None:
        return found
    name = name or slug
    reasons = rule_reasons(slug, slug_text, pointer="/partner", length=64)
    refuse_if(reasons + rule_reasons(name, name_text, pointer="/name", length=NAME_LENGTH))
    with transaction.atomic(using=STORE):
        write_event(actor, "set_partner", None, at=database_now(), detail={"partner": slug, "name": name})
        return Partner.objects.create(slug=slug, name=name)


def set_membership(actor: Actor, user: User, partner: Partner, *, role: str | None) -> None:
    """Make somebody owner or viewer of a partner; `role` None ends the membership."""
    if role is not None and role not in Role.values:
        refuse_if([Reason("unknown_role", f"A role is one of: {', '.join(Role.values)}.", status=400)])
    with transaction.atomic(using=STORE):
        detail = {"user_id": user.pk, "username": user.username, "partner": partner.slug, "role": role}
        write_event(actor, "set_membership", None, at=database_now(), detail=detail)
        if role is None:
            Membership.objects.filter(partner=partner, user_id=user.pk).delete()
        else:
            _write(Membership.objects.filter(partner=partner, user_id=user.pk), username=user.username, role=role) or (
                Membership.objects.create(partner=partner, user_id=user.pk, username=user.username, role=role)
            )


def set_environment(actor: Actor, slug: str, *, name: str, protected: bool) -> Environment:
    """Make an environment, or change its name and protection. The slug stays: packets and receipts name it."""
    refuse_if(_environment_reasons(slug, name))
    with transaction.atomic(using=STORE):
        detail = {"environment": slug, "name": name, "protected": protected}
        write_event(actor, "set_environment", None, at=database_now(), detail=detail)
        _write(Environment.objects.filter(slug=slug), name=name, protected=protected) or (
            Environment.objects.create(slug=slug, name=name, protected=protected)
        )
        return Environment.objects.get(slug=slug)


def _write(rows: QuerySet, **values) -> int:
    """How many rows there were to change. `update_or_create` would write `created_at` again, in another spelling on SQLite."""
    return rows.update(**values)


def _environment_reasons(slug: str, name: str) -> list[Reason]:
    reasons = rule_reasons(slug, slug_text, pointer="/environment", length=64) + rule_reasons(
        name, name_text, pointer="/name", length=NAME_LENGTH
    )
    others = Environment.objects.exclude(slug=slug).values_list("name", flat=True)
    if any(folded(other) == folded(name) for other in others):
        reasons.append(Reason("name_taken", "Another environment has this name.", pointer="/name", status=400))
    return reasons


def rule_name_reasons(rules: list[dict]) -> list[Reason]:
    """What is wrong with the names in rules, and with their groups."""
    names, groups = [str(rule["name"]) for rule in rules], [str(rule["group"]) for rule in rules]
    reasons = [reason for name in names for reason in rule_reasons(name, name_text, pointer="/rules", length=NAME_LENGTH)]
    if len({folded(name) for name in names}) < len(names):
        reasons.append(Reason("name_taken", "Two rules have the same name.", pointer="/rules", status=400))
    return reasons + group_reasons(groups)


def reset_second_factor(actor: Actor, user: User) -> int:
    """Forget the app of somebody who has lost it; how many there were. The event commits first."""
    with transaction.atomic(using=STORE):
        write_event(actor, "reset_second_factor", None, at=database_now(), detail={"user_id": user.pk, "username": user.username})
    return second_factor.reset(user)


def operator_of_command(username: str | None) -> Actor:
    """The operator in whose name a command acts. Whoever has the shell is trusted to say who they are; the event names the channel."""
    user = User.objects.filter(username=username or "").first()
    if user is None:
        refuse_if([Reason("unknown_operator", "Name the operator who answers for it: --as USER.", status=400)])
    return actor_of(user, channel="command")

"""Who is in which group, who owns what, and what an environment asks for. Each change leaves its event first, then happens."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.db.models import QuerySet

from access import second_factor
from access.actors import AUDITORS, OPERATORS, Actor, actor_of
from access.models import ApiToken, User
from access.people import primary_unavailable
from access.tokens import revoke_token
from config.databases import PRIMARY, STORE
from config.refusals import Reason, recorded, refuse_if
from drafts.custody import folded, name_text, rule_reasons, slug_text
from drafts.models import Membership, Partner, Role
from reviews.models import Environment, Event, ReviewPolicy
from reviews.record import database_now, write_event
from reviews.rights import operator_reasons

NAME_LENGTH, GROUP_LENGTH = 120, 150
LONGEST_SECONDS = 3650 * 86400
NAME_TAKEN = Reason("name_taken", "There is a person of this name.", pointer="/username", status=400)
COMMAND_LINE = Actor(user_id=0, username="command line", channel="command")


def _guards(actor: Actor, *more: list[Reason]) -> None:
    """Nobody but an operator, asked of the primary now, or whoever has the shell. All reasons are said together."""
    refuse_if(sum(more, [] if actor is COMMAND_LINE else operator_reasons(actor)))


def _note(actor: Actor, verb: str, **detail) -> None:
    """The event of a change in the primary: it commits before the change."""
    with transaction.atomic(using=STORE):
        write_event(actor, verb, None, at=database_now(), detail=detail)


# --- people ---------------------------------------------------------------------------------------------------------------------------


def add_person(actor: Actor, username: str, *, password: str | None, machine: bool = False) -> User:
    """A new person, or with `machine` a job, which has no password. Their groups and partners come by verbs of their own."""
    with recorded(actor, "add_person"):
        user = User(username=username, machine=machine)
        user.set_password(None if machine else password)
        _guards(actor, _username_reasons(user))
        _note(actor, "add_person", username=username, machine=machine)
        try:
            with transaction.atomic(using=PRIMARY):
                user.save(force_insert=True)
        except IntegrityError:  # somebody was quicker
            refuse_if([NAME_TAKEN])
        return user


def _username_reasons(user: User) -> list[Reason]:
    """Also: two names that differ in case or width only would be taken for one."""
    try:
        # The constraints are the database's to ask: theirs about texts cannot be asked of a value.
        user.full_clean(exclude=["password"], validate_constraints=False)
    except ValidationError as error:
        detail = " ".join(error.messages)
        return [Reason("invalid", detail, pointer="/username", status=400)]
    if User.objects.filter(username__iexact=user.username).exists():
        return [NAME_TAKEN]
    return []


def set_active(actor: Actor, user: User, *, active: bool) -> None:
    """Let somebody sign in no more, or again. Their sessions and tokens end with it; what they did stays."""
    with recorded(actor, "set_active"):
        already = Reason("already_so", f"This account is switched {'on' if active else 'off'} already.", clear_by="nobody")
        own = _own_reasons(actor, user, "own_account", "Nobody switches their own account off or on.")
        _guards(actor, own, [already] if user.is_active == active else [])
        _note(actor, "set_active", user_id=user.pk, username=user.username, active=active)
        User.objects.filter(pk=user.pk).update(is_active=active)


def _own_reasons(actor: Actor, user: User, code: str, detail: str) -> list[Reason]:
    return [Reason(code, detail, clear_by="another operator", status=403)] if actor.user_id == user.pk else []


def set_groups(actor: Actor, user: User, *, add: set[str] = frozenset(), remove: set[str] = frozenset()) -> None:
    """Put somebody into groups and out of others. Nobody changes their own. Who is in any group has a seat at the desk."""
    with recorded(actor, "set_groups"):
        _guards(actor, own_hand_reasons(actor, user), group_reasons(add | remove))
        _note(actor, "set_groups", user_id=user.pk, username=user.username, add=sorted(add), remove=sorted(remove))
        with transaction.atomic(using=PRIMARY):
            user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in sorted(add)))
            user.groups.remove(*Group.objects.filter(name__in=remove))
            User.objects.filter(pk=user.pk).update(is_staff=user.groups.exists())


def own_hand_reasons(actor: Actor, user: User) -> list[Reason]:
    """Why this operator does not set these groups. Who made an account has seen its first password, and could vote as two people."""
    own = _own_reasons(actor, user, "own_groups", "Nobody changes their own groups.")
    if Event.objects.filter(verb="add_person", actor_id=actor.user_id, detail__username=user.username).exists():
        detail = "You made this account and saw its first password; another operator sets its groups."
        own.append(Reason("own_making", detail, clear_by="another operator", status=403))
    return own


def known_groups() -> list[str]:
    """Those that exist, and those that read all or that a policy names and nobody is in yet."""
    named = {group for ruling in ReviewPolicy.objects.accepted().only("pk", "rules") for group in ruling.groups}
    return sorted({*_groups(), *named, AUDITORS, OPERATORS})


def set_email(actor: Actor, user: User, address: str) -> None:
    """Where mail for somebody goes, empty for nowhere. The event says that it was set; the address stays in the primary."""
    with recorded(actor, "set_email"):
        _guards(actor, _address_reasons(address))
        _note(actor, "set_email", user_id=user.pk, username=user.username, set=bool(address))
        User.objects.filter(pk=user.pk).update(email=address)


def _address_reasons(address: str) -> list[Reason]:
    try:
        User._meta.get_field("email").clean(address, None)
    except ValidationError:
        return [Reason("invalid", "This is no e-mail address.", pointer="/email", status=400)]
    return []


def reset_second_factor(actor: Actor, user: User) -> int:
    """Forget the app of somebody who has lost it; how many there were."""
    with recorded(actor, "reset_second_factor"):
        _guards(actor)
        _note(actor, "reset_second_factor", user_id=user.pk, username=user.username)
        return second_factor.reset(user)


def end_token(actor: Actor, token: ApiToken) -> None:
    """Revoke somebody's API token, whoever's it is. Its next call is refused."""
    with recorded(actor, "end_token"):
        _guards(actor, token_reasons(token))
        _note(actor, "end_token", user_id=token.user_id, username=token.user.username, token=str(token.public_id))
        revoke_token(token, by=actor.username)


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


def token_reasons(token: ApiToken) -> list[Reason]:
    return [] if token.revoked_at is None else [Reason("token_revoked", "This token is revoked already.", clear_by="nobody")]


# --- partners and environments --------------------------------------------------------------------------------------------------------


def set_partner(actor: Actor, slug: str, *, name: str = "") -> Partner:
    """Find a partner, or make one."""
    return Partner.objects.filter(slug=slug).first() or add_partner(actor, slug, name=name or slug)


def add_partner(actor: Actor, slug: str, *, name: str) -> Partner:
    with recorded(actor, "set_partner"), transaction.atomic(using=STORE):
        wrong = rule_reasons(slug, slug_text, pointer="/partner", length=64)
        wrong += rule_reasons(name, name_text, pointer="/name", length=NAME_LENGTH)
        if Partner.objects.filter(slug=slug).exists():
            wrong.append(Reason("partner_exists", "There is a partner with this slug.", pointer="/partner", status=400))
        _guards(actor, wrong)
        write_event(actor, "set_partner", None, at=database_now(), detail={"partner": slug, "name": name})
        return Partner.objects.create(slug=slug, name=name)


def set_membership(actor: Actor, user: User, partner: Partner, *, role: str | None) -> None:
    """Make somebody owner or viewer of a partner; `role` None ends the membership."""
    with recorded(actor, "set_membership"), transaction.atomic(using=STORE):
        unknown = Reason("unknown_role", f"A role is one of: {', '.join(Role.values)}.", pointer="/role", status=400)
        _guards(actor, [] if role is None or role in Role.values else [unknown])
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
    with recorded(actor, "set_environment"), transaction.atomic(using=STORE):
        _guards(actor, _environment_reasons(slug, name))
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


def operator_of_command(username: str | None) -> Actor:
    """The operator in whose name a command acts. Whoever has the shell is trusted to say who they are; the event names the channel."""
    user = User.objects.filter(username=username or "").first()
    if user is None:
        refuse_if([Reason("unknown_operator", "Name the operator who answers for it: --as USER.", status=400)])
    return actor_of(user, channel="command")

"""Freeze windows: an operator's word that nothing is launched to an environment for a time. They shut the gate, never the review."""

import uuid
from datetime import datetime

from django.db import transaction

from access.actors import Actor
from access.people import active_people
from config.databases import STORE
from config.refusals import Reason, not_found, recorded, refuse_if
from config.retrying import retried
from drafts.coverage import Version, version_reasons
from drafts.custody import plain_text
from reviews.confirmations import utc_text
from reviews.models import ActingRole, DeploymentReviewRequest, Environment, Event, FreezeEnd, FreezeWindow, State
from reviews.record import database_now, take_turns, write_event
from reviews.rights import operator_reasons
from reviews.turn import Turn, comment_reasons, seen_request, state_reasons, taking_turn, text_reasons

REASON_LENGTH, MOST_PEOPLE = 300, 20
CROSSING = "cross_freeze"
JUST_SO = Reason("already_so", "It is frozen just so already: the same times, reason and people.", clear_by="nobody; it is done")


# --- asked by the gate ----------------------------------------------------------------------------------------------------------------


def not_over(environment: Environment, now: datetime) -> list[FreezeWindow]:
    """Freezes under way or to come, the first to end first."""
    return list(environment.freezes.filter(ends_at__gt=now, end__isnull=True).order_by("ends_at", "pk"))


def under_way(environment: Environment, now: datetime) -> list[FreezeWindow]:
    return [freeze for freeze in not_over(environment, now) if freeze.starts_at <= now]


def names(freeze: FreezeWindow, user_id: int | None) -> bool:
    """Whether requests of this person may cross."""
    return any(person["user_id"] == user_id for person in freeze.people)


def is_crossed(freeze: FreezeWindow, review_request: DeploymentReviewRequest) -> bool:
    """The requester is among the named people and said for this revision why it crosses."""
    if not names(freeze, review_request.requested_by_id):
        return False
    said = Event.objects.filter(
        review_request=review_request, verb=CROSSING, actor_id=review_request.requested_by_id, revision=review_request.revision
    )
    return any(str(freeze.pk) in event.detail["freezes"] for event in said)


# --- operators ------------------------------------------------------------------------------------------------------------------------


@retried
def freeze(
    actor: Actor, environment: Environment, *, starts_at: datetime, ends_at: datetime, reason: str, people: list[str] | None = None
) -> FreezeWindow:
    """Shut the gate of an environment for a time. `people`: usernames of those whose requests may cross, with a comment."""
    with recorded(actor, "freeze"), transaction.atomic(using=STORE):
        now, usernames = database_now(), list(dict.fromkeys(people or []))
        refuse_if(operator_reasons(actor))
        named = active_people(usernames)
        refuse_if(_input_reasons(starts_at, ends_at, reason, now=now) + _people_reasons(usernames, named))
        take_turns(f"freezes of {environment.pk}")
        made = FreezeWindow(
            environment=environment,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason.strip(),
            people=[{"user_id": named[username], "username": username} for username in usernames],
            frozen_by_id=actor.user_id,
            frozen_by=actor.username,
            frozen_at=now,
        )
        refuse_if([JUST_SO] if any(_is_same(made, other) for other in not_over(environment, now)) else [])
        times = {"starts_at": utc_text(starts_at), "ends_at": utc_text(ends_at)}
        detail = {"environment": environment.slug, "freeze": str(made.pk), **times, "people": usernames}
        write_event(actor, "freeze", None, at=now, comment=made.reason, detail=detail)
        made.save(force_insert=True)
        return made


def _is_same(made: FreezeWindow, other: FreezeWindow) -> bool:
    return all(getattr(made, name) == getattr(other, name) for name in ("starts_at", "ends_at", "reason", "people"))


def _input_reasons(starts_at: datetime, ends_at: datetime, reason: object, *, now: datetime) -> list[Reason]:
    reasons = text_reasons(reason, pointer="/reason", required=True, length=REASON_LENGTH, check=plain_text)
    if ends_at <= starts_at:
        reasons.append(Reason("invalid", "A freeze ends after it starts.", pointer="/ends_at", status=400))
    elif ends_at <= now:
        reasons.append(Reason("in_past", "This time is over.", pointer="/ends_at", status=400))
    return reasons


def _people_reasons(usernames: list[str], named: dict[str, int]) -> list[Reason]:
    if len(usernames) > MOST_PEOPLE:
        return [Reason("too_many", f"Name {MOST_PEOPLE} people at most.", pointer="/people", status=400)]
    if set(usernames) <= set(named):
        return []
    return [Reason("unknown_person", "Each name must be the username of an active person.", pointer="/people", status=400)]


@retried
def end_freeze(actor: Actor, freeze_id: uuid.UUID, *, comment: str) -> FreezeEnd:
    """End a freeze before its time, saying why."""
    with recorded(actor, "end_freeze"), transaction.atomic(using=STORE):
        refuse_if(operator_reasons(actor))
        found = FreezeWindow.objects.select_related("environment").filter(pk=freeze_id).first()
        if found is None:
            raise not_found("freeze")
        # One at a time: without UPDATE rights on the freeze itself, its environment is what can be locked.
        Environment.objects.using(STORE).select_for_update().get(pk=found.environment_id)
        now = database_now()
        refuse_if(comment_reasons(comment) + _over_reasons(found, now))
        detail = {"environment": found.environment.slug, "freeze": str(found.pk)}
        write_event(actor, "end_freeze", None, at=now, comment=comment, detail=detail)
        said = {"comment": comment, "ended_by_id": actor.user_id, "ended_by": actor.username, "ended_at": now}
        return FreezeEnd.objects.create(freeze=found, **said)


def _over_reasons(found: FreezeWindow, now: datetime) -> list[Reason]:
    if found.ends_at > now and not FreezeEnd.objects.filter(freeze=found).exists():
        return []
    return [Reason("freeze_over", "This freeze is over already.", clear_by="nobody; there is nothing to end")]


# --- the named requester ----------------------------------------------------------------------------------------------------------------


@retried
def cross_freeze(actor: Actor, request_id: uuid.UUID, *, comment: str, version: Version = None) -> DeploymentReviewRequest:
    """Let this revision of a request of one's own cross every freeze, not over yet, that names one, saying why. On a page only."""
    with taking_turn(actor, CROSSING, request_id) as turn:
        open_to = [each for each in not_over(turn.review_request.environment, turn.now) if names(each, actor.user_id)]
        reasons = _crossing_reasons(turn, open_to) + version_reasons(turn.review_request.version, version)
        refuse_if(reasons + comment_reasons(comment) + state_reasons(turn, State.REVIEW_REQUESTED, State.APPROVED))
        turn.role = ActingRole.REQUESTER
        turn.event(comment=comment, detail={"freezes": [str(each.pk) for each in open_to]})
    return seen_request(request_id)


def _crossing_reasons(turn: Turn, open_to: list[FreezeWindow]) -> list[Reason]:
    review_request, actor = turn.review_request, turn.actor
    reasons = list(actor.unfit.reasons)
    if actor.scopes is not None:
        reasons.append(Reason("crosses_only_on_a_page", "A freeze is crossed on its page, by a person.", clear_by="a person", status=403))
    if actor.user_id != review_request.requested_by_id:
        clear_by = review_request.requested_by or "whoever requests the review"
        reasons.append(Reason("not_the_requester", "Only who requested the review crosses a freeze.", clear_by=clear_by, status=403))
    elif not open_to:
        detail = f"No freeze of {review_request.environment.slug}, now or to come, names you."
        reasons.append(Reason("not_named", detail, clear_by="an operator, who can name people in a freeze", status=403))
    return reasons

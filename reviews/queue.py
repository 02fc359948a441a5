"""The queue's answers for a page of requests: which tab holds what, who can still approve, what is new since somebody looked."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from access.actors import Actor
from config.refusals import Refused
from reviews import packet
from reviews.asked import Asked, asked
from reviews.difference import compare
from reviews.models import LAPSING_STATES, OPEN_STATES, Choice, DeploymentReviewRequest, Event, Packet, State
from reviews.record import database_now
from reviews.rights import still_open, waiting_on

TABS = {
    "waiting": gettext_noop("Waiting on me"),
    "open": gettext_noop("All open"),
    "decided": gettext_noop("Decided and ended"),
    "all": gettext_noop("Everything"),
}
# The order of each tab, such as an index has it.
ORDERS = {
    "waiting": ("due_at", "pk"),
    "open": ("due_at", "pk"),
    "decided": ("-updated_at", "pk"),
    "all": ("-created_at", "-pk"),
}
# A count goes no further than this; what is more is "100+".
COUNTED = 100
NAMES = 5
# What shows that somebody has read it. A page that is only looked at leaves no trace.
LOOKS = (*Choice.values, "comment")


@dataclass(frozen=True)
class Standing:
    """What the queue says of one request beside its own fields."""

    word: str
    overdue: bool
    can_approve: str
    news: str


def tab(actor: Actor, requests: QuerySet[DeploymentReviewRequest], name: str) -> QuerySet[DeploymentReviewRequest]:
    """Of the requests that somebody sees, those of one tab."""
    if name == "waiting":
        return waiting_on(actor, requests)
    if name == "open":
        return still_open(requests)
    if name == "decided":
        lapsed = Q(state__in=LAPSING_STATES, expires_at__lte=Now())
        return requests.filter(Q(state__in=[state for state in State.values if state not in OPEN_STATES]) | lapsed)
    return requests


def next_after(actor: Actor, review_request: DeploymentReviewRequest) -> DeploymentReviewRequest | None:
    """What waits on this person first, beside the one that is looked at. What asks a group of theirs is theirs to see."""
    in_review = DeploymentReviewRequest.objects.as_of_now().filter(state=State.REVIEW_REQUESTED).exclude(pk=review_request.pk)
    return waiting_on(actor, in_review.select_related("plan", "environment")).order_by(*ORDERS["waiting"]).first()


def bounded(requests: QuerySet[DeploymentReviewRequest], name: str) -> str:
    """How many of a tab there are, in words that stop at 100+. In the order of the tab: of its index the first will do."""
    found = requests.order_by(*ORDERS[name]).values("pk")[: COUNTED + 1].count()
    return f"{COUNTED}+" if found > COUNTED else str(found)


def standings(actor: Actor, requests: list[DeploymentReviewRequest]) -> dict:
    """Request id → Standing, for one page; a handful of statements however many rows."""
    now = database_now()
    able = _able([found for found in requests if found.state_now == State.REVIEW_REQUESTED])
    looks = _looks(actor, requests)
    told = _news(requests, looks)
    return {
        found.pk: Standing(_(State(found.state_now).label), _is_overdue(found, now), _names(found, able), told[found.pk])
        for found in requests
    }


def _is_overdue(found: DeploymentReviewRequest, now: datetime) -> bool:
    return found.state_now == State.REVIEW_REQUESTED and found.due_at is not None and found.due_at <= now


def _able(requests: list[DeploymentReviewRequest]) -> dict[object, Asked] | None:
    try:
        return asked(requests) if requests else {}
    except Refused:
        return None


def _names(found: DeploymentReviewRequest, able: dict[object, Asked] | None) -> str:
    if found.state_now != State.REVIEW_REQUESTED:
        return _("nobody")
    if able is None:
        return _("unknown: the primary does not answer")
    names = sorted(able[found.pk].able.values()) if found.pk in able else []
    more = {"names": ", ".join(names[:NAMES]), "number": len(names) - NAMES}
    return _("%(names)s and %(number)d more") % more if len(names) > NAMES else more["names"] or _("nobody")


def _looks(actor: Actor, requests: list[DeploymentReviewRequest]) -> dict[object, int]:
    """Request id → the newest revision that this person voted or commented on."""
    own = Event.objects.filter(review_request__in=requests, actor_id=actor.user_id, verb__in=LOOKS)
    return dict(own.order_by().values_list("review_request").annotate(Max("revision")))


def _news(requests: list[DeploymentReviewRequest], looks: dict[object, int]) -> dict:
    wanted = Q(pk__in=[])
    for found in requests:
        if 0 < looks.get(found.pk, 0) < found.revision:
            wanted |= Q(review_request=found.pk, revision__in=[looks[found.pk], found.revision])
    packets = {(row.review_request_id, row.revision): row for row in Packet.objects.filter(wanted)}
    return {found.pk: _since(found, looks.get(found.pk, 0), packets) for found in requests}


def _since(found: DeploymentReviewRequest, look: int, packets: dict) -> str:
    if not look:
        return _("not looked at yet")
    if look == found.revision:
        return _("nothing")
    try:
        before, after = (packet.value_of(packets[found.pk, revision]) for revision in (look, found.revision))
    except (KeyError, Refused):
        return _("unknown: a packet is damaged")
    count = len(compare(before, after))
    words = ngettext("%(number)d field since revision %(revision)d", "%(number)d fields since revision %(revision)d", count)
    return words % {"number": count, "revision": look}

"""What an auditor asks of the record: requests and events, by whatever they know. Each look-up is bounded, and an index answers it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model, Q, QuerySet

from drafts import search
from drafts.models import CoveragePlan, Partner
from reviews.models import DeploymentReviewRequest, Event, Packet

PAGE_SIZE = 50
# With so many plans, packets or events, the newest first, one look-up goes on; a search for a common word finds these and no more.
MOST = 1000
# Fewer digits of a digest would be a list and no search.
SHORTEST_DIGEST = 8


@dataclass(frozen=True)
class Question:
    """`words`: of the plan's name or reference; `digest`: how it begins; `since`, `until`: of the request's opening, or of the event."""

    words: str = ""
    partner: str = ""
    person: str = ""
    verb: str = ""
    digest: str = ""
    commitment: str = ""
    request_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_about_requests(self) -> bool:
        return bool(self.words or self.partner or self.digest or self.commitment or self.request_id)


def requests(question: Question) -> QuerySet[DeploymentReviewRequest]:
    """The newest first. Who and what is looked up among the newest events that fit."""
    found = _about(question, DeploymentReviewRequest.objects.as_of_now().select_related("plan__partner", "environment"))
    if question.person or question.verb:
        did = _did(question).filter(review_request__isnull=False).order_by("-at").values_list("review_request", flat=True)[:MOST]
        found = found.filter(pk__in=set(did))
    return _between(question, found, "created_at").order_by("-created_at", "-pk")


def events(question: Question) -> QuerySet[Event]:
    """The newest first; those of the organisation, which have no request, too, unless a request is asked about."""
    found = _did(question).select_related("review_request__plan__partner", "review_request__environment")
    if question.is_about_requests:
        about = _about(question, DeploymentReviewRequest.objects.all()).order_by("-created_at").values_list("pk", flat=True)[:MOST]
        found = found.filter(review_request__in=list(about))
    return _between(question, found, "at").order_by("-at", "-pk")


def _did(question: Question) -> QuerySet[Event]:
    given = {"actor": question.person, "verb": question.verb}
    return Event.objects.filter(**{name: value for name, value in given.items() if value})


def _about(question: Question, found: QuerySet[DeploymentReviewRequest]) -> QuerySet[DeploymentReviewRequest]:
    if question.request_id:
        found = found.filter(pk=question.request_id)
    if question.words:
        found = found.filter(plan__in=_plans(question.words))
    if question.partner:
        found = found.filter(plan__partner__in=list(Partner.objects.filter(slug=question.partner).values_list("pk", flat=True)))
    if question.digest or question.commitment:
        found = found.filter(pk__in=_packets(question))
    return found


def _plans(words: str) -> list[uuid.UUID]:
    """Looked up first: as a part of the one question a common word takes a minute in a long table."""
    try:
        return list(search.plans(CoveragePlan.objects.all(), words).values_list("pk", flat=True)[:MOST])
    except ValueError:
        return []


def _packets(question: Question) -> set[uuid.UUID]:
    """Requests any of whose packets fits. Hexadecimal digits sort before `g` in every collation, so an ordinary index finds a beginning."""
    found = Packet.objects.all()
    if question.digest:
        found = found.filter(digest__gte=question.digest, digest__lt=question.digest + "g")
    if question.commitment:
        found = found.filter(commitment_id=question.commitment)
    return set(found.order_by().values_list("review_request", flat=True)[:MOST])


def _between(question: Question, found: QuerySet, name: str) -> QuerySet:
    given = {f"{name}__gte": question.since, f"{name}__lte": question.until}
    return found.filter(**{lookup: value for lookup, value in given.items() if value})


# --- pages ------------------------------------------------------------------------------------------------------------------------------


def page(found: QuerySet, name: str, after: tuple[datetime, uuid.UUID] | None) -> tuple[list, str]:
    """One page from a place on, and the place of the next, empty at the end. `name`: the time by which the rows are ordered."""
    if after is not None:
        when, pk = after
        found = found.filter(**{f"{name}__lte": when}).filter(Q(**{f"{name}__lt": when}) | Q(pk__lt=pk))
    rows = list(found[: PAGE_SIZE + 1])
    return rows[:PAGE_SIZE], place_of(rows[PAGE_SIZE - 1], name) if len(rows) > PAGE_SIZE else ""


def place_of(row: Model, name: str) -> str:
    return f"{getattr(row, name).isoformat()}_{row.pk}"


def read_place(text: str) -> tuple[datetime, uuid.UUID]:
    """Raises ValueError for what no page gives."""
    when, _, pk = text.partition("_")
    moment = datetime.fromisoformat(when)
    if moment.tzinfo is None:
        raise ValueError("without an offset")
    return moment, uuid.UUID(pk)

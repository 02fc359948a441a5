"""The owners' home: what needs them, then drafts, in review, approved; or one list by filter and search. All in few statements."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, prefetch_related_objects
from django.db.models.functions import Now
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from access.actors import Actor
from config.custody import plain_text
from config.forms import StrictForm
from config.ways import Ways
from drafts import search
from drafts.coverage import memberships
from drafts.models import CoveragePlan, PlanState, Role
from reviews.guide import Next, cheap_next
from reviews.models import OPEN_STATES, Confirmation, DeploymentReviewRequest, Environment, ReviewPolicy, State
from reviews.rights import named_in, visible_requests
from reviews.tasks import EDITABLE, Progress, progress

PAGE_SIZE, GROUP_SIZE = 50, 10
MOST_NAMED = 200
# Word of the filter → heading, and what is said where nothing is in it.
GROUPS = {
    "needs": (gettext_noop("Needs you"), ""),
    "draft": (gettext_noop("Drafts"), gettext_noop("No plan is a draft.")),
    "in_review": (gettext_noop("In review"), gettext_noop("Nothing is before the reviewers.")),
    "approved": (gettext_noop("Approved"), gettext_noop("Nothing is approved at the moment.")),
}
ARCHIVED = ("archived", gettext_noop("Archived"))


class FilterForm(StrictForm):
    """What the list is narrowed to; nothing of it is needed."""

    also_sent = frozenset({"after"})
    optional = ()
    q = forms.CharField(
        label=gettext_lazy("Search"),
        help_text=gettext_lazy("Beginnings of words in name or reference"),
        required=False,
        validators=[plain_text],
    )
    show = forms.ChoiceField(label=gettext_lazy("Which plans"), required=False)
    environment = forms.ChoiceField(label=gettext_lazy("Environment"), required=False)

    def __init__(self, *args, environments: list[Environment], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        words = [(word, _(heading)) for word, (heading, _empty) in GROUPS.items()]
        self.fields["show"].choices = [("", _("Everything")), *words, (ARCHIVED[0], _(ARCHIVED[1]))]
        self.fields["environment"].choices = [("", _("Any")), *((each.slug, each.name) for each in environments)]

    @property
    def narrows(self) -> bool:
        return any(self.cleaned_data.values())


@dataclass(frozen=True)
class Row:
    """One plan by its leading request: the newest that is open, else approved, else any. `others`: of other environments."""

    plan: CoveragePlan
    lead: DeploymentReviewRequest | None
    state: str
    word: str
    confirmed: str
    updated_at: datetime
    next: Next
    others: list[tuple[DeploymentReviewRequest, str, str]]


@dataclass(frozen=True)
class Group:
    """`more`: there are more than are shown."""

    word: str
    title: str
    empty: str
    rows: list[Row]
    more: bool


@dataclass(frozen=True)
class Onlooker:
    """Who looks, at which time, of which partners they are an owner, and in which `ways` they see plans: None where they see all."""

    actor: Actor
    now: datetime
    owned: frozenset[uuid.UUID]
    partners: bool
    ways: Ways | None

    def seen(self, plans: QuerySet[CoveragePlan], most: int) -> list[CoveragePlan]:
        """The first of some plans that they may see."""
        return list(self.ways.first(plans, most) if self.ways else plans[:most])


PLANS = CoveragePlan.objects.as_of_now().select_related("partner").order_by("-created_at", "-pk")


def onlooker(actor: Actor, now: datetime) -> Onlooker:
    roles = dict(memberships(actor).values_list("partner", "role"))
    owned = frozenset(partner for partner, role in roles.items() if role == Role.OWNER)
    return Onlooker(actor, now, owned, bool(roles), None if actor.reads_all else Ways("partner", tuple(roles), _as_named(actor)))


def _as_named(actor: Actor) -> tuple[Q, ...]:
    """What `visible_plans` says of persons named for a confirmation, looked up first: most are named nowhere."""
    named = list(named_in(actor).values_list("review_request__plan", flat=True).distinct()[: MOST_NAMED + 1])
    if not named:
        return ()
    return (Q(pk__in=named if len(named) <= MOST_NAMED else named_in(actor).values("review_request__plan")),)


# --- which plans ----------------------------------------------------------------------------------------------------------------------


def in_group(looker: Onlooker, plans: QuerySet[CoveragePlan], word: str) -> QuerySet[CoveragePlan]:
    """ "Needs you" are plans of theirs with a request that was sent back; it is no draft to them."""
    sent_back = DeploymentReviewRequest.objects.filter(partner__in=looker.owned, state=State.CHANGES_REQUESTED, expires_at__gt=Now())
    if word == "needs":
        return plans.filter(pk__in=sent_back.values("plan"))
    if word == "draft":
        return plans.in_state(PlanState.DRAFT).filter(~Exists(sent_back.filter(plan=OuterRef("pk"))))
    return plans.in_state(PlanState.REVIEW_REQUESTED if word == "in_review" else PlanState.APPROVED)


def filtered(looker: Onlooker, form: FilterForm) -> QuerySet[CoveragePlan]:
    said = form.cleaned_data
    plans = PLANS.filter(archived=said["show"] == ARCHIVED[0])
    if said["show"] in GROUPS:
        plans = in_group(looker, plans, said["show"])
    if said["environment"]:
        there = DeploymentReviewRequest.objects.filter(plan=OuterRef("pk"), environment__slug=said["environment"])
        plans = plans.filter(Exists(there))
    return search.narrowed(plans, "pk", said["q"]) if said["q"] else plans


def older_than(looker: Onlooker, plans: QuerySet[CoveragePlan], after: str) -> QuerySet[CoveragePlan]:
    """From the plan `after` on, which the reader must be able to see; 404 for any other."""
    try:
        last = looker.seen(PLANS.filter(pk=uuid.UUID(after)), 1)
    except ValueError:
        last = []
    if not last:
        raise Http404
    (last,) = last
    return plans.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk))


# --- what is said of each ---------------------------------------------------------------------------------------------------------------


def rows_of(looker: Onlooker, plans: list[CoveragePlan]) -> list[Row]:
    """Three statements for all: the requests, their confirmations, and the policies in force."""
    requests = visible_requests(looker.actor).prefetch_related("confirmations").order_by("-created_at")
    prefetch_related_objects(plans, Prefetch("review_requests", queryset=requests))
    in_force = _policies(found.environment_id for plan in plans for found in plan.review_requests.all())
    return [_row(looker, plan, in_force) for plan in plans]


def _policies(environments: Iterable[uuid.UUID]) -> dict[uuid.UUID, ReviewPolicy]:
    """Environment id → the policy in force."""
    if not (wanted := set(environments)):
        return {}
    return {ruling.environment_id: ruling for ruling in ReviewPolicy.objects.accepted().filter(environment__in=wanted).order_by("version")}


def _row(looker: Onlooker, plan: CoveragePlan, in_force: dict[uuid.UUID, ReviewPolicy]) -> Row:
    newest: dict[uuid.UUID, DeploymentReviewRequest] = {}
    for found in plan.review_requests.all():
        newest.setdefault(found.environment_id, found)
    lead, *others = sorted(newest.values(), key=lambda found: _rank(found, looker.now)) or [None]
    if lead is None:
        word = _(PlanState(plan.state_now).label)
        return Row(plan, None, plan.state_now, word, "", plan.updated_at, _linked(looker, plan, None, None), [])
    state = lead.state_at(looker.now)
    so_far = progress(lead, in_force.get(lead.environment_id) if state in EDITABLE else lead.policy, now=looker.now)
    return Row(
        plan,
        lead,
        state,
        _(State(state).label),
        so_far.words if state in (*OPEN_STATES, State.APPROVED) else "",
        max(plan.updated_at, lead.updated_at),
        _linked(looker, plan, lead, so_far),
        [(other, other.state_at(looker.now), _(State(other.state_at(looker.now)).label)) for other in others],
    )


def _rank(found: DeploymentReviewRequest, now: datetime) -> int:
    state = found.state_at(now)
    return 0 if state in OPEN_STATES else 1 if state == State.APPROVED else 2


def _linked(looker: Onlooker, plan: CoveragePlan, lead: DeploymentReviewRequest | None, so_far: Progress | None) -> Next:
    """The next step, with the page for it where this person may take it."""
    step = cheap_next(lead, so_far, now=looker.now)
    if plan.partner_id not in looker.owned or plan.archived:
        return Next(step.sentence)
    if lead is None or lead.state_at(looker.now) not in (*OPEN_STATES, State.APPROVED):
        url = reverse("new_request", args=[plan.pk])
        return Next(step.sentence, f"{url}?environment={lead.environment.slug}&predecessor={lead.pk}" if lead else url)
    return step


# --- the page -----------------------------------------------------------------------------------------------------------------------------


def overview(looker: Onlooker) -> list[Group]:
    """The four groups, each with its newest plans."""
    plans = PLANS.filter(archived=False)
    found = {word: looker.seen(in_group(looker, plans, word), GROUP_SIZE + 1) for word in GROUPS}
    rows = {row.plan.pk: row for row in rows_of(looker, [plan for each in found.values() for plan in each[:GROUP_SIZE]])}
    return [
        Group(
            word, _(title), _(empty) if empty else "", [rows[plan.pk] for plan in found[word][:GROUP_SIZE]], len(found[word]) > GROUP_SIZE
        )
        for word, (title, empty) in GROUPS.items()
    ]


def asked_to_confirm(looker: Onlooker) -> list[Confirmation]:
    """What this person was named for and has yet to confirm, oldest request first."""
    in_date = Q(review_request__state=State.DRAFT) | Q(review_request__expires_at__gt=looker.now)
    done = Q(confirmed_at__isnull=False, valid_until__gt=looker.now)
    found = named_in(looker.actor).filter(in_date, review_request__state__in=EDITABLE).exclude(done)
    found = found.select_related("review_request__plan", "review_request__environment")
    return list(found.order_by("review_request__created_at", "kind")[:PAGE_SIZE])


def shown(actor: Actor, parameters, *, now: datetime) -> dict:
    """What the home page shows for these parameters of its address."""
    looker = onlooker(actor, now)
    form = FilterForm(parameters, environments=list(Environment.objects.order_by("slug")))
    said = {"form": form, "owns_some": bool(looker.owned), "partners": looker.partners or actor.reads_all}
    if form.is_valid() and (form.narrows or "after" in parameters):
        return said | _listed(looker, form, parameters)
    if form.errors:
        return said | {"listed": True}
    return said | {"groups": overview(looker), "asked": asked_to_confirm(looker)}


def _listed(looker: Onlooker, form: FilterForm, parameters) -> dict:
    try:
        plans = filtered(looker, form)
    except ValueError as error:
        form.add_error("q", str(error))
        return {"listed": True}
    if after := parameters.get("after", ""):
        plans = older_than(looker, plans, after)
    found = looker.seen(plans, PAGE_SIZE + 1)
    narrowed = parameters.copy()
    narrowed["after"] = found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else ""
    return {
        "listed": True,
        "rows": rows_of(looker, found[:PAGE_SIZE]),
        "older": narrowed.urlencode() if narrowed["after"] else "",
        "archived": form.cleaned_data["show"] == ARCHIVED[0],
    }

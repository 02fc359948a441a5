"""Who may see a review request, whom it waits on, and who may not vote on it."""

from datetime import datetime

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Now

from access import people
from access.actors import AUDITORS, OPERATORS, Actor, call_reasons
from config.refusals import Reason, Refused
from config.ways import Ways
from drafts.coverage import memberships, owner_names, owner_reasons, owns, visible_partners
from drafts.models import Author
from reviews.models import (
    APPROVING,
    LAPSING_STATES,
    OPEN_STATES,
    ActingRole,
    Confirmation,
    DeploymentReviewRequest,
    ReviewPolicy,
    State,
    Vote,
)

# Looked up one by one up to so many; a subquery from there on.
MOST_NAMED = 200
ALL_REQUESTS = DeploymentReviewRequest.objects.as_of_now().select_related("plan__partner", "environment", "policy")


def asking(actor: Actor) -> Q:
    """Requests that were put up for review and ask a group of the actor's.

    By their own policy; or by the one that has come into force while they are in review, and then also what the actor voted on.
    """
    groups = actor.groups
    if not groups:
        return Q(pk__in=[])
    versions: dict[object, list[bool]] = {}
    naming = []
    for ruling in ReviewPolicy.objects.accepted().only("pk", "rules", "environment_id").order_by("version"):
        named = not ruling.groups.isdisjoint(groups)
        versions.setdefault(ruling.environment_id, []).append(named)
        naming += [ruling.pk] if named else []
    # Where every version names them, the first question answers all, and no OR keeps an index from it.
    newly = [environment_id for environment_id, named in versions.items() if named[-1] and not all(named)]
    if not newly:
        return Q(policy__in=naming)
    voted = Q(pk__in=Vote.objects.filter(user_id=actor.user_id).values("review_request"))
    return Q(policy__in=naming) | Q(environment__in=newly) & (Q(state=State.REVIEW_REQUESTED) | voted)


def is_asked(groups: frozenset[str]) -> bool:
    """Whether any policy names one of these groups."""
    return any(not ruling.groups.isdisjoint(groups) for ruling in ReviewPolicy.objects.accepted().only("pk", "rules")) if groups else False


def named_in(actor: Actor) -> QuerySet[Confirmation]:
    """Confirmations that the actor was named for, confirmed or not; a token's only for its partners."""
    found = Confirmation.objects.filter(named_id=actor.user_id)
    return found if actor.partners is None else found.filter(review_request__partner__slug__in=actor.partners)


def plans_named_in(actor: Actor) -> Q:
    return Q(pk__in=named_in(actor).values("review_request__plan"))


def visible_requests(actor: Actor) -> QuerySet[DeploymentReviewRequest]:
    """What the actor may see, with `state_now`: their partners', those a reviewer was asked about or a person was named for, or all."""
    if actor.reads_all and actor.partners is None:
        return ALL_REQUESTS.all()
    asked = asking(actor)
    if actor.partners is not None:
        asked &= Q(partner__slug__in=actor.partners)
    named = Q(pk__in=named_in(actor).values("review_request"))
    return ALL_REQUESTS.filter(Q(partner__in=visible_partners(actor)) | asked | named)


def request_ways(actor: Actor) -> Ways | None:
    """What `visible_requests` says, for lists: in which ways the actor sees requests, None where they see all.

    Looked up first: somebody without a membership then has no OR over three tables, which no index answers.
    """
    if actor.reads_all and actor.partners is None:
        return None
    asked = asking(actor)
    if actor.partners is not None:
        asked &= Q(partner__slug__in=actor.partners)
    named = list(named_in(actor).values_list("review_request", flat=True)[: MOST_NAMED + 1])
    others = [asked] if actor.groups else []
    if named:
        others.append(Q(pk__in=named if len(named) <= MOST_NAMED else named_in(actor).values("review_request")))
    return Ways("partner", tuple(visible_partners(actor).values_list("pk", flat=True)), tuple(others))


def listed_requests(actor: Actor) -> QuerySet[DeploymentReviewRequest]:
    """What `visible_requests` gives, for lists that are more than a page."""
    ways = request_ways(actor)
    return ALL_REQUESTS.filter(ways.condition) if ways else ALL_REQUESTS.all()


def waiting_on(actor: Actor, requests: QuerySet[DeploymentReviewRequest]) -> QuerySet[DeploymentReviewRequest]:
    """In review, asking a group of theirs, not yet approved by them, and nothing of it made by them."""
    asked = in_state(requests, State.REVIEW_REQUESTED).filter(asking(actor))
    approved = Vote.objects.filter(
        review_request=OuterRef("pk"), revision=OuterRef("revision"), user_id=actor.user_id, choice__in=APPROVING
    )
    wrote = Author.objects.filter(plan=OuterRef("plan"), user_id=actor.user_id)
    confirmed = Confirmation.objects.filter(review_request=OuterRef("pk"), confirmed_by_id=actor.user_id, confirmed_at__isnull=False)
    return asked.exclude(requested_by_id=actor.user_id).filter(~Exists(approved), ~Exists(wrote), ~Exists(confirmed))


# That an end is still to come. A comparison PostgreSQL would take for rare in every state, because most ends in the table are over; in
# these states hardly any is, and the first of many rows come from an index in the order of the list. Of this it guesses one half.
IN_DATE = Case(When(expires_at__lte=Now(), then=Value(False)), default=Value(True), output_field=BooleanField())


def in_state(requests: QuerySet[DeploymentReviewRequest], state: str) -> QuerySet[DeploymentReviewRequest]:
    """Those in this state as of now, in words of the columns: how rare a CASE is PostgreSQL cannot guess, and takes no index for it."""
    if state == State.EXPIRED:
        return requests.filter(Q(state=State.EXPIRED) | Q(state__in=LAPSING_STATES, expires_at__lte=Now()))
    return requests.filter(*([IN_DATE] if state in LAPSING_STATES else []), state=state)


def still_open(requests: QuerySet[DeploymentReviewRequest]) -> QuerySet[DeploymentReviewRequest]:
    """Those in any open state as of now, likewise. A draft has no end."""
    return requests.filter(IN_DATE, state__in=OPEN_STATES)


def updated_since(requests: QuerySet[DeploymentReviewRequest], when: datetime) -> QuerySet[DeploymentReviewRequest]:
    """What was written since, and what has lapsed since, which nobody writes when it happens."""
    lapsed = Q(state_now=State.EXPIRED, state__in=LAPSING_STATES, expires_at__gte=when)
    return requests.filter(Q(updated_at__gte=when) | lapsed)


def confirmer_reasons(actor: Actor, review_request: DeploymentReviewRequest, kind: str) -> list[Reason]:
    """Confirm: an owner, or the person named for this kind."""
    if named_in(actor).filter(review_request=review_request, kind=kind).exists():
        return call_reasons(actor, "draft")
    return owner_reasons(actor, review_request.plan.partner, scope="draft")


def requester_reasons(actor: Actor, review_request: DeploymentReviewRequest) -> list[Reason]:
    """Recall and withdraw: the requester, or any owner of the partner."""
    partner = review_request.plan.partner
    if actor.user_id == review_request.requested_by_id or owns(actor, partner.pk):
        return []
    return [
        Reason(
            "not_an_owner", f"Only the requester or an owner of {partner.slug} can do this.", clear_by=owner_names(partner.pk), status=403
        )
    ]


def owning_role(actor: Actor, review_request: DeploymentReviewRequest) -> str:
    """In which role recall, withdraw and revoke are done by whom `requester_reasons` lets pass."""
    return ActingRole.REQUESTER if actor.user_id == review_request.requested_by_id else ActingRole.OWNER


def onlooking_role(actor: Actor, review_request: DeploymentReviewRequest) -> str:
    """In which role somebody speaks who may see a request: the nearest to it that is theirs."""
    if actor.user_id == review_request.requested_by_id:
        return ActingRole.REQUESTER
    if membership := memberships(actor).filter(partner_id=review_request.plan.partner_id).first():
        return ActingRole(membership.role)
    if review_request.policy and not review_request.groups_asked.isdisjoint(actor.groups):
        return ActingRole.REVIEWER
    if named_in(actor).filter(review_request=review_request).exists():
        return ActingRole.NAMED_PERSON
    wide = {OPERATORS: ActingRole.OPERATOR, AUDITORS: ActingRole.AUDITOR}
    return next((role for group, role in wide.items() if group in actor.groups), ActingRole.SUPERUSER if actor.superuser else "")


def people_in(packet: dict) -> set[int]:
    """User ids of everybody who wrote or confirmed something in a packet."""
    confirmers = {confirmation["confirmed_by"]["user_id"] for confirmation in packet["confirmations"].values()}
    return confirmers | {author["user_id"] for author in packet["authors"]}


def conflict_reasons(review_request: DeploymentReviewRequest, packet: dict, user_id: int) -> list[Reason]:
    """Why this person may not vote on what they had a hand in. Nobody is exempt, superusers neither."""
    confirmers = {confirmation["confirmed_by"]["user_id"] for confirmation in packet["confirmations"].values()}
    hands = [
        ("is_requester", "You requested this review", user_id == review_request.requested_by_id),
        ("is_author", "You wrote part of what is in the packet", user_id in {author["user_id"] for author in packet["authors"]}),
        ("is_confirmer", "You confirmed something in the packet", user_id in confirmers),
    ]
    others = "another member of " + " or ".join(sorted(review_request.groups_asked))
    return [Reason(code, f"{text}, so you cannot vote on it.", clear_by=others, status=403) for code, text, had in hands if had]


def group_reasons(review_request: DeploymentReviewRequest, groups: frozenset[str]) -> list[Reason]:
    """`groups`: those that the person is an active member of now."""
    named = review_request.groups_asked
    if not named.isdisjoint(groups):
        return []
    detail = f"Only active members of {' or '.join(sorted(named))} vote on this."
    return [Reason("not_a_reviewer", detail, clear_by="an operator, who can add somebody to the group", status=403)]


# --- operators ------------------------------------------------------------------------------------------------------------------------


def operators() -> str:
    """The operators in words, for a refusal's `clear_by`; a statement on the primary, so only where something is refused."""
    try:
        _, names = people.reviewers({OPERATORS})
    except Refused:
        return "an operator"
    return ", ".join(sorted(names.values())[:5]) or "an operator"


def operator_reasons(actor: Actor) -> list[Reason]:
    """Why this actor may not do what operators do; asked of the primary now. No token does any of it."""
    groups, _ = people.reviewers({OPERATORS}, only=[actor.user_id])
    if groups and actor.scopes is None:
        return []
    return [Reason("not_an_operator", "Only an active operator can do this.", clear_by=operators(), status=403)]

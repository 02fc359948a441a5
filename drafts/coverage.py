"""The owner's verbs on plans and moves. Each asks for rights and state inside the lock and raises Refused with every reason."""

import uuid
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now

from access.actors import Actor, call_reasons
from config.databases import STORE
from config.prepared import Prepared
from config.refusals import Reason, Refused, not_found, recorded, refuse_if
from config.retrying import retried
from config.ways import Ways
from drafts.custody import fold_key, text_reasons
from drafts.models import Author, CoveragePlan, ExpansionMove, Membership, Partner, PlanState, Role

PLAN_FIELDS = ("name", "gate_type", "system_scope", "authority_context", "external_reference", "archived")
MOVE_FIELDS = ("gate_type", "system_scope", "authority_context", "corrects")
# SQLSTATE on PostgreSQL; on SQLite the trigger that stands before the constraint.
UNIQUE = "23505"
# Further plans that an actor may see, as conditions; reviews signs up here, because drafts must not know reviews.
also_visible: list[Callable[[Actor], Q]] = []
THERE_ALREADY = "drafts_coverageplan has that row already"
Version = int | frozenset[int] | None
SEEN = CoveragePlan.objects.as_of_now().select_related("partner")
_owners = Prepared(
    lambda partner_id, user_id: Membership.objects.filter(partner_id=partner_id, user_id=user_id, role=Role.OWNER).select_related(
        "partner"
    ),
    uuid.UUID,
    int,
)
_member_sees = Prepared(lambda pk, user_id: SEEN.filter(pk=pk, partner__memberships__user_id=user_id), uuid.UUID, int)
_locked_by_member = Prepared(
    lambda pk, user_id: SEEN.using(STORE).select_for_update(of=("self",)).filter(pk=pk, partner__memberships__user_id=user_id),
    uuid.UUID,
    int,
)
_locked = Prepared(lambda pk: SEEN.using(STORE).select_for_update(of=("self",)).filter(pk=pk), uuid.UUID)
_as_of_now = Prepared(lambda pk: SEEN.filter(pk=pk), uuid.UUID)


# --- who may see and write ----------------------------------------------------------------------------------------------------


def memberships(actor: Actor) -> QuerySet[Membership]:
    found = Membership.objects.filter(user_id=actor.user_id)
    return found if actor.partners is None else found.filter(partner__slug__in=actor.partners)


def visible_partners(actor: Actor) -> QuerySet[Partner]:
    if actor.reads_all and actor.partners is None:
        return Partner.objects.all()
    own = Q(pk__in=memberships(actor).values("partner"))
    return Partner.objects.filter(own | Q(slug__in=actor.partners) if actor.reads_all else own)


def of_own_partners(actor: Actor, plans: QuerySet[CoveragePlan]) -> QuerySet[CoveragePlan]:
    """Those of some plans whose partner the actor belongs to: the plainest part of what they see."""
    return plans.filter(partner__in=memberships(actor).values("partner"))


def seen_by(actor: Actor, plans: QuerySet[CoveragePlan]) -> QuerySet[CoveragePlan]:
    """Those of some plans that the actor may see."""
    if actor.reads_all:
        return plans if actor.partners is None else plans.filter(partner__in=visible_partners(actor))
    seen = Q(partner__in=memberships(actor).values("partner"))
    for more in also_visible:
        seen |= more(actor)
    return plans.filter(seen)


def plan_ways(actor: Actor) -> Ways | None:
    """What `seen_by` says, for lists: in which ways the actor sees plans, None where they see all."""
    if actor.reads_all and actor.partners is None:
        return None
    others = () if actor.reads_all else tuple(more(actor) for more in also_visible)
    return Ways("partner", tuple(visible_partners(actor).values_list("pk", flat=True)), others)


def visible_plans(actor: Actor) -> QuerySet[CoveragePlan]:
    return seen_by(actor, CoveragePlan.objects.as_of_now().select_related("partner"))


def seen_plan_of(actor: Actor, plan_id: uuid.UUID) -> CoveragePlan | None:
    """The plan, if the actor may see it; most are members of its partner, and then the plainest question will do."""
    return plan_of_member(actor, plan_id) or visible_plans(actor).filter(pk=plan_id).first()


def plan_of_member(actor: Actor, plan_id: uuid.UUID | None) -> CoveragePlan | None:
    """The plan, if the actor is a member of its partner and not a token for some partners alone."""
    return _member_sees.first(plan_id, actor.user_id) if actor.partners is None else None


def owns(actor: Actor, partner_id: uuid.UUID) -> bool:
    found = _owners.first(partner_id, actor.user_id)
    return found is not None and actor.covers(found.partner.slug)


def owner_names(partner_id: uuid.UUID) -> str:
    """The owners of a partner in words, for a refusal's `clear_by`."""
    names = Membership.objects.filter(partner_id=partner_id, role=Role.OWNER).order_by("username").values_list("username", flat=True)[:5]
    return ", ".join(names) or "an operator, who can name an owner"


def owner_reasons(actor: Actor, partner: Partner, *, scope: str) -> list[Reason]:
    """Why this actor may not write for this partner; empty when they may."""
    reasons = []
    if not owns(actor, partner.pk):
        reasons.append(
            Reason("not_an_owner", f"Only an owner of {partner.slug} can do this.", clear_by=owner_names(partner.pk), status=403)
        )
    return reasons + call_reasons(actor, scope)


def locked_plan(actor: Actor, plan_id: uuid.UUID) -> CoveragePlan:
    """The plan under its row lock. Raises Refused 404 when it is missing or not the actor's to see."""
    if actor.partners is None and (found := _locked_by_member.first(plan_id, actor.user_id)):
        return found
    if not visible_plans(actor).filter(pk=plan_id).exists():
        raise not_found("plan")
    if (plan := lock(plan_id)) is None:  # deleted while this waited for the lock
        raise not_found("plan")
    return plan


def lock(plan_id: uuid.UUID) -> CoveragePlan | None:
    """The plan under its row lock, for who has asked already whether it may be seen."""
    return _locked.first(plan_id)


def version_reasons(found: int, expected: Version) -> list[Reason]:
    """`expected`: the version that was seen, any one of several, or None for whichever there is."""
    if expected is None or found in (expected if isinstance(expected, frozenset) else {expected}):
        return []
    detail = f"It has changed since you read it; it is at version {found} now."
    return [Reason("stale_version", detail, clear_by="whoever reads it again", status=412, version=found)]


def edit_reasons(plan: CoveragePlan) -> list[Reason]:
    """Why a locked plan takes no edits; `state_now` is asked for with `as_of_now()`."""
    if plan.state_now == PlanState.DRAFT:
        return []
    in_review = plan.state_now == PlanState.REVIEW_REQUESTED
    detail = "The plan is in review; recall the review request first." if in_review else "The plan is approved; expand it first."
    return [Reason("plan_in_review" if in_review else "plan_approved", detail, clear_by=owner_names(plan.partner_id))]


def seen_plan(plan_id: uuid.UUID) -> CoveragePlan:
    """A plan as it is stored now, read afresh; for the answer to a verb."""
    return _as_of_now.first(plan_id)


# --- verbs --------------------------------------------------------------------------------------------------------------------


def _sign(plan: CoveragePlan, actor: Actor) -> None:
    Author.objects.get_or_create(plan=plan, user_id=actor.user_id, defaults={"username": actor.username})


def _taken() -> Refused:
    detail = "Another plan of this partner has this external reference."
    return Refused(Reason("duplicate_reference", detail, pointer="/external_reference"))


@retried
def create_plan(actor: Actor, *, partner_slug: str | None, fields: dict) -> CoveragePlan:
    """Save a new plan. `fields`: the PLAN_FIELDS, already validated. Raises Refused 400 for a partner out of sight."""
    with recorded(actor, "create_plan"), transaction.atomic(using=STORE):
        partner = visible_partners(actor).filter(slug=partner_slug).first()
        if partner is None:
            unknown = Reason(
                "unknown_partner", "There is no such partner among yours.", clear_by="an operator", pointer="/partner", status=400
            )
            raise Refused(*call_reasons(actor, "draft"), unknown)
        refuse_if(owner_reasons(actor, partner, scope="draft") + text_reasons(fields, CoveragePlan))
        plan = _stored(lambda: CoveragePlan.objects.create(partner=partner, **_keyed(fields)))
        _sign(plan, actor)
        return seen_plan(plan.pk)


def _keyed(fields: dict) -> dict:
    """With the key of the reference, where there is one."""
    return fields | {"reference_key": fold_key(fields["external_reference"])} if "external_reference" in fields else fields


def _stored(write):
    try:
        with transaction.atomic(using=STORE):
            return write()
    except IntegrityError as error:
        if _is_duplicate(error):
            raise _taken() from None
        raise


def _is_duplicate(error: IntegrityError) -> bool:
    """Any other broken rule is no fault of the caller's, such as a column of a newer release that may not be null."""
    return getattr(error.__cause__, "pgcode", "") == UNIQUE or str(error) == THERE_ALREADY


@retried
def edit_plan(actor: Actor, plan_id: uuid.UUID, *, fields: dict, version: Version = None) -> CoveragePlan:
    """Change some of PLAN_FIELDS of a plan that is a draft. Archiving is allowed in any state but review."""
    with recorded(actor, "edit_plan"), transaction.atomic(using=STORE):
        plan = locked_plan(actor, plan_id)
        reasons = owner_reasons(actor, plan.partner, scope="draft") + version_reasons(plan.version, version)
        only_archives = set(fields) <= {"archived"} and plan.state_now != PlanState.REVIEW_REQUESTED
        refuse_if(reasons + text_reasons(fields, CoveragePlan) + ([] if only_archives else edit_reasons(plan)))
        fields = _keyed(fields)
        for name, value in fields.items():
            setattr(plan, name, value)
        plan.version += 1
        plan.updated_at = Now()
        _stored(lambda: plan.save(update_fields=[*fields, "version", "updated_at"]))
        if not only_archives:
            _sign(plan, actor)
        return seen_plan(plan.pk)


@retried
def append_move(actor: Actor, plan_id: uuid.UUID, *, fields: dict, version: Version = None) -> ExpansionMove:
    """Append draft coverage. `fields`: the MOVE_FIELDS; `corrects` names an earlier move or is None. Numbers have no gaps."""
    with recorded(actor, "append_move"), transaction.atomic(using=STORE):
        plan = locked_plan(actor, plan_id)
        last = plan.moves.aggregate(last=Max("number"))["last"] or 0
        reasons = owner_reasons(actor, plan.partner, scope="draft") + version_reasons(plan.version, version)
        wrong = _corrects_reasons(fields.get("corrects"), last) + text_reasons(fields, ExpansionMove)
        refuse_if(reasons + wrong + edit_reasons(plan))
        made = ExpansionMove.objects.create(plan=plan, number=last + 1, **fields)
        plan.version += 1
        plan.updated_at = Now()
        plan.save(update_fields=["version", "updated_at"])
        _sign(plan, actor)
        return ExpansionMove.objects.as_of_now().get(pk=made.pk)


def _corrects_reasons(corrects: int | None, last: int) -> list[Reason]:
    if corrects is None or 1 <= corrects <= last:
        return []
    return [Reason("unknown_move", "It can only correct an earlier move of this plan.", pointer="/corrects", status=400)]


@retried
def delete_plan(actor: Actor, plan_id: uuid.UUID, *, version: Version = None) -> None:
    """Delete a plan without moves and requests; one with history can only be archived (409 plan_has_history)."""
    with recorded(actor, "delete_plan"), transaction.atomic(using=STORE):
        plan = locked_plan(actor, plan_id)
        reasons = owner_reasons(actor, plan.partner, scope="draft") + version_reasons(plan.version, version)
        if plan.moves.exists() or plan.review_requests.exists():
            detail = "The plan has moves or review requests, which are kept; archive it instead."
            reasons.append(Reason("plan_has_history", detail, clear_by=owner_names(plan.partner_id)))
        refuse_if(reasons)
        authors = Author.objects.filter(plan_id=plan.pk)
        plan.delete()
        authors.delete()

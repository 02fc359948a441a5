"""What owners write: partners, memberships, coverage plans and expansion moves. Lives in the draft store."""

import uuid

from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_noop

from config.constraints import within
from drafts.custody import name_text, plain_text, slug_text


class Partner(models.Model):
    """The organisation whose path is covered: the tenant."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=64, unique=True, validators=[slug_text])
    name = models.CharField(max_length=120, validators=[name_text])
    demo = models.BooleanField(default=False, editable=False, help_text="Made by seed_demo; a production-like installation must hold none.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("slug"), name="one_partner_per_slug"),
            within("partner_slug_short", "slug", 64),
            within("partner_name_short", "name", 120),
        ]

    def __str__(self) -> str:
        return self.slug


class Role(models.TextChoices):
    OWNER = "owner", gettext_noop("owner")
    VIEWER = "viewer", gettext_noop("viewer")


class Membership(models.Model):
    """A person's role for a partner. The person lives in the other database, so id and username of then are kept, without a foreign key."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="memberships")
    user_id = models.BigIntegerField()
    username = models.CharField(max_length=64)
    role = models.CharField(max_length=6, choices=Role.choices)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "user_id"], name="one_membership_per_person"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]
        indexes = [models.Index(fields=["user_id"], name="membership_by_person")]

    def __str__(self) -> str:
        return f"{self.username}: {self.role} of {self.partner_id}"


class PlanState(models.TextChoices):
    DRAFT = "draft", gettext_noop("Draft")
    REVIEW_REQUESTED = "review_requested", gettext_noop("In review")
    APPROVED = "approved", gettext_noop("Approved")


class CoverageQuerySet(models.QuerySet):
    def as_of_now(self):
        """Annotate `state_now`: the stored state lapses by itself, by the database clock, when what it rests on expires."""
        now = Now()
        return self.annotate(
            state_now=models.Case(
                models.When(review_until__gt=now, then=models.Value(PlanState.REVIEW_REQUESTED)),
                models.When(approved_until__gt=now, then=models.Value(PlanState.APPROVED)),
                default=models.Value(PlanState.DRAFT),
                output_field=models.CharField(),
            )
        )

    def in_state(self, state: str):
        """Those in this state as of now, in words of the columns: how rare a CASE is PostgreSQL cannot guess, and takes no index for it.

        The stored state is asked for beside its end, because that one has an index. An approval may outlast the review of another request.
        """
        in_review, approved = models.Q(review_until__gt=Now()), models.Q(approved_until__gt=Now())
        if state == PlanState.REVIEW_REQUESTED:
            return self.filter(in_review, state=state)
        if state == PlanState.APPROVED:
            return self.filter(_over("review_until"), approved, state__in=(PlanState.APPROVED, PlanState.REVIEW_REQUESTED))
        return self.filter(_over("review_until"), _over("approved_until"))


def _over(end: str) -> models.Q:
    return models.Q(**{end: None}) | models.Q(**{f"{end}__lte": Now()})


def coverage_constraints(prefix: str) -> list[models.CheckConstraint]:
    return [
        within(f"{prefix}_gate_type_short", "gate_type", 64),
        within(f"{prefix}_system_scope_short", "system_scope", 120),
        within(f"{prefix}_authority_short", "authority_context", 300),
    ]


class Coverage(models.Model):
    """What a plan and each of its moves have in common: three boundary fields, and a state that reviews.lifecycle.carry alone sets."""

    gate_type = models.CharField(max_length=64, validators=[name_text])
    system_scope = models.CharField(max_length=120, validators=[name_text])
    authority_context = models.CharField(max_length=300, validators=[plain_text])
    state = models.CharField(max_length=16, choices=PlanState.choices, default=PlanState.DRAFT, editable=False)
    review_until = models.DateTimeField(null=True, editable=False)
    approved_until = models.DateTimeField(null=True, editable=False)

    objects = CoverageQuerySet.as_manager()

    class Meta:
        abstract = True


class CoveragePlan(Coverage):
    """The draft that maps one boundary path."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="plans")
    name = models.CharField(max_length=120, validators=[name_text])
    external_reference = models.CharField(max_length=200, validators=[name_text])
    # SHA-256 of the folded reference: two that people would take for one are one.
    reference_key = models.CharField(max_length=64, editable=False)
    archived = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "external_reference"], name="one_plan_per_reference"),
            models.UniqueConstraint(fields=["partner", "reference_key"], name="one_plan_per_folded_reference"),
            models.CheckConstraint(condition=models.Q(state__in=PlanState.values), name="plan_state_known"),
            within("plan_name_short", "name", 120),
            within("plan_reference_short", "external_reference", 200),
            *coverage_constraints("plan"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="plan_newest_first"),
            models.Index(fields=["partner", "-created_at", "-id"], name="plan_newest_of_partner"),
            models.Index(fields=["partner", "state", "-created_at", "-id"], name="plan_newest_in_state"),
            models.Index(fields=["updated_at"], name="plan_changed"),
        ]

    def __str__(self) -> str:
        return self.name


class ExpansionMove(Coverage):
    """Draft coverage appended to a plan. Append-only: a correction is a new move that names the one it corrects."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(CoveragePlan, on_delete=models.PROTECT, related_name="moves")
    number = models.PositiveIntegerField()
    corrects = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="one_move_per_number"),
            models.CheckConstraint(condition=models.Q(state__in=PlanState.values), name="move_state_known"),
            models.CheckConstraint(
                condition=models.Q(corrects__isnull=True) | models.Q(corrects__lt=models.F("number")), name="move_corrects_earlier"
            ),
            *coverage_constraints("move"),
        ]

    def __str__(self) -> str:
        return f"move {self.number}"


class Author(models.Model):
    """Everybody who wrote something in a plan or its moves: none of them may review it."""

    # The database lets an author go only once the plan is gone, so the verb deletes both, in that order.
    plan = models.ForeignKey(CoveragePlan, on_delete=models.DO_NOTHING, related_name="authors")
    user_id = models.BigIntegerField()
    username = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "user_id"], name="one_authorship_per_person")]

    def __str__(self) -> str:
        return self.username


class KeptAnswer(models.Model):
    """What a call under an idempotency key was answered, written in the commit of its verb. Only of what was done, never of a refusal."""

    user_id = models.BigIntegerField()
    token_id = models.CharField(max_length=36)
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=128)
    call_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    headers = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user_id", "token_id", "route", "key"], name="one_answer_per_key"),
            models.CheckConstraint(condition=models.Q(status__gte=200, status__lt=300), name="answer_of_what_was_done"),
        ]
        indexes = [models.Index(fields=["created_at"], name="answer_oldest_first")]

    def __str__(self) -> str:
        return f"{self.status} to {self.route}"

"""Rows for tests, made through the product's own verbs wherever there is one."""

import itertools

from django.contrib.auth.models import Group

from access.actors import Actor, actor_of
from access.models import User
from drafts.coverage import create_plan
from drafts.models import CoveragePlan, Membership, Partner
from receipts.keys import register_key
from receipts.signing import signer
from reviews import decisions
from reviews.models import DeploymentReviewRequest, Environment, PolicyOutcome, ReviewPolicy
from reviews.record import database_now

PASSWORD = "correct-horse-battery"
CONFIRMATION_FIELDS = {
    "owner": {"accountable": "release owner of the partner", "deputy": "named deputy"},
    "environment": {"region": "eu-west-1", "change_window": "2020-01-01T00:00:00Z/2099-11-30T23:00:00Z"},
    "sla": {"availability_percent": "99.9", "p99_ms": 300, "support_hours": "24x7"},
    "rollback": {"strategy": "redeploy previous artifact", "max_minutes": 15, "rehearsed_on": "2026-01-02"},
    "support": {"team": "platform on-call", "channel": "#platform-oncall", "escalation": "duty manager"},
}
# What a page asks for instead: of a window both times, in the zone of who types.
CONFIRMATION_ANSWERS = CONFIRMATION_FIELDS | {
    "environment": {"region": "eu-west-1", "change_window_starts": "2020-01-01T00:00", "change_window_ends": "2099-11-30T23:00"}
}
VALID_UNTIL = "2099-01-01T00:00:00Z"
PLAN_FIELDS = {
    "name": "Operations console threshold",
    "gate_type": "threshold_gate",
    "system_scope": "operations_console",
    "authority_context": "operations owner approves above 500k USD",
}
PRODUCTION_RULES = [{"name": "release", "group": "release", "quorum": 1}, {"name": "security", "group": "security", "quorum": 1}]
_numbers = itertools.count(1)


def make_user(username: str, *, groups: tuple[str, ...] = (), **fields) -> User:
    user = User.objects.create_user(username, password=PASSWORD, is_staff=bool(groups), **fields)
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in groups])
    return user


def actor(user: User, *, channel: str = "page") -> Actor:
    return actor_of(User.objects.get(pk=user.pk), channel=channel)


def make_partner(slug: str = "northstar_controls", *, owners: tuple[User, ...] = (), viewers: tuple[User, ...] = ()) -> Partner:
    partner, _ = Partner.objects.get_or_create(slug=slug, defaults={"name": slug})
    for role, people in (("owner", owners), ("viewer", viewers)):
        for user in people:
            Membership.objects.get_or_create(partner=partner, user_id=user.pk, defaults={"username": user.username, "role": role})
    return partner


def make_environment(slug: str = "production", *, rules: list | None = None, **policy) -> Environment:
    environment, _ = Environment.objects.get_or_create(slug=slug, defaults={"name": slug.title()})
    defaults = {"due_seconds": 86400, "review_seconds": 14 * 86400, "approval_seconds": 72 * 3600}
    kinds = list(CONFIRMATION_FIELDS)
    made = ReviewPolicy(
        environment=environment,
        version=environment.policies.count() + 1,
        rules=PRODUCTION_RULES if rules is None else rules,
        proposed_by_id=-1,
        **{"required_confirmations": kinds, **defaults, **policy},
    )
    made.digest = made.computed_digest()
    made.save(force_insert=True)
    # Whoever this was, in a test: it rules from now on.
    PolicyOutcome.objects.create(policy=made, outcome="accepted", settled_by_id=-2, settled_by="another", settled_at=database_now())
    return environment


def make_plan(owner: User, partner: Partner, **fields) -> CoveragePlan:
    values = {**PLAN_FIELDS, "external_reference": f"made-{next(_numbers)}", **fields}
    return create_plan(actor(owner), partner_slug=partner.slug, fields=values)


def confirm_all(owner: User, review_request: DeploymentReviewRequest, *, but: tuple[str, ...] = (), valid_until: str = VALID_UNTIL) -> None:
    for kind, fields in CONFIRMATION_FIELDS.items():
        if kind not in but:
            decisions.confirm(
                actor(owner), review_request.pk, kind, fields=fields, valid_until=valid_until, evidence_url="https://evidence.example.org/1"
            )


class Story:
    """An owner, two reviewers, a partner, an environment and a plan: what most tests start from."""

    def __init__(self, **policy) -> None:
        register_key(signer())
        self.owner, self.viewer = make_user("owner"), make_user("viewer")
        self.release, self.security = make_user("release", groups=("release",)), make_user("security", groups=("security",))
        self.partner = make_partner(owners=(self.owner,), viewers=(self.viewer,))
        self.environment = make_environment(**policy)
        self.plan = make_plan(self.owner, self.partner)

    def open(self, **options) -> DeploymentReviewRequest:
        return decisions.open_request(actor(self.owner), plan_id=self.plan.pk, environment_slug=self.environment.slug, **options)

    def in_review(self, **options) -> DeploymentReviewRequest:
        review_request = self.open(**options)
        confirm_all(self.owner, review_request)
        return decisions.request_review(actor(self.owner), review_request.pk)

    def vote(self, user: User, review_request: DeploymentReviewRequest, choice: str = "approve", **options) -> DeploymentReviewRequest:
        said = {"digest": review_request.digest, "comment": "seen" if choice in ("reject", "request_changes") else "", **options}
        return decisions.vote(actor(user, channel="admin"), review_request.pk, choice=choice, **said)

    def approved(self, **options) -> DeploymentReviewRequest:
        review_request = self.in_review(**options)
        self.vote(self.release, review_request)
        return self.vote(self.security, review_request)

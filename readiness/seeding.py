"""The demo's story, told through the product's own verbs: every state of a review request, on realistic paths."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from access.actors import Actor, actor_of
from access.models import User
from drafts.coverage import append_move, create_plan
from drafts.models import CoveragePlan, Partner
from readiness.looks import DEMO_GROUP
from reviews import decisions
from reviews.models import DeploymentReviewRequest, Environment, Kind
from reviews.organisation import COMMAND_LINE, set_groups, set_membership
from reviews.policies import propose_policy

PASSWORD = "readiness-demo"  # noqa: S105  public on purpose; a production-like installation is blocked by it
SAMPLES = Path(__file__).parent / "samples" / "boundary-paths.json"
APART = "quill_insurance"
PEOPLE = {
    "owner": (),
    "owner2": (),
    "viewer": (),
    "release": ("release",),
    "security": ("security",),
    "auditor": ("auditors",),
    "operator": ("operators",),
    "operator2": ("operators",),
}
RELEASE = {"name": "release", "group": "release", "quorum": 1}
SECURITY = {"name": "security", "group": "security", "quorum": 1}
POLICIES = {
    "production": {"rules": [RELEASE, SECURITY]},
    "staging": {"rules": [RELEASE]},
    "sandbox": {"rules": [RELEASE], "approval_seconds": 1},
}
# External reference → how far its story goes; what is not named stays a plan without a request.
STORIES = {
    "host-request-123": "approved",
    "TREAS-4471": "in_review",
    "host-request-123-stg": "expired",
    "https://tracker.example.org/HF-2098": "changes_requested",
    "01JD7Q2H9ZK3M5R8T0V4W6X8Y2": "rejected",
    "CHG0031987": "draft",
    "CHG0031986": "withdrawn",
    "QI/CLM/2026/0042": "half_approved",
    "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3": "draft",
}
OFFSET = re.compile(r"([+-]\d+)d(?: (\d\d:\d\dZ))?")


def samples() -> dict:
    return json.loads(SAMPLES.read_text(encoding="utf-8"))


def dated(text: object, *, today: datetime) -> object:
    """A sample value with its day offsets (`-13d`, `+7d 20:00Z`) turned into days and times."""

    def real(found: re.Match) -> str:
        day = (today + timedelta(days=int(found[1]))).date().isoformat()
        return f"{day}T{found[2]}" if found[2] else day

    return OFFSET.sub(real, text) if isinstance(text, str) else text


def make_people() -> dict[str, User]:
    people = {}
    for username, groups in PEOPLE.items():
        people[username] = User.objects.create_user(username, password=PASSWORD)
        set_groups(COMMAND_LINE, people[username], add={*groups, DEMO_GROUP})
        # The demo's own group gives nobody a seat at the desk.
        User.objects.filter(pk=people[username].pk).update(is_staff=bool(groups))
    return people


def make_environments() -> None:
    for slug, policy in POLICIES.items():
        environment = Environment.objects.create(slug=slug, name=slug.title(), protected=slug != "sandbox")
        propose_policy(COMMAND_LINE, environment, required_confirmations=list(Kind.values), **policy)


def make_partner(slug: str, people: dict[str, User]) -> Partner:
    partner, made = Partner.objects.get_or_create(slug=slug, defaults={"name": slug.replace("_", " ").title(), "demo": True})
    if made:
        set_membership(COMMAND_LINE, people[owner_of(slug)], partner, role="owner")
        set_membership(COMMAND_LINE, people["viewer"], partner, role="viewer")
    return partner


def owner_of(partner_slug: str) -> str:
    return "owner2" if partner_slug == APART else "owner"


class Story:
    """One sample path, told as far as STORIES says."""

    def __init__(self, path: dict, people: dict[str, User], confirmations: dict) -> None:
        self.path, self.people, self.confirmations = path, people, confirmations
        self.owner = actor_of(people[owner_of(path["partner"])], channel="command")

    def reviewer(self, username: str) -> Actor:
        """The demo plays its reviewers; real votes come from the decision page, which alone says that it is admin."""
        return actor_of(self.people[username], channel="admin")

    def plan(self) -> CoveragePlan:
        fields = {name: self.path[name] for name in ("name", "gate_type", "system_scope", "authority_context", "external_reference")}
        plan = create_plan(self.owner, partner_slug=self.path["partner"], fields=fields)
        for move in self.path["moves"]:
            append_move(self.owner, plan.pk, fields=move)
        return plan

    def request(self, plan: CoveragePlan, environment: str, *, confirmed: int = 5) -> DeploymentReviewRequest:
        opened = decisions.open_request(self.owner, plan_id=plan.pk, environment_slug=environment)
        end = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        for kind in list(Kind.values)[:confirmed]:
            fields = {name: dated(value, today=datetime.now(UTC)) for name, value in self.confirmations[kind].items()}
            link = f"https://evidence.example.org/{plan.pk}/{kind}"
            decisions.confirm(self.owner, opened.pk, kind, fields=fields, valid_until=end, evidence_url=link)
        return opened

    def in_review(self, plan: CoveragePlan, environment: str) -> DeploymentReviewRequest:
        return decisions.request_review(self.owner, self.request(plan, environment).pk)

    def vote(self, review_request: DeploymentReviewRequest, username: str, choice: str = "approve", comment: str = "") -> None:
        decisions.vote(self.reviewer(username), review_request.pk, choice=choice, digest=review_request.digest, comment=comment)

    def tell(self) -> None:
        plan, environment = self.plan(), self.path["environment"]
        ending = STORIES.get(self.path["external_reference"])
        if ending == "draft":
            self.request(plan, environment, confirmed=3)
        elif ending == "withdrawn":
            opened = self.request(plan, environment, confirmed=1)
            decisions.withdraw(self.owner, opened.pk, comment="The canary is folded into the rollout.")
        elif ending == "expired":
            self.vote(self.in_review(plan, "sandbox"), "release")
        elif ending:
            self._reviewed(self.in_review(plan, environment), ending)

    def _reviewed(self, review_request: DeploymentReviewRequest, ending: str) -> None:
        if ending in ("approved", "half_approved"):
            self.vote(review_request, "release", comment="Rehearsal seen, change window fits.")
        if ending == "approved":
            self.vote(review_request, "security")
        elif ending == "changes_requested":
            self.vote(review_request, "security", "request_changes", "Name who signs when the data protection officer is away.")
        elif ending == "rejected":
            self.vote(review_request, "security", "reject", "Standing admin access is not acceptable; propose access per shift.")


def seed() -> int:
    """Tell every story; returns how many plans there are now."""
    content = samples()
    people = make_people()
    make_environments()
    for path in content["paths"]:
        make_partner(path["partner"], people)
        Story(path, people, content["confirmations"]).tell()
    return CoveragePlan.objects.count()

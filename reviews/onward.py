"""What has moved on since a packet was frozen: its draft, and the policy in force. Told wherever a decision is shown."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from config.refusals import Refused
from drafts.models import CoveragePlan, ExpansionMove
from drafts.sections import plan_section
from reviews import packet
from reviews.models import DeploymentReviewRequest, Packet, ReviewPolicy

REFERENCE = ("id", "version", "digest")
# Moves are numbered without a gap, so the last number says how many there are.
_LAST_MOVE = ExpansionMove.objects.filter(plan=OuterRef("plan")).order_by("-number").values("number")[:1]
READ_BESIDE = {
    "moves_now": Subquery(_LAST_MOVE),
    "policy_now": ReviewPolicy.objects.in_force_as_json(OuterRef("environment"), names=REFERENCE),
}


@dataclass(frozen=True)
class Onward:
    """`changes_ahead`: changed fields and added moves of the draft, None where nothing is frozen or it cannot be read.

    `policy`: the version that the packet names; `policy_in_force`: the one that rules now; each {id, version, digest}, or None.
    """

    changes_ahead: int | None = None
    policy: dict | None = None
    policy_in_force: dict | None = None

    @property
    def sentences(self) -> list[str]:
        """In words; none where nothing has moved on."""
        said = []
        if ahead := self.changes_ahead:
            said.append(f"The draft is {ahead} change{'' if ahead == 1 else 's'} ahead of the packet.")
        if self.policy and self.policy_in_force and self.policy != self.policy_in_force:
            named, now = self.policy["version"], self.policy_in_force["version"]
            said.append(f"The packet names version {named} of the policy; version {now} is in force now.")
        return said


def annotated(review_requests: QuerySet[DeploymentReviewRequest]) -> QuerySet[DeploymentReviewRequest]:
    """With what `onward` asks, in the same statement."""
    return review_requests.annotate(**READ_BESIDE)


def onward(review_request: DeploymentReviewRequest, frozen: Mapping | None) -> Onward:
    """Of a request out of `annotated`. `frozen`: the value of its newest packet, None where there is none that can be read."""
    said = review_request.policy_now
    in_force = said and {"id": str(uuid.UUID(said["id"])), "version": said["version"], "digest": said["digest"]}
    pinned = review_request.policy.reference if review_request.policy else None
    ahead = None if frozen is None else _ahead(review_request.plan, frozen, moves=review_request.moves_now or 0)
    return Onward(ahead, pinned, in_force)


def _ahead(plan: CoveragePlan, frozen: Mapping, *, moves: int) -> int:
    return sum(frozen["plan"][name] != value for name, value in plan_section(plan).items()) + moves - len(frozen["moves"])


def of_each(review_requests: Iterable[DeploymentReviewRequest]) -> dict[object, Onward]:
    """Request id → Onward, of requests out of `annotated`; one statement for all their packets."""
    found = list(review_requests)
    revisions = {each.pk: each.revision for each in found}
    packets = Packet.objects.filter(review_request__in=[each for each in found if each.revision]).defer("salt")
    values = {row.review_request_id: _value(row) for row in packets if row.revision == revisions[row.review_request_id]}
    return {each.pk: onward(each, values.get(each.pk)) for each in found}


def of_one(review_request: DeploymentReviewRequest) -> Onward:
    read = annotated(DeploymentReviewRequest.objects.select_related("plan__partner", "policy")).get(pk=review_request.pk)
    return of_each([read])[read.pk]


def _value(row: Packet) -> dict | None:
    try:
        return packet.value_of(row)
    except Refused:
        return None

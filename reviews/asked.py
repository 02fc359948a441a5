"""Who can still approve: for many requests at once, in four statements. The queue shows it, and reminders go there."""

from dataclasses import dataclass

from access import people
from reviews import packet, policy
from reviews.explain import load_rulings, open_seats
from reviews.models import APPROVING, DeploymentReviewRequest, Packet, Vote
from reviews.rights import people_in

Names = dict[int, str]


@dataclass(frozen=True)
class Asked:
    """`able`: who could fill an open seat; `everybody`: all in the groups of the open seats, also who had a hand in it."""

    able: Names
    everybody: Names


NOBODY = Asked({}, {})


def asked(review_requests: list[DeploymentReviewRequest]) -> dict:
    """Request id → Asked, for requests in review with their policy. Raises Refused 503 when the primary is away."""
    standing = [found for found in review_requests if found.policy and policy.is_sound(found.policy.rules)]
    packets = _newest_packets(standing)
    votes = _approvals(standing)
    load_rulings(standing)
    groups, names = people.reviewers({group for found in standing for group in found.groups_asked})
    return {found.pk: _asked(found, packets.get(found.pk), votes.get(found.pk, {}), groups, names) for found in standing}


def _newest_packets(review_requests: list[DeploymentReviewRequest]) -> dict:
    revisions = {found.pk: found.revision for found in review_requests}
    rows = Packet.objects.filter(review_request__in=revisions).only("review_request", "revision", "digest", "body")
    return {row.review_request_id: row for row in rows if row.revision == revisions[row.review_request_id]}


def _approvals(review_requests: list[DeploymentReviewRequest]) -> dict[object, dict[int, bool]]:
    """Request id → user id → whether with a second factor."""
    found: dict = {}
    revisions = {each.pk: each.revision for each in review_requests}
    votes = Vote.objects.filter(review_request__in=revisions, choice__in=APPROVING)
    for request_id, revision, user_id, proved in votes.values_list("review_request", "revision", "user_id", "second_factor"):
        if revision == revisions[request_id]:
            found.setdefault(request_id, {})[user_id] = proved
    return found


def _asked(found: DeploymentReviewRequest, frozen: Packet | None, proved: dict[int, bool], groups: people.Groups, names: Names) -> Asked:
    if frozen is None or not packet.is_intact(frozen, found.digest):
        return NOBODY
    wanted = {group for _, group in open_seats(found.rulings, policy.Approvers(groups, proved))}
    hands = people_in(packet.value_of(frozen)) | {found.requested_by_id}
    everybody = {user_id: names[user_id] for user_id, theirs in groups.items() if theirs & wanted}
    return Asked({user_id: name for user_id, name in everybody.items() if user_id not in {*proved, *hands}}, everybody)

"""For each rule of each guard: raw SQL, for both back ends, that breaks this rule and is refused with its sentence.

(table, event, sentence) → ways, each a list of statements of which the last is the one that is refused.
"""

import importlib
import pkgutil
from functools import partial

from django.apps import apps

from config.guards import Sql
from drafts.models import CoveragePlan, ExpansionMove, Partner
from reviews.models import DeploymentReviewRequest, Environment, Packet, PolicyOutcome, ReviewPolicy, Vote
from tests.reviews.attacks import (
    OTHER_PLAN,
    REQUEST,
    RIGHT_DECISION,
    SECOND_VOTE,
    copy,
    decision,
    event,
    move_to,
    next_packet,
    put_up,
    receipt,
)

FAR, PAST, ZEROS = "'2098-01-01 00:00:00+00:00'", "'2020-01-01 00:00:00+00:00'", f"'{'0' * 64}'"
PLAN, MOVE = "drafts_coverageplan", "drafts_expansionmove"
VOTE = {"id": "{new_vote}", "user_id": "99", "username": "'second'", "cast_at": "{now}"}


def every_rule(*, postgresql: bool) -> set[tuple[str, str, str]]:
    """What the migrations of all apps have put in place with config.guards; the newest rules of a table and event hold."""
    found = {}
    for label in ("drafts", "receipts", "reviews", "readiness"):
        package = importlib.import_module(f"{apps.get_app_config(label).name}.migrations")
        for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
            for operation in importlib.import_module(f"{package.__name__}.{name}").Migration.operations:
                code = getattr(operation, "code", None)
                if isinstance(code, partial) and code.func.__module__ == "config.guards":
                    found[code.keywords["table"], code.keywords["event"]] = code.keywords["rules"](Sql(postgresql=postgresql))
    return {(*where, sentence) for where, rules in found.items() for _, sentence in rules}


def _vote(**changes: str) -> list[str]:
    return [copy(Vote, "review_request_id = {in_review}", **(VOTE | changes))]


def _opened(**changes: str) -> str:
    return copy(DeploymentReviewRequest, "id = {draft}", id="{new}", plan_id=OTHER_PLAN, **({"event_count": "0"} | changes))


def _walk(name: str, before: str, after: str, **changes: str) -> list[str]:
    return [event(name, before, after), move_to(name, after, **changes)]


def _plan_of(name: str) -> str:
    return f"(SELECT plan_id FROM {REQUEST} WHERE id = {{{name}}})"


def _plan(name: str, changed: str) -> list[str]:
    return [f"UPDATE {PLAN} SET {changed} WHERE id = {_plan_of(name)}"]


def _moved(name: str, **changes: str) -> list[str]:
    fresh = {"state": "'draft'", "review_until": "NULL", "approved_until": "NULL", "number": "1"}
    where = f"number = 1 AND plan_id = {_plan_of('approved')}"
    return [copy(ExpansionMove, where, id="{new}", plan_id=_plan_of(name), **(fresh | changes))]


def _person(name: str) -> str:
    return f"(SELECT user_id FROM drafts_membership WHERE username = '{name}')"


REQUESTS = {
    ("insert", "a review request begins with nothing asked"): [
        [_opened(version="2")],
        [_opened(expires_at="{end}")],
        [_opened(event_count="7")],
        [_opened(requested_by="'x'")],
    ],
    ("insert", "a predecessor is an ended or approved request of the same plan"): [
        [_opened(predecessor_id="{changes}")],
        [_opened(predecessor_id="{withdrawn}")],
    ],
    ("insert", "no receipt comes before its request"): [[receipt(id="{new_event}", request_id="{new}"), _opened()]],
    ("insert", "a review request is of the partner of its plan"): [
        [
            "INSERT INTO drafts_partner (id, slug, name, demo, created_at) VALUES ({new_vote}, 'other', 'Other', false, {now})",
            _opened(partner_id="{new_vote}"),
        ],
        [_opened(partner_id="NULL")],
    ],
    ("insert", "somebody opens a review request"): [[_opened(opened_by="''")], [_opened(opened_by_id="0")]],
    ("update", "a review request stays that of its partner"): [
        [f"UPDATE {REQUEST} SET partner_id = {{new}}, version = version + 1 WHERE id = {{draft}}"],
        [f"UPDATE {REQUEST} SET partner_id = NULL, version = version + 1 WHERE id = {{draft}}"],
    ],
    ("update", "the database counts the events"): [
        [f"UPDATE {REQUEST} SET event_count = event_count + 1 WHERE id = {{draft}}"],
        [f"UPDATE {REQUEST} SET event_count = event_count + 1, version = version + 1 WHERE id = {{draft}}"],
    ],
    ("update", "each change is one version on"): [
        [f"UPDATE {REQUEST} SET updated_at = updated_at WHERE id = {{draft}}"],
        [f"UPDATE {REQUEST} SET version = version + 2 WHERE id = {{draft}}"],
        [f"UPDATE {REQUEST} SET version = version - 1 WHERE id = {{draft}}"],
    ],
    ("update", "an ended review request stays as it is"): [
        [f"UPDATE {REQUEST} SET version = version + 1 WHERE id = {{{name}}}"] for name in ("rejected", "withdrawn", "revoked")
    ],
    ("update", "a change of state leaves its event first"): [
        [move_to("in_review", "withdrawn")],
        [event("in_review", "review_requested", "draft"), move_to("in_review", "withdrawn")],
    ],
    ("update", "nothing expires before its time"): [
        _walk("in_review", "review_requested", "expired"),
        _walk("approved", "approved", "expired"),
    ],
    ("update", "its time is over"): [_walk("lapsed", "review_requested", "withdrawn")],
    ("update", "an end moves only with a review"): [
        _walk("in_review", "review_requested", "withdrawn", expires_at="{end}"),
        _walk("approved", "approved", "revoked", due_at="{end}"),
    ],
    ("update", "a draft has no end"): [_walk("in_review", "review_requested", "draft")],
    ("update", "a due time moves only with the state"): [[move_to("in_review", "review_requested", due_at="{end}")]],
    ("update", "rejected needs its decision"): [_walk("in_review", "review_requested", "rejected")],
    ("update", "changes are requested by a vote"): [_walk("in_review", "review_requested", "changes_requested")],
    ("update", "the policy is the one that the packet names"): [
        put_up(policy_id=f"(SELECT policy_id FROM {REQUEST} WHERE id = {{approved}})")
    ],
    ("update", "a review has the policy of its environment, and no longer life"): [put_up(expires_at=FAR)],
    ("update", "somebody requests a review"): [put_up(requested_by="''"), put_up(requested_by_id="0")],
    ("update", "a review is requested now"): [put_up(requested_at=PAST, expires_at=PAST), put_up(requested_at=FAR, expires_at=FAR)],
    ("update", "a review does not end before it begins"): [put_up(expires_at=PAST)],
    ("update", "the subject is the one that the packet holds"): [put_up(subject="'[1]'")],
}
PACKETS = {
    ("insert", "a packet is frozen for the next revision of a draft"): [
        [copy(Packet, "review_request_id = {in_review}", id="{new}", revision="2")],
        [next_packet(revision="3")],
    ],
    ("insert", "a packet names its request, plan and environment"): [
        [copy(Packet, "review_request_id = {changes}", id="{new}", revision="2")],
        [copy(Packet, "review_request_id = {changes}", id="{new}", review_request_id="{draft}", revision="1")],
    ],
    ("insert", "a packet holds every move"): [[next_packet(moves_count="7")]],
    ("insert", "a packet names its authors"): [[next_packet(body="{nameless_body}")]],
    ("insert", "a salt has 32 bytes"): [[next_packet(salt="{byte}")]],
    ("insert", "a digest is that of the packet"): [[next_packet(digest=ZEROS)]],
}
VOTES = {
    ("insert", "a vote comes in time"): [
        _vote(review_request_id="{lapsed}", digest=f"(SELECT digest FROM {REQUEST} WHERE id = {{lapsed}})"),
    ],
    ("insert", "the requester does not vote"): [_vote(user_id=_person("owner"))],
    ("insert", "no author or confirmer of a packet votes on it"): [
        _vote(user_id=_person("author")),
        _vote(user_id=_person("confirmer")),
    ],
    ("insert", "conditions are named, where allowed"): [_vote(choice="'approve_with_conditions'")],
    ("insert", "only an approval with conditions has some"): [_vote(conditions="'[\"x\"]'")],
    ("insert", "a vote against says why"): [_vote(choice="'reject'", comment="' '"), _vote(choice="'request_changes'", comment="''")],
    ("insert", "somebody votes"): [_vote(username="''"), _vote(user_id="0")],
    ("insert", "a vote is cast by now"): [_vote(cast_at=FAR)],
    ("insert", "a vote has the second factor that its policy asks for"): [
        _vote(review_request_id="{coded}", digest=f"(SELECT digest FROM {REQUEST} WHERE id = {{coded}})"),
    ],
}
NO_END = {"verdict": "'reject'", "expires_at": "NULL"}
AGAINST = _vote(choice="'reject'", comment="'no'")
DECISIONS = {
    ("insert", "a decision is about the packet under review"): [
        [SECOND_VOTE, receipt(), decision(revision="2")],
        [SECOND_VOTE, receipt(), decision(digest=ZEROS)],
        [decision(review_request_id="{draft}")],
    ],
    ("insert", "a decision has an approval for every seat"): [[receipt(), decision()]],
    ("insert", "allow has no conditions"): [
        [SECOND_VOTE, receipt(), decision(conditions="'[\"x\"]'")],
        [*_vote(choice="'approve_with_conditions'", conditions="'[\"x\"]'"), receipt(), decision()],
    ],
    ("insert", "the conditions are those of votes"): [
        [SECOND_VOTE, receipt(verdict="'constrain'"), decision(verdict="'constrain'", conditions="'[\"x\"]'")],
        [SECOND_VOTE, receipt(verdict="'constrain'"), decision(verdict="'constrain'")],
    ],
    ("insert", "a vote rejects"): [[decision(**NO_END)], [*AGAINST, decision(**NO_END, conditions="'[\"x\"]'")]],
    ("insert", "a decision says what its receipt says"): [
        [SECOND_VOTE, decision()],
        [SECOND_VOTE, receipt(verdict="'constrain'"), decision()],
        [SECOND_VOTE, receipt(issued_at=PAST), decision()],
        [*AGAINST, receipt(), decision(**NO_END)],
    ],
    ("insert", "an approval has not ended"): [[SECOND_VOTE, receipt(expires_at=PAST), decision(expires_at=PAST)]],
    ("insert", "an approval lives no longer than its policy says"): [[SECOND_VOTE, receipt(expires_at=FAR), decision(expires_at=FAR)]],
    ("insert", "an approval ends with its first confirmation"): [
        [SECOND_VOTE, receipt(expires_at="{late}"), decision(expires_at="{late}")],
    ],
    ("insert", "a decision is made by now"): [[SECOND_VOTE, receipt(issued_at=FAR), decision(decided_at=FAR)]],
    ("insert", "a decision takes the place of a standing approval of the same plan and environment"): [
        [SECOND_VOTE, receipt(), decision(supersedes="{new}")],
        [SECOND_VOTE, receipt(), decision(supersedes="(SELECT id FROM receipts_receipt WHERE request_id = {approved})")],
    ],
}  # fmt: skip
assert RIGHT_DECISION["supersedes"] == "NULL"
RECEIPTS = {
    ("insert", "a receipt is of the packet under review"): [
        [receipt(request_id="{draft}")],
        [receipt(request_id="{withdrawn}", **NO_END)],
        [receipt(revision="2")],
        [receipt(packet_digest=ZEROS)],
        [receipt(commitment_id="'rdc1_x'")],
    ],
}
EVENTS = {
    ("insert", "events are numbered without a gap"): [[event("in_review", "review_requested", "draft", number="number + 2")]],
    ("insert", "an event holds the digest of the one before it"): [
        [event("in_review", "review_requested", "draft", previous_sha256=ZEROS)],
        [event("in_review", "review_requested", "draft", sha256="'x'")],
    ],
    ("insert", "an event tells a change on the lifecycle"): [
        [event("draft", "draft", "approved")],
        [event("in_review", "changes_requested", "withdrawn")],
        [event("in_review", "draft", "draft")],
        [event("in_review", "expired", "expired")],
        [event("in_review", "", "draft")],
    ],
    ("insert", "an event quotes the packet that stands"): [
        [event("in_review", "review_requested", "review_requested", digest=ZEROS)],
        [event("changes", "changes_requested", "review_requested", revision="2", digest=ZEROS)],
        [event("in_review", "review_requested", "draft", revision="2")],
    ],
    ("insert", "an event has happened by now"): [[event("in_review", "review_requested", "review_requested", at=FAR)]],
}
RULING = "(SELECT policy_id FROM reviews_deploymentreviewrequest WHERE id = {approved})"
PROPOSAL = copy(ReviewPolicy, f"id = {RULING}", id="{new}", version="2", proposed_by_id="7", proposed_by="'somebody'")


def _settled(outcome: str, by: str, at: str = PAST) -> list[str]:
    said = {"policy_id": "{new}", "outcome": f"'{outcome}'", "settled_by_id": by, "settled_by": "'x'", "settled_at": at}
    return [PROPOSAL, copy(PolicyOutcome, f"policy_id = {RULING}", **said)]


STANDING = {
    ("reviews_policyoutcome", "insert", "nobody accepts what they proposed"): [_settled("accepted", "7"), _settled("accepted", "NULL")],
    ("reviews_policyoutcome", "insert", "who proposed withdraws"): [_settled("withdrawn", "8")],
    ("reviews_policyoutcome", "insert", "a policy is settled by now"): [_settled("accepted", "8", FAR), _settled("declined", "7", FAR)],
    ("reviews_reviewpolicy", "insert", "policies are numbered without a gap"): [
        [copy(ReviewPolicy, "id = (SELECT policy_id FROM reviews_deploymentreviewrequest WHERE id = {approved})", id="{new}", version="3")]
    ],
    ("reviews_environment", "insert", "a slug is taken once"): [[copy(Environment, "slug = 'staging'", id="{new}")]],
    ("reviews_environment", "update", "what others name by it never changes"): [
        ["UPDATE reviews_environment SET slug = 'other' WHERE slug = 'staging'"]
    ],
    ("reviews_environment", "delete", "what is in use is kept"): [["DELETE FROM reviews_environment WHERE slug = 'staging'"]],
    ("drafts_partner", "insert", "a slug is taken once"): [[copy(Partner, "true", id="{new}")]],
    ("drafts_partner", "update", "what others name by it never changes"): [
        ["UPDATE drafts_partner SET slug = 'other'"],
        ["UPDATE drafts_partner SET id = {new}"],
    ],
    ("drafts_partner", "delete", "what is in use is kept"): [["DELETE FROM drafts_partner"]],
    ("drafts_membership", "update", "what others name by it never changes"): [
        ["UPDATE drafts_membership SET user_id = 99 WHERE username = 'owner'"]
    ],
    (PLAN, "insert", "a plan begins as a draft"): [
        [copy(CoveragePlan, f"id = {_plan_of('withdrawn')}", id="{new}", external_reference="'other'", version="2")],
        [copy(CoveragePlan, f"id = {_plan_of('approved')}", id="{new}", external_reference="'other'", version="1")],
    ],
    (PLAN, "update", "a plan begins once"): [_plan("withdrawn", f"created_at = {PAST}")],
    (PLAN, "update", "a plan in review is not edited"): [
        _plan("in_review", "name = 'other', version = version + 1"),
        _plan("in_review", "archived = true, version = version + 1"),
    ],
    (PLAN, "update", "an approved plan is not edited"): [_plan("approved", "name = 'other', version = version + 1")],
    (PLAN, "update", "each change is one version on"): [
        _plan("withdrawn", "version = version + 2"),
        _plan("withdrawn", "version = version - 1"),
        _plan("withdrawn", "name = 'other'"),
        _plan("approved", "archived = true"),
    ],
    (PLAN, "update", "a state rests on a review request"): [
        _plan("withdrawn", "state = 'approved', approved_until = {end}"),
        _plan("withdrawn", "state = 'review_requested', review_until = {end}"),
        _plan("approved", "approved_until = {end}"),
    ],
    (PLAN, "update", "a state and its ends go together"): [
        _plan("withdrawn", "state = 'approved'"),
        _plan("withdrawn", "state = 'review_requested'"),
        _plan("approved", "approved_until = NULL"),
    ],
    (PLAN, "update", "a plan is in review as long as a request of it is"): [
        _plan("in_review", "state = 'draft', review_until = NULL, approved_until = NULL")
    ],
    (MOVE, "insert", "moves are appended to a draft"): [_moved("in_review"), _moved("approved", number="3")],
    (MOVE, "insert", "moves are numbered without a gap"): [_moved("withdrawn", number="5")],
    (MOVE, "insert", "a move begins as a draft"): [_moved("withdrawn", state="'approved'"), _moved("withdrawn", approved_until="{end}")],
    (MOVE, "update", "a state rests on a review request"): [
        [f"UPDATE {MOVE} SET state = 'approved', approved_until = {{end}}"],
        [f"UPDATE {MOVE} SET state = 'review_requested', review_until = {{end}}"],
    ],
    ("reviews_denial", "update", "a count only grows"): [
        ["UPDATE reviews_denial SET count = count"],
        ["UPDATE reviews_denial SET count = count - 1"],
    ],
    ("reviews_denial", "update", "an attempt was made by now"): [[f"UPDATE reviews_denial SET count = count + 1, last_at = {FAR}"]],
}
_BY_TABLE = {
    REQUEST: REQUESTS, "reviews_packet": PACKETS, "reviews_vote": VOTES, "reviews_decision": DECISIONS,
    "receipts_receipt": RECEIPTS, "reviews_event": EVENTS,
}  # fmt: skip
BREACHES = {(table, *rule): ways for table, rules in _BY_TABLE.items() for rule, ways in rules.items()} | STANDING

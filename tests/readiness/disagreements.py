"""An installation that agrees with itself, made by the product's own verbs; what could come to differ in it; and how each is found.

For both back ends. Statements run as somebody who owns the databases, with triggers off. {approved} and its like are ids of requests,
{plan} and {member} those of the approved plan and of a viewer; {no} is 64 zeros as a text, {zeros} 32 of
them as bytes, {empty} an empty JSON object as bytes.
"""

from contextlib import ExitStack, nullcontext
from datetime import timedelta

from django.db import connections, transaction

from access.actors import actor_of
from access.models import ApiToken, User
from access.tokens import create_token
from drafts.models import CoveragePlan, Partner
from readiness import reconcile, seeding
from receipts import status
from receipts.keys import register_key
from receipts.signing import signer
from reviews import decisions
from reviews.models import DeploymentReviewRequest
from reviews.organisation import COMMAND_LINE, set_groups, set_membership
from tests.factories import actor, confirm_all, make_plan, make_user
from tests.reviews.tampering import lift_guards

OF = "review_request_id = {approved}"
REQUEST, EVENT, NODE = "reviews_deploymentreviewrequest", "reviews_event", "receipts_lognode"
RECEIPT_OF = "(SELECT id FROM receipts_receipt WHERE request_id = {%s})"
REVOCATION = "INSERT INTO receipts_revocation (receipt_id, revoked_at, reason, superseded_by, created_at) VALUES"
STORE, PRIMARY = "self_service", "default"
ANOTHER_PARTNER = f"(SELECT id FROM drafts_partner WHERE id <> {REQUEST}.partner_id LIMIT 1)"
ANYBODY = "(SELECT id FROM access_user WHERE username = 'owner')"

# code → (database, statements): one way to come to it. The first of the findings is not always this one.
DISAGREEMENTS: dict[str, tuple[str, list[str]]] = {
    "event_missing": (STORE, [f"DELETE FROM {EVENT} WHERE {OF} AND number = 3"]),
    "chain_broken": (STORE, [f"UPDATE {EVENT} SET previous_sha256 = sha256 WHERE {OF} AND number = 4"]),
    "event_edited": (STORE, [f"UPDATE {EVENT} SET actor = 'nobody' WHERE {OF} AND number = 3"]),
    "last_events_differ": (STORE, [f"DELETE FROM {EVENT} WHERE {OF}"]),
    "states_differ": (STORE, [f"UPDATE {REQUEST} SET state = 'revoked' WHERE id = {{approved}}"]),
    "version_differs": (STORE, [f"UPDATE {REQUEST} SET version = version + 1 WHERE id = {{approved}}"]),
    "record_unreadable": (STORE, [f"UPDATE {EVENT} SET detail = '[]' WHERE {OF} AND to_state = 'approved' "]),
    "packets_differ": (STORE, [f"DELETE FROM reviews_packet WHERE {OF}"]),
    "packet_edited": (STORE, [f"UPDATE reviews_packet SET salt = {{zeros}} WHERE {OF}"]),
    "packet_unreadable": (STORE, [f"UPDATE reviews_packet SET body = salt WHERE {OF}"]),
    "packet_of_another": (STORE, [f"UPDATE reviews_packet SET revision = 9 WHERE {OF}"]),
    "sections_differ": (STORE, [f"UPDATE reviews_packet SET section_digests = '{{{{}}}}' WHERE {OF}"]),
    "policy_differs": (STORE, ["UPDATE reviews_reviewpolicy SET due_seconds = 1"]),
    "moves_differ": (STORE, ["UPDATE drafts_expansionmove SET system_scope = 'elsewhere' WHERE plan_id = {plan}"]),
    "votes_differ": (STORE, [f"UPDATE reviews_vote SET choice = 'reject' WHERE {OF}"]),
    "vote_on_another": (STORE, [f"UPDATE reviews_vote SET digest = {{no}} WHERE {OF}"]),
    "votes_too_few": (STORE, [f"DELETE FROM reviews_vote WHERE {OF}"]),
    "decision_differs": (STORE, [f"UPDATE reviews_decision SET verdict = 'constrain' WHERE {OF}"]),
    "receipt_missing": (STORE, ["DELETE FROM receipts_receipt WHERE request_id = {approved}"]),
    "receipt_differs": (STORE, ["UPDATE receipts_receipt SET revision = 9 WHERE request_id = {approved}"]),
    "receipt_edited": (STORE, ["UPDATE receipts_receipt SET commitment_id = 'x' WHERE request_id = {approved}"]),
    "request_missing": (STORE, [f"UPDATE {REQUEST} SET id = {{new}} WHERE id = {{approved}}"]),
    "leaf_missing": (STORE, [f"DELETE FROM {NODE} WHERE request_id = {{approved}}"]),
    "leaf_differs": (STORE, [f"UPDATE {EVENT} SET sha256 = {{no}} WHERE {OF}"]),
    "leaf_edited": (STORE, [f"UPDATE {NODE} SET hash = data WHERE request_id = {{approved}}"]),
    "leaf_unreadable": (STORE, [f"UPDATE {NODE} SET data = hash WHERE request_id = {{approved}}"]),
    "node_edited": (STORE, [f"UPDATE {NODE} SET hash = (SELECT hash FROM {NODE} WHERE place = 0) WHERE place = 1"]),
    "node_stray": (STORE, [f"UPDATE {NODE} SET place = 90001 WHERE place = 1"]),
    "head_differs": (STORE, ["UPDATE receipts_loghead SET size = size + 1"]),
    "history_differs": (STORE, [f"UPDATE {EVENT} SET comment = 'never said' WHERE {OF} AND number = 3"]),
    "decision_not_logged": (STORE, [f"UPDATE {NODE} SET request_id = NULL WHERE request_id = {{approved}}"]),
    "receipt_not_logged": (STORE, ["UPDATE receipts_receipt SET payload = {empty} WHERE request_id = {rejected}"]),
    "key_differs": (STORE, ["UPDATE receipts_signingkey SET state = 'next', activated_at = NULL"]),
    "revocation_missing": (STORE, [f"DELETE FROM receipts_revocation WHERE receipt_id = {RECEIPT_OF % 'revoked'}"]),
    "revocation_stray": (STORE, [f"{REVOCATION} ({RECEIPT_OF % 'approved'}, CURRENT_TIMESTAMP, 'revoked', '', CURRENT_TIMESTAMP)"]),
    "successor_differs": (STORE, ["UPDATE receipts_revocation SET superseded_by = {no} WHERE reason = 'superseded'"]),
    "receipt_of_revoked_key": (STORE, ["UPDATE receipts_signingkey SET state = 'revoked', revoked_at = CURRENT_TIMESTAMP, reason = 'x'"]),
    "status_differs": (STORE, ["DELETE FROM receipts_statusdocument WHERE seq = 1"]),
    "status_edited": (STORE, ["UPDATE receipts_statusdocument SET signature = payload"]),
    "status_unreadable": (STORE, ["UPDATE receipts_statusdocument SET payload = signature"]),
    "status_lists_unknown": (STORE, ["DELETE FROM receipts_revocation"]),
    "plan_state_differs": (STORE, ["UPDATE drafts_coverageplan SET state = 'draft', approved_until = NULL WHERE id = {plan}"]),
    "move_state_differs": (STORE, ["UPDATE drafts_expansionmove SET state = 'draft' WHERE plan_id = {plan}"]),
    "partner_differs": (
        STORE,
        [f"UPDATE {REQUEST} SET partner_id = {ANOTHER_PARTNER} WHERE id = {{approved}}"],
    ),
    "moves_missing": (STORE, ["DELETE FROM drafts_expansionmove WHERE number = 1"]),
    "user_id_ahead": (STORE, ["UPDATE drafts_author SET user_id = 900001 WHERE plan_id = {plan}"]),
    "user_id_given_again": (PRIMARY, ["UPDATE access_user SET date_joined = '2098-01-01 00:00:00+00:00' WHERE username = 'owner'"]),
    "user_gone": (
        PRIMARY,
        ["DELETE FROM access_user_groups WHERE user_id = {member}", "DELETE FROM access_user WHERE id = {member}"],
    ),
    "token_unknown": (PRIMARY, ["DELETE FROM access_apitoken"]),
    "token_differs": (PRIMARY, ["UPDATE access_apitoken SET user_id = {member}"]),
    "groups_differ": (PRIMARY, [f"DELETE FROM access_user_groups WHERE user_id = {ANYBODY}"]),
    "membership_differs": (STORE, ["UPDATE drafts_membership SET role = 'owner' WHERE user_id = {member}"]),
}


def agreed() -> dict[str, object]:
    """Every state of the demo, an approval that took the place of another, a revoked one, and a signed status; name → id."""
    register_key(signer())
    seeding.seed()
    people = {user.username: user for user in User.objects.all()}
    member = make_user("member")
    set_groups(COMMAND_LINE, member, add={"readers"})
    partner = Partner.objects.get(slug="northstar_controls")
    set_membership(COMMAND_LINE, member, partner, role="viewer")
    plan = make_plan(people["owner"], partner)
    first, second, third = (_approved(people, plan) for _ in range(3))
    decisions.revoke(actor(people["owner"]), third.pk, comment="stop")
    status.publish()
    _acted_by_token(people["owner"], first)
    approved = DeploymentReviewRequest.objects.filter(state="approved", plan__state="approved", plan__moves__number=2)
    rejected = DeploymentReviewRequest.objects.get(state="rejected")
    return {
        "approved": approved.first().pk, "rejected": rejected.pk, "revoked": third.pk, "superseded": second.pk,
        "plan": approved.first().plan_id, "member": member.pk,
    }  # fmt: skip


def _approved(people: dict[str, User], plan: CoveragePlan) -> DeploymentReviewRequest:
    owner = actor(people["owner"])
    opened = decisions.open_request(owner, plan_id=plan.pk, environment_slug="staging")
    confirm_all(people["owner"], opened)
    asked = decisions.request_review(owner, opened.pk)
    return decisions.vote(actor(people["release"], channel="admin"), asked.pk, choice="approve", digest=asked.digest)


def _acted_by_token(owner: User, review_request: DeploymentReviewRequest) -> None:
    create_token(owner, scopes=["read", "request"], lifetime=timedelta(days=1))
    decisions.comment(actor_of(owner, channel="api", token=ApiToken.objects.get()), review_request.pk, comment="by a job")


def looked() -> reconcile.Report:
    return reconcile.compare({}, progress=str, moment=nullcontext)


def codes() -> set[str]:
    return {each.code for each in looked().mismatches}


def codes_after(name: str, ids: dict[str, object]) -> set[str]:
    """Do it, look, take it back."""
    alias, statements = DISAGREEMENTS[name]
    connection = connections[alias]
    with ExitStack() as stack:
        for each in (PRIMARY, STORE):
            stack.enter_context(transaction.atomic(using=each))
        with connection.cursor() as cursor:
            lift_guards(cursor, connection.vendor)
            for statement in statements:
                cursor.execute(filled(statement, ids, postgresql=connection.vendor == "postgresql"))
                assert cursor.rowcount >= 1, statement
        found = codes()
        for each in (PRIMARY, STORE):
            transaction.set_rollback(True, using=each)
    return found


def filled(statement: str, ids: dict[str, object], *, postgresql: bool) -> str:
    names = {name: pk if isinstance(pk, int) else f"'{pk}'" if postgresql else f"'{getattr(pk, 'hex', pk)}'" for name, pk in ids.items()}
    for name, content in (("zeros", bytes(32)), ("empty", b"{}")):
        names[name] = f"'\\x{content.hex()}'" if postgresql else f"x'{content.hex()}'"
    names |= {"no": f"'{'0' * 64}'", "new": f"'{'0' * 8}-0000-4000-8000-{'0' * 12}'"}
    return statement.format(**names)


def unfound(ids: dict[str, object]) -> dict[str, list[str]]:
    """Names of what is not found, with what was found instead."""
    looked_for = {name: codes_after(name, ids) for name in DISAGREEMENTS}
    return {name: sorted(found) for name, found in looked_for.items() if name not in found}

"""From votes to a verdict: the receipt, its key, its end, and what a new approval takes the place of."""

import base64
import hashlib
import json
import os

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from config.refusals import Refused
from drafts.coverage import append_move
from receipts.keys import jwks, register_key, rotate
from receipts.models import Receipt, SigningKey
from receipts.signing import new_private_key_pem, signer
from receipts.verify import verify
from reviews import decisions, packet, verdict
from reviews.models import Decision, DeploymentReviewRequest, Event
from tests.factories import CONFIRMATION_FIELDS, PRODUCTION_RULES, Story, actor, confirm_all, make_environment, make_user
from tests.invariants import assert_consistent, refused
from tests.reviews.machine.cast import MOVE

pytestmark = pytest.mark.usefixtures("both_stores")


def payload() -> dict:
    return json.loads(bytes(Receipt.objects.order_by("-created_at").first().payload))


def without_key(settings, sort: str, tmp_path) -> None:
    """Ways in which no receipt can be signed."""
    settings.RECEIPT_SIGNING_KEY = ""
    settings.RECEIPT_SIGNING_KEY_FILE = ""
    if sort == "another key":
        settings.RECEIPT_SIGNING_KEY = base64.b64encode(os.urandom(32)).decode()
    elif sort == "garbage":
        settings.RECEIPT_SIGNING_KEY = "not a key"
    elif sort == "both":
        settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = "x", "y"
    elif sort == "a folder":
        settings.RECEIPT_SIGNING_KEY_FILE = str(tmp_path)
    elif sort == "an empty file":
        (tmp_path / "key.pem").touch()
        settings.RECEIPT_SIGNING_KEY_FILE = str(tmp_path / "key.pem")
    elif sort == "no such file":
        settings.RECEIPT_SIGNING_KEY_FILE = str(tmp_path / "none.pem")


KEYLESS = {
    "nothing set": "signing_key_missing",
    "no such file": "signing_key_missing",
    "garbage": "signing_key_unreadable",
    "both": "signing_key_unreadable",
    "a folder": "signing_key_unreadable",
    "an empty file": "signing_key_unreadable",
    "another key": "signing_key_unregistered",
}


@pytest.mark.parametrize("sort", KEYLESS)
def test_S10_without_a_usable_key_nothing_is_approved(sort, settings, tmp_path):
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request)
    without_key(settings, sort, tmp_path)
    refused(lambda: story.vote(story.security, review_request), KEYLESS[sort], status=503, verb="approve")
    assert DeploymentReviewRequest.objects.get(pk=review_request.pk).state == "review_requested"


def test_S10_the_refusal_says_nothing_of_key_or_path(settings, tmp_path):
    story = Story()
    review_request = story.in_review()
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = "", str(tmp_path / "secret-place")
    refusal = refused(lambda: story.vote(story.release, review_request), status=503)
    assert "secret-place" not in str(refusal)


@pytest.mark.parametrize("sort", KEYLESS)
def test_S10_a_rejection_does_not_wait_for_the_key_and_is_signed_later(sort, settings, tmp_path):
    story = Story()
    review_request = story.in_review()
    key = settings.RECEIPT_SIGNING_KEY
    without_key(settings, sort, tmp_path)
    assert story.vote(story.release, review_request, "reject").state == "rejected"
    assert not Receipt.objects.exists()
    assert_consistent()
    with pytest.raises(Refused) as still:
        verdict.sign_pending()
    assert still.value.codes == [KEYLESS[sort]]
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = key, ""
    assert (verdict.sign_pending(), verdict.sign_pending()) == ((1, False), (0, False))
    receipt = Receipt.objects.get()
    assert (receipt.verdict, receipt.expires_at, receipt.packet_digest) == ("reject", None, review_request.digest)
    assert_consistent()


def test_S10_without_a_key_changes_are_requested_and_reviews_recalled(settings):
    story = Story()
    review_request = story.in_review()
    settings.RECEIPT_SIGNING_KEY = ""
    assert story.vote(story.release, review_request, "request_changes").state == "changes_requested"
    assert decisions.request_review(actor(story.owner), review_request.pk).state == "review_requested"
    assert decisions.recall(actor(story.owner), review_request.pk).state == "draft"


def test_sign_pending_with_nothing_pending_needs_no_key(settings):
    Story().approved()
    settings.RECEIPT_SIGNING_KEY = ""
    assert verdict.sign_pending() == (0, False)


def test_S09_a_rotated_key_signs_and_the_old_receipt_still_verifies(settings, tmp_path):
    story = Story()
    story.approved()
    old = Receipt.objects.get()
    path = tmp_path / "new.pem"
    path.write_bytes(new_private_key_pem())
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = "", str(path)
    from_then_on = story.in_review()
    story.vote(story.release, from_then_on)
    refused(lambda: story.vote(story.security, from_then_on), "signing_key_unregistered", status=503)
    register_key(signer())
    refused(lambda: story.vote(story.security, from_then_on), "signing_key_next", status=503)
    rotate()
    story.vote(story.security, from_then_on)
    assert {receipt.kid for receipt in Receipt.objects.all()} == {key.kid for key in SigningKey.objects.all()}
    for receipt in (old, Receipt.objects.get(request_id=from_then_on.pk)):
        assert verify(receipt.envelope, jwks()).signature_valid


def test_the_receipt_says_what_was_decided_and_nothing_of_the_packet():
    story = Story()
    subject = [{"name": "app", "digest": {"sha256": "a" * 64}}]
    review_request = story.approved(subject=subject)
    said, row, frozen = payload(), Receipt.objects.get(), packet.current(review_request)
    assert said["request_id"] == str(review_request.pk)
    assert (said["revision"], said["verdict"], said["environment"], said["subject"]) == (1, "allow", "production", subject)
    assert said["commitment_id"] == review_request.commitment_id == frozen.commitment_id == row.commitment_id
    assert said["policy"] == review_request.policy.reference
    assert (said["conditions_digest"], said["supersedes"], said["production_write"]) == (None, None, False)
    for secret in (review_request.digest, bytes(frozen.salt).hex(), base64.b64encode(bytes(frozen.salt)).decode(), story.plan.name):
        assert secret not in json.dumps(said)
    assert review_request.expires_at == row.expires_at == Decision.objects.get().expires_at
    assert (row.expires_at - row.issued_at).total_seconds() == 72 * 3600


def test_an_approval_ends_with_the_first_confirmation_that_ends():
    story = Story()
    review_request = story.open()
    confirm_all(story.owner, review_request)
    soon = "SELECT date_trunc('second', clock_timestamp()) + interval '1 hour'"
    with connections["self_service"].cursor() as cursor:
        cursor.execute(soon)
        end = cursor.fetchone()[0]
    decisions.confirm(actor(story.owner), review_request.pk, "sla", fields=CONFIRMATION_FIELDS["sla"], valid_until=end.isoformat())
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    story.vote(story.release, review_request)
    assert story.vote(story.security, review_request).expires_at == end == Receipt.objects.get().expires_at


def test_conditions_make_it_constrain_and_are_the_union_in_order():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request, "approve_with_conditions", conditions=["b", "a"])
    story.vote(story.security, review_request, "approve_with_conditions", conditions=["a", "c"])
    assert (Decision.objects.get().verdict, Decision.objects.get().conditions) == ("constrain", ["b", "a", "c"])
    assert payload()["verdict"] == "constrain"
    assert payload()["conditions_digest"] == hashlib.sha256(b'["b","a","c"]').hexdigest()
    assert_consistent()


def test_conditions_of_an_older_revision_do_not_bind_the_newer():
    story = Story()
    review_request = story.in_review()
    story.vote(story.release, review_request, "approve_with_conditions", conditions=["old"])
    decisions.recall(actor(story.owner), review_request.pk)
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    story.vote(story.release, review_request)
    story.vote(story.security, review_request)
    assert (payload()["verdict"], Decision.objects.get().conditions) == ("allow", [])


def test_a_newer_approval_takes_the_place_of_the_older():
    story = Story()
    old = story.approved()
    first = Receipt.objects.get()
    new = story.approved(predecessor_id=old.pk)
    event = Event.objects.filter(review_request=old).order_by("-number").first()
    assert (event.verb, event.from_state, event.to_state, event.detail) == ("supersede", "approved", "revoked", {"successor": str(new.pk)})
    assert DeploymentReviewRequest.objects.get(pk=old.pk).state == "revoked"
    assert payload()["supersedes"] == str(first.pk) == str(Decision.objects.get(pk=new.pk).supersedes)
    assert_consistent()


def test_a_successor_that_is_not_approved_revokes_nothing():
    story = Story()
    old = story.approved()
    new = story.in_review(predecessor_id=old.pk)
    story.vote(story.release, new)
    story.vote(story.security, new, "reject")
    assert DeploymentReviewRequest.objects.as_of_now().get(pk=old.pk).state_now == "approved"
    assert_consistent()


def test_after_a_revocation_it_is_over_and_its_receipt_stays():
    story = Story()
    review_request = story.approved()
    decisions.revoke(actor(story.security, channel="admin"), review_request.pk, comment="incident")
    refused(lambda: decisions.revoke(actor(story.owner), review_request.pk, comment="again"), "state_revoked", status=409)
    assert Receipt.objects.count() == 1
    assert_consistent()


# --- cost -------------------------------------------------------------------------------------------------------------------------


def statements(call) -> tuple[int, int]:
    """Statements on the draft store and on the primary, BEGIN, COMMIT and savepoints apart."""
    with CaptureQueriesContext(connections["self_service"]) as store, CaptureQueriesContext(connections["default"]) as primary:
        call()
    borders = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
    return tuple(sum(not query["sql"].startswith(borders) for query in log.captured_queries) for log in (store, primary))


def cost_of_the_deciding_vote(*, moves: int, comments: int) -> tuple[int, int]:
    story = Story()
    for _ in range(moves):
        append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    review_request = story.in_review()
    for number in range(comments):
        decisions.comment(actor(story.owner), review_request.pk, comment=f"comment {number}")
    story.vote(story.release, review_request)
    who = actor(story.security, channel="admin")
    return statements(lambda: decisions.vote(who, review_request.pk, choice="approve", digest=review_request.digest))


def test_the_deciding_vote_costs_no_more_where_another_policy_has_come_into_force():
    story = Story()
    review_request = story.in_review()
    make_environment(rules=[*PRODUCTION_RULES, {"name": "third", "group": "release", "quorum": 1}], maximum_ages={"sla": 86400})
    for user in (story.release, make_user("release2", groups=("release",))):
        story.vote(user, review_request)
    who = actor(story.security, channel="admin")

    store, primary = statements(lambda: decisions.vote(who, review_request.pk, choice="approve", digest=review_request.digest))

    assert DeploymentReviewRequest.objects.get(pk=review_request.pk).state == "approved"
    assert (store, primary) == (20, 1)


@pytest.mark.parametrize(("moves", "comments"), [(0, 1), (30, 1), (0, 10), (30, 10)])
def test_the_deciding_vote_costs_twenty_statements_and_two(moves, comments):
    store, primary = cost_of_the_deciding_vote(moves=moves, comments=comments)
    assert (store, primary) == (20, 1)

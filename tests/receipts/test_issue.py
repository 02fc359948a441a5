from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.db.transaction import TransactionManagementError

from receipts import signing
from receipts.canonical import b64
from receipts.issue import issue
from receipts.keys import jwks, register_key
from receipts.models import Receipt, SigningKey
from receipts.verify import verify
from tests.receipts.samples import FACTS, ISSUER, NOW, OTHER_SIGNER, SIGNER

DECISION = {name: value for name, value in FACTS.items() if name != "issuer"} | {"packet_digest": "cd" * 32}
SUPERSEDED = UUID("99999999-8888-4777-8666-555555555555")


def issued(**changes) -> Receipt:
    with transaction.atomic(using="self_service"):
        return issue(**{**DECISION, "signer": SIGNER, **changes})


@pytest.fixture
def registered(both_stores) -> SigningKey:
    return register_key(SIGNER)


def test_S01_an_issued_receipt_verifies_through_the_key_set(registered):
    issued()

    stored = Receipt.objects.get()
    report = verify(stored.envelope, jwks(), issuer=ISSUER, environment="production", now=NOW)

    assert report.verified
    assert report.signed_payload["receipt_id"] == str(stored.pk)
    assert stored.inner == stored.envelope["receipt"]


def test_a_reissue_is_identical(registered):
    first = issued().envelope

    assert Receipt.objects.get().envelope == first == Receipt.objects.get().envelope


def test_row_and_payload_agree_and_times_lose_their_fraction(registered):
    issued(issued_at=NOW + timedelta(microseconds=999_999), expires_at=NOW + timedelta(hours=1, microseconds=1), supersedes=SUPERSEDED)

    stored = Receipt.objects.get()
    signed = verify(stored.envelope, jwks(), now=NOW).signed_payload
    assert (stored.issued_at, stored.expires_at) == (NOW, NOW + timedelta(hours=1))
    assert (signed["issued_at"], signed["expires_at"]) == ("2026-11-23T09:30:00Z", "2026-11-23T10:30:00Z")
    assert (stored.request_id, stored.revision, stored.verdict, stored.kid) == (DECISION["request_id"], 2, "allow", SIGNER.kid)
    assert (stored.packet_digest, signed["supersedes"]) == ("cd" * 32, str(SUPERSEDED))


def test_the_packet_digest_is_not_in_the_receipt(registered):
    assert b"cdcdcd" not in bytes(issued().payload)


def test_a_rejection_is_signed_without_an_end(registered):
    issued(verdict="reject", expires_at=None)

    stored = Receipt.objects.get()
    assert stored.expires_at is None
    assert verify(stored.envelope, jwks()).reasons == ("verdict_reject",)


def test_issue_takes_the_configured_signer(both_stores, settings):
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = b64(bytes(range(1, 33))), ""
    register_key(signing.signer())

    assert issued(signer=None).kid == OTHER_SIGNER.kid


def test_issue_costs_two_statements(registered, django_assert_num_queries):
    with transaction.atomic(using="self_service"), django_assert_num_queries(2, using="self_service"):
        issue(**DECISION, signer=SIGNER)


def test_S10_no_key_no_receipt(registered, settings):
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""

    with pytest.raises(signing.SigningUnavailable) as refusal:
        issued(signer=None)

    assert refusal.value.code == "signing_key_missing"
    assert Receipt.objects.count() == 0


def test_S10_a_key_that_nobody_can_look_up_signs_nothing(registered):
    with pytest.raises(signing.SigningUnavailable) as refusal:
        issued(signer=OTHER_SIGNER)

    assert refusal.value.code == "signing_key_unregistered"
    assert Receipt.objects.count() == 0


def test_values_that_no_verifier_takes_are_not_signed(registered):
    with pytest.raises(ValueError):
        issued(commitment_id="rdc1_short")

    assert Receipt.objects.count() == 0


def test_R13_a_receipt_falls_with_its_transaction(both_stores_committed):
    register_key(SIGNER)

    with transaction.atomic(using="self_service"):
        issue(**DECISION, signer=SIGNER)
        transaction.set_rollback(True, using="self_service")

    assert Receipt.objects.count() == 0


def test_R13_issue_demands_a_transaction_on_the_draft_store(both_stores_committed):
    register_key(SIGNER)

    with pytest.raises(TransactionManagementError):
        issue(**DECISION, signer=SIGNER)
    with pytest.raises(TransactionManagementError), transaction.atomic(using="default"):
        issue(**DECISION, signer=SIGNER)

    assert Receipt.objects.count() == 0


def test_R01_one_receipt_per_request(registered):
    issued()

    with pytest.raises(IntegrityError):
        issued(verdict="reject", expires_at=None)


def test_registering_a_key_twice_keeps_one_row(both_stores):
    assert register_key(SIGNER) == register_key(SIGNER)
    assert SigningKey.objects.get().public_key_b64 == b64(SIGNER.public_key)


def test_an_unsafe_key_is_not_registered(both_stores):
    class Weak:
        public_key = bytes(32)
        kid = signing.thumbprint(bytes(32))

    with pytest.raises(signing.SigningUnavailable):
        register_key(Weak())

    assert SigningKey.objects.count() == 0

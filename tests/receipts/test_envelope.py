import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from receipts import envelope
from receipts.canonical import canonical_bytes, sha256_hex
from tests.receipts.samples import NOW, SHA, payload, sealed

SUPERSEDED = UUID("99999999-8888-4777-8666-555555555555")


def test_payload_is_the_whole_contract():
    assert payload() == {
        "protocol": "craton.receipt.protocol.v1",
        "object": "readiness.deployment_review_receipt.v1",
        "issuer": "https://readiness.test",
        "receipt_id": "66666666-7777-4888-9999-aaaaaaaaaaaa",
        "request_id": "11111111-2222-4333-8444-555555555555",
        "revision": 2,
        "verdict": "allow",
        "commitment_id": "rdc1_VZyQJuWOIYTyBAhdnau69Oc3hc6EoYumc-REASf4uBo",
        "commitment_alg": "hmac-sha256",
        "decision_type": "deployment_approval_request",
        "gate_type": "deployment_approval_gate",
        "environment": "production",
        "subject": [{"name": "operations-consolé", "digest": {"sha256": SHA}}],
        "policy": {"id": "7", "version": 3, "digest": "ab" * 32},
        "conditions_digest": None,
        "issued_at": "2026-11-23T09:30:00Z",
        "expires_at": "2026-11-26T09:30:00Z",
        "supersedes": None,
        "production_write": False,
    }


def test_payload_holds_only_a_digest_of_the_conditions():
    made = payload(verdict="constrain", conditions=["watch it for an hour", "a second pair of eyes"])

    assert made["conditions_digest"] == sha256_hex(b'["watch it for an hour","a second pair of eyes"]')
    assert b"watch" not in canonical_bytes(made)


def test_payload_of_a_rejection_has_no_end():
    assert payload(verdict="reject", expires_at=None)["expires_at"] is None


def test_payload_names_what_it_supersedes():
    assert payload(supersedes=SUPERSEDED)["supersedes"] == str(SUPERSEDED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "approve"},
        {"verdict": "allow", "expires_at": None},
        {"revision": 0},
        {"commitment_id": "rdc1_short"},
        {"environment": ""},
        {"subject": [{"name": "no digest"}]},
        {"policy": {"id": "7", "version": "3", "digest": "ab" * 32}},
        {"request_id": "not-a-uuid"},
        {"issued_at": datetime(2026, 1, 1)},  # noqa: DTZ001  the case is a time without a zone
    ],
)
def test_payload_refuses_what_our_verifier_would_not_take(wrong):
    with pytest.raises(ValueError):
        payload(**wrong)


def test_rfc3339_drops_fractions_and_converts_to_utc():
    moment = datetime(2026, 11, 23, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-1)))

    assert envelope.rfc3339(moment) == "2026-11-24T00:59:59Z"
    assert envelope.whole_second(moment) == datetime(2026, 11, 24, 0, 59, 59, tzinfo=UTC)


def test_envelope_has_the_receipt_and_three_copies():
    made = sealed(payload())

    assert set(made) == {"receipt", "verdict", "commitment_id", "request_id"}
    assert set(made["receipt"]) == {"payload_b64", "signature", "kid", "sig_alg"}
    assert made["receipt"]["sig_alg"] == "ed25519"
    assert (made["verdict"], made["request_id"]) == ("allow", "11111111-2222-4333-8444-555555555555")


def test_payload_bytes_are_canonical_and_fractionless():
    text = canonical_bytes(payload(issued_at=NOW + timedelta(microseconds=1))).decode()

    assert text == json.dumps(payload(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

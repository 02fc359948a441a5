"""JSON shapes of what is read of a review request: packet, difference, events, what is missing, receipt.

The longer examples are in examples.json: answers about one approved request, as an installation gave them.
"""

import json
from pathlib import Path

from rest_framework import serializers

from config.api import Blank, Shaped
from receipts.models import Verdict
from reviews import shapes
from reviews.models import State

EXAMPLES = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))


class EventOutput(serializers.Serializer):
    example = {
        "number": 9,
        "at": "2026-11-24T12:55:38.007000Z",
        "verb": "approve",
        "actor": "security",
        "role": "reviewer",
        "channel": "admin",
        "from_state": "review_requested",
        "to_state": "approved",
        "revision": 1,
        "digest": EXAMPLES["packet"]["digest"],
        "comment": "",
        "detail": {"verdict": "allow", "conditions": [], "rules": ["security"]},
        "previous_sha256": "4ccfca665916b33a9038ae0760f1b4b8067e628a03ee82767eb5e406707a2622",
        "sha256": "3547c57b6823bfcc39daeb4f1cb825420cb2abd88be45b8c42adc64d49fb1030",
    }
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    verb = serializers.CharField()
    actor = serializers.CharField()
    role = Blank()
    channel = serializers.CharField()
    from_state = Blank()
    to_state = Blank()
    revision = serializers.IntegerField()
    digest = Blank()
    comment = serializers.CharField()
    detail = Shaped(shapes.OBJECT)
    previous_sha256 = Blank()
    sha256 = serializers.CharField()


class ChangeOutput(serializers.Serializer):
    section = serializers.CharField()
    field = serializers.CharField()
    change = serializers.CharField()
    before = Shaped(shapes.ANYTHING)
    after = Shaped(shapes.ANYTHING)


class BaseOutput(serializers.Serializer):
    """`request` and `revision` are null where there is nothing to compare with."""

    kind = serializers.CharField()
    request = serializers.UUIDField(source="frozen.review_request_id", default=None, allow_null=True)
    revision = serializers.IntegerField(source="frozen.revision", default=None, allow_null=True)
    digest = serializers.CharField(source="frozen.digest", default=None, allow_null=True)


class DifferenceOutput(serializers.Serializer):
    """`changes` null: there is nothing to compare with, and everything is new."""

    example = {
        "revision": 2,
        "digest": "25a3cca84f2d2e3eaf28d9eb1a0f5ff4c9ba74d2c71eab8ecf3c0bba8b8e0a61",
        "base": {
            "kind": "last_vote",
            "request": EXAMPLES["receipt"]["request_id"],
            "revision": 1,
            "digest": EXAMPLES["packet"]["digest"],
        },
        "changes": [
            {"section": "confirmations", "field": "rollback/fields/max_minutes", "change": "changed", "before": 15, "after": 10},
            {"section": "moves", "field": "2/system_scope", "change": "added", "before": None, "after": "ledger"},
        ],
    }
    revision = serializers.IntegerField()
    digest = serializers.CharField()
    base = BaseOutput()
    changes = ChangeOutput(many=True, allow_null=True)


class PacketOutput(serializers.Serializer):
    """`salt` is as secret as the packet."""

    example = EXAMPLES["packet"]
    revision = serializers.IntegerField()
    digest = serializers.CharField()
    commitment_id = serializers.CharField()
    frozen_at = serializers.DateTimeField()
    section_digests = Shaped(shapes.DIGESTS)
    salt = serializers.CharField()
    packet = Shaped(shapes.OBJECT)


class MissingReasonOutput(serializers.Serializer):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()
    clear_by = serializers.CharField(required=False)


class MissingOutput(serializers.Serializer):
    """`next`: the one thing to do now, or null."""

    example = {
        "state": "draft",
        "missing": [
            {
                "pointer": "/confirmations/owner",
                "code": "confirmation_missing",
                "detail": "The owner confirmation is missing.",
                "clear_by": "owner",
            }
        ],
        "next": {
            "pointer": "/confirmations/owner",
            "code": "confirmation_missing",
            "detail": "The owner confirmation is missing.",
            "clear_by": "owner",
        },
    }
    state = serializers.ChoiceField(State.values)
    missing = MissingReasonOutput(many=True)
    next = MissingReasonOutput(allow_null=True)


class EnvelopeOutput(serializers.Serializer):
    example = EXAMPLES["receipt"]
    receipt = Shaped(shapes.INNER)
    verdict = serializers.ChoiceField(Verdict.values)
    commitment_id = serializers.CharField()
    request_id = serializers.UUIDField()


class BundleOutput(serializers.Serializer):
    """Receipt, keys, attestation, log proof and status: verified with no network."""

    example = EXAMPLES["bundle"]
    object = serializers.CharField()
    receipt = Shaped(shapes.INNER)

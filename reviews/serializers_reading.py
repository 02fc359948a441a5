"""JSON shapes of what is read of a review request: packet, difference, events, what is missing, receipt."""

from rest_framework import serializers

from config.api import Blank, Shaped
from receipts.models import Verdict
from reviews import shapes
from reviews.models import State


class EventOutput(serializers.Serializer):
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

    revision = serializers.IntegerField()
    digest = serializers.CharField()
    base = BaseOutput()
    changes = ChangeOutput(many=True, allow_null=True)


class PacketOutput(serializers.Serializer):
    """`salt` is as secret as the packet."""

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
    receipt = Shaped(shapes.INNER)
    verdict = serializers.ChoiceField(Verdict.values)
    commitment_id = serializers.CharField()
    request_id = serializers.UUIDField()


class BundleOutput(serializers.Serializer):
    """Receipt, keys, attestation, log proof and status: verified with no network."""

    object = serializers.CharField()
    receipt = Shaped(shapes.INNER)

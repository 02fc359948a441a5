"""JSON shapes of review requests and what hangs on them. Input and output are separate; state and everything derived is read-only."""

from rest_framework import serializers

from config.api import StrictSerializer, TextField


class UUIDText(serializers.UUIDField):
    """A UUID as text; DRF's own field takes integers too."""

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid", value="this")
        return super().to_internal_value(data)


class AnyJSON(serializers.Field):
    """Checked by the verb, which knows the rules and gives pointers."""

    def to_internal_value(self, data):
        return data


class OpenInput(StrictSerializer):
    plan = UUIDText()
    environment = TextField(max_length=64)
    subject = AnyJSON(required=False)
    predecessor = UUIDText(required=False, allow_null=True)


class SubjectInput(StrictSerializer):
    subject = AnyJSON(required=False)


class ConfirmationInput(StrictSerializer):
    fields_ = AnyJSON()
    evidence_url = AnyJSON(required=False, allow_null=True)
    evidence_sha256 = AnyJSON(required=False, allow_null=True)
    valid_until = AnyJSON(required=False)

    def get_fields(self):
        """`fields` is a name of the serializer's own, so it is given to the field here."""
        found = super().get_fields()
        found["fields"] = found.pop("fields_")
        return found


class PersonInput(StrictSerializer):
    # Who that is, the verb asks of the primary.
    username = TextField(max_length=64)


class StagingInput(StrictSerializer):
    """`receipt`: the whole envelope as the staging installation gives it."""

    receipt = AnyJSON()


class CommentInput(StrictSerializer):
    # Blank and too long are the verb's to refuse, with the state and the rights in one answer.
    comment = AnyJSON()


class Blank(serializers.CharField):
    """Text that is null while there is none."""

    def to_representation(self, value):
        return value or None


class RequestOutput(serializers.Serializer):
    id = serializers.UUIDField()
    plan = serializers.UUIDField(source="plan_id")
    environment = serializers.CharField(source="environment.slug")
    subject = serializers.JSONField()
    state = serializers.CharField(source="state_now")
    revision = serializers.IntegerField()
    digest = Blank()
    commitment_id = Blank()
    policy = serializers.JSONField(source="policy.reference", default=None)
    requested_by = Blank()
    due_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    predecessor = serializers.UUIDField(source="predecessor_id")
    production_write = serializers.BooleanField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ConfirmationOutput(serializers.Serializer):
    kind = serializers.CharField()
    fields_ = serializers.JSONField()
    evidence_url = Blank()
    evidence_sha256 = Blank()
    confirmed_by = Blank()
    confirmed_at = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    named = Blank()

    def get_fields(self):
        found = super().get_fields()
        found["fields"] = found.pop("fields_")
        return found


class ReasonOutput(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()
    clear_by = serializers.CharField()


class StagingOutput(serializers.Serializer):
    """`met` null: not needed. Everything below `reasons` is of the newest receipt that was handed in, null before there is one."""

    met = serializers.BooleanField()
    reasons = ReasonOutput(many=True)
    issuer = Blank()
    expires_at = serializers.DateTimeField()
    kid = serializers.CharField(source="validation.kid", default=None)
    payload_sha256 = serializers.CharField(source="validation.payload_sha256", default=None)
    handed_in_by = serializers.CharField(source="validation.handed_in_by", default=None)
    handed_in_at = serializers.DateTimeField(source="validation.handed_in_at", default=None)


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
    detail = serializers.JSONField()
    previous_sha256 = Blank()
    sha256 = serializers.CharField()


class ChangeOutput(serializers.Serializer):
    section = serializers.CharField()
    field = serializers.CharField()
    change = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()


class BaseOutput(serializers.Serializer):
    """`request` and `revision` are null where there is nothing to compare with."""

    kind = serializers.CharField()
    request = serializers.UUIDField(source="frozen.review_request_id", default=None)
    revision = serializers.IntegerField(source="frozen.revision", default=None)
    digest = serializers.CharField(source="frozen.digest", default=None)


class DifferenceOutput(serializers.Serializer):
    """`changes` null: there is nothing to compare with, and everything is new."""

    revision = serializers.IntegerField()
    digest = serializers.CharField()
    base = BaseOutput()
    changes = ChangeOutput(many=True, allow_null=True)


class EnvironmentOutput(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    protected = serializers.BooleanField()
    policy = serializers.SerializerMethodField()

    def get_policy(self, environment) -> dict | None:
        newest = max(environment.policies.all(), key=lambda found: found.version, default=None)
        if newest is None:
            return None
        return newest.reference | {"rules": newest.rules, "required_confirmations": newest.required_confirmations}

"""JSON shapes of partners, plans and moves. Input and output are separate; nothing derived can be written."""

from rest_framework import serializers

from config.api import FlagField, StrictSerializer, TextField, WholeNumberField
from drafts.custody import plain_text
from drafts.models import CoveragePlan


def text_field(name: str, **options) -> TextField:
    """A text field with the length of the model's."""
    return TextField(max_length=CoveragePlan._meta.get_field(name).max_length, validators=[plain_text], **options)


class CoverageInput(StrictSerializer):
    gate_type = text_field("gate_type")
    system_scope = text_field("system_scope")
    authority_context = text_field("authority_context")


class PlanChange(CoverageInput):
    name = text_field("name")
    external_reference = text_field("external_reference")
    archived = FlagField(required=False)


class PlanInput(PlanChange):
    partner = TextField(max_length=64, validators=[plain_text])


class MoveInput(CoverageInput):
    corrects = WholeNumberField(required=False, allow_null=True, min_value=1, max_value=1_000_000)


class PartnerOutput(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class PlanOutput(serializers.Serializer):
    id = serializers.UUIDField()
    partner = serializers.CharField(source="partner.slug")
    name = serializers.CharField()
    gate_type = serializers.CharField()
    system_scope = serializers.CharField()
    authority_context = serializers.CharField()
    external_reference = serializers.CharField()
    state = serializers.CharField(source="state_now")
    archived = serializers.BooleanField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class MoveOutput(serializers.Serializer):
    number = serializers.IntegerField()
    gate_type = serializers.CharField()
    system_scope = serializers.CharField()
    authority_context = serializers.CharField()
    corrects = serializers.IntegerField(allow_null=True)
    state = serializers.CharField(source="state_now")
    created_at = serializers.DateTimeField()

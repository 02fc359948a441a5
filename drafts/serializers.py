"""JSON shapes of partners, plans and moves. Input and output are separate; nothing derived can be written."""

from django.core.validators import MaxLengthValidator
from rest_framework import serializers

from config.api import FlagField, Shaped, StrictSerializer, TextField, WholeNumberField
from drafts.models import CoveragePlan, PlanState


def text_field(name: str, **options) -> TextField:
    """A text field with the length and the rules of the model's."""
    column = CoveragePlan._meta.get_field(name)
    rules = [check for check in column.validators if not isinstance(check, MaxLengthValidator)]
    return TextField(max_length=column.max_length, validators=rules, **options)


class CoverageInput(StrictSerializer):
    gate_type = text_field("gate_type")
    system_scope = text_field("system_scope")
    authority_context = text_field("authority_context")


class PlanChange(CoverageInput):
    example = {"name": "Ledger export, monthly"}
    name = text_field("name")
    external_reference = text_field("external_reference")
    archived = FlagField(required=False)


class PlanInput(PlanChange):
    example = {
        "partner": "northstar_controls",
        "name": "Ledger export",
        "gate_type": "data_export_gate",
        "system_scope": "ledger",
        "authority_context": "chief accountant signs each export",
        "external_reference": "LEDG-17",
    }
    # Looked up, never stored.
    partner = TextField(max_length=64)


class MoveInput(CoverageInput):
    example = {"gate_type": "cross_org_handoff_gate", "system_scope": "ledger", "authority_context": "auditor receives a copy"}
    corrects = WholeNumberField(required=False, allow_null=True, min_value=1, max_value=1_000_000)


class PartnerOutput(serializers.Serializer):
    example = {"slug": "northstar_controls", "name": "Northstar Controls", "created_at": "2026-11-23T11:53:33.231000Z"}
    slug = serializers.CharField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class PlanOutput(serializers.Serializer):
    example = {
        "id": "806336fe-515f-44c1-a8b9-3c457a3e4bd8",
        "partner": "northstar_controls",
        "name": "Ledger export",
        "gate_type": "data_export_gate",
        "system_scope": "ledger",
        "authority_context": "chief accountant signs each export",
        "external_reference": "LEDG-17",
        "state": "draft",
        "archived": False,
        "version": 1,
        "created_at": "2026-11-23T11:56:26.865000Z",
        "updated_at": "2026-11-23T11:56:26.865000Z",
    }
    id = serializers.UUIDField()
    partner = serializers.CharField(source="partner.slug")
    name = serializers.CharField()
    gate_type = serializers.CharField()
    system_scope = serializers.CharField()
    authority_context = serializers.CharField()
    external_reference = serializers.CharField()
    state = serializers.ChoiceField(PlanState.values, source="state_now")
    archived = serializers.BooleanField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class MoveOutput(serializers.Serializer):
    example = {
        "number": 1,
        "gate_type": "cross_org_handoff_gate",
        "system_scope": "ledger",
        "authority_context": "auditor receives a copy",
        "corrects": None,
        "state": "draft",
        "created_at": "2026-11-23T11:56:26.988000Z",
    }
    number = serializers.IntegerField()
    gate_type = serializers.CharField()
    system_scope = serializers.CharField()
    authority_context = serializers.CharField()
    corrects = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(PlanState.values, source="state_now")
    created_at = serializers.DateTimeField()


BOUNDARY = {"type": "object", "additionalProperties": {"type": "string"}}
MOVES = {"type": "array", "items": {"type": "object"}}


class BoundaryObjectOutput(serializers.Serializer):
    """A draft: `production_write` is false."""

    example = {
        "schema": "readiness.boundary_object.v1",
        "plan": "806336fe-515f-44c1-a8b9-3c457a3e4bd8",
        "name": "Ledger export",
        "state": "draft",
        "version": 2,
        "production_write": False,
        "boundary": {
            "partner": "northstar_controls",
            "external_reference": "LEDG-17",
            "gate_type": "data_export_gate",
            "system_scope": "ledger",
            "authority_context": "chief accountant signs each export",
        },
        "moves": [
            {
                "number": 1,
                "corrects": None,
                "gate_type": "cross_org_handoff_gate",
                "system_scope": "ledger",
                "authority_context": "auditor receives a copy",
            }
        ],
        "api_access": {
            "plan_url": "https://readiness.example.org/api/v1/plans/806336fe-515f-44c1-a8b9-3c457a3e4bd8/",
            "moves_url": "https://readiness.example.org/api/v1/plans/806336fe-515f-44c1-a8b9-3c457a3e4bd8/moves/",
            "review_requests_url": "https://readiness.example.org/api/v1/review-requests/",
            "gate_url": "https://readiness.example.org/api/v1/gate/",
            "jwks_url": "https://readiness.example.org/protocol/v1/jwks.json",
            "headers": ["Authorization", "If-Match"],
            "authorization_scheme": "Token",
        },
    }
    schema = serializers.CharField()
    plan = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.ChoiceField(PlanState.values)
    version = serializers.IntegerField()
    production_write = serializers.BooleanField()
    boundary = Shaped(BOUNDARY)
    moves = Shaped(MOVES)
    api_access = Shaped({"type": "object"})

"""JSON shapes of review requests and what hangs on them. Input and output are separate; state and everything derived is read-only."""

from rest_framework import serializers

from config.api import Blank, Shaped, StrictSerializer, TextField
from reviews import onward, shapes
from reviews.models import Kind, State


class UUIDText(serializers.UUIDField):
    """A UUID as text; DRF's own field takes integers too."""

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid", value="this")
        return super().to_internal_value(data)


class OpenInput(StrictSerializer):
    example = {
        "plan": "806336fe-515f-44c1-a8b9-3c457a3e4bd8",
        "environment": "production",
        "subject": [{"name": "ledger-export", "digest": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}],
    }
    plan = UUIDText()
    environment = TextField(max_length=64)
    subject = Shaped(shapes.SUBJECTS, required=False)
    predecessor = UUIDText(required=False, allow_null=True)


class SubjectInput(StrictSerializer):
    example = {"subject": []}
    subject = Shaped(shapes.SUBJECTS, required=False)


class ConfirmationInput(StrictSerializer):
    example = {
        "fields": {"strategy": "redeploy previous artifact", "max_minutes": 15, "rehearsed_on": "2026-11-20"},
        "evidence_url": "https://evidence.example.org/drill-42",
        "valid_until": "2026-12-23",
    }
    fields_ = Shaped(shapes.STATEMENT)
    evidence_url = Shaped(shapes.LINK, required=False, allow_null=True)
    evidence_sha256 = Shaped(shapes.SHA256, required=False, allow_null=True)
    valid_until = Shaped(shapes.UNTIL, required=False)

    def get_fields(self):
        """`fields` is a name of the serializer's own, so it is given to the field here."""
        found = super().get_fields()
        found["fields"] = found.pop("fields_")
        return found


class PersonInput(StrictSerializer):
    example = {"username": "dora"}
    # Who that is, the verb asks of the primary.
    username = TextField(max_length=64)


class StagingInput(StrictSerializer):
    """`receipt`: the whole envelope as the staging installation gives it."""

    example = {"receipt": {"receipt": {"payload_b64": "eyJjb21…", "signature": "CsDXydqJ…", "kid": "EXoGYEVp2Zc…", "sig_alg": "ed25519"}}}
    receipt = Shaped(shapes.HANDED_IN)


class CommentInput(StrictSerializer):
    example = {"comment": "Not this quarter."}
    # Blank and too long are the verb's to refuse, with the state and the rights in one answer.
    comment = Shaped(shapes.COMMENT)


class NoteInput(StrictSerializer):
    example = {"comment": "The second line goes first this time."}
    comment = Shaped(shapes.NOTE, required=False)


class RequestOutput(serializers.Serializer):
    example = {
        "id": "783746f2-794b-4019-99f3-27a078b05869",
        "plan": "806336fe-515f-44c1-a8b9-3c457a3e4bd8",
        "environment": "production",
        "subject": [],
        "state": "draft",
        "revision": 0,
        "digest": None,
        "commitment_id": None,
        "policy": None,
        "requested_by": None,
        "due_at": None,
        "expires_at": None,
        "predecessor": None,
        "production_write": False,
        "version": 1,
        "created_at": "2026-11-23T11:56:27.114000Z",
        "updated_at": "2026-11-23T11:56:27.114000Z",
    }
    id = serializers.UUIDField()
    plan = serializers.UUIDField(source="plan_id")
    environment = serializers.CharField(source="environment.slug")
    subject = Shaped(shapes.SUBJECTS)
    state = serializers.ChoiceField(State.values, source="state_now")
    revision = serializers.IntegerField()
    digest = Blank()
    commitment_id = Blank()
    policy = Shaped(shapes.POLICY, source="policy.reference", default=None)
    requested_by = Blank()
    due_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    predecessor = serializers.UUIDField(source="predecessor_id", allow_null=True)
    production_write = serializers.BooleanField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class RequestDetailOutput(RequestOutput):
    """One request on its own: what was decided, by how many changes the draft is ahead of its newest packet (null before the first),
    and the policy that is in force by now in its environment."""

    example = RequestOutput.example | {"verdict": None, "conditions": [], "changes_ahead": None, "policy_in_force": None}
    verdict = serializers.CharField(source="decision.verdict", default=None, allow_null=True)
    conditions = serializers.SerializerMethodField()
    changes_ahead = serializers.IntegerField(allow_null=True)
    policy_in_force = Shaped(shapes.POLICY)

    def get_conditions(self, review_request) -> list[str]:
        decision = getattr(review_request, "decision", None)
        return decision.conditions if decision else []

    def to_representation(self, review_request) -> dict:
        moved = onward.of_one(review_request)
        review_request.changes_ahead, review_request.policy_in_force = moved.changes_ahead, moved.policy_in_force
        return super().to_representation(review_request)


class ConfirmationOutput(serializers.Serializer):
    example = {
        "kind": "rollback",
        "fields": {"strategy": "redeploy previous artifact", "max_minutes": 15, "rehearsed_on": "2026-11-20"},
        "evidence_url": "https://evidence.example.org/drill-42",
        "evidence_sha256": None,
        "confirmed_by": "owner",
        "confirmed_at": "2026-11-23T11:56:27.248000Z",
        "valid_until": "2026-12-23T23:59:59Z",
        "named": None,
    }
    kind = serializers.ChoiceField(Kind.values)
    fields_ = Shaped(shapes.STATED)
    evidence_url = Blank()
    evidence_sha256 = Blank()
    confirmed_by = Blank()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
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

    example = {
        "met": False,
        "reasons": [
            {"code": "staging_missing", "detail": "No receipt of the staging installation has been handed in.", "clear_by": "owner"}
        ],
        "issuer": None,
        "expires_at": None,
        "kid": None,
        "payload_sha256": None,
        "handed_in_by": None,
        "handed_in_at": None,
    }
    met = serializers.BooleanField(allow_null=True)
    reasons = ReasonOutput(many=True)
    issuer = Blank()
    expires_at = serializers.DateTimeField(allow_null=True)
    kid = serializers.CharField(source="validation.kid", default=None, allow_null=True)
    payload_sha256 = serializers.CharField(source="validation.payload_sha256", default=None, allow_null=True)
    handed_in_by = serializers.CharField(source="validation.handed_in_by", default=None, allow_null=True)
    handed_in_at = serializers.DateTimeField(source="validation.handed_in_at", default=None, allow_null=True)


class Ruling(Shaped):
    """The newest policy of an environment, or null."""

    def __init__(self, **options) -> None:
        super().__init__(shapes.RULING, source="*", **options)

    def to_representation(self, environment) -> dict | None:
        newest = max(environment.policies.all(), key=lambda found: found.version, default=None)
        if newest is None:
            return None
        return newest.reference | {name: getattr(newest, name) for name in shapes.ASKED}


class EnvironmentOutput(serializers.Serializer):
    example = {
        "slug": "staging",
        "name": "Staging",
        "protected": True,
        "policy": {
            "id": "7346ddb1-5fa9-47ac-8829-bb6e4b2e2ab4",
            "version": 1,
            "digest": "d2715691…",
            "rules": [{"name": "release", "group": "release", "quorum": 1}],
            "required_confirmations": ["owner", "environment", "sla", "rollback", "support"],
            "maximum_ages": {"rollback": 2592000},
            "due_seconds": 172800,
            "review_seconds": 1209600,
            "approval_seconds": 259200,
            "conditions_allowed": True,
            "session_seconds": None,
            "second_factor": False,
        },
    }
    slug = serializers.CharField()
    name = serializers.CharField()
    protected = serializers.BooleanField()
    policy = Ruling()


class ConfirmationsOutput(serializers.Serializer):
    example = {"next": None, "previous": None, "results": [ConfirmationOutput.example]}
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ConfirmationOutput(many=True)

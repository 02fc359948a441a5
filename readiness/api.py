"""The API of both answers: every check, and the gate."""

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response

from access.api import ApiView
from access.tokens import TokenAuthentication
from config.api import Shaped, wrong_parameter
from config.lists import id_of
from config.prepared import Prepared
from config.refusals import Reason, not_found
from config.told import reads
from drafts.coverage import of_own_partners, plan_of_member, seen_by
from drafts.models import CoveragePlan
from readiness.checks import Result
from readiness.gate import BLOCKED, READY, UNKNOWN, gate, readiness
from receipts.models import Verdict
from reviews.models import Environment
from reviews.rights import visible_requests
from reviews.serializers import ReasonOutput
from reviews.shapes import INNER, POLICY

PARAMETERS = ("plan", "partner", "external_reference", "environment", "subject")
SUBJECT_HINT = "subject is sha256:… or gitCommit:…, the digest of what is to be rolled out."


ASKED = {
    "plan": {"description": "Id of the plan; or name partner and external_reference.", "format": "uuid"},
    "partner": {"description": "Slug of the partner."},
    "external_reference": {"description": "The partner's own id of the path."},
    "environment": {"description": "Slug of the environment.", "required": True},
    "subject": {"description": SUBJECT_HINT},
}
_environments = Prepared(lambda slug: Environment.objects.filter(slug=slug), str)


class FindingOutput(serializers.Serializer):
    id = serializers.CharField()
    number = serializers.IntegerField()
    title = serializers.CharField()
    area = serializers.CharField()
    result = serializers.ChoiceField([result.value for result in Result])
    evidence = serializers.CharField()
    remedy = serializers.CharField()
    age = serializers.FloatField()
    cost = serializers.FloatField()


class ChecksOutput(serializers.Serializer):
    example = {
        "status": READY,
        "as_of": "2026-11-24T12:55:41.948958Z",
        "age": 0.132,
        "checks": [
            {
                "id": "demo_data",
                "number": 12,
                "title": "No demo data",
                "area": "Deployment Review",
                "result": "warn",
                "evidence": "12 accounts and partners were made by the demo; the accounts' password is public.",
                "remedy": "Use a pair of databases that `seed_demo` was never run on.",
                "age": 0.132,
                "cost": 4.1,
            }
        ],
    }
    status = serializers.ChoiceField([READY, BLOCKED, UNKNOWN])
    as_of = serializers.DateTimeField()
    age = serializers.FloatField()
    checks = FindingOutput(many=True)


class GateOutput(serializers.Serializer):
    """`may_launch` alone is the answer; `receipt` is the inner signed object, or null."""

    example = {
        "may_launch": False,
        "verdict": None,
        "conditions": [],
        "blockers": [
            {"code": "no_review_request", "detail": "No review of this plan was ever requested for this environment.", "clear_by": "owner"}
        ],
        "receipt": None,
        "request": None,
        "expires_at": None,
        "policy": None,
        "policy_in_force": None,
        "changes_ahead": None,
    }
    may_launch = serializers.BooleanField()
    verdict = serializers.ChoiceField(Verdict.values, allow_null=True)
    conditions = Shaped({"type": "array", "items": {"type": "string"}})
    blockers = ReasonOutput(many=True)
    receipt = Shaped(INNER | {"type": ["object", "null"]})
    request = serializers.UUIDField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    policy = Shaped(POLICY)
    policy_in_force = Shaped(POLICY)
    changes_ahead = serializers.IntegerField(allow_null=True)


class ReadingSession(SessionAuthentication):
    """A session, on a route that only reads: there is nothing to forge, so another method is told 405."""

    def enforce_csrf(self, request) -> None:
        pass


class Checks(ApiView):
    """Every check in detail, for whoever is signed in or sends a token that reads."""

    authentication_classes = [TokenAuthentication, ReadingSession]

    @reads("checks_read", "Every check, with evidence and remedy", ChecksOutput)
    def get(self, request):
        self.read()
        found = readiness()
        rows = [vars(finding) | {"age": round(found.age, 3), "cost": round(finding.cost, 3)} for finding in found.findings]
        return Response(
            {"status": found.status, "as_of": found.at, "age": round(found.age, 3), "checks": rows}, headers={"Cache-Control": "no-store"}
        )


class GateView(ApiView):
    @reads("gate_read", "May this plan be rolled out to this environment, now?", GateOutput, parameters=ASKED, refusals=(404,))
    def get(self, request):
        given = {name: values[0] for name, values in request.query_params.lists() if "\x00" not in "".join(values)}
        environment = self._environment(given)
        wanted, wrong = _wanted(given)
        plan, among = self._plan(wanted, environment) if wanted else (None, None)
        missing = [] if "environment" in given else [Reason("required", "Name the environment.", status=400, parameter="environment")]
        self.read(*PARAMETERS, scopes=("gate", "read"), wrong=(*wrong, *missing, *_subject_reasons(given)))
        found = gate(plan, environment, subject=given.get("subject"), among=among)
        return Response(found.as_json(), headers={"Cache-Control": "no-store"})

    def _plan(self, wanted: dict, environment: Environment | None) -> tuple[CoveragePlan, QuerySet | None]:
        """The plan that is meant, and the requests that may answer: all for who sees the plan, else those that the actor sees."""
        if "pk" in wanted and (member := plan_of_member(self.actor, wanted["pk"])):
            return member, None
        # The plain question first, which most callers need alone. Unique lookups: to ask for the first would only cost an ordering.
        for narrowed in (of_own_partners, seen_by):
            for seen in narrowed(self.actor, CoveragePlan.objects.filter(**wanted)):
                return seen, None
        asked = {f"plan__{name}": value for name, value in wanted.items()} | ({"environment": environment} if environment else {})
        among = visible_requests(self.actor).filter(**asked)
        through = among.first()
        if through is None:
            raise not_found("plan")
        return through.plan, among

    def _environment(self, given: dict) -> Environment | None:
        """The one that is named; None when none is, which is said with everything else that is wrong."""
        found = _environments.first(given.get("environment"))
        if found is None and "environment" in given:
            raise not_found("environment")
        return found


def _wanted(given: dict) -> tuple[dict, list[Reason]]:
    """Which plan is asked about, and what is wrong with how it is named."""
    if "plan" in given and not given.keys() & {"partner", "external_reference"}:
        try:
            return {"pk": id_of(given["plan"])}, []
        except ValueError as error:
            return {}, [wrong_parameter("plan", str(error))]
    if "plan" not in given and {"partner", "external_reference"} <= given.keys():
        return {"partner__slug": given["partner"], "external_reference": given["external_reference"]}, []
    return {}, [Reason("required", "Name the plan: plan, or partner and external_reference.", status=400, parameter="plan")]


def _subject_reasons(given: dict) -> list[Reason]:
    algorithm, _, value = given.get("subject", "sha256:none").partition(":")
    return [] if algorithm in ("sha256", "gitCommit") and value else [wrong_parameter("subject", SUBJECT_HINT)]

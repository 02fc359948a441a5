"""The API of both answers: every check, and the gate."""

from django.db.models import QuerySet
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response

from access.api import ApiView
from access.tokens import TokenAuthentication
from config.api import invalid, parameters
from config.refusals import Reason, Refused, not_found
from drafts.coverage import seen_by
from drafts.models import CoveragePlan
from readiness.gate import gate, readiness
from reviews.api import plan_parameter
from reviews.models import Environment
from reviews.rights import visible_requests

SUBJECT_HINT = "subject is sha256:… or gitCommit:…, the digest of what is to be rolled out."


class Checks(ApiView):
    """Every check in detail, for whoever is signed in or sends a token."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]

    def get(self, request):
        if request.auth is not None:
            self.demand("read", "gate")
        parameters(request)
        found = readiness()
        rows = [vars(finding) | {"age": round(found.age, 3), "cost": round(finding.cost, 3)} for finding in found.findings]
        return Response(
            {"status": found.status, "as_of": found.at, "age": round(found.age, 3), "checks": rows}, headers={"Cache-Control": "no-store"}
        )


class GateView(ApiView):
    def get(self, request):
        self.demand("gate", "read")
        given = parameters(request, "plan", "partner", "external_reference", "environment", "subject")
        if "\x00" in "".join(given.values()):
            raise invalid("null_character", "A parameter holds a null character.")
        wanted, environment = _wanted(given), self._environment(given)
        plan, among = self._plan(wanted, environment)
        found = gate(plan, environment, subject=_subject(given), among=among)
        return Response(found.as_json(), headers={"Cache-Control": "no-store"})

    def _plan(self, wanted: dict, environment: Environment) -> tuple[CoveragePlan, QuerySet | None]:
        """The plan that is meant, and the requests that may answer: all for who sees the plan, else those that the actor sees."""
        # Unique lookups: to ask for the first of one would only cost an ordering.
        seen = next(iter(seen_by(self.actor, CoveragePlan.objects.filter(**wanted))), None)
        if seen is not None:
            return seen, None
        asked = {f"plan__{name}": value for name, value in wanted.items()}
        among = visible_requests(self.actor).filter(**asked, environment=environment)
        through = among.first()
        if through is None:
            raise not_found("plan")
        return through.plan, among

    def _environment(self, given: dict) -> Environment:
        if "environment" not in given:
            raise invalid("required", "Name the environment.")
        found = next(iter(Environment.objects.filter(slug=given["environment"])), None)
        if found is None:
            raise not_found("environment")
        return found


def _wanted(given: dict) -> dict:
    if "plan" in given and not given.keys() & {"partner", "external_reference"}:
        return {"pk": plan_parameter(given["plan"])}
    if "plan" not in given and {"partner", "external_reference"} <= given.keys():
        return {"partner__slug": given["partner"], "external_reference": given["external_reference"]}
    raise Refused(Reason("required", "Name the plan: plan, or partner and external_reference.", status=400))


def _subject(given: dict) -> str | None:
    if "subject" not in given:
        return None
    algorithm, _, value = given["subject"].partition(":")
    if algorithm not in ("sha256", "gitCommit") or not value:
        raise invalid("invalid", SUBJECT_HINT)
    return given["subject"]

"""The two answers: is this installation ready, and may this rollout proceed. Reads only; every channel renders the same values."""

import json
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.db.models import Case, QuerySet, Value, When
from django.db.models.functions import Now

from config.prepared import Prepared
from config.refusals import Reason, reasons_of
from drafts.coverage import owner_names
from drafts.models import CoveragePlan
from readiness import checks, probes, role_checks
from readiness.registry import ISOLATION, Finding, Result, Situation
from readiness.trespass import try_to_enter
from receipts.canonical import canonical_bytes, commitment_id, sha256_hex
from receipts.keys import is_revoked, published_keys
from receipts.models import Receipt
from receipts.verify import NotVerifiable, Report, verify
from reviews import confirmations, explain, onward, packet
from reviews.models import Decision, DeploymentReviewRequest, Environment, Packet, State
from reviews.onward import Onward
from reviews.record import database_now

RANK = Case(When(state_now=State.APPROVED, then=Value(0)), When(state_now__in=explain.ENDED, then=Value(2)), default=Value(1))
READY, BLOCKED, UNKNOWN = "ready_for_review", "blocked", "unknown"
OPERATOR = "an operator"


# --- is this installation ready? ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Readiness:
    """The installation's verdict: `status`, the findings it rests on, and when they were looked up."""

    status: str
    findings: tuple[Finding, ...]
    answer: dict
    at: datetime
    age: float

    @property
    def blocking(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.result == Result.BLOCK]

    @property
    def unanswered(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.result == Result.UNKNOWN]


def readiness(*, production_like: bool | None = None, entering: bool = False) -> Readiness:
    """Judge the latest facts. `production_like` True judges as for production, whatever this installation is.

    `entering`: also try the draft store's credentials at the primary, as deploy checks do.
    """
    installation, facts = settings.INSTALLATION, probes.latest()
    if entering:
        facts = replace(facts, trespass=replace(facts.trespass, entered=try_to_enter()))
    strict = installation.production_like if production_like is None else production_like
    situation = Situation(installation, facts, settings.DEBUG, strict, _web(), settings.SERVES)
    if not _judged or _judged[0][0] != situation:
        _judged[:] = [(situation, _judge(situation))]
    return replace(_judged[0][1], age=facts.age)


# The last situation and its verdict: facts are shared for a second, and so is what follows from them.
_judged: list[tuple[Situation, Readiness]] = []


def _judge(situation: Situation) -> Readiness:
    installation, facts = situation.installation, situation.facts
    findings = checks.judge(situation)
    status = _status(findings)
    return Readiness(status, tuple(findings), _answer(installation, facts, findings, status), facts.at, facts.age)


def _web() -> tuple[tuple[str, bool], ...]:
    return (
        ("session cookie", settings.SESSION_COOKIE_SECURE and settings.SESSION_COOKIE_HTTPONLY),
        ("CSRF cookie", settings.CSRF_COOKIE_SECURE),
        ("HSTS", settings.SECURE_HSTS_SECONDS > 0),
        ("hosts", "*" not in settings.ALLOWED_HOSTS),
    )


def json_text(found: Readiness) -> str:
    """The readiness JSON as it is served and shown."""
    return json.dumps(found.answer, indent=2, sort_keys=True) + "\n"


def _status(findings: list[Finding]) -> str:
    results = {finding.result for finding in findings}
    return BLOCKED if Result.BLOCK in results else UNKNOWN if Result.UNKNOWN in results else READY


def isolation(installation, facts) -> str:
    """`dedicated`: both were asked and differ; `shared`; `unavailable`: either is silent."""
    if facts.primary is None or facts.store is None:
        return "unavailable"
    return "shared" if installation.shared or facts.primary.identity == facts.store.identity else "dedicated"


def _answer(installation, facts, findings: list[Finding], status: str) -> dict:
    """The readiness JSON, with exactly these keys."""
    store = isolation(installation, facts)
    blocked = any(finding.area == ISOLATION and finding.result in (Result.BLOCK, Result.UNKNOWN) for finding in findings)
    required = installation.require_self_service or not installation.production_like
    passes = store == "dedicated" and installation.primary_configured and installation.self_service_configured and not blocked and required
    return {
        "draft_store_isolation": store,
        "environment": installation.environment,
        "launch_gate": {
            "passes_enterprise_db_gate": passes,
            "recommended_require_flag": installation.production_like,
            "requires_self_service_database_url": installation.require_self_service or installation.production_like,
        },
        "local_production_db_override_enabled": installation.override_enabled,
        "primary_database_url_configured": installation.primary_configured,
        "production_like": installation.production_like,
        "production_write_from_self_service": role_checks.writes(installation, facts),
        "require_self_service_database_url": installation.require_self_service,
        "self_service_database_url_configured": installation.self_service_configured,
        "status": status,
    }


# --- may this rollout proceed? ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gate:
    """The answer for one plan and environment. `receipt`: the inner signed object; `blockers`: every reason it is shut.

    `onward`: what has moved on since the packet was frozen.
    """

    may_launch: bool
    verdict: str | None
    conditions: list[str]
    blockers: list[Reason]
    receipt: dict | None
    request: str | None
    expires_at: datetime | None
    onward: Onward = Onward()

    def as_json(self) -> dict:
        blockers = [{"code": reason.code, "detail": reason.detail, "clear_by": reason.clear_by or OPERATOR} for reason in self.blockers]
        answer = {**vars(self), **vars(self.onward), "blockers": blockers}
        del answer["onward"]
        return answer


def _newest(requests: QuerySet) -> QuerySet:
    return onward.annotated(requests.annotate(now=Now())).select_related("decision", "policy").order_by("-created_at")


# Asked for by itself, because it is what a pipeline asks about, and a plain question costs half of one with ranks.
_approved = Prepared(
    lambda plan_id, environment_id: _newest(
        DeploymentReviewRequest.objects.filter(plan_id=plan_id, environment_id=environment_id, state=State.APPROVED, expires_at__gt=Now())
    )[:1],
    uuid.UUID,
    uuid.UUID,
)
_receipts = Prepared(lambda request_id: Receipt.objects.filter(request_id=request_id), uuid.UUID)


def deciding_request(plan: CoveragePlan, environment: Environment, among: QuerySet | None = None) -> DeploymentReviewRequest | None:
    """The request that answers, with its decision, policy and `now`: one approved as of now, else one under way, else the newest."""
    found = _approved.first(plan.pk, environment.pk) if among is None else None
    if found is None:
        requests = (DeploymentReviewRequest.objects.all() if among is None else among).filter(plan=plan, environment=environment)
        found = _newest(requests).as_of_now().order_by(RANK, "-created_at").first()
    if found is not None:
        found.plan, found.environment = plan, environment
        if found.policy is not None and found.policy.environment_id == environment.pk:
            found.policy.environment = environment
    return found


def gate(plan: CoveragePlan, environment: Environment, *, subject: str | None = None, among: QuerySet | None = None) -> Gate:
    """May this plan be rolled out to this environment, now? Computed at each call, never stored. `subject`: `sha256:…` or `gitCommit:…`.

    `among`: the requests that may answer, for a caller who does not see all of the plan's.
    """
    blockers = _installation_blockers()
    review_request = deciding_request(plan, environment, among)
    if review_request is None:
        detail = f"No review of this plan was ever requested for {environment.slug}."
        none_yet = Reason("no_review_request", detail, clear_by=owner_names(plan.partner_id))
        frozen = explain.freeze_reasons(environment, None, now=database_now())
        return Gate(False, None, [], [none_yet, *frozen, *blockers], None, None, None)
    now, decision = review_request.now, getattr(review_request, "decision", None)
    receipt = _receipts.first(review_request.pk)
    report = _report(review_request, receipt, now=now)
    signed = report.signed_payload if report and report.signature_valid else None
    frozen, damaged = reasons_of(lambda: packet.newest(review_request))
    found = _request_blockers(review_request, frozen, damaged, receipt, report, subject=subject, now=now) + blockers
    return Gate(
        may_launch=not found,
        verdict=signed["verdict"] if signed else None,
        conditions=decision.conditions if signed and _is_what_was_signed(decision, signed) else [],
        blockers=found,
        receipt=receipt.inner if receipt else None,
        request=str(review_request.pk),
        expires_at=confirmations.moment(signed["expires_at"]) if signed and signed["expires_at"] else review_request.expires_at,
        onward=onward.onward(review_request, frozen[1] if frozen else None),
    )


def _report(review_request: DeploymentReviewRequest, receipt: Receipt | None, *, now: datetime) -> Report | None:
    """What the receipt says once it is verified with the published keys; None where there is none of this very revision."""
    if receipt is None or (receipt.packet_digest, receipt.revision) != (review_request.digest, review_request.revision):
        return None
    try:
        keys = published_keys()
    except NotVerifiable as refusal:
        return Report(reasons=(str(refusal),))
    report = verify(receipt.envelope, keys, issuer=settings.RECEIPT_ISSUER, environment=review_request.environment.slug, now=now)
    if "unknown_kid" in report.reasons and is_revoked(receipt.kid):
        return Report(reasons=("key_revoked",))
    signed = report.signed_payload
    if signed and (signed["request_id"], signed["revision"]) != (str(review_request.pk), review_request.revision):
        return Report(reasons=("request_mismatch",))
    return report


def _is_what_was_signed(decision: Decision | None, signed: dict) -> bool:
    """The row beside the receipt says the same; the conditions are known by their digest only there."""
    if decision is None or decision.verdict != signed["verdict"]:
        return False
    digest = sha256_hex(canonical_bytes(decision.conditions)) if decision.conditions else None
    return digest == signed["conditions_digest"]


def _installation_blockers() -> list[Reason]:
    found = readiness()
    if found.status == READY:
        return []
    if found.status == BLOCKED:
        return [Reason("readiness_blocked", f"{finding.title}: {finding.evidence}", clear_by=OPERATOR) for finding in found.blocking]
    return [Reason("readiness_unknown", f"{finding.title}: {finding.evidence}", clear_by=OPERATOR) for finding in found.unanswered]


def _request_blockers(
    review_request: DeploymentReviewRequest,
    frozen: tuple[Packet, dict] | None,
    damaged: list[Reason],
    receipt: Receipt | None,
    report: Report | None,
    *,
    subject: str | None,
    now: datetime,
) -> list[Reason]:
    if review_request.state_at(now) != State.APPROVED:
        return explain.missing(review_request, now=now) + explain.freeze_reasons(review_request.environment, review_request, now=now)
    if frozen is None:
        return damaged or [packet.DAMAGED]
    found, approved = frozen
    if not _is_what_was_approved(found, approved, review_request, receipt):
        return [Reason("packet_damaged", "The stored packet is not the one that was approved.", clear_by=OPERATOR)]
    plan = review_request.plan
    return [
        *explain.launch_reasons(review_request, approved, now=now),
        *_receipt_blockers(review_request, report),
        *_subject_blockers(approved, plan, subject),
    ]


def _is_what_was_approved(frozen: Packet, approved: dict, review_request: DeploymentReviewRequest, receipt: Receipt | None) -> bool:
    """The stored bytes hash to the digest that was voted on, with their salt to the commitment that was signed, and are about this."""
    try:
        committed = receipt is None or commitment_id(bytes(frozen.salt), bytes(frozen.body)) == receipt.commitment_id
    except ValueError:  # a salt of another length was never ours
        return False
    about = (approved["plan"]["id"], approved["request_id"], approved["environment"], approved["policy"])
    this = (str(review_request.plan_id), str(review_request.pk), review_request.environment.slug, review_request.policy.reference)
    return committed and about == this and review_request.policy.is_intact and packet.is_intact(frozen, review_request.digest)


def _receipt_blockers(review_request: DeploymentReviewRequest, report: Report | None) -> list[Reason]:
    if report is None:
        return [Reason("receipt_missing", "The approval has no receipt of its own.", clear_by=OPERATOR)]
    reasons = list(report.reasons)
    if report.verified and not _is_what_was_signed(getattr(review_request, "decision", None), report.signed_payload):
        reasons.append("decision_mismatch")
    return [_receipt_blocker(word) for word in reasons]


def _receipt_blocker(word: str) -> Reason:
    if word == "key_revoked":
        detail = "The key that signed the receipt was revoked; request a new review, whose receipt another key signs."
        return Reason("key_revoked", detail, clear_by=OPERATOR)
    return Reason("receipt_invalid", f"The receipt does not verify: {word}.", clear_by=OPERATOR)


def _subject_blockers(approved: dict, plan: CoveragePlan, subject: str | None) -> list[Reason]:
    named = packet.subject_words(approved["subject"])
    if named and subject is None:
        return [
            Reason("subject_required", "This approval is for named subjects; say which one is to be rolled out.", clear_by="the caller")
        ]
    if subject is not None and subject not in named:
        owners = owner_names(plan.partner_id)
        return [Reason("subject_mismatch", "What is to be rolled out is not among the approved subjects.", clear_by=owners)]
    return []

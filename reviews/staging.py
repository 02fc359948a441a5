"""Staging validation: what the staging installation signed, checked against what an operator pinned, and whether it counts now."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from access.actors import Actor
from config.databases import STORE
from config.refusals import Reason, recorded, refuse_if
from drafts.coverage import owner_names
from drafts.custody import evidence_link
from receipts import envelope
from receipts.canonical import unb64
from receipts.signing import public_jwk
from receipts.verify import MEANING, STEPS, NotVerifiable, Report, load_keys, parse, verify
from reviews import packet
from reviews.models import DeploymentReviewRequest, Environment, StagingPin, StagingValidation, State
from reviews.organisation import COMMAND_LINE
from reviews.record import database_now, take_turns, write_event
from reviews.rights import operator_reasons

STAGING = "staging"
# A request that has ended needs no validation any more.
TAKEN_IN = (State.DRAFT, State.CHANGES_REQUESTED, State.REVIEW_REQUESTED, State.APPROVED)
TEXT_LIMIT = 64 * 1024
ISSUER_LENGTH = 200
PINNING = "an operator, at the desk or with `manage.py pin_staging`"
# What only a private or secret key has (RFC 7518 section 6, RFC 8037 section 2).
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
NOT_NEEDED = Reason("staging_not_needed", "This review request is for staging itself, so nothing has to be validated there first.")

# What is wrong with the text itself; every other word is about what it says.
FORM = frozenset(STEPS["reading"]) | {"malformed_jwks", "small_order_key"}
WORDS = MEANING | {
    "unknown_kid": "it is signed with a key that is not pinned",
    "signature_invalid": "its signature does not belong to these bytes and the pinned key",
    "issuer_mismatch": "it comes from another issuer than the one that is pinned",
    "environment_mismatch": "it is not for the environment staging",
    "subject_mismatch": "it does not name every subject of this request",
    "subject_public_key_mismatch": "the bundle's own key set holds another key than the pinned one, or none",
    "receipt_revoked": "the signed status beside it says that staging revoked the approval",
    "key_revoked": "the signed status beside it says that the key which signed it was revoked",
    "status_invalid": "the status beside it is not one that a pinned key signed for this issuer",
    "verdict_constrain": "it was approved with conditions, and staging counts only without",
}


# --- what an operator pins --------------------------------------------------------------------------------------------------------


def pin(actor: Actor, *, issuer: str, jwks: bytes, environment: str = "") -> StagingPin:
    """Pin whose receipts count: issuer URL and JWKS (RFC 7517). Of the set only usable public keys are kept; the event comes first.

    `environment`: slug of the one environment whose requests it is for; empty for all. What rules already is not pinned again.
    """
    with recorded(actor, "pin_staging"):
        keys, faults = _public_keys(jwks)
        refuse_if(([] if actor is COMMAND_LINE else operator_reasons(actor)) + _pin_reasons(issuer, environment) + faults)
        said = {"issuer": issuer, "jwks": {"keys": keys}, "environment": environment}
        with transaction.atomic(using=STORE):
            take_turns("pins of staging")
            ruling = current_pin(environment) if environment else StagingPin.objects.order_by("-pk").first()
            if ruling and said == {name: getattr(ruling, name) for name in said}:
                return ruling
            detail = {"issuer": issuer, "kids": [key["kid"] for key in keys], "environment": environment}
            write_event(actor, "pin_staging", None, at=database_now(), detail=detail)
            return StagingPin.objects.create(**said)


def _pin_reasons(issuer: str, environment: str) -> list[Reason]:
    reasons = []
    try:
        evidence_link(issuer)
    except ValidationError:
        reasons.append(Reason("invalid_url", "The issuer is an http:// or https:// address.", pointer="/issuer", status=400))
    if len(issuer) > ISSUER_LENGTH:
        reasons.append(Reason("max_length", f"The issuer has {ISSUER_LENGTH} characters at most.", pointer="/issuer", status=400))
    if environment and not Environment.objects.filter(slug=environment).exists():
        reasons.append(Reason("unknown_environment", "There is no such environment.", pointer="/environment", status=400))
    return reasons


def _public_keys(jwks: bytes) -> tuple[list[dict], list[Reason]]:
    """The usable keys of a JWKS, written anew; or why it cannot be trusted, or that it holds a private key."""
    if len(jwks) > TEXT_LIMIT:
        return [], [Reason("too_large", "A key set is 64 KiB at most.", pointer="/jwks", status=400)]
    try:
        document = parse(jwks)
        keys = load_keys(document)
    except NotVerifiable as refusal:
        # The strict reader says the same word of every JSON text.
        word = "malformed_jwks" if str(refusal) == "malformed_receipt" else str(refusal)
        return [], [Reason(word, f"The key set cannot be pinned: {MEANING[word]}.", pointer="/jwks", status=400)]
    if any(PRIVATE_MEMBERS & entry.keys() for entry in document["keys"] if isinstance(entry, dict)):
        detail = "The key set holds a private key; pin the public set, and tell whoever gave you this."
        return [], [Reason("private_key", detail, pointer="/jwks", status=400)]
    if not keys:
        detail = "The key set holds no Ed25519 key whose kid is its thumbprint."
        return [], [Reason("no_usable_key", detail, pointer="/jwks", status=400)]
    return [public_jwk(key.public_bytes_raw()) for key in keys.values()], []


def current_pin(environment: str) -> StagingPin | None:
    """The newest pin that is for this environment or for all."""
    return StagingPin.objects.filter(environment__in=("", environment)).order_by("-pk").first()


def newest_pins() -> dict[str, StagingPin]:
    """Environment, or nothing for all → its newest pin."""
    newest = StagingPin.objects.values("environment").annotate(newest=Max("pk")).values("newest")
    return {pin.environment: pin for pin in StagingPin.objects.filter(pk__in=newest)}


# --- what an owner hands in -------------------------------------------------------------------------------------------------------


def hand_in_reasons(review_request: DeploymentReviewRequest, text: object, *, now: datetime) -> list[Reason]:
    """Every reason why a text does not validate this request now; empty when it does. Nothing of the text is repeated."""
    return _text_reasons(text) or weigh(review_request, text.encode("utf-8", "replace"), now=now)[1]


def _text_reasons(text: object) -> list[Reason]:
    if not isinstance(text, str) or not text.strip():
        return [Reason("required", "Paste the receipt or bundle of the staging installation.", pointer="/receipt", status=400)]
    if len(text.encode("utf-8", "replace")) > TEXT_LIMIT:
        return [Reason("too_large", "A receipt or bundle is 64 KiB at most.", pointer="/receipt", status=413)]
    return []


def weigh(review_request: DeploymentReviewRequest, document: bytes, *, now: datetime) -> tuple[Report, list[Reason]]:
    """What the verifier found out about a receipt or bundle, and every reason why it does not validate this request at `now`.

    Keys come from the pin alone; those that a bundle brings are held against it. A status that a bundle brings is believed when a pinned
    key signed it.
    """
    pinned, owners = current_pin(review_request.environment.slug), owner_names(review_request.plan.partner_id)
    issuer, jwks = (pinned.issuer, pinned.jwks) if pinned else (None, {"keys": []})
    report = verify(document, jwks, issuer=issuer, environment=STAGING, now=now, accept_conditions=False)
    words = [word for word in report.reasons if pinned or word != "unknown_kid"]
    if _lacks_subjects(review_request, report):
        words.append("subject_mismatch")
    return report, _standing_reasons(review_request, pinned, owners=owners) + [_reason(word, owners=owners) for word in words]


def _lacks_subjects(review_request: DeploymentReviewRequest, report: Report) -> bool:
    if report.signed_payload is None:
        return False
    return not packet.subject_words(review_request.subject) <= packet.subject_words(report.signed_payload["subject"])


def _standing_reasons(review_request: DeploymentReviewRequest, pinned: StagingPin | None, *, owners: str) -> list[Reason]:
    """What stands in the way of any receipt."""
    reasons = []
    if review_request.environment.slug == STAGING:
        reasons.append(NOT_NEEDED)
    if pinned is None:
        detail = "Nobody has said yet whose receipts count as staging's: issuer and keys are not pinned."
        reasons.append(Reason("staging_not_pinned", detail, clear_by=PINNING))
    if not review_request.subject:
        detail = "This review request names no subject, so there is nothing to compare with what staging approved."
        reasons.append(Reason("no_subject", detail, clear_by=owners))
    return reasons


def _reason(word: str, *, owners: str) -> Reason:
    if word in FORM:
        return Reason(word, f"This is no receipt or bundle that can be read: {WORDS[word]}.", pointer="/receipt", status=400)
    clear_by = PINNING if word in ("unknown_kid", "issuer_mismatch") else owners
    return Reason(word, f"The receipt of staging does not count: {WORDS[word]}.", clear_by=clear_by)


def keep(actor: Actor, review_request: DeploymentReviewRequest, text: str, *, now: datetime) -> StagingValidation:
    """Store a receipt that validates the locked request: the signed bytes and who handed them in, nothing else of the text."""
    inner = parse(text.encode())["receipt"]  # in an envelope and in a bundle alike
    payload = unb64(inner["payload_b64"])
    return StagingValidation.objects.create(
        review_request=review_request,
        payload=payload,
        signature=unb64(inner["signature"]),
        kid=inner["kid"],
        payload_sha256=packet.sha256_hex(payload),
        handed_in_by_id=actor.user_id,
        handed_in_by=actor.username,
        handed_in_at=now,
    )


# --- whether it counts now --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """Whether a request is validated in staging, now: True, False, or None where it need not be; `reasons` say why not."""

    met: bool | None
    reasons: list[Reason]
    validation: StagingValidation | None = None
    issuer: str = ""
    expires_at: datetime | None = None


def state(review_request: DeploymentReviewRequest, now: datetime) -> Standing:
    """Computed at each call, never stored: in date by the caller's clock, verified with today's pin, every subject still held."""
    if review_request.environment.slug == STAGING:
        return Standing(None, [NOT_NEEDED])
    newest = review_request.staging_validations.order_by("-pk").first()
    if newest is None:
        return Standing(False, _none_yet_reasons(review_request))
    inner = envelope.inner(bytes(newest.payload), signature=bytes(newest.signature), kid=newest.kid)
    report, reasons = weigh(review_request, json.dumps({"receipt": inner}).encode(), now=now)
    signed = report.signed_payload or {}
    return Standing(not reasons, reasons, newest, signed.get("issuer", ""), _end(signed))


def _none_yet_reasons(review_request: DeploymentReviewRequest) -> list[Reason]:
    owners = owner_names(review_request.plan.partner_id)
    none_yet = Reason("staging_missing", "No receipt of the staging installation has been handed in.", clear_by=owners)
    return [*_standing_reasons(review_request, current_pin(review_request.environment.slug), owners=owners), none_yet]


def _end(signed: dict) -> datetime | None:
    return datetime.fromisoformat(signed["expires_at"]) if signed.get("expires_at") else None

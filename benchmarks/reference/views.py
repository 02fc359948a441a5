"""What the project is measured against, written as plainly as Django allows."""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connections
from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from knox.crypto import hash_token

from access.models import ApiToken
from drafts.models import CoveragePlan
from receipts.models import Receipt, SigningKey
from reviews.models import Decision, DeploymentReviewRequest, Environment, FreezeWindow, Packet

STORE = "self_service"


def bare(request):
    return JsonResponse({"status": "ready_for_review"})


def hand_written(request):
    """The probe that a team writes in an afternoon: each database answers, and one table can be read."""
    for alias in ("default", STORE):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    environments = list(Environment.objects.using(STORE).order_by("slug").values_list("slug", flat=True))
    return JsonResponse({"status": "ok", "environments": environments})


def _actor(request):
    word, _, token = request.headers.get("Authorization", "").partition(" ")
    valid = {"expiry__gt": timezone.now(), "revoked_at__isnull": True, "user__is_active": True}
    tokens = ApiToken.objects.select_related("user").filter(digest=hash_token(token), **valid)
    found = tokens.first() if word == "Token" else None
    return found if found and "gate" in found.scopes else None


def _is_signed(receipt: Receipt) -> bool:
    published = SigningKey.objects.using(STORE).filter(use="receipt_signing", state__in=("next", "active", "retired"))
    keys = {key.kid: key.public_key_b64 for key in published}
    if receipt.kid not in keys:
        return False
    try:
        public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(keys[receipt.kid]))
        public_key.verify(bytes(receipt.signature), bytes(receipt.payload))
    except InvalidSignature:
        return False
    return True


def gate(request):
    """The same token check and rows as /api/v1/gate/; no more is asked than a valid signature over an unchanged packet, and no freeze."""
    if _actor(request) is None:
        return JsonResponse({"detail": "unknown token"}, status=401)
    plan = get_object_or_404(CoveragePlan.objects.using(STORE).select_related("partner"), pk=request.GET["plan"])
    environment = get_object_or_404(Environment.objects.using(STORE), slug=request.GET["environment"])
    requests = DeploymentReviewRequest.objects.using(STORE).filter(plan=plan, environment=environment)
    review_request = requests.select_related("policy").latest("created_at")
    packet = Packet.objects.using(STORE).get(review_request=review_request, revision=review_request.revision)
    decision = Decision.objects.using(STORE).get(pk=review_request.pk)
    receipt = Receipt.objects.using(STORE).get(request_id=review_request.pk)
    intact = hashlib.sha256(bytes(packet.body)).hexdigest() == packet.digest == review_request.digest
    now = timezone.now()
    frozen = [
        each
        for each in FreezeWindow.objects.using(STORE).filter(environment=environment, end=None, ends_at__gt=now)
        if each.starts_at <= now
    ]
    in_date = review_request.state == "approved" and review_request.expires_at > now
    return JsonResponse(
        {
            "may_launch": intact and in_date and not frozen and _is_signed(receipt),
            "verdict": decision.verdict,
            "conditions": decision.conditions,
            "receipt": receipt.inner,
            "request": str(review_request.pk),
            "expires_at": review_request.expires_at,
        }
    )

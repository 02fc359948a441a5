"""What anyone may read about receipts: the protocol in words, and the keys."""

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control

from config.methods import require_safe
from receipts.bundle import offline_keys
from receipts.keys import jwks as key_set
from receipts.verify import GATE_TYPE, MEANING, OBJECT, PROTOCOL, SIG_ALG

JWKS_MEDIA_TYPE = "application/jwk-set+json"
JWKS_SECONDS = 300


@require_safe
def protocol(request):
    facts = {"section": "protocol", "protocol": PROTOCOL, "object": OBJECT, "gate_type": GATE_TYPE, "sig_alg": SIG_ALG, "meaning": MEANING}
    return render(request, "receipts/protocol.html", facts)


@require_safe
@cache_control(public=True, max_age=JWKS_SECONDS)
def jwks(request):
    return JsonResponse(key_set(), content_type=JWKS_MEDIA_TYPE)


@require_safe
@cache_control(public=True, max_age=JWKS_SECONDS)
def offline_bundle(request):
    return JsonResponse(offline_keys())

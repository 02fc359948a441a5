"""The protocol for machines, the verifier to take away, and the page that verifies what somebody pastes. Nothing of it is kept."""

import json
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from config.methods import require_safe
from receipts import verify
from receipts.forms import VerifyForm
from receipts.keys import jwks
from receipts.schema import schema
from receipts.spec import spec
from receipts.verify import MEANING, NOTES, STEP_OF, NotVerifiable, Report, as_dict

SCHEMA_MEDIA_TYPE = "application/schema+json"
SECONDS = 300
VERIFIER = Path(verify.__file__)
SHOWN = ("issuer", "verdict", "environment", "subject", "issued_at", "expires_at", "request_id", "commitment_id")
STEP_WORDS = {
    "reading": "reading what you pasted",
    "keys": "finding a key that you trust",
    "attestation": "the root's word for the key",
    "signature": "the signature",
    "demands": "what the receipt says",
    "status": "the revocation status",
    "log": "the log proof",
}
WHO = {
    "nobody": "No key that you trust is known to have signed this.",
    "pinned": "Signed with a key that you trust; no root vouches for it here.",
    "attested": "Signed with a key that the root you trust vouches for.",
}
STANDING = {
    "revoked": "Revoked at {}.",
    "not_revoked": "Not revoked as of {}.",
    "unknown": "Whether it was revoked is not known from this.",
}
# All words of the page, for its script, which says the same without asking the server.
WORDS = {
    "meaning": {word: {"text": sentence, "step": STEP_OF[word]} for word, sentence in MEANING.items()},
    "notes": NOTES,
    "steps": STEP_WORDS,
    "who": WHO,
    "standing": STANDING,
    "shown": SHOWN,
}


@require_safe
@cache_control(public=True, max_age=SECONDS)
def protocol_spec(request):
    return JsonResponse(spec(settings.RECEIPT_ISSUER), json_dumps_params={"indent": 2})


@require_safe
@cache_control(public=True, max_age=SECONDS)
def protocol_schema(request):
    return JsonResponse(schema(settings.RECEIPT_ISSUER), content_type=SCHEMA_MEDIA_TYPE, json_dumps_params={"indent": 2})


@require_safe
@cache_control(public=True, max_age=SECONDS)
def verifier(request):
    """The one file, as it runs here."""
    headers = {"Content-Disposition": 'attachment; filename="verify.py"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(VERIFIER.read_bytes(), content_type="text/x-python; charset=utf-8", headers=headers)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def verify_page(request):
    """The form; and, for a browser that cannot verify by itself, the result. The text is neither stored nor logged."""
    form = VerifyForm(request.POST if request.method == "POST" else None)
    report = None
    if request.method == "POST" and form.is_valid():
        report = _report(form.cleaned_data["document"].encode("utf-8", "replace"), form.cleaned_data["pinned"])
    facts = {"section": "protocol", "form": form, "result": report and _result(report), **WORDS}
    status = form.status if request.method == "POST" else 200
    return render(request, "receipts/verify.html", facts, status=status)


def _report(document: bytes, pinned: str) -> Report:
    """What the verifier finds, under what was pinned, or under the keys of this installation."""
    if not pinned.strip():
        return verify.verify(document, jwks(), legacy=True, accept_conditions=False)
    try:
        trusted = verify.parse(pinned.encode("utf-8", "replace"), fractions=True)
    except NotVerifiable:
        return Report(reasons=("malformed_jwks",))
    if isinstance(trusted, dict) and "root_key_id" in trusted:
        return verify.verify(document, root=trusted, legacy=True, accept_conditions=False)
    return verify.verify(document, trusted if isinstance(trusted, dict) else {}, legacy=True, accept_conditions=False)


def _result(report: Report) -> dict[str, object]:
    """Three lines for people, and what was signed."""
    said = as_dict(report)
    signed = report.signed_payload or {}
    return {
        "verified": report.verified,
        "failed_step": STEP_WORDS.get(report.failed_step, ""),
        "reasons": [{"word": word, "meaning": MEANING[word]} for word in report.reasons],
        "who": _who(report),
        "standing": _standing(report),
        "signed": [(name, _shown(signed[name])) for name in SHOWN if name in signed],
        "notes": said["notes"],
    }


def _who(report: Report) -> str:
    if not report.signature_valid:
        return WHO["nobody"]
    return WHO["attested" if report.issuer_identity_verified else "pinned"]


def _standing(report: Report) -> str:
    status = report.status
    return STANDING[status.state].format(status.revoked_at if status.state == "revoked" else status.as_of)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

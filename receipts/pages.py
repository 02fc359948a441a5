"""The protocol for machines, the verifier to take away, and the page that verifies what somebody pastes. Nothing of it is kept."""

import json
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
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
    "reading": gettext_noop("reading what you pasted"),
    "keys": gettext_noop("finding a key that you trust"),
    "attestation": gettext_noop("the root's word for the key"),
    "signature": gettext_noop("the signature"),
    "demands": gettext_noop("what the receipt says"),
    "status": gettext_noop("the revocation status"),
    "log": gettext_noop("the log proof"),
}
WHO = {
    "nobody": gettext_noop("No key that you trust is known to have signed this."),
    "pinned": gettext_noop("Signed with a key that you trust; no root vouches for it here."),
    "attested": gettext_noop("Signed with a key that the root you trust vouches for."),
}
STANDING = {
    "revoked": gettext_noop("Revoked at {}."),
    "not_revoked": gettext_noop("Not revoked as of {}."),
    "unknown": gettext_noop("Whether it was revoked is not known from this."),
}
# All words of the page, for its script, which says the same without asking the server. Those of the verifier stay as it says them.
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
    facts = {"section": "protocol", "form": form, "result": report and _result(report), **WORDS, **_translated()}
    status = form.status if request.method == "POST" else 200
    return render(request, "receipts/verify.html", facts, status=status)


def _translated() -> dict[str, dict[str, str]]:
    return {name: {word: _(sentence) for word, sentence in WORDS[name].items()} for name in ("steps", "who", "standing")}


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
        "failed_step": _(STEP_WORDS[report.failed_step]) if report.failed_step else "",
        "reasons": [{"word": word, "meaning": MEANING[word]} for word in report.reasons],
        "who": _who(report),
        "standing": _standing(report),
        "signed": [(name, _shown(signed[name])) for name in SHOWN if name in signed],
        "notes": said["notes"],
    }


def _who(report: Report) -> str:
    if not report.signature_valid:
        return _(WHO["nobody"])
    return _(WHO["attested" if report.issuer_identity_verified else "pinned"])


def _standing(report: Report) -> str:
    status = report.status
    return _(STANDING[status.state]).format(status.revoked_at if status.state == "revoked" else status.as_of)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""The verifier never raises, whatever stands where, signed or not; and what it says is always a word of its own."""

import json

import pytest

from receipts.verify import MEANING, Report, as_dict, in_words, verify
from tests.receipts.bundles import ROOT, offline
from tests.receipts.odd import ODD, documents, variations
from tests.receipts.samples import JWKS, NOW, payload, sealed

DEMANDS = {"issuer": "x", "environment": "x", "subject": "sha256:x", "require_log": True, "require_status": True}
ALL = list(documents())


def said_of(document: object, **trust) -> Report:
    found = verify(document, now=NOW, **trust)
    assert set(found.reasons) <= set(MEANING)
    assert found.verified == (found.reasons == ())
    assert json.dumps(as_dict(found))
    assert in_words(found)
    return found


@pytest.mark.parametrize("trust", [{"root": ROOT}, {"jwks": JWKS}, {"jwks": offline()}], ids=["root", "keys", "offline"])
@pytest.mark.parametrize("legacy", [False, True])
def test_an_odd_value_anywhere_is_answered_with_a_word(trust, legacy):
    assert len(ALL) > 1500
    for document in ALL:
        said_of(document, legacy=legacy, **trust, **DEMANDS)


def test_an_odd_value_in_what_is_pinned_is_answered_with_a_word():
    receipt = sealed(payload())
    for odd in ODD:
        said_of(receipt, jwks=odd if odd is not None else {})
        said_of(receipt, root=odd if odd is not None else {})
        said_of(receipt, jwks=JWKS, log_key=odd)
    for pinned in variations(offline()):
        said_of(receipt, jwks=pinned)
    for pinned in variations(ROOT):
        said_of(receipt, root=pinned)

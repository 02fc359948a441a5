"""Receipts and bundles with one value replaced by something odd, at every place, also under signatures that hold."""

import copy
import json
from collections.abc import Iterator

from receipts.canonical import canonical_bytes, unb64
from tests.receipts.bundles import attestation, attested, bundle, digest_of, entry, log, signed_inner, status
from tests.receipts.samples import payload, sealed

ODD = (None, True, 0, -1, 10**15 - 1, "", "\u0000", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", [], [None], {}, {"a": 1})


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """The path to every value inside, the outermost left out."""
    for name, inside in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, name)
        yield from places(inside, (*path, name))


def replaced(value: object, path: tuple, odd: object) -> object:
    changed = copy.deepcopy(value)
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = odd
    return changed


def variations(value: object) -> Iterator[object]:
    for path in places(value):
        for odd in ODD:
            yield replaced(value, path, odd)


def documents() -> Iterator[dict]:
    """Odd around the signatures, then odd under each of them."""
    whole = bundle(status=status(revoked=[entry("00" * 32)], revoked_keys=[{"kid": "k", "revoked_at": "2026-11-23T00:00:00Z"}]))
    yield from variations(whole)
    yield from variations(sealed(payload()))
    for made in variations(payload()):
        receipt = sealed(canonical_bytes(made))["receipt"]
        yield {"receipt": receipt}
        yield bundle(receipt=receipt, log=log(receipt))
    for made in variations(json.loads(unb64(attestation()["payload_b64"]))):
        yield bundle(attestation=attested(made))
    for made in variations(json.loads(unb64(whole["status"]["payload_b64"]))):
        yield bundle(status=signed_inner(canonical_bytes(made)))
    receipt = bundle()["receipt"]
    for made in variations(json.loads(unb64(whole["log"]["leaf_b64"]))):
        yield bundle(log=log(receipt, leaf=made))
    listed = status(revoked=[entry(digest_of(receipt))])
    yield bundle(status=listed)

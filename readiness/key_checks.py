"""The checks of the signing key: whether it signs, whether it is one that anybody could have, whether its time is now."""

from datetime import timedelta

from config.serving import ALL, REVIEW, SELF_SERVICE
from readiness.looks import KeyRows
from readiness.registry import MIGRATE, VERIFICATION, Outcome, Result, Situation, block_when_production_like, check, ok, silent
from receipts.signing import SAMPLE_KIDS

ATTESTED_DAYS = 30
# State of this process's key, when it is not the active one → how bad that is, what was seen, and what to do. A process with a key
# before or after its time is like one without: it cannot approve and judges receipts by the published keys, so a rotation shuts no gate.
# A revoked key is one that may be in other hands.
OUT_OF_TIME = {
    "next": (
        Result.WARN,
        "is registered as the next one and not in force yet; it cannot approve",
        "Run `manage.py keys rotate`, or give this process the key in force.",
    ),
    "retired": (
        Result.WARN,
        "is retired and signs no more; it cannot approve",
        "Give this process the key in force; `manage.py keys list` names it.",
    ),
    "revoked": (
        Result.BLOCK,
        "is revoked",
        "Give this process the key in force, and find out who else has the revoked one; `manage.py keys list` says why.",
    ),
}


@check(10, "Receipts can be signed, and verify with the published keys", VERIFICATION)
def signing_key(situation: Situation) -> Outcome:
    key, store = situation.facts.key, situation.facts.store
    make = "Run `manage.py keys create`, or set RECEIPT_SIGNING_KEY_FILE to a readable key and run it again."
    if store is None:
        return silent("draft store")
    if key is None:
        return Result.BLOCK, "The published keys are not there yet.", MIGRATE
    if situation.serves != ALL and (key.state == "absent") != (situation.serves == SELF_SERVICE):
        return _misplaced(situation.serves)
    if key.state == "ok":
        return ok("A fresh signature of this process verified with the published key that is in force.")
    if key.state == "absent" and situation.serves == SELF_SERVICE and store.rows["jwks"]["keys"]:
        return ok("This process serves self-service and holds no signing key, as it should; receipts verify with the published keys.")
    if key.state == "absent" and store.rows["jwks"]["keys"]:
        evidence = "This process holds no signing key; receipts of others verify with the published keys. It cannot approve."
        return Result.WARN, evidence, "Decide in a process that holds the key, or give this one RECEIPT_SIGNING_KEY_FILE."
    if key.state == "not_in_force":
        return Result.WARN, f"{key.words} It cannot approve.", "Give it the key that is in force; `manage.py keys list` names it."
    return Result.BLOCK, key.words, make


def _misplaced(serves: str) -> Outcome:
    if serves == REVIEW:
        remedy = "Give this process RECEIPT_SIGNING_KEY_FILE, or set READINESS_SERVES to self-service."
        return Result.BLOCK, "This process serves the desk and holds no signing key, so nothing can be approved in it.", remedy
    remedy = "Take the key away from this process; only the one that serves the desk needs it."
    return Result.BLOCK, "This process serves self-service and has a signing key, which belongs to the process of the desk.", remedy


@check(20, "The signing key is no published sample", VERIFICATION)
def sample_key(situation: Situation) -> Outcome:
    """A key from an RFC, a fixture or a document signs as well as any other, for everybody who has read it."""
    key, store = situation.facts.key, situation.facts.store
    if store is None:
        return silent("draft store")
    if key is None:
        return Result.UNKNOWN, "The keys cannot be asked while the schema is incomplete.", MIGRATE
    if key.state == "sample" or key.kid in SAMPLE_KIDS:
        remedy = "Run `manage.py keys create` and `manage.py keys rotate` for a key of your own, then `manage.py keys revoke` for this."
        return block_when_production_like(situation, "The signing key of this process is a published sample that everybody knows.", remedy)
    if SAMPLE_KIDS.intersection(entry["kid"] for entry in store.rows["jwks"]["keys"]):
        evidence = "A published sample key stands in the key set, so anybody can sign receipts that verify."
        return block_when_production_like(situation, evidence, "Run `manage.py keys revoke` for it; `manage.py keys list` shows all.")
    return ok("Neither this process's key nor any in the key set is one that was published as a sample.")


def _keys_in_force(situation: Situation) -> KeyRows | Outcome:
    """What the rows say of the keys, where exactly one is in force; else the outcome."""
    store = situation.facts.store
    if store is None:
        return silent("draft store")
    if situation.facts.key is None:
        return Result.UNKNOWN, "The keys cannot be asked while the schema is incomplete.", MIGRATE
    keys = store.rows["keys"]
    if len(keys.in_force) == 1:
        return keys
    evidence = f"{len(keys.in_force)} keys are in force, where it has to be one." if keys.in_force else "No key is in force."
    return Result.BLOCK, evidence, "Run `manage.py keys list`, then `manage.py keys create` or `manage.py keys rotate`."


@check(21, "The signing key's time is now", VERIFICATION)
def key_window(situation: Situation) -> Outcome:
    keys, key = _keys_in_force(situation), situation.facts.key
    if not isinstance(keys, KeyRows):
        return keys
    if key.state == "absent":
        return ok("One key is in force, and this process holds none.")
    if keys.in_force == [key.kid]:
        return ok("One key is in force, and it is this process's.")
    if key.kid not in keys.states:
        return Result.BLOCK, "The key of this process cannot be read or is not registered.", "Run `manage.py keys create`."
    result, seen, remedy = OUT_OF_TIME[keys.states[key.kid]]
    return result, f"The signing key of this process {seen}.", remedy


@check(22, "An offline root vouches for the key in force", VERIFICATION)
def key_attested(situation: Situation) -> Outcome:
    keys = _keys_in_force(situation)
    if not isinstance(keys, KeyRows):
        return keys
    until, at = keys.attested_until, situation.facts.at
    attest = "Run `manage.py keys attest` with the root's file, on a machine that is seldom on."
    if until is None:
        return Result.WARN, "No root vouches for the key in force, so a verifier has to trust the key set that it was given.", attest
    if until <= at:
        return Result.WARN, "The root's word on the key in force has ended.", attest
    if until - at < timedelta(days=ATTESTED_DAYS):
        return Result.WARN, f"The root's word on the key in force ends within {ATTESTED_DAYS} days.", attest
    return ok(f"A root vouches for the key in force, for more than {ATTESTED_DAYS} days to come.")

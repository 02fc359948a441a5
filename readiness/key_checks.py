"""The checks of the signing key: whether it signs, whether it is one that anybody could have, whether its time is now."""

from readiness.registry import MIGRATE, VERIFICATION, Outcome, Result, Situation, check, ok, silent


@check(10, "Receipts can be signed, and verify with the published keys", VERIFICATION)
def signing_key(situation: Situation) -> Outcome:
    key, store = situation.facts.key, situation.facts.store
    make = "Run `manage.py keys create`, or set RECEIPT_SIGNING_KEY_FILE to a readable key and run it again."
    if store is None:
        return silent("draft store")
    if key is None:
        return Result.BLOCK, "The published keys are not there yet.", MIGRATE
    if key.state == "ok":
        return ok("A fresh signature of this process verified with the published key that is in force.")
    if key.state == "absent" and store.rows["jwks"]["keys"]:
        evidence = "This process holds no signing key; receipts of others verify with the published keys. It cannot approve."
        return Result.WARN, evidence, "Decide in a process that holds the key, or give this one RECEIPT_SIGNING_KEY_FILE."
    if key.state == "not_in_force":
        return Result.WARN, f"{key.words} It cannot approve.", "Give it the key that is in force; `manage.py keys list` names it."
    return Result.BLOCK, key.words, make

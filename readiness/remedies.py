"""What to do about each mismatch that `manage.py reconcile` can find. Nothing repairs the record: it is evidence."""

TAMPERED = (
    "Somebody who owns the database changed the record. Keep a copy of the database as it is, find out who used the owner's role, and "
    "restore the draft store from the newest backup that agrees."
)
LOST = (
    "Rows of the record are gone: a partial restore, or a delete by the database's owner. Restore the whole draft store from one backup; "
    "never single tables."
)
OLDER_STORE = (
    "The draft store is older than what is known outside. Look for a newer backup; what was decided since is in receipts alone, so ask for "
    "new reviews of it, and tell who verifies that the log went back."
)
OLDER_PRIMARY = (
    "The primary is older than the draft store. Look for a newer backup; before anybody new is made, move its ids past those that the "
    "record names: SELECT setval(pg_get_serial_sequence('access_user', 'id'), HIGHEST)."
)
SIGN = "Run `manage.py sign_pending` where the signing key is; if it stays, restore the draft store from the newest backup that agrees."
GROUPS = (
    "Decide which is right. If the primary was restored, or a change did not get through after its event, say it again with `manage.py "
    "set_person --group` or `--ungroup`; if nobody here did it, take the group away at once: it may vote."
)
MEMBERSHIP = "Decide which is right, and say it again with `manage.py set_person --partner`."
GIVEN_AGAIN = (
    "Two people share an id in the record. Switch the newer account off, make that person another, and keep a note: what the record says "
    "from before is the other one's."
)
GONE = "End what they hold: `manage.py set_person --partner SLUG:none` needs the account, so restore it first, or withdraw the request."
RESTORED_TOKENS = (
    "The primary was restored from before this token was made, so tokens revoked since then work again. Run "
    "`manage.py revoke_token --user` for everybody, and let them make new ones."
)
RECOUNT = (
    "Any verb on the plan sets its states anew, `recall` or `withdraw` of its request among them. Find out who wrote to the table by hand."
)
UNREADABLE_KEY = "Pin the right checkpoint, or restore the keys' table: no key of this log signed that text."

REMEDIES: dict[str, str] = {
    # the chain of events
    "event_missing": LOST,
    "chain_broken": TAMPERED,
    "event_edited": TAMPERED,
    "last_events_differ": LOST,
    "states_differ": TAMPERED,
    "version_differs": TAMPERED,
    "record_unreadable": TAMPERED,
    # packets
    "packets_differ": TAMPERED,
    "packet_edited": TAMPERED,
    "packet_unreadable": TAMPERED,
    "packet_of_another": TAMPERED,
    "sections_differ": TAMPERED,
    "policy_differs": TAMPERED,
    "moves_differ": TAMPERED,
    # votes and decisions
    "votes_differ": TAMPERED,
    "vote_on_another": TAMPERED,
    "votes_too_few": TAMPERED,
    "decision_differs": TAMPERED,
    # receipts
    "receipt_missing": LOST,
    "receipt_differs": TAMPERED,
    "receipt_edited": TAMPERED,
    "request_missing": LOST,
    # the log
    "leaf_missing": LOST,
    "leaf_differs": TAMPERED,
    "leaf_edited": TAMPERED,
    "leaf_unreadable": TAMPERED,
    "node_edited": TAMPERED,
    "node_stray": TAMPERED,
    "head_differs": TAMPERED,
    "history_differs": TAMPERED,
    "decision_not_logged": LOST,
    "receipt_not_logged": LOST,
    "key_differs": TAMPERED,
    "checkpoint_invalid": UNREADABLE_KEY,
    "checkpoint_differs": TAMPERED,
    "checkpoint_ahead": OLDER_STORE,
    # what is revoked
    "revocation_missing": SIGN,
    "revocation_stray": TAMPERED,
    "successor_differs": TAMPERED,
    "receipt_of_revoked_key": TAMPERED,
    "status_differs": TAMPERED,
    "status_edited": TAMPERED,
    "status_unreadable": TAMPERED,
    "status_lists_unknown": OLDER_STORE,
    # plans
    "plan_state_differs": RECOUNT,
    "move_state_differs": RECOUNT,
    "moves_missing": LOST,
    "partner_differs": TAMPERED,
    # people
    "user_id_ahead": OLDER_PRIMARY,
    "user_id_given_again": GIVEN_AGAIN,
    "user_gone": GONE,
    "token_unknown": RESTORED_TOKENS,
    "token_differs": TAMPERED,
    "groups_differ": GROUPS,
    "membership_differs": MEMBERSHIP,
}

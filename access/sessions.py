"""When somebody signed in, as their session knows it: written by the server at sign-in, by the primary's clock, and never by a client."""

from datetime import datetime

from config.clock import database_now
from config.databases import PRIMARY

SIGNED_IN_AT = "signed_in_at"


def mark_signed_in(session) -> None:
    """Under a new key, also for somebody who was signed in already, which stock sign-in leaves as it is."""
    session.cycle_key()
    session[SIGNED_IN_AT] = database_now(PRIMARY).isoformat()


def signed_in_at(session) -> datetime | None:
    """None for a session that does not say; whoever asks for a fresh one takes that for too old."""
    try:
        return datetime.fromisoformat(session.get(SIGNED_IN_AT, ""))
    except (TypeError, ValueError):
        return None

"""When and how somebody signed in, as their session knows it: written by the server at sign-in, and never by a client."""

from datetime import datetime

from config.clock import database_now
from config.databases import PRIMARY

# By the primary's clock; when a code of a second factor was right, as epoch seconds, and of which app.
SIGNED_IN_AT, VERIFIED_AT, APP = "signed_in_at", "second_factor_at", "second_factor_app"


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


def app_of(session) -> int | None:
    """Id of the app by whose code this session was opened; whether that is still in use is asked with the rights (people.voters)."""
    app = session.get(APP)
    return app if isinstance(app, int) and VERIFIED_AT in session else None

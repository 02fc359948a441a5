"""Sessions: when and how somebody signed in, never by a client's word; and until when they may stay, idle and at most."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as RowStore
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from config.clock import database_now
from config.databases import PRIMARY

# By the primary's clock; when a code of a second factor was right, as epoch seconds, and of which app.
SIGNED_IN_AT, VERIFIED_AT, APP = "signed_in_at", "second_factor_at", "second_factor_app"
# How far a session's row may lag behind its use, so that most requests write nothing.
NOTED = timedelta(minutes=1)


class SessionStore(RowStore):
    """A row ends when it was not used for a while, and in any case some hours after the sign-in. SESSION_ENGINE names this module.

    Use moves the end of the row and nothing else, so that it cannot write over what another request put into the session.
    """

    def get_expiry_date(self, **kwargs) -> datetime:
        return _end(self._session)

    def _get_session_from_db(self):
        row = super()._get_session_from_db()
        if row and row.expire_date < timezone.now() + settings.SESSION_IDLE - NOTED:
            self._prolong(row)
        return row

    def _prolong(self, row) -> None:
        """Of somebody who is signed in; a sign-in that is half done is not held open."""
        said = self.decode(row.session_data)
        until = _end(said)
        if SIGNED_IN_AT not in said or until - row.expire_date < NOTED:
            return
        try:
            self.model.objects.filter(pk=row.pk, expire_date__lt=until).update(expire_date=until)
        except (DatabaseError, InterfaceError):
            # A primary that takes no writes lets people read until the end that stands there.
            return


def _end(said) -> datetime:
    now = timezone.now()
    return min(now + settings.SESSION_IDLE, (signed_in_at(said) or now) + timedelta(seconds=settings.SESSION_COOKIE_AGE))


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

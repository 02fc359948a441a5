"""Which database holds which table. Draft, review and receipt tables, and the history of verdicts, live in the draft store alone."""

from config.databases import PRIMARY, STORE

PINNED_APPS = frozenset({"drafts", "reviews", "receipts", "readiness"})


def home_of(app_label: str) -> str:
    """The alias that holds an app's tables."""
    return STORE if app_label in PINNED_APPS else PRIMARY


class StoreRouter:
    def db_for_read(self, model, **hints) -> str:
        return home_of(model._meta.app_label)

    def db_for_write(self, model, **hints) -> str:
        return home_of(model._meta.app_label)

    def allow_relation(self, one, other, **hints) -> bool:
        return home_of(one._meta.app_label) == home_of(other._meta.app_label)

    def allow_migrate(self, db, app_label, **hints) -> bool:
        return home_of(app_label) == db

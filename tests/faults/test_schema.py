"""Code and schema of different releases, each side apart: readiness says so, calls are refused in words, and none is a 500."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.faults.installation import Installation, problem, until
from tests.faults.test_away import PLAN


@dataclass(frozen=True)
class Drift:
    """How a side comes to be of another release, and back. `there` and `back`: SQL; `evidence`: what the page says of it."""

    side: str
    check: str
    there: tuple[str, ...]
    back: tuple[str, ...]
    evidence: str


def behind(side: str, check: str, *, app: str, migration: str, table: str, column: str) -> Drift:
    """The newest migration is not applied, and what it would have made is not there."""
    return Drift(
        side,
        check,
        (
            f"DELETE FROM django_migrations WHERE app = '{app}' AND name = '{migration}'",
            f"ALTER TABLE {table} RENAME COLUMN {column} TO not_made_yet",
        ),
        (
            f"INSERT INTO django_migrations (app, name, applied) VALUES ('{app}', '{migration}', now())",
            f"ALTER TABLE {table} RENAME COLUMN not_made_yet TO {column}",
        ),
        "Migrations pending: 1",
    )


def ahead(side: str, check: str, *, app: str, there: str, back: str) -> Drift:
    """A migration that this code does not know is applied, and has made its change."""
    return Drift(
        side,
        check,
        (f"INSERT INTO django_migrations (app, name, applied) VALUES ('{app}', '9999_next', now())", *there.split("; ")),
        (f"DELETE FROM django_migrations WHERE app = '{app}' AND name = '9999_next'", *back.split("; ")),
        "ahead of this code by 1",
    )


DRIFTS = {
    "primary_behind": behind("primary", "primary_schema", app="access", migration="0001_initial", table="access_apitoken", column="scopes"),
    "primary_ahead": ahead(
        "primary",
        "primary_schema",
        app="access",
        there="ALTER TABLE access_user RENAME COLUMN machine TO kind",
        back="ALTER TABLE access_user RENAME COLUMN kind TO machine",
    ),
    "store_behind": behind(
        "self_service",
        "draft_store_schema",
        app="drafts",
        migration="0002_moves_append_only",
        table="drafts_coverageplan",
        column="external_reference",
    ),
    # A column that the next release always fills, and this one does not know.
    "store_ahead": ahead(
        "self_service",
        "draft_store_schema",
        app="drafts",
        there="ALTER TABLE drafts_coverageplan ADD COLUMN of_next text NOT NULL DEFAULT ''; "
        "ALTER TABLE drafts_coverageplan ALTER COLUMN of_next DROP DEFAULT",
        back="ALTER TABLE drafts_coverageplan DROP COLUMN of_next",
    ),
}


@contextmanager
def drifted(installation: Installation, drift: Drift) -> Iterator[None]:
    path = {"primary": "SET search_path = public", "self_service": "SET search_path = self_service_drafts"}[drift.side]
    installation.execute(drift.side, path, "BEGIN", *drift.there, "COMMIT")
    try:
        yield
    finally:
        installation.execute(drift.side, path, "BEGIN", *drift.back, "COMMIT")


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_F13_F22_other_release_of_the_schema_is_told_and_refused(installation, drift):
    machine = installation.visitor("owner")
    assert installation.results()[drift.check] == "pass"

    with drifted(installation, drift):
        until(lambda: installation.results()[drift.check] == "block", within=10)
        page = installation.visitor().get("/self-service/readiness")
        refused = machine.api("POST", "plans/", PLAN | {"external_reference": "host-request-drifted"})

        assert (installation.status(), page.status) == ("blocked", 200)
        assert drift.evidence in page.text
        assert problem(refused)["errors"][0]["code"] == "database_unavailable"
        assert not [path for path in visited(installation) if path[1] >= 500 and path[1] != 503]

    until(lambda: installation.results()[drift.check] == "pass", within=10)
    assert machine.api("GET", "plans/").status == 200


def visited(installation: Installation) -> list[tuple[str, int]]:
    """(path, status) of the calls that a client, a person and a passer-by make."""
    machine, visitor = installation.visitor("owner"), installation.visitor()
    calls = [(f"/api/v1/{path}", machine) for path in ("plans/", "review-requests/", "whoami/", "partners/", "environments/")]
    calls += [(path, visitor) for path in ("/self-service/plans/", "/accounts/login/", "/protocol/v1/jwks.json", "/admin/", "/readyz")]
    return [(path, caller.get(path).status) for path, caller in calls]

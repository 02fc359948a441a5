"""A database that turns read-only, as after a failover to a standby."""

import pytest

from tests.faults.installation import DEMO_PASSWORD, SIDES, until
from tests.faults.test_away import PLAN, assert_unavailable

WORDS = {"primary": "The primary database is read-only", "self_service": "The draft store is read-only"}


@pytest.fixture
def read_only(installation):
    """read_only(side): for every connection that is opened from now on; given back afterwards."""
    turned = []

    def turn(side: str) -> None:
        turned.append(side)
        installation.execute(side, f"ALTER DATABASE {installation.name(side)} SET default_transaction_read_only = on")

    yield turn
    for side in turned:
        installation.execute(side, "SET default_transaction_read_only = off", f"ALTER DATABASE {installation.name(side)} RESET ALL")
        installation.proxies[side].cut()


@pytest.mark.parametrize("side", SIDES)
def test_F05_F22_readiness_says_read_only_and_flips_back(installation, read_only, side):
    """Connections that were open before stay writable, so that only a new one shows it."""
    assert installation.results()["writable"] == "pass"

    read_only(side)

    until(lambda: installation.results()["writable"] == "block", within=10)
    assert installation.status() == "blocked"
    assert WORDS[side] in installation.visitor().get("/self-service/readiness").text

    installation.execute(side, "SET default_transaction_read_only = off", f"ALTER DATABASE {installation.name(side)} RESET ALL")
    until(lambda: installation.results()["writable"] == "pass", within=10)


def test_F05_read_only_draft_store_takes_no_writes_and_says_503(installation, read_only):
    person, machine = installation.signed_in("owner"), installation.visitor("owner")
    read_only("self_service")
    installation.proxies["self_service"].cut()
    before = installation.hashes("self_service")

    assert_unavailable(machine, machine.api("POST", "plans/", PLAN))
    assert_unavailable(person, person.submit("/self-service/plans/new", **PLAN))
    for row in machine.api("GET", "review-requests/?state=review_requested").json["results"]:
        etag = machine.api("GET", f"review-requests/{row['id']}/").headers["etag"]
        assert_unavailable(machine, machine.api("POST", f"review-requests/{row['id']}/recall/", {}, etag=etag))

    assert installation.hashes("self_service") == before


def test_F05_read_only_primary_takes_no_sign_in_and_drafts_go_on(installation, read_only):
    machine, visitor = installation.visitor("owner"), installation.visitor()
    read_only("primary")
    installation.proxies["primary"].cut()
    before = installation.hashes("primary")

    assert_unavailable(visitor, visitor.submit("/accounts/login/", username="owner", password=DEMO_PASSWORD))
    made = machine.api("POST", "plans/", PLAN | {"external_reference": "host-request-read-only"})

    assert made.status == 201
    assert machine.api("DELETE", f"plans/{made.json['id']}/", etag=made.headers["etag"]).status == 204
    assert installation.hashes("primary") == before

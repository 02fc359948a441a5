"""A database that is away: at the start, and while requests come."""

import pytest

from tests.faults.installation import DEMO_PASSWORD, SIDES, Installation, Watched, installed, until
from tests.server import Answer


@pytest.mark.parametrize("mode", ["refuse", "fall_silent"])
@pytest.mark.parametrize("side", SIDES)
def test_F01_F02_server_starts_without_a_database_and_recovers_by_itself(databases, environment, tokens, tmp_path, side, mode):
    with installed(databases, env=environment, tokens=tokens, log=tmp_path / "log", **{side: mode}) as installation:
        visitor = installation.visitor()
        first = visitor.get("/api/v1/readiness")
        assert (first.status, visitor.seconds < 1) == (200, True)
        assert (first.json["draft_store_isolation"], first.json["status"]) == ("unavailable", "unknown")

        installation.until_away(side)
        ready, page, alive = (visitor.get(path) for path in ("/readyz", "/self-service/readiness", "/livez"))
        assert (ready.status, ready.json) == (503, {"ready": False, "away": [side]})
        assert (page.status, alive.status) == (200, 200)
        assert installation.status() == "unknown"

        installation.proxies[side].pass_on()
        until(lambda: visitor.get("/readyz").status == 200, within=10)
        until(lambda: installation.status() == "ready_for_review", within=10)


# --- F03: one side is away when requests come ---------------------------------------------------------------------------------------

PUBLIC = ("/self-service/readiness", "/self-service/rollout-gates", "/api/v1/readiness", "/livez", "/api/docs", "/protocol")
GOES_ON = {"primary": (*PUBLIC, "/protocol/v1/jwks.json", "/accounts/login/"), "self_service": (*PUBLIC, "/accounts/login/")}
PLAN = {
    "partner": "northstar_controls",
    "name": "Threshold, third line",
    "gate_type": "threshold_gate",
    "system_scope": "operations_console",
    "authority_context": "operations owner approves above 500k USD",
    "external_reference": "host-request-away",
}


def away(installation: Installation, side: str, mode: str) -> None:
    getattr(installation.proxies[side], mode)()
    until(lambda: installation.status() == "unknown", within=2.5)


def assert_unavailable(visitor: Watched, answer: Answer) -> None:
    """503 within three seconds, and when to come back."""
    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"].isdigit()
    assert visitor.seconds < 3


@pytest.mark.parametrize("mode", ["refuse", "fall_silent"])
@pytest.mark.parametrize("side", SIDES)
def test_F03_other_sides_work_goes_on(installation, side, mode):
    away(installation, side, mode)
    visitor = installation.visitor()

    for path in GOES_ON[side]:
        assert visitor.get(path).status == 200, path
        assert visitor.seconds < 3, path
    installation.until_away(side)


@pytest.mark.parametrize("mode", ["refuse", "fall_silent"])
@pytest.mark.parametrize("side", SIDES)
def test_F03_calls_that_need_the_side_answer_503_in_time(installation, side, mode):
    person, machine = installation.signed_in("owner"), installation.needing(side)
    away(installation, side, mode)

    for path in ("/self-service/plans/", "/self-service/plans/new"):
        assert_unavailable(person, person.get(path))
    for method, path, body in (("GET", "plans/", None), ("POST", "plans/", PLAN), ("GET", "review-requests/", None)):
        answer = machine.api(method, path, body)
        assert_unavailable(machine, answer)
        assert answer.headers["content-type"] == "application/problem+json"
    assert installation.execute("primary", "SELECT to_regclass('drafts_coverageplan'), to_regclass('reviews_event')") == [(None, None)]


@pytest.mark.parametrize("mode", ["refuse", "fall_silent"])
def test_F03_token_that_was_checked_a_moment_ago_goes_on_without_the_primary(installation, mode):
    machine = installation.visitor("owner")
    reference = f"host-request-goes-on-{mode}"
    assert machine.api("GET", "plans/").status == 200
    away(installation, "primary", mode)

    made = machine.api("POST", "plans/", PLAN | {"external_reference": reference})

    assert (made.status, machine.seconds < 3) == (201, True)
    assert machine.api("DELETE", f"plans/{made.json['id']}/", etag=made.headers["etag"]).status == 204


@pytest.mark.parametrize("mode", ["refuse", "fall_silent"])
def test_F03_sign_in_without_the_primary_answers_503_in_time(installation, mode):
    away(installation, "primary", mode)
    visitor = installation.visitor()

    assert_unavailable(visitor, visitor.submit("/accounts/login/", username="owner", password=DEMO_PASSWORD))


@pytest.mark.parametrize("mode", ["refuse", "fall_silent"])
def test_F03_sign_in_and_readiness_page_work_without_the_draft_store(installation, mode):
    away(installation, "self_service", mode)

    person = installation.signed_in("owner")

    assert person.seconds < 3
    assert "Signed in as" in person.get("/self-service/readiness").text
    assert person.seconds < 1


@pytest.mark.parametrize("mode", ["refuse", "fall_silent"])
def test_F03_readiness_page_of_somebody_who_is_signed_in_does_not_wait_for_the_primary(installation, mode):
    person = installation.signed_in("owner")
    away(installation, "primary", mode)

    for path in ("/self-service/readiness", "/self-service/rollout-gates"):
        answer = person.get(path)
        assert (answer.status, person.seconds < 1) == (200, True), path


def test_F22_both_sides_away_and_readiness_still_answers(installation):
    for proxy in installation.proxies.values():
        proxy.refuse()
    until(lambda: installation.status() == "unknown", within=2.5)
    visitor = installation.visitor()

    assert visitor.get("/self-service/readiness").status == 200
    assert visitor.seconds < 1
    assert visitor.get("/api/v1/readiness").status == 200
    assert visitor.seconds < 1
    installation.until_away("primary", "self_service")


@pytest.mark.parametrize("side", SIDES)
def test_F03_connection_that_was_cut_is_opened_anew(installation, side):
    machine = installation.visitor("owner")
    assert machine.api("GET", "plans/").status == 200

    installation.proxies[side].cut()

    assert machine.api("GET", "plans/").status == 200

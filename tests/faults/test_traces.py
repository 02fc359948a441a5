"""What work leaves behind: nothing of drafts in the primary (D01), nothing in a cache (H10), no secret anywhere (L03)."""

import base64
import json
import re
import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL
from tests.faults.installation import DEMO_PASSWORD, SIDES, Installation, Watched, installed, planted, until
from tests.faults.test_away import PLAN

MOVE = {"gate_type": "manual_override_gate", "system_scope": "operations_console", "authority_context": "duty manager may override once"}
COUNTED = "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY relname"
# product.md: users, groups, sessions, API tokens and their use, throttle and lock-out counters, admin log.
CALLING = {"access_apitoken", "access_tally"}
SIGNING_IN = {"access_user", "access_tally", "django_session"}


# --- D01 ----------------------------------------------------------------------------------------------------------------------------


def primary_rows(installation: Installation) -> dict[str, tuple]:
    """Table of the primary → its rows' hash and how many were ever inserted, updated, deleted.

    A server process counts when it ends at the latest, so the server's connections are cut first.
    """
    installation.proxies["primary"].cut()
    until(lambda: not others_connected(installation), within=5)
    counts = {table: counters for table, *counters in installation.execute("primary", COUNTED)}
    return {table: (rows, counts[table]) for table, rows in installation.hashes("primary").items()}


def others_connected(installation: Installation) -> int:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    return installation.execute("primary", asked)[0][0]


def changed(before: dict, after: dict) -> set[str]:
    return {table for table in before | after if before.get(table) != after.get(table)}


def drafted(owner: Watched, reference: str) -> str:
    """Create, edit, move, open, confirm, request, recall, comment, withdraw, through the API; the plan's id."""
    made = owner.api("POST", "plans/", PLAN | {"external_reference": reference})
    plan = f"plans/{made.json['id']}/"
    edited = owner.api("PATCH", plan, {"name": "Threshold, renamed"}, etag=made.headers["etag"])
    assert (made.status, edited.status) == (201, 200), edited.text
    assert owner.api("POST", f"{plan}moves/", MOVE).status == 201
    opened = owner.api("POST", "review-requests/", {"plan": made.json["id"], "environment": "production"})
    path, etag = f"review-requests/{opened.json['id']}/", opened.headers["etag"]
    for kind, fields in CONFIRMATION_FIELDS.items():
        said = {"fields": fields, "evidence_url": "https://evidence.example.org/1", "valid_until": VALID_UNTIL}
        etag = stepped(owner, "PUT", f"{path}confirmations/{kind}/", said, etag)
    for verb, body in (("request-review", {}), ("recall", {}), ("comment", {"comment": "later"}), ("withdraw", {"comment": "given up"})):
        etag = stepped(owner, "POST", f"{path}{verb}/", body, etag)
    assert owner.api("GET", path).json["state"] == "withdrawn"
    return made.json["id"]


def stepped(owner: Watched, method: str, path: str, body: dict, etag: str) -> str:
    answer = owner.api(method, path, body, etag=etag)
    assert answer.status in (200, 201), (path, answer.text)
    return answer.headers.get("etag", etag)


def test_D01_whole_story_through_the_api_leaves_only_the_counts_of_its_calls_in_the_primary(installation):
    before = primary_rows(installation)

    drafted(installation.visitor("owner"), "host-request-traceless")

    # Which of the two changes depends on when this token was last used: both are written now and then, not at each call.
    assert changed(before, primary_rows(installation)) <= CALLING


def test_D01_pages_change_nothing_but_users_and_sessions_in_the_primary(installation):
    before = primary_rows(installation)

    owner = installation.signed_in("owner")
    made = owner.submit("/self-service/plans/new", **PLAN | {"external_reference": "host-request-on-pages"})
    plan = made.headers["location"]
    moved = owner.submit(f"{plan}moves/new", **MOVE)
    edited = owner.submit(f"{plan}edit", **{name: value for name, value in PLAN.items() if name != "partner"} | {"name": "Renamed"})
    opened = owner.submit(f"{plan}requests/new", environment="production")
    assert {each.status for each in (made, moved, edited, opened)} == {302}
    withdrawn = owner.submit(f"{opened.headers['location'].partition('confirmations/')[0]}withdraw", comment="given up")

    assert withdrawn.status == 302
    assert changed(before, primary_rows(installation)) == SIGNING_IN


# --- H10 ----------------------------------------------------------------------------------------------------------------------------

FROM = {"owner": "/self-service/plans/", "release": "/admin/", "auditor": "/admin/"}
# The same bytes for everybody, whoever asks.
PUBLIC = ("/static/", "/protocol/v1/", "/protocol/verify.py")
PAGES = 60


def walked(visitor: Watched, start: str) -> dict[str, str]:
    """Path → Cache-Control of each page that links lead to, up to PAGES."""
    found, waiting = {}, [start]
    while waiting and len(found) < PAGES:
        path = waiting.pop(0)
        answer = visitor.get(path)
        found[path] = answer.headers.get("cache-control", "")
        links = re.findall(r'href="(/[^"#?]*)', answer.text)
        waiting += [link for link in dict.fromkeys(links) if link not in (*found, *waiting) and not link.startswith(PUBLIC)]
    return found


@pytest.mark.parametrize("username", FROM)
def test_H10_no_page_of_somebody_signed_in_may_be_kept(installation, username):
    pages = walked(installation.signed_in(username), FROM[username])

    assert len(pages) > 15
    assert [path for path, kept in pages.items() if "no-store" not in kept] == []


def test_H10_no_answer_of_the_api_may_be_kept(installation):
    owner = installation.visitor("owner")
    plan, review_request = (owner.api("GET", path).json["results"][0] for path in ("plans/", "review-requests/?state=review_requested"))
    below = [f"review-requests/{review_request['id']}/{rest}" for rest in ("", "confirmations/", "packet/", "timeline/", "missing/")]
    paths = ["plans/", f"plans/{plan['id']}/", f"plans/{plan['id']}/moves/", f"plans/{plan['id']}/boundary-object/", *below]
    paths += ["review-requests/", "whoami/", "partners/", "environments/", f"gate/?plan={plan['id']}&environment=production"]
    paths += ["readiness/checks", "readiness", "plans/nowhere/", f"plans/{plan['id']}/moves/?unknown=1"]

    answers = {path: owner.api("GET", path) for path in paths}

    assert [path for path, answer in answers.items() if "no-store" not in answer.headers.get("cache-control", "")] == []
    assert {answer.status for answer in answers.values()} == {200, 400, 404}


# --- L03 ----------------------------------------------------------------------------------------------------------------------------


def faults(installation: Installation, callers: list[Watched]) -> None:
    """Each side away, silent and cut while everybody calls."""
    for side in SIDES:
        for mode in ("refuse", "fall_silent", "cut"):
            getattr(installation.proxies[side], mode)()
            for caller in callers:
                for path in ("/self-service/plans/", "/api/v1/plans/", "/self-service/readiness", "/readyz"):
                    caller.get(path)
            installation.proxies[side].pass_on()
            installation.heal()


@pytest.fixture(params=["line", "json"])
def logging_installation(request, served, databases, environment, tokens, tmp_path) -> Iterator[Installation]:
    """One that logs for people, and one that logs for machines."""
    if request.param == "line":
        served.heal()
        yield served
        served.heal()
    else:
        with installed(databases, env=environment | {"LOG_FORMAT": "json"}, tokens=tokens, log=tmp_path / "server.log") as other:
            other.heal()
            yield other


def test_L03_no_secret_is_in_any_log_page_or_error(logging_installation):
    installation = logging_installation
    password, query = planted("password-that-was-typed"), planted("token-in-the-query")
    owner, release, machine = installation.signed_in("owner"), installation.signed_in("release"), installation.visitor("owner")
    installation.visitor().submit("/accounts/login/", username="owner", password=password)
    installation.visitor().get("/api/v1/plans/", token=query, access_token=installation.tokens["owner"])
    Watched(installation.address, f"rdy_{query}", inside=installation.inside, seen=installation.seen).api("GET", "plans/")
    installation.results()
    walked(owner, FROM["owner"])
    walked(release, FROM["release"])
    faults(installation, [owner, release, machine, installation.visitor()])

    key = installation.env["RECEIPT_SIGNING_KEY"]
    hidden = {name: installation.env[name] for name in ("SECRET_KEY", "METRICS_TOKEN", "RECEIPT_SIGNING_KEY")}
    hidden |= {"signing key, hex": base64.b64decode(key).hex(), "typed password": password, "token in a query": query}
    hidden |= {f"password of {side}": urlsplit(url).password for side, url in installation.urls.items()}
    hidden |= {f"token {name}": token for name, token in installation.tokens.items()}
    hidden |= {f"session of {name}": session_of(who) for name, who in (("owner", owner), ("release", release))}

    log, seen = installation.log.read_text(errors="replace"), without_cookies("\n".join(installation.seen))
    assert ("api/v1/plans/" in log, "/self-service/plans/" in seen) == (True, True)
    assert [name for name, secret in hidden.items() if secret in log] == []
    assert [name for name, secret in hidden.items() if secret in seen] == []
    assert DEMO_PASSWORD not in log


def test_lines_for_machines_tell_who_did_what_and_how_it_ended(databases, environment, tokens, tmp_path):
    log, canary = tmp_path / "server.log", f"canary{secrets.token_hex(6)}"
    with installed(databases, env=environment | {"LOG_FORMAT": "json"}, tokens=tokens, log=log) as installation:
        installation.heal()
        owner = installation.visitor("owner")
        drafted(owner, f"ref-{canary}")
        refused = owner.api("POST", "plans/", PLAN | {"external_reference": f"ref-{canary}"})
        owner.get(f"/api/v1/nowhere/{canary}/", q=canary)
        installation.signed_in("owner").submit("/self-service/plans/new", **PLAN | {"external_reference": f"ref-{canary}"})

    text = log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("request_id") == refused.json["request_id"]]
    assert canary not in text
    assert [(line["logger"], line.get("outcome"), line.get("status"), line.get("reasons")) for line in mine] == [
        ("readiness.verbs", "refused", None, ["duplicate_reference"]),
        ("readiness.calls", None, 409, None),
    ]
    assert {line["actor_id"] for line in mine} == {lines_of(lines, "create_plan", "done")[0]["actor_id"]}
    assert {line["channel"] for line in lines_of(lines, "create_plan", "refused")} == {"api", "page"}
    done = {line["verb"] for line in lines if line.get("outcome") == "done"}
    assert {"create_plan", "append_move", "open", "confirm", "request_review", "recall", "comment", "withdraw"} <= done
    assert all(line["token_id"] for line in mine)


def lines_of(lines: list[dict], verb: str, outcome: str) -> list[dict]:
    return [line for line in lines if (line.get("verb"), line.get("outcome")) == (verb, outcome)]


def session_of(visitor: Watched) -> str:
    return next(cookie.value for cookie in visitor.cookies if cookie.name == "sessionid")


def without_cookies(seen: str) -> str:
    """Headers as they were noted, less the one place where a session id belongs."""
    return re.sub(r"'set-cookie': '[^']*'", "", seen)

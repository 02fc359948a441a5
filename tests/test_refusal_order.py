"""The order of refusals on every verb of the API, all reasons together, and one counted denial for each."""

import pytest
from django.test import Client

from reviews import decisions
from reviews.models import Denial
from tests.calls import Caller, codes
from tests.factories import CONFIRMATION_FIELDS, Story, actor, make_user
from tests.pages import DESK, Visitor

pytestmark = pytest.mark.usefixtures("both_stores")
SUBJECT = [{"name": "console", "digest": {"sha256": "a" * 64}}]
MOVE = {"gate_type": "g", "system_scope": "s", "authority_context": "a"}
PLAN = {**MOVE, "name": "n", "external_reference": "r-1"}
SLA = {"fields": CONFIRMATION_FIELDS["sla"], "valid_until": "2099-01-01"}
# verb as denials name it → method, path, a body with nothing wrong in it, the scope, whether If-Match is asked for
VERBS = {
    "create_plan": ("post", "plans/", {**PLAN, "partner": "northstar_controls"}, "draft", False),
    "edit_plan": ("patch", "plans/{plan}/", {"name": "m"}, "draft", True),
    "delete_plan": ("delete", "plans/{plan}/", {}, "draft", True),
    "append_move": ("post", "plans/{plan}/moves/", MOVE, "draft", False),
    "expand": ("post", "plans/{plan}/expand/", {}, "draft", True),
    "open": ("post", "review-requests/", {"plan": "{plan}", "environment": "production"}, "draft", False),
    "edit_subject": ("patch", "review-requests/{request}/", {"subject": SUBJECT}, "draft", True),
    "confirm": ("put", "review-requests/{request}/confirmations/sla/", SLA, "draft", True),
    "name_person": ("put", "review-requests/{request}/confirmations/sla/person/", {"username": "owner"}, "draft", True),
    "hand_in_staging": ("put", "review-requests/{request}/staging-validation/", {"receipt": {"receipt": {}}}, "draft", True),
    "request_review": ("post", "review-requests/{request}/request-review/", {}, "request", True),
    "recall": ("post", "review-requests/{request}/recall/", {}, "request", True),
    "withdraw": ("post", "review-requests/{request}/withdraw/", {"comment": "c"}, "request", True),
    "revoke": ("post", "review-requests/{request}/revoke/", {"comment": "c"}, "request", True),
    "comment": ("post", "review-requests/{request}/comment/", {"comment": "c"}, "request", True),
}
BELOW_SOMETHING = [verb for verb, (_, path, *_) in VERBS.items() if "{" in path]
# Verbs that the state of a withdrawn request, or of a plan with requests, stands against.
STATE_STOPS = sorted(set(VERBS) - {"create_plan", "edit_plan", "append_move", "comment"})


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def ended(story):
    """A withdrawn request, and an open one beside it, so that the state stands against every verb that a state can stop."""
    review_request = story.open()
    decisions.withdraw(actor(story.owner), review_request.pk, comment="over")
    story.open()
    return review_request


@pytest.fixture
def say(story, ended):
    """say(caller, verb, version=…, query=…, **more): the verb's call with a right body and `more` members in it."""

    def said(caller: Caller, verb: str, *, query: str = "", **options):
        method, path, body, _, _ = VERBS[verb]
        ids = {"plan": str(story.plan.pk), "request": str(ended.pk)}
        filled = {name: value.format(**ids) if isinstance(value, str) else value for name, value in body.items()}
        more = options.pop("more", {})
        return caller.call(method, path.format(**ids) + query, {**filled, **more}, **options)

    return said


def denials() -> list[tuple[str, str, int]]:
    return list(Denial.objects.values_list("verb", "reasons", "count"))


@pytest.mark.parametrize("verb", VERBS)
def test_everything_that_is_wrong_is_said_at_once_and_counted_once(story, say, verb):
    *_, scope, precondition = VERBS[verb]
    caller = Caller(story.viewer, "read")

    answer = say(caller, verb, query="?surprise=1", more={"state": "approved"})

    expected = {"scope_missing", "unknown_parameter", "unknown_field"} | ({"if_match_required"} if precondition else set())
    assert (answer.status_code, set(codes(answer)) >= expected) == (403, True), answer.json()
    if verb not in ("comment",):
        assert {"not_an_owner", "may_not_revoke"} & set(codes(answer))
    if verb in STATE_STOPS:
        assert any(code.startswith(("state_", "plan_", "open_request")) for code in codes(answer))
    assert denials() == [(verb, ",".join(sorted(set(codes(answer)))), 1)]
    assert {error.get("parameter") for error in answer.json()["errors"]} == {None, "surprise"}


@pytest.mark.parametrize("verb", [verb for verb in VERBS if VERBS[verb][4]])
def test_428_comes_before_412_before_400_before_409(story, say, verb):
    caller = Caller(story.owner)
    version = caller.get(f"plans/{story.plan.pk}/").json()["version"] if "plans" in VERBS[verb][1] else 2
    wrong = {"more": {"state": "approved"}}

    missing, stale = say(caller, verb, **wrong), say(caller, verb, version=99, **wrong)
    bad, unmet = say(caller, verb, version=version, **wrong), say(caller, verb, version=version)

    assert (missing.status_code, stale.status_code, bad.status_code) == (428, 412, 400)
    assert "unknown_field" in set(codes(missing)) & set(codes(stale)) & set(codes(bad))
    assert stale["ETag"] == f'"{version}"'
    assert "ETag" not in bad
    if verb in STATE_STOPS and verb != "hand_in_staging":
        assert unmet.status_code == 409
        assert set(codes(unmet)) <= set(codes(bad))
        assert sum(count for *_, count in denials()) == 4


@pytest.mark.parametrize("verb", BELOW_SOMETHING)
def test_what_may_not_be_seen_is_404_whatever_else_is_wrong(say, verb):
    answer = say(Caller(make_user("stranger"), "gate"), verb, query="?surprise=1", more={"state": "approved"})

    assert (answer.status_code, codes(answer)) == (404, ["not_found"])
    assert denials() == [(verb, "not_found", 1)]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"a": 1, "a": 2}', b"[" * 10_000, b'{"comment": "\\u0000"}'])
def test_a_body_that_cannot_be_read_is_said_once_and_nothing_of_it_is_asked_for(story, ended, verb, body):
    method, path, *_ = VERBS[verb]
    caller, filled = Caller(story.owner), path.format(plan=story.plan.pk, request=ended.pk)

    answer = caller.client.generic(method.upper(), f"/api/v1/{filled}", body, content_type="application/json", HTTP_IF_MATCH="*")

    wrong = [error for error in answer.json()["errors"] if error["code"] not in ("unknown_plan", "unknown_environment", "unknown_partner")]
    about_the_body = [error["code"] for error in wrong if not error["code"].startswith(("state_", "plan_", "staging_", "no_subject"))]
    assert answer.status_code == 400
    assert about_the_body in (["invalid_json"], ["invalid"], ["null"], ["duplicate_key"], ["too_deep"], ["null_character"]), answer.json()
    assert len(wrong) == len(answer.json()["errors"])


def test_body_and_state_problems_of_a_confirmation_are_told_together(story, ended):
    path, version = f"review-requests/{ended.pk}/confirmations/sla/", 2
    fields = {**CONFIRMATION_FIELDS["sla"], "p99_ms": "fast"}

    answer = Caller(story.owner).put(path, {"fields": fields, "valid_until": "soon", "signed": True}, version=version)

    found = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert answer.status_code == 400
    assert found == [
        ("/signed", "unknown_field"), ("/fields/p99_ms", "invalid_type"), ("/valid_until", "invalid"), ("", "state_withdrawn"),
    ]  # fmt: skip


def test_reads_leave_no_denial_and_404_comes_before_403_before_400(story, ended):
    nobody, blind = Caller(make_user("stranger"), "gate"), Caller(story.owner, "draft")
    below = ["", "confirmations/", "staging-validation/", "timeline/", "missing/"]

    for path in [f"plans/{story.plan.pk}/", f"plans/{story.plan.pk}/moves/", *(f"review-requests/{ended.pk}/{rest}" for rest in below)]:
        assert nobody.get(path, surprise="x").status_code == 404, path
        assert codes(blind.get(path, surprise="x")) == ["scope_missing", "unknown_parameter"], path
    for path in ("plans/", "review-requests/", "partners/", "environments/", "whoami/"):
        answer = nobody.get(path, surprise="x", page_size="0")
        assert (answer.status_code, codes(answer)[:1]) == (403, ["scope_missing"]), path
    assert blind.get(f"review-requests/{ended.pk}/packet/").status_code == 404
    assert Denial.objects.count() == 0


def test_null_character_in_a_parameter_comes_after_who_may_call_and_is_named(story, ended):
    below = ["", "confirmations/", "timeline/", "missing/", "packet/", "diff/"]
    paths = ["plans/", "review-requests/", "partners/", "environments/", "whoami/", "gate/", "readiness/checks", f"plans/{story.plan.pk}/"]
    for path in (*paths, *(f"review-requests/{ended.pk}/{rest}" for rest in below)):
        assert Client().get(f"/api/v1/{path}", {"q": "\0"}).status_code == 401, path
        answer = Caller(story.owner).get(path, q="\0")
        if answer.status_code == 400:
            assert ("q", "null_character") in {(error.get("parameter"), error["code"]) for error in answer.json()["errors"]}, path
        else:
            assert (answer.status_code, path.rsplit("/", 2)[-2]) in ((404, "packet"), (404, "diff"))


def test_every_wrong_parameter_of_a_list_is_named(story):
    answer = Caller(story.owner).get("review-requests/", plan="x", state="y", page_size="0", other="z")

    found = {(error["parameter"], error["code"]) for error in answer.json()["errors"]}
    assert found == {("plan", "invalid"), ("state", "invalid"), ("page_size", "invalid_page_size"), ("other", "unknown_parameter")}


def test_the_gate_says_404_then_403_then_400(story):
    plan = {"plan": str(story.plan.pk), "environment": "production"}
    reader, blind = Caller(story.owner, "gate"), Caller(story.owner, "draft")

    assert blind.get("gate/", **(plan | {"environment": "moon"}), surprise="x").status_code == 404
    assert reader.get("gate/", **(plan | {"plan": "0" * 32}), surprise="x").status_code == 404
    assert reader.get("gate/", environment="moon", surprise="x").status_code == 404
    assert codes(blind.get("gate/", **plan, surprise="x")) == ["scope_missing", "unknown_parameter"]
    assert codes(reader.get("gate/", **plan, surprise="x", subject="md5:1")) == ["unknown_parameter", "invalid"]
    assert codes(reader.get("gate/")) == ["required", "required"]
    assert codes(reader.get("gate/", plan="x")) == ["invalid", "required"]
    assert reader.get("gate/", **plan).status_code == 200


@pytest.mark.parametrize(
    ("scope", "statuses"), [("read", [200, 200]), ("draft", [403, 403]), ("request", [403, 403]), ("gate", [403, 403])]
)
def test_A09_a_gate_token_reads_the_gate_only(story, scope, statuses):
    caller = Caller(story.owner, scope)

    assert [caller.get(path).status_code for path in ("whoami/", "readiness/checks")] == statuses


# --- pages ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["decide", "revoke", "comment"])
def test_A01_attempt_of_somebody_without_a_seat_at_the_desk_is_counted(story, name):
    review_request = story.in_review()
    path = f"{DESK}{review_request.pk}/{name}/"

    answer = Visitor(story.owner).post(path, choice="approve", digest=review_request.digest)

    assert answer.status_code == 403
    assert denials() == [("vote" if name == "decide" else name, "not_at_the_desk", 1)]
    assert Visitor(story.owner).get(path).status_code == 403
    assert Visitor().post(path).status_code == 302
    assert len(denials()) == 1


@pytest.mark.parametrize(
    ("page", "verb"),
    [("edit", "edit_plan"), ("moves/new", "append_move"), ("delete", "delete_plan"), ("archive", "edit_plan"), ("expand", "expand"),
     ("requests/new", "open"), ("requests/{request}/subject", "edit_subject"), ("requests/{request}/confirmations/sla", "confirm"),
     ("requests/{request}/confirmations/sla/person", "name_person"),
     ("requests/{request}/staging", "hand_in_staging"), ("requests/{request}/check-answers", "request_review"),
     ("requests/{request}/recall", "recall"), ("requests/{request}/withdraw", "withdraw"), ("requests/{request}/revoke", "revoke"),
     ("requests/{request}/comment", "comment")],
)  # fmt: skip
def test_A05_attempt_on_a_page_of_what_may_not_be_seen_is_counted(story, ended, page, verb):
    stranger = Visitor(make_user("stranger"))
    path = f"/self-service/plans/{story.plan.pk}/" + page.format(request=ended.pk)

    assert stranger.post(path, version=1).status_code == 404
    assert denials() == [(verb, "not_found", 1)]
    assert stranger.get(path).status_code in (404, 405)
    assert len(denials()) == 1


def test_A05_attempt_at_the_desk_on_what_may_not_be_seen_is_counted(story):
    review_request, other = story.in_review(), Visitor(make_user("other", groups=("other",)))

    for name in ("decide", "revoke", "comment"):
        assert other.post(f"{DESK}{review_request.pk}/{name}/", choice="approve", digest="x", version=1, comment="c").status_code == 404

    assert sorted((verb, reasons) for verb, reasons, _ in denials()) == [
         ("comment", "not_found"), ("revoke", "not_found"), ("vote", "not_found"),
    ]  # fmt: skip
    assert set(Denial.objects.values_list("channel", flat=True)) == {"admin"}

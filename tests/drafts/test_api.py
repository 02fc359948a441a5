"""The API of partners, plans and moves."""

import json

import pytest

from drafts.models import CoveragePlan
from tests.calls import Caller, codes, pointers
from tests.factories import PLAN_FIELDS, Story, make_partner, make_user

pytestmark = pytest.mark.usefixtures("both_stores")
BODY = {"partner": "northstar_controls", **PLAN_FIELDS, "external_reference": "TREAS-4471"}
MOVE = {"gate_type": "manual_override_gate", "system_scope": "operations_console", "authority_context": "duty manager once"}


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def owner(story):
    return Caller(story.owner)


def test_plan_is_created_read_changed_and_deleted(owner):
    made = owner.post("plans/", BODY)
    plan = made.json()

    assert made.status_code == 201
    assert made["Location"] == f"/api/v1/plans/{plan['id']}/"
    assert set(plan) == {*BODY, "id", "state", "archived", "version", "created_at", "updated_at"}
    assert (plan["state"], plan["archived"], plan["version"]) == ("draft", False, 1)
    read = owner.get(f"plans/{plan['id']}/")
    assert (read.json(), read["ETag"]) == (plan, '"1"')
    changed = owner.patch(f"plans/{plan['id']}/", {"name": "Another name"}, version=1)
    assert (changed.json()["name"], changed["ETag"]) == ("Another name", '"2"')
    assert owner.delete(f"plans/{plan['id']}/", version=2).status_code == 204
    assert owner.get(f"plans/{plan['id']}/").status_code == 404


@pytest.mark.parametrize("name", ["state", "id", "version", "created_at", "production_write", "reviewer", "__class__", "payload"])
@pytest.mark.parametrize("method", ["post", "patch"])
def test_W02_W03_derived_and_unknown_fields_are_refused_by_name(owner, story, name, method):
    plans = CoveragePlan.objects.count()
    path = "plans/" if method == "post" else f"plans/{story.plan.pk}/"

    answer = owner.call(method, path, {**(BODY if method == "post" else {}), name: "approved"}, version=story.plan.version)

    assert (answer.status_code, codes(answer), pointers(answer)) == (400, ["unknown_field"], [f"/{name}"])
    assert "approved" not in answer.content.decode()
    assert (CoveragePlan.objects.count(), CoveragePlan.objects.get(pk=story.plan.pk).state) == (plans, "draft")


@pytest.mark.parametrize(
    "value", [1, True, None, {"a": 1}, ["a"], "", " ", "nul\x00", "x" * 500, "zero\u200bwidth", "bidi\u202e", "line\nbreak"]
)
@pytest.mark.parametrize("name", [*PLAN_FIELDS, "external_reference", "partner"])
def test_wrong_type_or_character_is_400_and_names_the_field(owner, name, value):
    answer = owner.post("plans/", {**BODY, name: value})

    assert answer.status_code == 400
    assert pointers(answer) == [f"/{name}"]
    assert CoveragePlan.objects.filter(external_reference=BODY["external_reference"]).count() == 0


@pytest.mark.parametrize("body", [[], "text", 1, None, [BODY]])
def test_body_that_is_no_object_is_400(owner, body):
    answer = owner.client.generic("POST", "/api/v1/plans/", json.dumps(body), content_type="application/json")

    assert answer.status_code == 400


def test_every_missing_field_is_named_at_once(owner):
    answer = owner.post("plans/", {})

    assert set(pointers(answer)) == {f"/{name}" for name in BODY}


def test_patch_without_if_match_is_428_and_a_stale_one_412(owner, story):
    path = f"plans/{story.plan.pk}/"

    assert owner.patch(path, {"name": "x"}).status_code == 428
    assert owner.patch(path, {"name": "x"}, version=99).status_code == 412
    assert owner.call("patch", path, {"name": "x"}, HTTP_IF_MATCH='W/"1"').status_code == 412
    assert owner.call("patch", path, {"name": "x"}, HTTP_IF_MATCH="*").status_code == 200
    assert owner.call("patch", path, {"name": "x"}, HTTP_IF_MATCH='W/"1"').status_code == 412


def test_status_is_the_first_that_applies(owner, story):
    path, viewer = f"plans/{story.plan.pk}/", Caller(story.viewer)
    stranger = Caller(make_user("stranger"))

    assert stranger.patch(path, {"nonsense": 1}).status_code == 404
    assert viewer.patch(path, {"nonsense": 1}).status_code == 403
    assert Caller(story.owner, "read").patch(path, {"nonsense": 1}).status_code == 403
    assert owner.patch(path, {"nonsense": 1}).status_code == 428
    assert owner.patch(path, {"nonsense": 1}, version=99).status_code == 412
    assert owner.patch(path, {"nonsense": 1}, version=1).status_code == 400


def test_refusal_says_who_can_clear_it_and_is_a_problem(story):
    answer = Caller(story.viewer).post("plans/", BODY)
    body = answer.json()

    assert answer["Content-Type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "errors", "request_id"}
    assert body["request_id"] == answer["X-Request-ID"]
    assert [(error["code"], error["clear_by"]) for error in body["errors"]] == [("not_an_owner", "owner")]


def test_duplicate_reference_within_a_partner_is_409(owner):
    owner.post("plans/", BODY)

    answer = owner.post("plans/", BODY)

    assert (answer.status_code, pointers(answer)) == (409, ["/external_reference"])


def test_partner_of_somebody_else_does_not_exist(owner):
    make_partner("quill_insurance")

    answer = owner.post("plans/", {**BODY, "partner": "quill_insurance"})

    assert (answer.status_code, codes(answer)) == (400, ["unknown_partner"])
    assert [partner["slug"] for partner in owner.get("partners/").json()["results"]] == ["northstar_controls"]


def test_token_limited_to_a_partner_sees_no_other(story):
    make_partner("harbour_freight", owners=(story.owner,))
    limited = Caller(story.owner, partners=["harbour_freight"])

    assert limited.get("plans/").json()["results"] == []
    assert limited.get(f"plans/{story.plan.pk}/").status_code == 404


def test_moves_are_numbered_and_correct_earlier_ones(owner, story):
    path = f"plans/{story.plan.pk}/moves/"

    first, second = owner.post(path, MOVE), owner.post(path, {**MOVE, "corrects": 1})

    assert (first.status_code, first.json()["number"], second.json()["number"], second.json()["corrects"]) == (201, 1, 2, 1)
    assert owner.post(path, {**MOVE, "corrects": 9}).status_code == 400
    assert owner.post(path, {**MOVE, "number": 7}).status_code == 400
    assert [move["number"] for move in owner.get(path).json()["results"]] == [1, 2]
    assert owner.post(path, MOVE, version=1).status_code == 412


@pytest.mark.parametrize("corrects", ["1", 1.0, True, [], 0, -1, 10**30])
def test_corrects_is_a_whole_number(owner, story, corrects):
    answer = owner.post(f"plans/{story.plan.pk}/moves/", {**MOVE, "corrects": corrects})

    assert answer.status_code == 400


def test_plan_with_history_is_kept(owner, story):
    owner.post(f"plans/{story.plan.pk}/moves/", MOVE)

    answer = owner.delete(f"plans/{story.plan.pk}/", version=2)

    assert (answer.status_code, codes(answer)) == (409, ["plan_has_history"])


def test_boundary_object_is_a_draft_without_a_secret(owner, story):
    body = owner.get(f"plans/{story.plan.pk}/boundary-object/").json()

    assert body["production_write"] is False
    assert set(body["boundary"]) == {"partner", "gate_type", "system_scope", "authority_context", "external_reference"}
    assert owner.token not in str(body)


def test_list_pages_by_cursor_and_caps_its_size(owner, story):
    for number in range(5):
        owner.post("plans/", {**BODY, "external_reference": f"ref-{number}"})

    seen, page = [], owner.get("plans/", page_size=2).json()
    while True:
        seen += [plan["external_reference"] for plan in page["results"]]
        if page["next"] is None:
            break
        page = owner.client.get(page["next"]).json()

    assert seen == ["ref-4", "ref-3", "ref-2", "ref-1", "ref-0", story.plan.external_reference]
    assert set(page) == {"next", "previous", "results"}


@pytest.mark.parametrize(
    "parameters",
    [{"cursor": "x"}, {"cursor": "cD1ub25zZW5zZQ=="}, {"cursor": "cD0lMDA="}, {"page_size": "0"}, {"page_size": "x"}, {"state": "nonsense"},
     {"archived": "1"}, {"_connector": "OR"}, {"partner__slug": "x"}, {"partner": "\x00"}, {"format": "api"}, {"token": "x"}],
)  # fmt: skip
def test_H07_unknown_or_wrong_parameter_is_400(owner, parameters):
    assert owner.get("plans/", **parameters).status_code == 400


def test_filters_select(owner, story):
    assert len(owner.get("plans/", partner="northstar_controls", state="draft", archived="false").json()["results"]) == 1
    assert owner.get("plans/", state="approved").json()["results"] == []


def test_anonymous_is_401_with_a_challenge(client, story):
    answer = client.get(f"/api/v1/plans/{story.plan.pk}/")

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")
    assert client.get(f"/api/v1/plans/?token={Caller(story.owner).token}").status_code == 401


def test_H04_session_does_not_reach_the_api(client, story):
    client.force_login(story.owner)

    assert client.get("/api/v1/plans/").status_code == 401


@pytest.mark.parametrize("path", ["plans", "Plans/", "plans//", "plans/nonsense/", "plans/1/"])
def test_other_spelling_is_404(owner, path):
    assert owner.get(path).status_code == 404

"""The API of review requests: the owner's verbs, reading, and no door to a vote."""

import pytest

from receipts.models import Receipt
from reviews.models import Decision, Denial, DeploymentReviewRequest, Vote
from tests.calls import Caller, codes, pointers
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL, Story, confirm_all, make_environment, make_user

pytestmark = pytest.mark.usefixtures("both_stores")
SHA = "a" * 64


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def owner(story):
    return Caller(story.owner)


def opened(owner: Caller, story: Story, **more) -> dict:
    return owner.post("review-requests/", {"plan": str(story.plan.pk), "environment": "production", **more}).json()


def statement(kind: str, **more) -> dict:
    return {"fields": CONFIRMATION_FIELDS[kind], "evidence_url": "https://evidence.example.org/1", "valid_until": VALID_UNTIL, **more}


def confirmed(owner: Caller, review_request: dict) -> int:
    """Confirm all five; returns the version after that."""
    path, version = f"review-requests/{review_request['id']}/", review_request["version"]
    for kind in CONFIRMATION_FIELDS:
        answer = owner.put(f"{path}confirmations/{kind}/", statement(kind), version=version)
        version = int(answer["ETag"].strip('"'))
    return version


def test_request_goes_from_open_to_review(owner, story):
    made = opened(owner, story)
    version = confirmed(owner, made)
    path = f"review-requests/{made['id']}/"

    answer = owner.post(f"{path}request-review/", version=version)

    body = answer.json()
    assert (answer.status_code, body["state"], body["revision"], body["requested_by"]) == (200, "review_requested", 1, "owner")
    assert set(body) == {
        "id", "plan", "environment", "subject", "state", "revision", "digest", "commitment_id", "policy", "requested_by",
        "due_at", "expires_at", "predecessor", "production_write", "version", "created_at", "updated_at",
        "verdict", "conditions", "changes_ahead", "policy_in_force",
    }  # fmt: skip
    assert (body["production_write"], set(body["policy"])) == (False, {"id", "version", "digest"})
    frozen = owner.get(f"{path}packet/").json()
    assert (frozen["digest"], frozen["commitment_id"]) == (body["digest"], body["commitment_id"])
    assert set(frozen["packet"]) == {
        "schema", "request_id", "revision", "predecessor", "environment", "subject", "policy", "plan", "moves", "confirmations", "authors",
    }  # fmt: skip


def test_A09_no_route_votes(story):
    review_request = story.in_review()
    reviewer = Caller(story.release, "read", "draft", "request", "gate")
    path = f"review-requests/{review_request.pk}/"

    for name in ("votes", "vote", "approve", "decide", "decision", "receipt", "approvals", "reject", "request-changes"):
        for body in ({"choice": "approve", "digest": review_request.digest}, {}):
            assert reviewer.post(f"{path}{name}/", body, version=review_request.version).status_code in (404, 405)
    assert (Vote.objects.count(), Decision.objects.count(), Receipt.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("name", ["state", "digest", "packet_digest", "expires_at", "receipt", "approved_by", "reviewer", "decided_at",
                                  "actor", "revision", "policy", "production_write", "commitment_id"])  # fmt: skip
def test_A04_W02_W03_protected_names_are_refused(owner, story, name):
    made = opened(owner, story)
    path = f"review-requests/{made['id']}/"

    for method, where, body in (
        ("post", "review-requests/", {"plan": str(story.plan.pk), "environment": "production", name: "approved"}),
        ("patch", path, {name: "approved"}),
        ("put", f"{path}confirmations/owner/", statement("owner", **{name: "release"})),
        ("post", f"{path}request-review/", {name: "release"}),
        ("post", f"{path}withdraw/", {"comment": "x", name: "release"}),
    ):
        answer = owner.call(method, where, body, version=made["version"])
        unknown = [error["pointer"] for error in answer.json()["errors"] if error["code"] == "unknown_field"]
        assert (answer.status_code, unknown) == (400, [f"/{name}"]), where
    stored = DeploymentReviewRequest.objects.get()
    assert (stored.state, stored.version) == ("draft", made["version"])


def test_put_of_a_request_is_405(owner, story):
    made = opened(owner, story)

    assert owner.put(f"review-requests/{made['id']}/", {"state": "approved"}, version=1).status_code == 405


@pytest.mark.parametrize("kind", list(CONFIRMATION_FIELDS))
@pytest.mark.parametrize("value", [None, "", " ", "false", [], {}, 0, -1, 1.5, True, "nul\x00", "x" * 300])
def test_W10_every_field_of_a_confirmation_is_typed(owner, story, kind, value):
    made = opened(owner, story)
    path = f"review-requests/{made['id']}/confirmations/{kind}/"
    right = CONFIRMATION_FIELDS[kind]
    takes_text = {
        name
        for name, sample in right.items()
        if isinstance(sample, str) and name not in ("availability_percent", "rehearsed_on", "change_window")
    }

    for name in right:
        answer = owner.put(path, statement(kind, fields={**right, name: value}), version=made["version"])
        if value == "false" and name in takes_text:
            continue
        assert (answer.status_code, pointers(answer)) == (400, [f"/fields/{name}"]), (name, answer.content)
        assert "x" * 300 not in answer.content.decode()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"fields": []}, "/fields"),
        ({"fields": {}}, "/fields/accountable"),
        ({"fields": {**CONFIRMATION_FIELDS["owner"], "signed_by": "me"}}, "/fields/signed_by"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "/valid_until"),
        ({"valid_until": "soon"}, "/valid_until"),
        ({"valid_until": None}, "/valid_until"),
        ({"valid_until": "2099-01-01T00:00:00"}, "/valid_until"),
        ({"evidence_url": "ftp://example.org"}, "/evidence_url"),
        ({"evidence_url": "https://user:pass@example.org/"}, "/evidence_url"),
        ({"evidence_url": 7}, "/evidence_url"),
        ({"evidence_sha256": "abc"}, "/evidence_sha256"),
        ({"evidence_sha256": SHA.upper()}, "/evidence_sha256"),
    ],
)
def test_wrong_confirmation_is_named_and_not_stored(owner, story, change, pointer):
    made = opened(owner, story)

    answer = owner.put(f"review-requests/{made['id']}/confirmations/owner/", statement("owner", **change), version=made["version"])

    assert answer.status_code == 400
    assert pointer in pointers(answer)
    assert owner.get(f"review-requests/{made['id']}/confirmations/").json()["results"] == []


def test_confirmation_is_read_back_as_it_was_said(owner, story):
    made = opened(owner, story)

    said = owner.put(
        f"review-requests/{made['id']}/confirmations/sla/", statement("sla", evidence_sha256=SHA), version=made["version"]
    ).json()

    assert set(said) == {"kind", "fields", "evidence_url", "evidence_sha256", "confirmed_by", "confirmed_at", "valid_until", "named"}
    assert (said["kind"], said["fields"], said["confirmed_by"]) == ("sla", CONFIRMATION_FIELDS["sla"], "owner")
    listed = owner.get(f"review-requests/{made['id']}/confirmations/")
    assert (listed.json()["results"], listed["ETag"]) == ([said], '"2"')


def test_unknown_kind_is_404(owner, story):
    made = opened(owner, story)

    assert owner.put(f"review-requests/{made['id']}/confirmations/legal/", statement("owner"), version=1).status_code == 404


def test_request_review_lists_everything_that_is_missing(owner, story):
    made = opened(owner, story)
    story.security.groups.clear()

    answer = owner.post(f"review-requests/{made['id']}/request-review/", version=made["version"])

    assert (answer.status_code, codes(answer)) == (409, ["confirmation_missing"] * 5 + ["seats_not_fillable"])
    assert all(error["clear_by"] for error in answer.json()["errors"])
    assert Denial.objects.get().verb == "request_review"
    missing = owner.get(f"review-requests/{made['id']}/missing/").json()
    assert [reason["code"] for reason in missing["missing"]] == codes(answer)
    assert missing["next"] == missing["missing"][0]


def test_a_note_goes_with_the_request_and_stands_in_the_timeline(owner, story):
    made = opened(owner, story)
    path, version = f"review-requests/{made['id']}/", confirmed(owner, made)

    wrong = owner.post(f"{path}request-review/", {"comment": "x" * 2001}, version=version)
    sent = owner.post(f"{path}request-review/", {"comment": "The second line goes first."}, version=version)

    assert (wrong.status_code, [error["pointer"] for error in wrong.json()["errors"]]) == (400, ["/comment"])
    assert sent.status_code == 200
    assert "The second line goes first." in [event["comment"] for event in owner.get(f"{path}timeline/").json()["results"]]


def test_precondition_is_required_on_every_verb(owner, story):
    made = opened(owner, story)
    path = f"review-requests/{made['id']}/"

    for verb in ("request-review", "recall", "withdraw", "revoke", "comment"):
        assert owner.post(f"{path}{verb}/", {"comment": "x"}).status_code == 428, verb
        assert owner.post(f"{path}{verb}/", {"comment": "x"}, version=99).status_code == 412, verb
    assert owner.post(f"plans/{story.plan.pk}/expand/").status_code == 428


@pytest.mark.parametrize(
    "subject",
    [None, {}, "x", [1], [{"name": "a"}], [{"name": "a", "digest": {}}], [{"name": "a", "digest": {"md5": "a" * 32}}],
     [{"name": "a", "digest": {"sha256": "A" * 64}}], [{"name": "", "digest": {"sha256": SHA}}],
     [{"name": "a", "digest": {"sha256": SHA}, "size": 1}],
     [{"name": "a", "digest": {"sha256": 5}}], [{"name": "a", "digest": {"sha256": SHA}}] * 21],
)  # fmt: skip
def test_wrong_subject_is_400(owner, story, subject):
    made = opened(owner, story)

    answer = owner.patch(f"review-requests/{made['id']}/", {"subject": subject}, version=made["version"])

    assert answer.status_code == 400
    assert pointers(answer)[0].startswith("/subject")
    assert DeploymentReviewRequest.objects.get().subject == []


def test_subject_is_kept_and_fixed_in_review(owner, story):
    subject = [{"name": "console", "digest": {"sha256": SHA, "gitCommit": "b" * 40}}]
    made = opened(owner, story, subject=subject)
    version = confirmed(owner, made)
    path = f"review-requests/{made['id']}/"
    version = owner.post(f"{path}request-review/", version=version).json()["version"]

    answer = owner.patch(path, {"subject": []}, version=version)

    assert (answer.status_code, codes(answer)) == (409, ["state_review_requested"])
    assert owner.get(path).json()["subject"] == subject


@pytest.mark.parametrize("body", [{}, {"plan": "x", "environment": "production"}, {"plan": 1, "environment": "production"}, {"plan": None}])
def test_wrong_open_is_400(owner, body):
    assert owner.post("review-requests/", body).status_code == 400


def test_unknown_plan_and_environment_are_both_named(owner):
    answer = owner.post("review-requests/", {"plan": "00000000-0000-0000-0000-000000000000", "environment": "moon"})

    assert (answer.status_code, pointers(answer)) == (400, ["/plan", "/environment"])


def test_second_open_request_is_409(owner, story):
    opened(owner, story)

    answer = owner.post("review-requests/", {"plan": str(story.plan.pk), "environment": "production"})

    assert (answer.status_code, codes(answer)) == (409, ["open_request_exists"])


def test_owner_verbs_recall_withdraw_comment_revoke(owner, story):
    review_request = story.in_review()
    path = f"review-requests/{review_request.pk}/"

    recalled = owner.post(f"{path}recall/", version=review_request.version)
    assert (recalled.status_code, recalled.json()["state"]) == (200, "draft")
    said = owner.post(f"{path}comment/", {"comment": "waiting"}, version=recalled.json()["version"])
    assert said.status_code == 200
    assert owner.post(f"{path}withdraw/", {"comment": " "}, version=said.json()["version"]).status_code == 400
    withdrawn = owner.post(f"{path}withdraw/", {"comment": "not now"}, version=said.json()["version"])
    assert withdrawn.json()["state"] == "withdrawn"
    again = owner.post(f"{path}request-review/", version=withdrawn.json()["version"])
    assert (again.status_code, codes(again)) == (409, ["state_withdrawn"])
    events = owner.get(f"{path}timeline/").json()["results"]
    assert [event["verb"] for event in events][-3:] == ["recall", "comment", "withdraw"]
    assert {event["channel"] for event in events[-3:]} == {"api"}


def test_approved_request_shows_its_receipt_and_can_be_revoked(owner, story):
    review_request = story.approved()
    path = f"review-requests/{review_request.pk}/"

    receipt = owner.get(f"{path}receipt/").json()
    revoked = owner.post(f"{path}revoke/", {"comment": "incident"}, version=review_request.version)

    assert set(receipt) == {"receipt", "verdict", "commitment_id", "request_id"}
    assert receipt["receipt"]["sig_alg"] == "ed25519"
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")


def test_expand_takes_an_approved_plan_to_draft(owner, story):
    story.approved()
    plan = owner.get(f"plans/{story.plan.pk}/").json()

    expanded = owner.post(f"plans/{story.plan.pk}/expand/", version=plan["version"])

    assert (plan["state"], expanded.status_code, expanded.json()["state"]) == ("approved", 200, "draft")


def test_A05_visibility_of_requests(owner, story):
    draft = opened(owner, story)
    path = f"review-requests/{draft['id']}/"
    make_environment("elsewhere", rules=[{"name": "other", "group": "other", "quorum": 1}])
    other = Caller(make_user("other-reviewer", groups=("other",)))
    reviewer, auditor = Caller(story.release), Caller(make_user("auditor", groups=("auditors",)))

    assert [caller.get(path).status_code for caller in (owner, Caller(story.viewer), auditor, reviewer, other)] == [200, 200, 200, 404, 404]
    confirm_all(story.owner, DeploymentReviewRequest.objects.get())
    owner.post(f"{path}request-review/", version=owner.get(path).json()["version"])
    assert [caller.get(path).status_code for caller in (reviewer, other)] == [200, 404]
    assert other.get("review-requests/").json()["results"] == []
    assert [caller.get(f"{path}packet/").status_code for caller in (reviewer, other)] == [200, 404]


@pytest.mark.parametrize("name", ["packet", "receipt"])
def test_what_is_not_there_yet_is_404(owner, story, name):
    made = opened(owner, story)

    assert owner.get(f"review-requests/{made['id']}/{name}/").status_code == 404


def test_salt_is_in_the_packet_and_nowhere_else(owner, story):
    review_request = story.approved()
    path = f"review-requests/{review_request.pk}/"

    salt = owner.get(f"{path}packet/").json()["salt"]

    for other in ("review-requests/", path, f"{path}timeline/", f"{path}receipt/", f"{path}missing/", f"{path}confirmations/"):
        assert salt not in owner.get(other).content.decode()


def test_list_filters_by_state_as_of_now(owner, story):
    review_request = story.in_review()

    assert [row["id"] for row in owner.get("review-requests/", state="review_requested").json()["results"]] == [str(review_request.pk)]
    assert owner.get("review-requests/", state="draft", environment="production", partner="northstar_controls").json()["results"] == []
    assert owner.get("review-requests/", state="nonsense").status_code == 400
    assert owner.get("review-requests/", plan="x").status_code == 400


def test_environments_and_whoami_say_what_the_caller_may_use(owner, story):
    environment = owner.get("environments/").json()["results"][0]
    me = owner.get("whoami/").json()

    assert (environment["slug"], set(environment["policy"])) == (
        "production",
        {
            "id", "version", "digest", "rules", "required_confirmations", "maximum_ages", "due_seconds", "review_seconds",
            "approval_seconds", "conditions_allowed", "session_seconds", "second_factor",
        },
    )  # fmt: skip
    assert (me["username"], me["scopes"]) == ("owner", ["draft", "read", "request"])
    assert owner.token not in str(me)


@pytest.mark.parametrize("scope", ["read", "draft", "request", "gate"])
def test_A09_scopes_open_their_own_calls_only(story, scope):
    made = story.open()
    confirm_all(story.owner, made)
    version = DeploymentReviewRequest.objects.get().version
    caller, path = Caller(story.owner, scope), f"review-requests/{made.pk}/"

    results = {
        "read": caller.get(path).status_code,
        "draft": caller.patch(path, {"subject": []}, version=version).status_code,
        "request": caller.post(f"{path}comment/", {"comment": "x"}, version=DeploymentReviewRequest.objects.get().version).status_code,
        "gate": caller.get("gate/", plan=str(story.plan.pk), environment="production").status_code,
    }

    allowed = {name for name, status in results.items() if status == 200}
    assert allowed == ({"read", "gate"} if scope == "read" else {scope})

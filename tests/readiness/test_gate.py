"""May this rollout proceed: the gate opens on a verified receipt and shuts on everything else, saying why."""

import time

import pytest
from django.conf import settings
from django.db import connections

from readiness.gate import gate
from receipts.canonical import b64, unb64
from receipts.keys import register_key, revoke, rotate
from receipts.models import SigningKey
from receipts.signing import public_jwk, signer
from receipts.verify import verify
from reviews import decisions
from reviews.models import DeploymentReviewRequest
from tests.calls import Caller, codes
from tests.factories import VALID_UNTIL, Story, actor, confirm_all, make_environment, make_plan, make_user
from tests.receipts.samples import OTHER_SIGNER

pytestmark = pytest.mark.usefixtures("both_stores")
SHA = "a" * 64
SUBJECT = [{"name": "console", "digest": {"sha256": SHA}}]


@pytest.fixture
def story():
    return Story()


def asked(story: Story, **options):
    return gate(story.plan, story.environment, **options)


def blockers(found) -> list[str]:
    return [reason.code for reason in found.blockers]


def until(condition, *, seconds: float = 5.0) -> None:
    """Wait for the clock, no longer than it takes."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def lift_triggers(*statements: str) -> None:
    """Change what the triggers protect, as somebody with every right in the database could."""
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_gate_opens_on_an_approved_request(story):
    review_request = story.approved()

    found = asked(story)

    assert (found.may_launch, found.verdict, found.blockers, found.request) == (True, "allow", [], str(review_request.pk))
    keys = {"keys": [_jwk(key) for key in SigningKey.objects.all()]}
    report = verify({"receipt": found.receipt}, keys, issuer=settings.RECEIPT_ISSUER, environment="production")
    assert (report.verified, report.signed_payload["request_id"]) == (True, str(review_request.pk))
    assert found.expires_at == review_request.expires_at


def _jwk(key: SigningKey) -> dict:
    return public_jwk(unb64(key.public_key_b64))


def test_S09_receipts_of_a_revoked_key_shut_the_gate_in_words(story):
    story.approved()
    revoke(signer().kid, reason="lost")

    found = asked(story)

    assert (found.may_launch, found.verdict) == (False, None)
    assert "key_revoked" in blockers(found)
    assert "receipt_invalid" not in blockers(found)


def test_S09_receipts_of_a_retired_key_leave_the_gate_open(story, settings):
    """In a process that was left with the old key as well, so that nobody waits while the keys are changed over."""
    story.approved()
    register_key(OTHER_SIGNER)
    rotate()
    assert asked(story).may_launch is True

    settings.RECEIPT_SIGNING_KEY = b64(bytes(range(1, 33)))
    found = asked(story)

    assert (found.may_launch, found.verdict) == (True, "allow")


def test_gate_without_a_request_says_so(story):
    found = asked(story)

    assert (found.may_launch, found.verdict, found.receipt, found.request, blockers(found)) == (
        False,
        None,
        None,
        None,
        ["no_review_request"],
    )


@pytest.mark.parametrize("ending", ["draft", "review_requested", "changes_requested", "rejected", "withdrawn", "revoked"])
def test_gate_is_shut_in_every_other_state(story, ending):
    review_request = story.open() if ending in ("draft", "withdrawn") else story.in_review()
    if ending == "changes_requested":
        story.vote(story.release, review_request, "request_changes")
    elif ending == "rejected":
        story.vote(story.release, review_request, "reject")
    elif ending == "withdrawn":
        decisions.withdraw(actor(story.owner), review_request.pk, comment="no")
    elif ending == "revoked":
        story.vote(story.release, review_request)
        story.vote(story.security, review_request)
        decisions.revoke(actor(story.owner), review_request.pk, comment="no")

    found = asked(story)

    assert (found.may_launch, found.verdict) == (False, {"rejected": "reject", "revoked": "allow"}.get(ending))
    assert found.blockers
    assert all(reason.detail for reason in found.blockers)


def test_approved_request_answers_although_a_renewal_is_drafted(story):
    review_request = story.approved()
    story.open(predecessor_id=review_request.pk)

    assert (asked(story).may_launch, asked(story).request) == (True, str(review_request.pk))


def test_conditions_are_shown_with_their_verdict(story):
    review_request = story.in_review()
    story.vote(story.release, review_request, "approve_with_conditions", conditions=["only on weekdays", "tell the desk"])
    story.vote(story.security, review_request, "approve_with_conditions", conditions=["tell the desk", "one region"])

    found = asked(story)

    assert (found.may_launch, found.verdict) == (True, "constrain")
    assert found.conditions == ["only on weekdays", "tell the desk", "one region"]


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        (None, "subject_required"),
        ("sha256:" + "b" * 64, "subject_mismatch"),
        ("gitCommit:" + SHA, "subject_mismatch"),
        (f"sha256:{SHA}", None),
    ],
)
def test_subject_is_bound(story, subject, code):
    story.approved(subject=SUBJECT)

    assert blockers(asked(story, subject=subject)) == ([code] if code else [])


def test_subject_that_was_never_approved_is_a_mismatch(story):
    story.approved()

    assert blockers(asked(story, subject=f"sha256:{SHA}")) == ["subject_mismatch"]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE reviews_packet SET body = body || '\\x20'::bytea", "packet_damaged"),
        ("UPDATE reviews_packet SET salt = '\\x00'::bytea", "packet_damaged"),
        ("UPDATE receipts_receipt SET signature = set_byte(signature, 0, (get_byte(signature, 0) + 1) % 256)", "receipt_invalid"),
        ("UPDATE receipts_receipt SET payload = payload || '\\x20'::bytea", "receipt_invalid"),
        ("UPDATE receipts_receipt SET verdict = 'constrain'", "receipt_invalid"),
        ("UPDATE receipts_receipt SET packet_digest = repeat('0', 64)", "receipt_missing"),
        ("DELETE FROM receipts_receipt", "receipt_missing"),
        ("DELETE FROM receipts_signingkey", "receipt_invalid"),
        ("UPDATE reviews_deploymentreviewrequest SET digest = repeat('0', 64)", "packet_damaged"),
    ],
)
def test_gate_believes_the_receipt_and_not_the_row(story, statement, code):
    story.approved()

    lift_triggers(statement)

    assert asked(story).may_launch is False
    assert code in blockers(asked(story))


def test_row_whose_end_was_moved_does_not_outlive_its_receipt():
    story = Story(approval_seconds=1)
    story.approved()
    lift_triggers("UPDATE reviews_deploymentreviewrequest SET expires_at = expires_at + interval '90 days'")

    until(lambda: not asked(story).may_launch)

    assert (DeploymentReviewRequest.objects.as_of_now().get().state_now, blockers(asked(story))) == ("approved", ["receipt_invalid"])


def test_receipt_of_another_issuer_is_not_believed(story, settings):
    story.approved()
    settings.RECEIPT_ISSUER = "https://staging.readiness.test"

    assert blockers(asked(story)) == ["receipt_invalid"]


def test_gate_is_shut_while_the_installation_is_not_ready(story):
    story.approved()
    story.security.groups.clear()

    found = asked(story)

    assert (found.may_launch, blockers(found)) == (False, ["readiness_blocked"])


@pytest.mark.parametrize(
    ("window", "words", "clear_by"),
    [
        ("2098-11-30T20:00Z/2098-11-30T23:00Z", "The change window opens at 30 November 2098, 20:00 UTC", "nobody: it opens by itself"),
        (
            "2020-11-30T20:00Z/2020-11-30T23:00Z",
            "The change window closed at 30 November 2020, 23:00 UTC.",
            "owner, with a new review request",
        ),
    ],
)
def test_gate_is_shut_outside_the_change_window_and_says_when_it_opens(story, window, words, clear_by):
    review_request = story.open()
    confirm_all(story.owner, review_request)
    fields = {"region": "eu-west-1", "change_window": window}
    decisions.confirm(actor(story.owner), review_request.pk, "environment", fields=fields, valid_until=VALID_UNTIL)
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    story.vote(story.release, review_request)
    approved = story.vote(story.security, review_request)

    (reason,) = asked(story).blockers

    assert (approved.state, reason.code) == ("approved", "outside_change_window")
    assert reason.detail.startswith(words)
    assert reason.clear_by.startswith(clear_by)
    missing = Caller(story.owner).get(f"review-requests/{approved.pk}/missing/").json()
    assert (missing["next"]["code"], missing["next"]["detail"]) == (reason.code, reason.detail)


def test_approval_of_one_environment_says_nothing_about_another(story):
    story.approved()
    staging = make_environment("staging", rules=[{"name": "release", "group": "release", "quorum": 1}])

    assert blockers(gate(story.plan, staging)) == ["no_review_request"]


# --- the API --------------------------------------------------------------------------------------------------------------------


def test_api_answers_200_either_way_and_is_never_cached(story):
    caller = Caller(story.owner, "gate")
    shut = caller.get("gate/", plan=str(story.plan.pk), environment="production")
    story.approved()
    open_ = caller.get("gate/", partner="northstar_controls", external_reference=story.plan.external_reference, environment="production")

    assert (shut.status_code, open_.status_code, open_["Cache-Control"]) == (200, 200, "no-store")
    assert set(open_.json()) == {
        "may_launch", "verdict", "conditions", "blockers", "receipt", "request", "expires_at", "policy", "policy_in_force", "changes_ahead",
    }  # fmt: skip
    assert (shut.json()["may_launch"], open_.json()["may_launch"]) == (False, True)
    assert set(shut.json()["blockers"][0]) == {"code", "detail", "clear_by"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"environment": "moon"}, 404),
        ({"plan": "00000000-0000-0000-0000-000000000000"}, 404),
        ({"plan": "nonsense"}, 400),
        ({"environment": None}, 400),
        ({"plan": None}, 400),
        ({"subject": "latest"}, 400),
        ({"subject": "sha256:"}, 400),
        ({"force": "true"}, 400),
        ({"environment": "\x00"}, 400),
        ({"partner": "northstar_controls"}, 400),
    ],
)
def test_api_refuses_wrong_questions(story, change, status):
    asked_for = {"plan": str(story.plan.pk), "environment": "production", **change}

    answer = Caller(story.owner, "gate").get("gate/", **{name: value for name, value in asked_for.items() if value is not None})

    assert answer.status_code == status


def test_api_is_404_for_who_may_not_see_the_plan(story):
    stranger = Caller(make_user("stranger"), "gate")

    assert stranger.get("gate/", plan=str(story.plan.pk), environment="production").status_code == 404


def test_reviewer_asks_the_gate_about_what_they_reviewed(story):
    story.approved()

    assert Caller(story.release, "gate").get("gate/", plan=str(story.plan.pk), environment="production").json()["may_launch"] is True


def test_W14_approval_that_has_lapsed_shuts_the_gate_without_any_job(story):
    sandbox = make_environment("sandbox", rules=[{"name": "release", "group": "release", "quorum": 1}], approval_seconds=1)
    review_request = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="sandbox")
    confirm_all(story.owner, review_request)
    approved = story.vote(story.release, decisions.request_review(actor(story.owner), review_request.pk))
    lift_triggers("UPDATE reviews_deploymentreviewrequest SET expires_at = clock_timestamp() - interval '1 second'")

    found = gate(story.plan, sandbox)

    assert DeploymentReviewRequest.objects.get(pk=approved.pk).state == "approved"
    assert (found.may_launch, blockers(found)) == (False, ["request_expired"])
    assert Caller(story.owner).get(f"review-requests/{approved.pk}/").json()["state"] == "expired"
    assert codes(Caller(story.owner).post(f"review-requests/{approved.pk}/revoke/", {"comment": "x"}, version=approved.version)) == [
        "state_expired"
    ]


# --- rows beside the receipt that somebody with every right in the database changed ------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reviews_decision SET verdict = 'allow', conditions = '[]'",
        "UPDATE reviews_decision SET conditions = '[]'",
        "DELETE FROM reviews_decision",
        'UPDATE reviews_reviewpolicy SET rules = \'[{"name": "release", "group": "release", "quorum": 1}]\'',
        "DELETE FROM reviews_packet",
    ],
)
def test_gate_is_shut_when_a_row_says_other_than_what_was_signed(story, statement):
    review_request = story.in_review()
    story.vote(story.release, review_request, "approve_with_conditions", conditions=["only on weekdays"])
    story.vote(story.security, review_request)
    assert (asked(story).may_launch, asked(story).verdict) == (True, "constrain")

    lift_triggers(statement)

    assert (asked(story).may_launch, asked(story).verdict) == (False, "constrain")


def test_approval_that_was_moved_to_another_plan_does_not_open_its_gate(story):
    story.approved()
    other = make_plan(story.owner, story.partner)

    lift_triggers(f"UPDATE reviews_deploymentreviewrequest SET plan_id = '{other.pk}'")

    assert gate(other, story.environment).may_launch is False


def test_end_that_was_moved_is_not_told(story):
    signed = story.approved().expires_at
    lift_triggers("UPDATE reviews_deploymentreviewrequest SET expires_at = expires_at + interval '1 year'")

    assert asked(story).expires_at == signed


def test_A05_reviewer_is_told_nothing_of_an_environment_that_asks_other_groups(story):
    story.approved()
    make_environment("elsewhere", rules=[{"name": "other", "group": "other", "quorum": 1}])
    ours, theirs = (
        Caller(story.release, "gate").get("gate/", plan=str(story.plan.pk), environment=slug) for slug in ("production", "elsewhere")
    )

    assert (ours.status_code, theirs.status_code) == (200, 404)

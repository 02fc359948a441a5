"""Idempotency keys: one effect, the same answer again, another call refused, a refusal never kept."""

import hashlib
import json
from datetime import timedelta

import psycopg2
import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models.functions import Now

from drafts.models import CoveragePlan, KeptAnswer
from reviews.models import Denial, DeploymentReviewRequest
from tests.barrier import at_once
from tests.calls import Caller, codes
from tests.conftest import run_python
from tests.factories import PLAN_FIELDS, Story, make_user
from tests.faults.installation import until

KEY = {"HTTP_IDEMPOTENCY_KEY": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@pytest.fixture
def story(both_stores):
    return Story()


@pytest.fixture
def owner(story):
    return Caller(story.owner)


def plan_body(story: Story, **more) -> dict:
    return {**PLAN_FIELDS, "external_reference": "key-1", "partner": story.partner.slug, **more}


def test_R06_same_key_and_body_has_one_effect_and_the_same_answer(owner, story):
    first, again = (owner.post("plans/", plan_body(story), **KEY) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.content, first["ETag"], first["Location"]) == (again.content, again["ETag"], again["Location"])
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert CoveragePlan.objects.filter(external_reference="key-1").count() == 1


def test_the_order_of_members_and_the_quotes_of_the_key_make_no_other_call(owner, story):
    owner.post("plans/", plan_body(story), **KEY)
    turned = dict(reversed(plan_body(story).items()))

    again = owner.post("plans/", turned, HTTP_IDEMPOTENCY_KEY=f'"{KEY["HTTP_IDEMPOTENCY_KEY"]}"')

    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")


def test_R06_another_body_or_if_match_under_the_same_key_is_422(owner, story):
    owner.post("plans/", plan_body(story), **KEY)
    comment = f"review-requests/{story.open().pk}/comment/"
    owner.post(comment, {"comment": "x"}, version=1, HTTP_IDEMPOTENCY_KEY="c")

    body = owner.post("plans/", plan_body(story, name="Other"), **KEY)
    tag = owner.post(comment, {"comment": "x"}, HTTP_IF_MATCH="*", HTTP_IDEMPOTENCY_KEY="c")

    assert [(answer.status_code, codes(answer)) for answer in (body, tag)] == [(422, ["idempotency_key_reused"])] * 2
    assert list(Denial.objects.values_list("verb", "reasons", "count")) == [("idempotency_key", "idempotency_key_reused", 2)]
    assert body.json()["type"].endswith("idempotency-key-reused")


def test_R06_key_belongs_to_person_token_and_route(owner, story):
    body = {"gate_type": "g", "system_scope": "s", "authority_context": "a"}
    path, other = f"plans/{story.plan.pk}/moves/", make_user("other")
    story.partner.memberships.create(user_id=other.pk, username="other", role="owner")

    numbers = [caller.post(path, body, **KEY).json()["number"] for caller in (owner, Caller(story.owner), Caller(other), owner)]

    assert numbers == [1, 2, 3, 1]
    assert owner.post("plans/", plan_body(story), **KEY).status_code == 201


def test_a_refusal_is_not_kept_and_is_counted_once(owner, story):
    review_request = story.open()
    path = f"review-requests/{review_request.pk}/comment/"

    refused = owner.post(path, {"comment": " "}, version=1, **KEY)
    stale = owner.post(path, {"comment": "x"}, version=7, **KEY)
    done = owner.post(path, {"comment": "x"}, version=1, **KEY)

    assert (refused.status_code, stale.status_code, done.status_code) == (400, 412, 200)
    assert sorted(Denial.objects.values_list("reasons", "count")) == [("required", 1), ("stale_version", 1)]
    assert KeptAnswer.objects.count() == 1
    assert review_request.events.filter(verb="comment").count() == 1


@pytest.mark.parametrize("key", ["", " ", "é", "a b", "x" * 129, "a\tb", '"', '"a'])
def test_key_of_the_wrong_form_is_400_beside_everything_else(owner, story, key):
    answer = owner.post("plans/", plan_body(story, state="approved"), HTTP_IDEMPOTENCY_KEY=key)

    assert answer.status_code == 400
    assert codes(answer) == ["unknown_field"] if key == '"a' else ["idempotency_key_invalid", "unknown_field"]
    assert KeptAnswer.objects.count() == 0


def test_body_that_cannot_be_read_is_refused_as_without_a_key(owner, story):
    answer = owner.client.generic("POST", "/api/v1/plans/", b"{", content_type="application/json", **KEY)

    assert (answer.status_code, codes(answer)[0]) == (400, "invalid_json")
    assert Denial.objects.get().verb == "create_plan"


def test_key_means_nothing_to_other_methods(owner, story):
    path = f"plans/{story.plan.pk}/"

    names = [owner.patch(path, {"name": name}, version=version, **KEY).json()["name"] for version, name in ((1, "a"), (2, "b"))]

    assert names == ["a", "b"]
    assert KeptAnswer.objects.count() == 0


def test_P04_nothing_of_a_refused_call_is_kept(owner, story):
    owner.post("plans/", plan_body(story, name="hunter2-is-my-secret\u202e"), **KEY)

    assert not any("hunter2" in json.dumps(row, default=str) for row in KeptAnswer.objects.values())
    assert KeptAnswer.objects.count() == 0


def digest_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def test_P04_a_key_is_a_text_from_outside_and_is_not_kept(owner, story):
    key = "gh" + "p_" + "q8Zr" * 9
    assert owner.post("plans/", plan_body(story), HTTP_IDEMPOTENCY_KEY=key).status_code == 201
    assert list(KeptAnswer.objects.values_list("key", flat=True)) == [digest_of(key)]


def test_answers_are_kept_for_a_day_and_then_forgotten(owner, story, capsys):
    owner.post("plans/", plan_body(story), **KEY)
    owner.post("plans/", plan_body(story, external_reference="key-2"), HTTP_IDEMPOTENCY_KEY="old")
    for key, age in (("old", timedelta(hours=25)), (KEY["HTTP_IDEMPOTENCY_KEY"], timedelta(hours=23, minutes=59))):
        KeptAnswer.objects.filter(key=digest_of(key)).update(created_at=Now() - age)

    with pytest.raises(SystemExit) as done:
        call_command("forget_answers", "--json")

    assert (done.value.code, json.loads(capsys.readouterr().out)) == (0, {"deleted": 1})
    assert KeptAnswer.objects.get().key == digest_of(KEY["HTTP_IDEMPOTENCY_KEY"])
    assert owner.post("plans/", plan_body(story), **KEY)["Idempotency-Replayed"] == "true"


# --- at one moment ----------------------------------------------------------------------------------------------------------------


def test_R06_fifty_calls_at_once_have_one_effect(both_stores_committed):
    story = Story()
    token, path, body = (
        Caller(story.owner),
        f"plans/{story.plan.pk}/moves/",
        {"gate_type": "g", "system_scope": "s", "authority_context": "a"},
    )

    answers = at_once(*[lambda: token.post(path, body, **KEY)] * 50)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {codes(answer)[0] for answer in answers if answer.status_code == 409} <= {"in_flight"}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert (story.plan.moves.count(), KeptAnswer.objects.count()) == (1, 1)
    assert token.post(path, body, **KEY)["Idempotency-Replayed"] == "true"


@pytest.fixture
def held(both_stores_committed):
    """A story with an open request whose row another connection holds until it is let go."""
    story = Story()
    review_request = story.open()
    holder = psycopg2.connect(**connections["self_service"].get_connection_params())
    with holder.cursor() as cursor:
        cursor.execute("SELECT 1 FROM reviews_deploymentreviewrequest WHERE id = %s FOR UPDATE", [str(review_request.pk)])
    yield Caller(story.owner), f"review-requests/{review_request.pk}/comment/", holder
    holder.close()


# Of this database: another worker's tests take such locks on the same server.
ADVISORY = """SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND datname = current_database()"""


def test_call_in_flight_is_409_at_once_and_counted(held):
    """The first call waits for the row, so it is in flight while the second comes."""
    caller, path, holder = held

    def second():
        with holder.cursor() as cursor:
            until(lambda: cursor.execute(ADVISORY) or cursor.fetchone(), within=5)
        try:
            return caller.post(path, {"comment": "x"}, version=1, **KEY)
        finally:
            holder.commit()

    first, answer = at_once(lambda: caller.post(path, {"comment": "x"}, version=1, **KEY), second)

    assert (first.status_code, answer.status_code, codes(answer)) == (200, 409, ["in_flight"])
    assert list(Denial.objects.values_list("verb", "reasons")) == [("idempotency_key", "in_flight")]
    assert DeploymentReviewRequest.objects.get().events.filter(verb="comment").count() == 1


def test_5xx_is_never_kept_and_the_same_key_works_afterwards(both_stores_committed):
    story = Story()
    caller, path = Caller(story.owner), f"review-requests/{story.open().pk}/comment/"
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")

    away = caller.post(path, {"comment": "x"}, version=1, **KEY)
    connections["self_service"].close()  # and the setting with it

    assert (away.status_code, KeptAnswer.objects.count()) == (503, 0)
    assert caller.post(path, {"comment": "x"}, version=1, **KEY).status_code == 200


ON_SQLITE = """
import django
django.setup()
from access.models import User
from tests.calls import Caller
from tests.factories import PLAN_FIELDS, make_partner
from drafts.models import CoveragePlan, KeptAnswer
from reviews.models import Denial
user = User.objects.create_user("owner", password="x")
partner = make_partner(owners=(user,))
caller, body = Caller(user), {**PLAN_FIELDS, "external_reference": "r", "partner": partner.slug}
answers = [caller.post("plans/", each, HTTP_IDEMPOTENCY_KEY="k") for each in (body | {"name": ""}, body, body, body | {"name": "other"})]
print([answer.status_code for answer in answers], CoveragePlan.objects.count(), KeptAnswer.objects.count(), Denial.objects.count())
"""


def test_R06_on_sqlite_too(sqlite_installation):
    done = run_python(ON_SQLITE, env=sqlite_installation.env | {"DJANGO_SETTINGS_MODULE": "config.settings", "ALLOWED_HOSTS": "testserver"})

    assert done.stdout.strip() == "[400, 201, 201, 422] 1 1 2", done.stderr

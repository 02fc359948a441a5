"""The pages that write a plan: who may, what is refused, and that text stays text."""

import pytest

from drafts.models import CoveragePlan, ExpansionMove
from reviews.models import Denial
from tests.factories import PLAN_FIELDS, Story, make_partner, make_user
from tests.pages import NOWHERE, SCRIPT, Visitor, plan_path, request_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
NEW = "/self-service/plans/new"
MOVE = {name: PLAN_FIELDS[name] for name in ("gate_type", "system_scope", "authority_context")}
FORMS = ["edit", "moves/new", "delete"]


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def owner(story):
    return Visitor(story.owner)


def plan_words(**more) -> dict:
    return {"partner": "northstar_controls", "external_reference": "TREAS-4471", **PLAN_FIELDS, **more}


# --- writing ------------------------------------------------------------------------------------------------------------------------


def test_new_plan_is_saved_as_a_draft(owner):
    answer = owner.post(NEW, **plan_words())

    made = CoveragePlan.objects.get(external_reference="TREAS-4471")
    assert (answer.status_code, answer["Location"]) == (302, plan_path(made))
    assert (made.name, made.state, made.authors.get().username) == (PLAN_FIELDS["name"], "draft", "owner")


def test_edit_changes_the_boundary(owner, story):
    answer = owner.submit(plan_path(story.plan, "edit"), **{**PLAN_FIELDS, "name": "Renamed", "external_reference": "other-1"})

    assert answer.status_code == 302
    found = CoveragePlan.objects.get(pk=story.plan.pk)
    assert (found.name, found.external_reference, found.version) == ("Renamed", "other-1", 2)


def test_moves_are_appended_and_earlier_ones_shown(owner, story):
    path = plan_path(story.plan, "moves/new")
    owner.submit(path, **MOVE)
    page = owner.get(path)
    assert MOVE["authority_context"] in text_of(page)

    owner.submit(path, **MOVE, corrects="1")

    assert list(ExpansionMove.objects.values_list("number", "corrects").order_by("number")) == [(1, None), (2, 1)]


def test_boundary_object_is_shown_and_holds_no_secret(owner, story):
    page = text_of(owner.get(plan_path(story.plan, "boundary-object")))

    assert '"production_write": false' in page
    assert f"/api/v1/plans/{story.plan.pk}/moves/" in page


def test_plan_without_history_is_deleted(owner, story):
    assert "Only a plan without moves" in text_of(owner.get(plan_path(story.plan, "delete")))

    answer = owner.submit(plan_path(story.plan, "delete"))

    assert (answer.status_code, CoveragePlan.objects.count()) == (302, 0)


def test_plan_with_history_is_archived_instead(owner, story):
    owner.submit(plan_path(story.plan, "moves/new"), **MOVE)

    answer = owner.submit(plan_path(story.plan, "delete"))
    assert answer.status_code == 409
    assert "archive it instead" in text_of(answer)

    answer = owner.post(plan_path(story.plan, "archive"), version=2)
    assert (answer.status_code, CoveragePlan.objects.get().archived) == (302, True)
    assert PLAN_FIELDS["name"] not in text_of(owner.get("/self-service/plans/"))
    assert PLAN_FIELDS["name"] in text_of(owner.get("/self-service/plans/", show="archived"))


# --- refusals -----------------------------------------------------------------------------------------------------------------------


def test_duplicate_reference_is_said_beside_its_field_and_answers_are_kept(owner, story):
    answer = owner.post(NEW, **plan_words(external_reference=story.plan.external_reference))

    assert answer.status_code == 409
    assert "External reference: Another plan of this partner has this external reference." in text_of(answer)
    assert f'value="{PLAN_FIELDS["system_scope"]}"' in answer.content.decode()
    assert 'href="#id_external_reference"' in answer.content.decode()


@pytest.mark.parametrize("field", [*PLAN_FIELDS, "external_reference", "partner"])
def test_every_field_is_needed(owner, story, field):
    answer = owner.post(NEW, **plan_words(**{field: " "}))

    assert (answer.status_code, CoveragePlan.objects.count()) == (400, 1)
    assert f'id="id_{field}_error"' in answer.content.decode()


@pytest.mark.parametrize("value", ["a\x00b", "a\u202eb", "a\u200bb", "e\u0301", "a\nb", "x" * 400])
def test_W17_text_that_is_not_plain_is_refused(owner, value):
    answer = owner.post(NEW, **plan_words(system_scope=value))

    assert (answer.status_code, CoveragePlan.objects.count()) == (400, 1)


@pytest.mark.parametrize("more", [{"state": "approved"}, {"version": "9"}, {"archived": "1"}, {"id": NOWHERE}, {"name": ["a", "b"]}])
def test_W02_unknown_and_repeated_fields_are_refused_by_name(owner, more):
    answer = owner.post(NEW, **plan_words(**more))

    assert (answer.status_code, CoveragePlan.objects.count()) == (400, 1)
    assert next(iter(more)) in text_of(answer)


def test_partner_of_others_is_refused(owner):
    make_partner("quill_insurance", owners=(make_user("owner2"),))

    assert owner.post(NEW, **plan_words(partner="quill_insurance")).status_code == 400


def test_R11_stale_tab_is_refused_and_shows_the_way_on(owner, story):
    path = plan_path(story.plan, "edit")
    said = {**PLAN_FIELDS, "external_reference": "x-1"}
    owner.post(path, **said, version=1)

    answer = owner.post(path, **{**said, "name": "Too late"}, version=1)

    assert answer.status_code == 412
    assert "Read it as it is now" in text_of(answer)
    assert CoveragePlan.objects.get().name == PLAN_FIELDS["name"]


@pytest.mark.parametrize("version", ["", "0", "-1", "x", "9" * 40])
def test_form_without_a_version_is_refused(owner, story, version):
    assert owner.post(plan_path(story.plan, "moves/new"), **MOVE, version=version).status_code == 400


@pytest.mark.parametrize("corrects", ["1", "-1", "x", "1.0"])
def test_move_corrects_only_an_earlier_one(owner, story, corrects):
    assert owner.submit(plan_path(story.plan, "moves/new"), **MOVE, corrects=corrects).status_code == 400
    assert not ExpansionMove.objects.exists()


@pytest.mark.parametrize("rest", ["edit", "moves/new"])
def test_W08_plan_in_review_takes_no_edits(owner, story, rest):
    story.in_review()
    said = MOVE if rest == "moves/new" else {**PLAN_FIELDS, "external_reference": "x-1"}
    assert "recall the review request first" in text_of(owner.get(plan_path(story.plan, rest)))

    answer = owner.post(plan_path(story.plan, rest), **said, version=story.plan.version)

    assert answer.status_code == 409
    assert "recall the review request first" in text_of(answer)


# --- who may ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", [*FORMS, "boundary-object", "archive"])
def test_A05_plans_of_others_are_404(story, rest):
    stranger = Visitor(make_user("stranger"))

    assert stranger.get(plan_path(story.plan, rest)).status_code == (405 if rest == "archive" else 404)
    assert stranger.post(plan_path(story.plan, rest), version=1).status_code == (405 if rest == "boundary-object" else 404)


@pytest.mark.parametrize("rest", FORMS)
def test_viewer_sees_no_form_and_is_refused(story, rest):
    viewer = Visitor(story.viewer)
    assert '<form method="post" novalidate' not in viewer.get(plan_path(story.plan, rest)).content.decode()
    said = {"edit": {**PLAN_FIELDS, "external_reference": "x"}, "moves/new": MOVE, "delete": {}}[rest]

    answer = viewer.post(plan_path(story.plan, rest), **said, version=1)

    assert answer.status_code == 403
    assert "Who can clear it: owner" in text_of(answer)
    assert Denial.objects.get().reasons == "not_an_owner"
    assert (CoveragePlan.objects.get().version, ExpansionMove.objects.count()) == (1, 0)


@pytest.mark.parametrize("rest", [*FORMS, "boundary-object"])
def test_nobody_is_sent_to_sign_in(story, rest):
    path = plan_path(story.plan, rest)

    answer = Visitor().get(path)

    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


@pytest.mark.parametrize("rest", [*FORMS, "archive"])
def test_H04_each_form_needs_its_csrf_token(story, rest):
    assert Visitor(story.owner, csrf=True).post(plan_path(story.plan, rest), version=1).status_code == 403


def test_who_owns_nothing_is_told_so(story):
    page = text_of(Visitor(make_user("stranger")).get(NEW))

    assert "You own no partner" in page


# --- H06 ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [*PLAN_FIELDS, "external_reference"])
def test_H06_script_in_a_field_stays_text(owner, story, field):
    said = plan_words(**{field: SCRIPT})
    owner.post(NEW, **said)
    plan = CoveragePlan.objects.exclude(pk=story.plan.pk).get()
    owner.submit(plan_path(plan, "moves/new"), **{**MOVE, **({field: SCRIPT} if field in MOVE else {})})
    opened = owner.post(plan_path(plan, "requests/new"), environment="production")
    review_request = plan.review_requests.get()
    assert opened.status_code == 302

    pages = [plan_path(plan, rest) for rest in ("", "edit", "moves/new", "boundary-object", "delete", "requests/new")]
    pages += [request_path(review_request, rest) for rest in ("", "check-answers", "timeline")] + ["/self-service/plans/"]
    for page in pages:
        answer = owner.get(page)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode(), page
    again = owner.post(NEW, **said)
    assert again.status_code == 409
    assert "<script>alert" not in again.content.decode()

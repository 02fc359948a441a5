"""The owners' pages around a review request: the way through, the refusals, and who sees what."""

import pytest

from access.people import primary_unavailable
from drafts.coverage import append_move, edit_plan
from reviews import decisions
from reviews.models import Confirmation, Denial, DeploymentReviewRequest, Event, Packet
from tests.factories import (
    CONFIRMATION_ANSWERS,
    CONFIRMATION_FIELDS,
    PLAN_FIELDS,
    VALID_UNTIL,
    Story,
    actor,
    confirm_all,
    make_environment,
    make_user,
)
from tests.pages import NOWHERE, SCRIPT, Visitor, hidden, plan_path, request_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
READING = ["", "check-answers", "timeline", "subject", "confirmations/sla", "recall", "withdraw", "comment", "revoke"]
WRITING = ["subject", "confirmations/sla", "check-answers", "recall", "withdraw", "comment", "revoke"]
EVIDENCE = {"evidence_url": "https://evidence.example.org/1", "valid_until": VALID_UNTIL}


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def owner(story):
    return Visitor(story.owner)


def now(review_request: DeploymentReviewRequest) -> DeploymentReviewRequest:
    return DeploymentReviewRequest.objects.as_of_now().get(pk=review_request.pk)


def said(kind: str, **more) -> dict:
    return {**CONFIRMATION_ANSWERS[kind], **EVIDENCE, **more}


# --- the way through ----------------------------------------------------------------------------------------------------------------


def test_owner_gets_from_a_plan_to_review_by_the_pages_alone(story, owner):
    answer = owner.post(plan_path(story.plan, "requests/new"), environment="production")
    review_request = DeploymentReviewRequest.objects.get()
    for kind in CONFIRMATION_FIELDS:
        assert answer["Location"] == request_path(review_request, f"confirmations/{kind}")
        assert "Missing next" in text_of(owner.get(plan_path(story.plan)))
        answer = owner.submit(request_path(review_request, f"confirmations/{kind}"), **said(kind))
    assert answer["Location"] == request_path(review_request, "check-answers")
    page = text_of(owner.get(plan_path(story.plan)))
    assert "Everything is confirmed; request the review. Check your answers and request review" in page

    answer = owner.submit(request_path(review_request, "check-answers"))

    assert answer["Location"] == request_path(review_request, "sent")
    assert (now(review_request).state_now, now(review_request).revision) == ("review_requested", 1)
    assert "Revision 1 of Operations console threshold for Production is frozen" in text_of(owner.get(request_path(review_request, "sent")))


def test_hub_says_the_one_thing_to_do_next(story, owner):
    path = plan_path(story.plan)
    assert "choose an environment and open a review request. Open a review request" in text_of(owner.get(path))
    review_request = story.open()
    assert "The owner confirmation is missing. Fill in the Owner confirmation" in text_of(owner.get(path))
    confirm_all(story.owner, review_request, but=("rollback",))
    assert "The rollback confirmation is missing. Fill in the Rollback confirmation" in text_of(owner.get(path))
    confirm_all(story.owner, review_request)
    decisions.request_review(actor(story.owner), review_request.pk)
    assert "An approval for release is missing. It can come from: release." in text_of(owner.get(path))
    story.vote(story.release, now(review_request), "reject")
    page = owner.get(request_path(review_request))
    assert "This review request is rejected; open a new one. Open a new review request" in text_of(page)
    assert f"requests/new?environment=production&amp;predecessor={review_request.pk}" in page.content.decode()


def test_new_request_continues_from_an_ended_one(story, owner):
    first = story.in_review()
    decisions.withdraw(actor(story.owner), first.pk, comment="once more")

    owner.post(plan_path(story.plan, "requests/new"), environment="production", predecessor=str(first.pk))

    second = DeploymentReviewRequest.objects.exclude(pk=first.pk).get()
    assert second.predecessor_id == first.pk
    assert "Needs a new look" in text_of(owner.get(request_path(second)))
    form = owner.get(request_path(second, "confirmations/sla")).content.decode()
    assert 'value="99.9"' in form


@pytest.mark.parametrize(
    ("digest", "stored"),
    [("sha256:" + "a" * 64, {"sha256": "a" * 64}), ("b" * 64, {"sha256": "b" * 64}), ("c" * 40, {"gitCommit": "c" * 40})],
)
def test_subject_is_named_and_changed(story, owner, digest, stored):
    review_request = story.open()

    owner.submit(request_path(review_request, "subject"), subject_name="payments", subject_digest=digest)

    assert now(review_request).subject == [{"name": "payments", "digest": stored}]
    assert "payments" in text_of(owner.get(request_path(review_request)))


def test_confirmation_is_given_in_the_name_of_who_is_signed_in(story, owner):
    review_request = story.open()

    owner.submit(request_path(review_request, "confirmations/sla"), **said("sla", valid_until="2099-01-31"))

    found = Confirmation.objects.get()
    assert (found.confirmed_by, found.fields, found.evidence_url) == ("owner", CONFIRMATION_FIELDS["sla"], EVIDENCE["evidence_url"])
    assert found.valid_until.isoformat() == "2099-01-31T23:59:59+00:00"


def test_recall_withdraw_and_comment(story, owner):
    review_request = story.in_review()
    owner.submit(request_path(review_request, "comment"), comment="please look by Friday")
    owner.submit(request_path(review_request, "recall"))
    assert now(review_request).state_now == "draft"
    owner.submit(request_path(review_request, "withdraw"), comment="not this year")
    assert now(review_request).state_now == "withdrawn"

    page = text_of(owner.get(request_path(review_request, "timeline")))

    assert all(
        words in page
        for words in ("please look by Friday", "Recalled by owner (requester), on a page", "not this year", "Draft → In review")
    )


def test_approved_request_shows_its_decision_and_can_be_revoked(story, owner):
    review_request = story.approved()
    page = text_of(owner.get(request_path(review_request)))
    assert all(words in page for words in ("Verdict Approved", now(review_request).commitment_id, "Votes on revision 1"))
    assert "The gate shuts at once" in text_of(owner.get(request_path(review_request, "revoke")))

    owner.submit(request_path(review_request, "revoke"), comment="found a fault")

    assert now(review_request).state_now == "revoked"


def test_expanded_plan_says_how_far_it_is_ahead(story, owner):
    review_request = story.approved()
    path = plan_path(story.plan)
    assert "Expand this plan" in text_of(owner.get(path))

    owner.post(f"{path}expand", version=hidden(owner.get(path))["version"])
    append_move(actor(story.owner), story.plan.pk, fields={name: value for name, value in PLAN_FIELDS.items() if name != "name"})

    assert "The draft is 1 change ahead of the packet that was approved." in text_of(owner.get(path))
    assert "The draft is 1 change ahead" in text_of(owner.get(request_path(review_request)))
    assert now(review_request).state_now == "approved"


def test_list_shows_state_and_next_step_of_each_plan(story, owner):
    review_request = story.open()
    assert "Production Draft 0 of 5 confirmations · updated now Missing next: Fill in the Owner confirmation" in text_of(
        owner.get("/self-service/plans/")
    )
    confirm_all(story.owner, review_request)
    decisions.request_review(actor(story.owner), review_request.pk)

    page = text_of(owner.get("/self-service/plans/"))
    assert "Production In review 5 of 5 confirmations · updated now Missing next: Wait for the reviewers" in page


def test_list_is_paged_by_the_last_plan_shown(story, owner, monkeypatch):
    monkeypatch.setattr("reviews.home.PAGE_SIZE", 1)
    owner.post(
        "/self-service/plans/new", partner="northstar_controls", external_reference="newer-1", **{**PLAN_FIELDS, "name": "The newer plan"}
    )

    first = owner.get("/self-service/plans/", show="draft")

    assert ("The newer plan" in text_of(first), PLAN_FIELDS["name"] in text_of(first)) == (True, False)
    after = first.content.decode().split("?show=draft&amp;after=")[1][:36]
    assert PLAN_FIELDS["name"] in text_of(owner.get("/self-service/plans/", show="draft", after=after))


@pytest.mark.parametrize("after", ["x", "0", NOWHERE, "'"])
def test_list_from_an_unknown_plan_is_404(owner, after):
    assert owner.get("/self-service/plans/", after=after).status_code == 404


# --- check answers ------------------------------------------------------------------------------------------------------------------


def test_check_answers_shows_what_would_be_frozen_and_what_is_missing(story, owner):
    review_request = story.open()
    confirm_all(story.owner, review_request, but=("sla", "support"))

    page = owner.get(request_path(review_request, "check-answers"))

    words = text_of(page)
    assert "Still missing before a review can be requested" in words
    assert "The sla confirmation is missing." in words
    assert "The support confirmation is missing." in words
    assert all(value in words for value in PLAN_FIELDS.values())
    assert "Request review</button>" not in page.content.decode()


def test_W10_request_review_is_refused_naming_all_that_is_missing(story, owner):
    review_request = story.open()

    answer = owner.post(request_path(review_request, "check-answers"), version=1, plan_version=1)

    assert answer.status_code == 409
    assert all(f"The {kind} confirmation is missing." in text_of(answer) for kind in CONFIRMATION_FIELDS)
    assert not Packet.objects.exists()


def test_R03_check_answers_of_a_stale_tab_is_refused(story, owner):
    review_request = story.open()
    confirm_all(story.owner, review_request)
    stale = hidden(owner.get(request_path(review_request, "check-answers")))
    owner.submit(request_path(review_request, "subject"), subject_name="payments", subject_digest="a" * 64)

    answer = owner.post(request_path(review_request, "check-answers"), **stale)

    assert answer.status_code == 412
    assert "Read it as it is now" in text_of(answer)
    assert now(review_request).state_now == "draft"


def test_R03_plan_that_changed_since_it_was_checked_is_not_frozen(story, owner):
    review_request = story.open()
    confirm_all(story.owner, review_request)
    stale = hidden(owner.get(request_path(review_request, "check-answers")))
    edit_plan(actor(story.owner), story.plan.pk, fields={"name": "Changed in another tab"})

    answer = owner.post(request_path(review_request, "check-answers"), **stale)

    assert (answer.status_code, Packet.objects.count()) == (412, 0)


def test_what_is_in_review_is_shown_as_it_was_frozen(story, owner):
    review_request = story.in_review()

    page = text_of(owner.get(request_path(review_request, "check-answers")))

    assert "What was put up for review" in page
    assert "Request the review" not in page


def test_note_goes_with_the_request_into_the_timeline(story, owner):
    review_request = story.open()
    confirm_all(story.owner, review_request)
    page = text_of(owner.get(request_path(review_request, "check-answers")))
    assert "If you request it now, it is due:" in page

    owner.submit(request_path(review_request, "check-answers"), comment="Please before Friday.")

    assert Event.objects.get(verb="request_review").comment == "Please before Friday."
    assert "Please before Friday." in text_of(owner.get(request_path(review_request, "timeline")))


def test_note_that_is_too_long_is_refused_with_everything_else_and_kept(story, owner):
    review_request = story.open()

    answer = owner.submit(request_path(review_request, "check-answers"), version=1, plan_version=1, comment="x" * 2001)

    words = text_of(answer)
    assert answer.status_code == 400
    assert "Note to the reviewers: This may have 2000 characters at most." in words
    assert "The sla confirmation is missing." in words
    assert not Packet.objects.exists()


def test_check_answers_lead_to_each_answer_and_say_what_each_link_changes(story, owner):
    review_request = story.open()
    confirm_all(story.owner, review_request)

    page = owner.get(request_path(review_request, "check-answers"))

    words = text_of(page)
    for said in ("Change the boundary", "Change the subject", "Change the SLA confirmation", "Append a move"):
        assert said in words, said
    for rest in ("confirmations/sla", "subject"):
        assert f'href="{request_path(review_request, rest)}"' in page.content.decode()


def test_confirmation_page_says_the_sentence_the_place_and_an_example(story, owner):
    words = text_of(owner.get(request_path(story.open(), "confirmations/rollback")))

    assert "Confirmation 4 of 5" in words
    assert "The rollout can be undone this way, and that has been rehearsed." in words
    assert "How it is undone. For example: redeploy previous artifact" in words


def test_error_summary_takes_focus_and_only_where_there_is_an_error(story, owner):
    path = request_path(story.open(), "confirmations/sla")
    assert "autofocus" not in owner.get(path).content.decode()

    body = owner.submit(path, **said("sla", p99_ms="x")).content.decode()

    assert body.count("autofocus") == 1
    assert 'role="alert" tabindex="-1" autofocus' in body


def test_sent_page_says_who_was_told_and_leads_on_once_it_is_over(story, owner, settings):
    review_request = story.in_review()
    path = request_path(review_request, "sent")
    words = text_of(owner.get(path))
    assert all(name in words for name in ("release", "security", "This installation sends no mail"))
    settings.MAIL_ON = True
    assert "A mail goes to each of them who wants mail; reminders follow" in text_of(owner.get(path))
    decisions.recall(actor(story.owner), review_request.pk)

    assert owner.get(path)["Location"] == request_path(review_request)


# --- refusals -----------------------------------------------------------------------------------------------------------------------


def test_wrong_answers_are_named_beside_their_fields_and_kept(story, owner):
    review_request = story.open()

    answer = owner.submit(request_path(review_request, "confirmations/sla"), **said("sla", availability_percent="lots", p99_ms="0"))

    body = answer.content.decode()
    assert answer.status_code == 400
    assert "Availability in percent: This must be a percentage" in text_of(answer)
    assert 'href="#id_p99_ms"' in body
    assert 'value="lots"' in body
    assert not Confirmation.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"p99_ms": "x"}, {"valid_until": "2020-01-01"}, {"valid_until": ""}, {"evidence_url": "javascript:alert(1)"}, {"support_hours": " "},
     {"evidence_sha256": "nope"}, {"confirmed_by": "release"}, {"state": "approved"}, {"support_hours": "a\x00b"}],
)  # fmt: skip
def test_wrong_confirmations_are_refused(story, owner, wrong):
    review_request = story.open()

    assert owner.submit(request_path(review_request, "confirmations/sla"), **said("sla", **wrong)).status_code == 400
    assert not Confirmation.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"environment": "nowhere"}, {"environment": ""}, {"predecessor": "x"}, {"predecessor": NOWHERE}, {"state": "approved"},
     {"subject_name": "only a name"}, {"subject_digest": "a" * 64}, {"subject_name": "x", "subject_digest": "md5:" + "a" * 32},
     {"subject_name": "x", "subject_digest": "A" * 64}],
)  # fmt: skip
def test_W02_wrong_openings_are_refused(story, owner, wrong):
    answer = owner.post(plan_path(story.plan, "requests/new"), **{"environment": "production", **wrong})

    assert answer.status_code == 400
    assert not DeploymentReviewRequest.objects.exists()


def test_second_open_request_is_refused(story, owner):
    story.open()

    answer = owner.post(plan_path(story.plan, "requests/new"), environment="production")

    assert answer.status_code == 409
    assert "There is an open review request of this plan for production already." in text_of(answer)


@pytest.mark.parametrize(("rest", "more"), [("confirmations/sla", said("sla")), ("subject", {}), ("check-answers", {"plan_version": 1})])
def test_W08_in_review_nothing_of_the_request_can_be_edited(story, owner, rest, more):
    review_request = story.in_review()

    answer = owner.post(request_path(review_request, rest), **more, version=review_request.version)

    assert answer.status_code == 409
    assert "This review request is in review" in text_of(answer)


@pytest.mark.parametrize("rest", ["withdraw", "revoke", "comment"])
def test_a_comment_is_asked_for(story, owner, rest):
    review_request = story.approved() if rest == "revoke" else story.open()

    answer = owner.submit(request_path(review_request, rest), comment=" ")

    assert answer.status_code == 400
    assert "Comment: Say why, in a comment." in text_of(answer)


def test_expand_needs_an_approved_plan(story, owner):
    answer = owner.post(plan_path(story.plan, "expand"), version=1)

    assert answer.status_code == 409
    assert "The plan is a draft already." in text_of(answer)


# --- who may ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", READING)
def test_A05_requests_of_others_are_404(story, rest):
    review_request = story.in_review()
    for who in (make_user("stranger"), story.release):
        assert Visitor(who).get(request_path(review_request, rest)).status_code == 404
        if rest in WRITING:
            assert Visitor(who).post(request_path(review_request, rest), version=1, comment="x").status_code == 404


@pytest.mark.parametrize("path", ["", "requests/new", "expand"])
def test_A05_plans_of_others_are_404(story, path):
    stranger = Visitor(make_user("stranger"))

    assert stranger.get(plan_path(story.plan, path)).status_code == (405 if path == "expand" else 404)
    assert stranger.post(plan_path(story.plan, path), version=1).status_code == (405 if path == "" else 404)


def test_request_under_another_plan_is_404(story, owner):
    review_request = story.open()
    owner.post("/self-service/plans/new", partner="northstar_controls", external_reference="newer-1", **PLAN_FIELDS)
    other = story.partner.plans.exclude(pk=story.plan.pk).get()

    assert owner.get(f"{plan_path(other)}requests/{review_request.pk}/").status_code == 404


@pytest.mark.parametrize("rest", READING)
def test_viewer_reads_everything(story, rest):
    review_request = story.in_review()

    assert Visitor(story.viewer).get(request_path(review_request, rest)).status_code == 200


@pytest.mark.parametrize(
    ("rest", "more"),
    [
        ("subject", {}),
        ("confirmations/sla", said("sla")),
        ("check-answers", {"plan_version": 1}),
        ("recall", {}),
        ("withdraw", {"comment": "x"}),
        ("revoke", {"comment": "x"}),
    ],
)
def test_viewer_changes_nothing(story, rest, more):
    review_request = story.open()
    confirm_all(story.owner, review_request)
    before = now(review_request).version

    answer = Visitor(story.viewer).post(request_path(review_request, rest), **more, version=before)

    assert answer.status_code == 403
    assert (now(review_request).version, now(review_request).state) == (before, "draft")
    assert "can do this" in text_of(answer) or "can revoke this" in text_of(answer)
    assert Denial.objects.count() == 1


def test_viewer_sees_no_way_to_write(story):
    review_request = story.open()
    viewer = Visitor(story.viewer)

    pages = "".join(
        viewer.get(path).content.decode() for path in ("/self-service/plans/", plan_path(story.plan), request_path(review_request))
    )

    for words in ("Change the", "Append a move", "New plan", "/edit", "/moves/new", "requests/new", "/confirmations/", "/withdraw"):
        assert words not in pages, words


def test_auditor_reads_every_plan(story):
    review_request = story.open()
    auditor = Visitor(make_user("auditor", groups=("auditors",)))

    assert auditor.get(request_path(review_request)).status_code == 200
    assert auditor.post(plan_path(story.plan, "requests/new"), environment="production").status_code == 403


@pytest.mark.parametrize("rest", READING)
def test_nobody_is_sent_to_sign_in(story, rest):
    path = request_path(story.open(), rest)

    answer = Visitor().get(path)

    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


@pytest.mark.parametrize("rest", WRITING)
def test_H04_each_form_needs_its_csrf_token(story, rest):
    path = request_path(story.open(), rest)

    assert Visitor(story.owner, csrf=True).post(path, version=1).status_code == 403
    assert Event.objects.count() == 1


def test_H04_a_get_changes_nothing(story, owner):
    review_request = story.in_review()
    before = now(review_request).version

    for rest in READING:
        assert owner.get(request_path(review_request, rest), comment="x", version="1").status_code == 200

    assert (now(review_request).version, now(review_request).state) == (before, "review_requested")
    assert owner.get(plan_path(story.plan, "expand")).status_code == 405


def test_H10_pages_of_people_are_not_kept(story, owner):
    assert owner.get(plan_path(story.plan))["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", ["nonsense", "SLA", "sla'"])
def test_unknown_confirmation_is_404(story, owner, kind):
    assert owner.get(request_path(story.open(), f"confirmations/{kind}")).status_code == 404


def test_H06_script_in_a_confirmation_or_comment_stays_text(story, owner):
    review_request = story.open()
    owner.submit(request_path(review_request, "confirmations/support"), **said("support", team=SCRIPT))
    owner.submit(request_path(review_request, "subject"), subject_name=SCRIPT, subject_digest="a" * 64)
    owner.submit(request_path(review_request, "comment"), comment=SCRIPT)

    pages = [request_path(review_request, rest) for rest in READING] + [plan_path(story.plan)]

    assert Confirmation.objects.get().fields["team"] == SCRIPT
    assert not [page for page in pages if "<script>alert" in owner.get(page).content.decode()]


def test_primary_away_while_pages_ask_who_can_vote_is_a_sentence(story, owner, monkeypatch):
    review_request = story.in_review()

    def away(*args, **kwargs):
        raise primary_unavailable()

    monkeypatch.setattr("access.people.reviewers", away)

    page = owner.get(request_path(review_request))

    assert page.status_code == 200
    assert "The primary database does not answer" in text_of(page)


def test_pages_ask_few_questions(story, owner, django_assert_max_num_queries):
    review_request = story.in_review()
    make_environment("staging")
    for path in ("/self-service/plans/", plan_path(story.plan), request_path(review_request)):
        with django_assert_max_num_queries(25, using="self_service"):
            owner.get(path)
        with django_assert_max_num_queries(10, using="default"):
            owner.get(path)

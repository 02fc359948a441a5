"""The reviewers' desk: the queue, the frozen packet, the one door for votes, and nothing that adds, edits or deletes."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse

from access.tokens import create_token
from drafts.coverage import edit_plan
from receipts.models import Receipt
from reviews import decisions, webhooks
from reviews.freezes import freeze
from reviews.models import Decision, DeliveryAttempt, Denial, DeploymentReviewRequest, Event, OutboxMessage, ReviewPolicy, Vote
from reviews.record import database_now
from tests.factories import PLAN_FIELDS, VALID_UNTIL, Story, actor, confirm_all, make_environment, make_plan, make_user
from tests.pages import DESK, NOWHERE, SCRIPT, Visitor, desk_path, hidden, text_of
from tests.reviews.attacks import keep_beside

pytestmark = pytest.mark.usefixtures("both_stores")
READ_ONLY = [
    "access/user", "drafts/coverageplan", "drafts/membership", "drafts/partner", "readiness/verdictchange",
    "receipts/receipt", "receipts/signingkey",
    "reviews/confirmation",
    "reviews/decision", "reviews/denial", "reviews/environment", "reviews/event", "reviews/freezewindow", "reviews/outboxmessage",
    "reviews/reviewpolicy",
    "reviews/deliveryattempt", "reviews/stagingpin", "reviews/stagingvalidation", "reviews/vote", "reviews/webhookendpoint",
]  # fmt: skip


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def release(story):
    return Visitor(story.release)


@pytest.fixture
def security(story):
    return Visitor(story.security)


def now(review_request: DeploymentReviewRequest) -> DeploymentReviewRequest:
    return DeploymentReviewRequest.objects.as_of_now().get(pk=review_request.pk)


def decide(visitor: Visitor, review_request: DeploymentReviewRequest, choice: str = "approve", **more):
    return visitor.submit(desk_path(review_request, "decide/"), **{"choice": choice, "conditions": "", "comment": "", **more})


def auditor() -> Visitor:
    return Visitor(make_user("auditor", groups=("auditors",)))


# --- the queue ----------------------------------------------------------------------------------------------------------------------


def test_queue_shows_what_waits_on_me(story, release):
    waiting = story.in_review()
    other = make_plan(story.owner, story.partner, name="Another plan")
    decisions.open_request(actor(story.owner), plan_id=other.pk, environment_slug="production")
    assert "Waiting on me" in text_of(release.get(DESK))
    assert "1 deployment review request" in text_of(release.get(DESK))

    story.vote(story.release, waiting)

    assert "0 deployment review requests" in text_of(release.get(DESK))
    assert "1 deployment review request" in text_of(release.get(DESK, queue="open"))
    assert "1 deployment review request" in text_of(Visitor(story.security).get(DESK))


def test_queue_leaves_out_what_i_had_a_hand_in(story):
    story.owner.groups.add(Group.objects.get(name="release"))
    story.owner.is_staff = True
    story.owner.save()
    story.in_review()

    assert "0 deployment review requests" in text_of(Visitor(story.owner).get(DESK))
    assert "1 deployment review request" in text_of(Visitor(story.owner).get(DESK, queue="open"))


def test_queue_shows_the_state_as_of_now(story, release):
    make_environment("sandbox", rules=[{"name": "release", "group": "release", "quorum": 1}], review_seconds=0)
    review_request = decisions.open_request(actor(story.owner), plan_id=story.plan.pk, environment_slug="sandbox")
    confirm_all(story.owner, review_request)
    decisions.request_review(actor(story.owner), review_request.pk)

    assert "0 deployment review requests" in text_of(release.get(DESK))
    assert "Expired" in text_of(release.get(DESK, queue="decided"))


def test_A05_reviewer_of_another_gate_sees_nothing(story):
    review_request = story.in_review()
    stranger = Visitor(make_user("finance", groups=("finance",)))

    assert "0 deployment review requests" in text_of(stranger.get(DESK, queue="all"))
    for rest in ("change/", "decide/", "revoke/", "comment/", "history/"):
        assert stranger.get(desk_path(review_request, rest)).status_code == 404
    assert stranger.post(desk_path(review_request, "decide/"), digest=review_request.digest, choice="approve").status_code == 404
    assert not Vote.objects.exists()


def test_reviewer_sees_a_request_only_once_it_was_put_up(story, release):
    review_request = story.open()

    assert release.get(desk_path(review_request)).status_code == 404
    assert auditor().get(desk_path(review_request)).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["queue=nonsense", "queue=all&queue=open", "q=%01%02", "q=%27%22%3B--", "q=%C3%28", "o=99", "o=-1.2.x", "o=abc", "p=abc", "p=-1",
     "p=999999", "p=99999999999999999999", "all=", "_connector=OR", "state=approved", "plan__partner__slug=x", "plan__name__regex=(",
     "_popup=1", "_to_field=x", "pk__in=x", "_facets=True", "e=1", "q=" + "a" * 5000,
     "salt__startswith=a", "due_at__gte=x", "id__exact=nonsense"],
)  # fmt: skip
def test_H07_no_query_is_a_500_or_shows_more(story, query):
    story.in_review()
    visitor = Visitor(make_user("finance", groups=("finance",)))

    answer = visitor.client.get(f"{DESK}?{query}")

    assert answer.status_code in (200, 302, 400)
    assert PLAN_FIELDS["name"] not in answer.content.decode()


def test_null_character_in_a_query_is_a_400(release):
    assert release.client.get(f"{DESK}?q=%00").status_code == 400


def test_search_finds_by_name_reference_and_partner(story, release):
    story.in_review()
    for words in (story.plan.name, story.plan.external_reference, "northstar"):
        assert "1 deployment review request" in text_of(release.get(DESK, q=words))
    assert "0 deployment review requests" in text_of(release.get(DESK, q="nothing like it"))


# --- the packet ---------------------------------------------------------------------------------------------------------------------


def test_packet_page_shows_the_frozen_packet(story, release):
    review_request = story.in_review(subject=[{"name": "payments", "digest": {"sha256": "a" * 64}}])
    page = text_of(release.get(desk_path(review_request)))

    for words in (
        review_request.digest, review_request.commitment_id, "sha256:" + "a" * 64, "Written by: owner", "Required confirmations",
        "An approval for release is missing. Who can clear it: release.", *PLAN_FIELDS.values(), "redeploy previous artifact", "Timeline",
    ):  # fmt: skip
        assert words in page, words


def test_packet_page_never_shows_live_rows(story, release):
    review_request = story.in_review()
    decisions.recall(actor(story.owner), review_request.pk)
    edit_plan(actor(story.owner), story.plan.pk, fields={"authority_context": "somebody else altogether"})

    page = text_of(release.get(desk_path(review_request)))

    assert PLAN_FIELDS["authority_context"] in page
    assert "somebody else altogether" not in page
    assert "It was recalled since and is not under review." in page


def test_packet_page_says_why_there_is_no_button(story, release):
    review_request = story.in_review()
    assert "Decide</a>" in release.get(desk_path(review_request)).content.decode()
    story.owner.groups.add(Group.objects.get(name="release"))
    story.owner.is_staff = True
    story.owner.save()

    own = text_of(Visitor(story.owner).get(desk_path(review_request)))
    looking = text_of(auditor().get(desk_path(review_request)))

    assert "You requested this review, so you cannot vote on it." in own
    assert "You wrote part of what is in the packet" in own
    assert "You confirmed something in the packet" in own
    assert "Only active members of release or security vote on this." in looking
    decisions.recall(actor(story.owner), review_request.pk)
    assert "This review request is draft" in text_of(release.get(desk_path(review_request)))


def test_decided_request_shows_its_decision(story, release):
    review_request = story.approved()
    receipt = Receipt.objects.get()

    page = text_of(release.get(desk_path(review_request)))

    assert all(
        words in page for words in ("Verdict Approved", receipt.kid, str(receipt.pk), "How to check a receipt", "Revoke this approval")
    )
    assert "This review request is approved; this can be done only while it is in review." in page


def test_damaged_packet_is_said(story, release, monkeypatch):
    review_request = story.in_review()
    monkeypatch.setattr("reviews.packet.is_intact", lambda *_: False)

    assert "The stored packet is damaged" in text_of(release.get(desk_path(review_request)))
    assert release.post(desk_path(review_request, "decide/"), digest=review_request.digest, choice="approve").status_code == 409


@pytest.mark.parametrize("rest", ["change/", "history/"])
def test_packet_page_takes_no_post(story, release, rest):
    review_request = story.in_review()

    assert release.post(desk_path(review_request, rest), state="approved", _save="Save").status_code in (302, 405)
    assert now(review_request).state == "review_requested"


# --- the decision -------------------------------------------------------------------------------------------------------------------


def test_two_reviewers_approve_and_the_receipt_is_there(story, release, security):
    review_request = story.in_review()
    page = text_of(release.get(desk_path(review_request, "decide/")))
    assert "Your approval fills a seat. Still needed after it: security. Nothing opens until then." in page
    first = decide(release, review_request)
    assert (first.status_code, first["Location"]) == (302, desk_path(review_request))
    assert "Another approval is still needed." in text_of(release.get(desk_path(review_request)))
    assert "Yours is the last approval needed" in text_of(security.get(desk_path(review_request, "decide/")))

    decide(security, review_request)

    assert now(review_request).state_now == "approved"
    assert (Decision.objects.get().verdict, Receipt.objects.get().verdict) == ("allow", "allow")
    assert "the receipt is signed" in text_of(security.get(desk_path(review_request)))
    assert {event.channel for event in Event.objects.filter(verb="approve")} == {"admin"}


def test_conditions_are_one_in_each_line(story, release, security):
    review_request = story.in_review()
    decide(release, review_request, "approve_with_conditions", conditions="Page the duty manager first.\r\n\r\n  At night only. ")
    decide(security, review_request)

    assert Decision.objects.get().conditions == ["Page the duty manager first.", "At night only."]
    assert Decision.objects.get().verdict == "constrain"
    assert "At night only." in text_of(release.get(desk_path(review_request)))


def test_policy_without_conditions_offers_none():
    story = Story(conditions_allowed=False)
    review_request = story.in_review()
    release = Visitor(story.release)

    assert 'value="approve_with_conditions"' not in release.get(desk_path(review_request, "decide/")).content.decode()
    answer = decide(release, review_request, "approve_with_conditions", conditions="x")
    assert (answer.status_code, Vote.objects.count()) == (409, 0)
    assert "The policy allows no conditions." in text_of(answer)


@pytest.mark.parametrize(("choice", "state"), [("request_changes", "changes_requested"), ("reject", "rejected")])
def test_changes_and_rejection_need_a_comment(story, release, choice, state):
    review_request = story.in_review()
    answer = decide(release, review_request, choice)
    assert answer.status_code == 400
    assert "Comment: Say why, in a comment." in text_of(answer)
    assert f'value="{choice}" aria-describedby="will-{choice}" checked' in answer.content.decode()

    decide(release, review_request, choice, comment="The window is too short.")

    assert now(review_request).state_now == state


def test_A01_requester_is_refused_even_as_reviewer_and_superuser(story):
    story.owner.groups.add(Group.objects.get(name="release"))
    story.owner.is_staff = story.owner.is_superuser = True
    story.owner.save()
    review_request = story.in_review()

    answer = Visitor(story.owner).post(desk_path(review_request, "decide/"), digest=review_request.digest, choice="approve")

    assert answer.status_code == 403
    page = text_of(answer)
    assert all(words in page for words in ("You requested this review", "You wrote part", "You confirmed something"))
    assert (Vote.objects.count(), now(review_request).state) == (0, "review_requested")
    denial = Denial.objects.get()
    assert (denial.verb, denial.channel, denial.reasons) == ("approve", "admin", "is_author,is_confirmer,is_requester")


@pytest.mark.parametrize(
    "more", [{"approved_by": "release"}, {"reviewer": "x"}, {"decided_at": "x"}, {"actor": "1"}, {"choice": ["approve", "reject"]}]
)
def test_A04_the_actor_comes_from_the_session_alone(story, release, more):
    review_request = story.in_review()

    answer = decide(release, review_request, **more)

    assert (answer.status_code, Vote.objects.count()) == (400, 0)
    assert next(iter(more)) in text_of(answer)


def test_R03_packet_that_changed_since_is_refused(story, release):
    review_request = story.in_review()
    seen = hidden(release.get(desk_path(review_request, "decide/")))
    decisions.recall(actor(story.owner), review_request.pk)
    edit_plan(actor(story.owner), story.plan.pk, fields={"name": "Another name"})
    decisions.request_review(actor(story.owner), review_request.pk)

    answer = release.post(desk_path(review_request, "decide/"), **seen, choice="approve")

    assert answer.status_code == 412
    assert "The packet has changed since you read it: revision 2 is under review now." in text_of(answer)
    assert f'href="{desk_path(review_request)}"' in answer.content.decode()
    assert hidden(answer)["digest"] == seen["digest"] != now(review_request).digest
    assert not Vote.objects.exists()


def test_R03_vote_without_a_digest_is_refused(story, release):
    review_request = story.in_review()

    answer = release.post(desk_path(review_request, "decide/"), choice="approve")

    assert (answer.status_code, Vote.objects.count()) == (428, 0)
    assert hidden(answer)["digest"] == ""


def test_R08_second_click_is_refused(story, release):
    review_request = story.in_review()
    decide(release, review_request)

    answer = release.post(desk_path(review_request, "decide/"), digest=review_request.digest, choice="approve")

    assert (answer.status_code, Vote.objects.count()) == (409, 1)
    assert "You have approved this revision already." in text_of(answer)


def test_who_has_approved_may_still_request_changes(story, release):
    review_request = story.in_review()
    decide(release, review_request)

    page = release.get(desk_path(review_request, "decide/"))

    assert "Not open to you now: You have approved this revision already." in text_of(page)
    assert 'value="approve" aria-describedby="will-approve" disabled' in page.content.decode()
    decide(release, review_request, "request_changes", comment="on second thoughts")
    assert now(review_request).state_now == "changes_requested"


def test_S10_without_a_key_approving_is_refused_and_rejecting_is_not(story, release, settings):
    review_request = story.in_review()
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""
    assert "Not open to you now: Nothing can be approved" in text_of(release.get(desk_path(review_request, "decide/")))

    answer = decide(release, review_request)

    assert (answer.status_code, answer["Retry-After"], Vote.objects.count()) == (503, "2", 0)
    assert "Who can clear it: an operator" in text_of(answer)
    assert decide(release, review_request, "reject", comment="not now").status_code == 302


@pytest.mark.parametrize("choice", ["", "revoke", "APPROVE", "vote"])
def test_unknown_choice_is_refused(story, release, choice):
    review_request = story.in_review()

    answer = decide(release, review_request, choice)

    assert (answer.status_code, Vote.objects.count()) == (400, 0)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_H04_other_methods_are_405(story, release, method):
    assert getattr(release.client, method)(desk_path(story.in_review(), "decide/")).status_code == 405


def test_H04_decide_by_get_changes_nothing(story, release):
    review_request = story.in_review()

    answer = release.get(desk_path(review_request, "decide/"), choice="approve", digest=review_request.digest)

    assert (answer.status_code, Vote.objects.count()) == (200, 0)


def test_H04_decide_needs_its_csrf_token(story):
    review_request = story.in_review()
    visitor = Visitor(story.release, csrf=True)

    answer = visitor.post(desk_path(review_request, "decide/"), digest=review_request.digest, choice="approve")

    assert (answer.status_code, Vote.objects.count()) == (403, 0)


def test_owners_and_nobody_do_not_reach_the_desk(story):
    review_request = story.in_review()
    for path in (DESK, desk_path(review_request), desk_path(review_request, "decide/"), "/admin/"):
        assert Visitor(story.owner).get(path).status_code == 403
        assert Visitor().get(path)["Location"] == f"/admin/login/?next={path}"
    assert Visitor().get("/admin/login/", next=DESK)["Location"] == f"/accounts/login/?next={DESK}"
    assert Visitor(story.owner).get("/admin/login/").status_code == 403
    assert Visitor(story.release).get("/admin/login/")["Location"] == "/admin/"


def test_A08_reviewer_who_lost_the_group_is_refused(story, release):
    review_request = story.in_review()
    seen = hidden(release.get(desk_path(review_request, "decide/")))
    story.release.groups.clear()

    answer = release.post(desk_path(review_request, "decide/"), **seen, choice="approve")

    assert (answer.status_code, Vote.objects.count()) == (404, 0)


# --- revoke, comment ----------------------------------------------------------------------------------------------------------------


def test_one_reviewer_revokes_after_a_preview(story, security):
    review_request = story.approved()
    assert "The gate shuts at once" in text_of(security.get(desk_path(review_request, "revoke/")))
    assert security.submit(desk_path(review_request, "revoke/"), comment="").status_code == 400

    answer = security.submit(desk_path(review_request, "revoke/"), comment="found a fault")

    assert (answer.status_code, now(review_request).state_now) == (302, "revoked")


def test_auditor_may_comment_and_not_revoke(story):
    review_request = story.approved()
    looking = auditor()

    assert looking.submit(desk_path(review_request, "revoke/"), comment="x").status_code == 403
    assert looking.submit(desk_path(review_request, "comment/"), comment="looked at for the yearly audit").status_code == 302
    assert "looked at for the yearly audit" in text_of(looking.get(desk_path(review_request)))


# --- nothing adds, edits or deletes -------------------------------------------------------------------------------------------------


def test_desk_has_exactly_these_models():
    found = sorted(f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry)

    assert found == sorted([*READ_ONLY, "access/apitoken", "reviews/deploymentreviewrequest"])


@pytest.mark.parametrize("model", READ_ONLY)
def test_reviewer_sees_no_records_and_auditor_all(story, release, model):
    story.approved()

    assert release.get(f"/admin/{model}/").status_code == 403
    assert auditor().get(f"/admin/{model}/").status_code == 200


@pytest.mark.parametrize("model", [*READ_ONLY, "reviews/deploymentreviewrequest"])
def test_A03_W05_forged_posts_change_nothing(story, model, settings):
    settings.WEBHOOK_KEY = b"a key that is long enough for a test"
    webhooks.add(actor(make_user("adder", groups=("operators",))), url="https://hooks.example.org/")
    story.approved()
    DeliveryAttempt.objects.create(message=OutboxMessage.objects.filter(channel="webhook").first(), outcome="refused", status=500, ms=1)
    root = make_user("root", groups=("auditors", "release"), is_superuser=True)
    visitor = Visitor(root)
    registered = next(found for found in admin.site._registry if f"{found._meta.app_label}/{found._meta.model_name}" == model)
    if model == "reviews/freezewindow":
        now, who = database_now(), actor(make_user("operator", groups=("operators",)))
        freeze(who, story.environment, starts_at=now, ends_at=now + timedelta(days=1), reason="Year end")
    if model == "access/apitoken":
        create_token(root, scopes=["read"], lifetime=timedelta(days=1))
    if model == "reviews/denial":
        Denial.objects.create(actor_id=1, actor="x", channel="page", verb="vote", reasons="x")
    keep_beside(DeploymentReviewRequest.objects.get())
    before = list(registered.objects.order_by("pk").values())
    one = before[0][registered._meta.pk.attname]
    forged = {
        "state": "approved", "username": "changed", "is_superuser": "1", "slug": "changed", "_saveasnew": "1", "_popup": "1",
        "_save": "Save", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-state": "approved", "action": "delete_selected",
        "_selected_action": str(one), "post": "yes",
    }  # fmt: skip

    statuses = [visitor.post(f"/admin/{model}/{rest}", **forged).status_code for rest in ("", "add/", f"{one}/change/", f"{one}/delete/")]

    assert set(statuses) <= {403, 405}
    assert list(registered.objects.order_by("pk").values()) == before
    assert visitor.get(f"/admin/{model}/add/").status_code == 403
    assert visitor.get(f"/admin/{model}/{one}/change/").status_code == 200
    assert visitor.get(f"/admin/{model}/{one}/history/").status_code in (200, 302)


@pytest.mark.parametrize("registered", admin.site._registry.values(), ids=lambda registered: registered.opts.label_lower)
def test_nothing_frozen_is_added_edited_or_deleted_by_anybody(registered, rf):
    request = rf.get("/admin/")
    request.user, request.session = make_user("root", groups=("auditors", "operators", "release"), is_superuser=True), {}

    assert registered.has_view_permission(request)
    assert not any(
        ask(request) for ask in (registered.has_add_permission, registered.has_change_permission, registered.has_delete_permission)
    )
    assert registered.get_actions(request) == {}
    assert registered.get_inline_instances(request) == []
    assert (registered.list_editable, registered.save_as) == ((), False)
    assert str(registered.media) == ""


def test_W06_there_is_no_bulk_action(story):
    assert all(registered.actions is None and not registered.inlines for registered in admin.site._registry.values())
    assert all(not registered.list_editable for registered in admin.site._registry.values())


def test_people_page_shows_no_password(story):
    page = auditor().get(f"/admin/access/user/{story.owner.pk}/change/").content.decode()

    assert "owner" in page
    assert not any(word in page for word in ('password"', "md5$", "argon2", "pbkdf2"))


@pytest.mark.parametrize("model", READ_ONLY)
@pytest.mark.parametrize("query", ["q=%01'\"", "o=99.x", "p=abc", "password__startswith=a", "salt=x", "e=1"])
def test_H07_records_answer_no_foreign_query(story, model, query):
    assert auditor().client.get(f"/admin/{model}/?{query}").status_code in (200, 302, 400)


def test_H06_script_stays_text_on_the_desk(story):
    fields = dict.fromkeys(PLAN_FIELDS, SCRIPT)
    plan = make_plan(story.owner, story.partner, **fields)
    review_request = decisions.open_request(
        actor(story.owner), plan_id=plan.pk, environment_slug="production", subject=[{"name": SCRIPT, "digest": {"sha256": "a" * 64}}]
    )
    confirm = {"team": SCRIPT, "channel": SCRIPT, "escalation": SCRIPT}
    confirm_all(story.owner, review_request, but=("support",))
    decisions.confirm(actor(story.owner), review_request.pk, "support", fields=confirm, valid_until=VALID_UNTIL)
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    release, looking = Visitor(story.release), auditor()
    decide(release, review_request, "approve_with_conditions", conditions=SCRIPT, comment=SCRIPT)

    pages = [release.get(path) for path in (DESK, f"{DESK}?queue=all", desk_path(review_request), desk_path(review_request, "decide/"))]
    pages += [looking.get(f"/admin/{model}/") for model in READ_ONLY]
    pages += [looking.get(reverse("admin:drafts_coverageplan_change", args=[plan.pk]))]
    pages += [looking.get(reverse("admin:reviews_vote_change", args=[Vote.objects.get().pk]))]
    refused = looking.get(f"{DESK}?q={SCRIPT}")

    assert ({page.status_code for page in pages}, refused.status_code) == ({200}, 400)
    pages.append(refused)
    assert not [page for page in pages if "<script>alert" in page.content.decode()]


def test_no_inline_script_or_style_on_any_page(story, release):
    review_request = story.in_review()
    for path in ("/admin/", DESK, desk_path(review_request), desk_path(review_request, "decide/")):
        body = release.get(path).content.decode()
        assert "<style" not in body
        assert " style=" not in body
        assert "<script>" not in body
        assert " onclick=" not in body


@pytest.mark.parametrize("object_id", [NOWHERE, "nonsense", "_5B", "1"])
def test_unknown_requests_are_404(story, release, object_id):
    for rest in ("decide/", "change/", "history/", "", "nonsense/"):
        assert release.get(f"{DESK}{object_id}/{rest}").status_code == 404


@pytest.mark.parametrize("model", READ_ONLY)
def test_unknown_records_are_404(story, model):
    looking = auditor()

    assert looking.get(f"/admin/{model}/{NOWHERE}/change/").status_code == 404
    assert looking.get(f"/admin/{model}/nonsense/").status_code == 404


def test_queue_asks_few_questions(story, release, django_assert_max_num_queries):
    for _ in range(3):
        story.plan = make_plan(story.owner, story.partner)
        story.in_review()
    with django_assert_max_num_queries(20, using="self_service"):
        assert "3 deployment review requests" in text_of(release.get(DESK))
    for _ in range(3):
        story.plan = make_plan(story.owner, story.partner)
        story.in_review()
    with django_assert_max_num_queries(20, using="self_service"):
        assert "6 deployment review requests" in text_of(release.get(DESK))
    with django_assert_max_num_queries(25, using="self_service"):
        release.get(desk_path(DeploymentReviewRequest.objects.first()))


def test_policies_are_shown_in_words(story):
    page = text_of(auditor().get("/admin/reviews/reviewpolicy/"))

    assert "1 release and 1 security" in page
    assert ReviewPolicy.objects.count() == 1

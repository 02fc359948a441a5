# ruff: noqa: ARG005  each verb is called alike
"""Operators' pages about partners, people, tokens, environments and webhooks: one verb each, its event first, and nobody else's."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import reverse

from access.models import ApiToken, User
from access.tokens import create_token
from config.refusals import Refused
from drafts.models import Membership, Partner
from receipts.keys import register_key
from receipts.models import SigningKey
from receipts.signing import signer
from reviews import organisation, signature, webhooks
from reviews.freezes import freeze
from reviews.models import Denial, Environment, Event, FreezeWindow, WebhookEndpoint
from reviews.record import database_now
from tests.factories import actor, make_environment, make_partner, make_user
from tests.pages import SCRIPT, Visitor, hidden, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
PAGE = "/admin/organisation/"
VERBS = {
    "set_partner", "set_membership", "add_person", "set_groups", "set_email", "set_active", "reset_second_factor", "end_token",
    "set_environment", "pin_staging", "add_webhook", "rotate_webhook", "disable_webhook", "enable_webhook",
}  # fmt: skip


@pytest.fixture(autouse=True)
def webhooks_on(settings):
    settings.WEBHOOK_KEY = b"a key that is long enough for a test"


@pytest.fixture
def user():
    return make_user("operator", groups=("operators",))


@pytest.fixture
def operator(user):
    return Visitor(user)


def last_event() -> tuple[str, str, dict]:
    event = Event.objects.order_by("-number").first()
    return (event.verb, event.actor, event.detail)


# --- partners and memberships -----------------------------------------------------------------------------------------------------------


def test_a_partner_is_added_and_given_an_owner(operator):
    ada = make_user("ada")
    assert operator.submit(f"{PAGE}partners/new/", partner="harbour", name="Harbour Freight").status_code == 302
    assert last_event() == ("set_partner", "operator", {"partner": "harbour", "name": "Harbour Freight"})

    answer = operator.submit(f"{PAGE}memberships/set/", partner="harbour", username="ada", role="owner")

    assert answer.status_code == 302
    assert last_event()[2] == {"user_id": ada.pk, "username": "ada", "partner": "harbour", "role": "owner"}
    assert "ada is owner of harbour." in text_of(operator.get("/admin/drafts/membership/"))
    assert operator.submit(f"{PAGE}memberships/set/", partner="harbour", username="ada", role="none").status_code == 302
    assert not Membership.objects.exists()


def test_a_partner_that_is_there_is_not_added_again(operator):
    make_partner("harbour")
    answer = operator.submit(f"{PAGE}partners/new/", partner="harbour", name="Another")
    assert (answer.status_code, Partner.objects.get().name) == (400, "harbour")
    assert "Slug: There is a partner with this slug." in text_of(answer)


def test_a_membership_names_what_is_unknown_in_it(operator):
    answer = operator.submit(f"{PAGE}memberships/set/", partner="nowhere", username="nobody", role="owner")
    assert answer.status_code == 400
    assert all(words in text_of(answer) for words in ("There is no such partner.", "There is nobody of this name."))


# --- people -----------------------------------------------------------------------------------------------------------------------------


def test_a_person_is_added_with_a_password_that_is_shown_once(operator):
    answer = operator.submit(f"{PAGE}people/new/", username="grace", kind="person")

    password = answer.content.decode().split('<code class="copy">')[1].split("</code>")[0]
    made = User.objects.get(username="grace")
    assert (answer.status_code, made.check_password(password), made.is_staff, made.machine) == (200, True, False, False)
    assert last_event() == ("add_person", "operator", {"username": "grace", "machine": False})
    assert password not in operator.get(f"/admin/access/user/{made.pk}/change/").content.decode()


def test_a_job_has_no_password(operator):
    assert operator.submit(f"{PAGE}people/new/", username="pipeline", kind="machine").status_code == 302
    made = User.objects.get(username="pipeline")
    assert (made.machine, made.has_usable_password()) == (True, False)


@pytest.mark.parametrize("name", ["OPERATOR", "operator", "a@example.org", "a b", SCRIPT])
def test_a_name_that_is_taken_or_no_username_is_refused(operator, name):
    answer = operator.submit(f"{PAGE}people/new/", username=name, kind="person")
    assert (answer.status_code, User.objects.count(), Event.objects.count()) == (400, 1, 0)
    assert "<script>alert" not in answer.content.decode()


def test_groups_are_ticked_and_what_changed_meanwhile_is_let_be(operator):
    ada = make_user("ada", groups=("release",))
    make_environment()
    path = f"{PAGE}people/{ada.pk}/groups/"
    page = operator.get(path).content.decode()
    assert all(f'value="{group}"' in page for group in ("auditors", "operators", "release", "security"))
    organisation.set_groups(organisation.COMMAND_LINE, ada, add={"auditors"})

    answer = operator.post(path, groups=["security"], another="legal", shown=["release"])

    assert answer.status_code == 302
    assert set(ada.groups.values_list("name", flat=True)) == {"auditors", "legal", "security"}
    assert last_event()[2] == {"user_id": ada.pk, "username": "ada", "add": ["legal", "security"], "remove": ["release"]}
    operator.post(path, shown=["auditors", "legal", "security"])
    assert User.objects.get(pk=ada.pk).is_staff is False


def test_nobody_changes_their_own_groups_nor_their_own_account(operator, user):
    for rest, said in (("groups/", {"groups": ["auditors"]}), ("active/", {"to": "off"})):
        path = f"{PAGE}people/{user.pk}/{rest}"
        assert "You cannot do this" in text_of(operator.get(path))
        answer = operator.post(path, **said)
        assert answer.status_code == 403
        assert "Who can clear it: another operator." in text_of(answer)
    assert set(user.groups.values_list("name", flat=True)) == {"operators"}
    assert {denial.reasons for denial in Denial.objects.all()} == {"own_groups", "own_account"}
    assert User.objects.get(pk=user.pk).is_active


def test_who_made_an_account_makes_no_reviewer_of_it(operator, user):
    """One person with two accounts would be two reviewers."""
    operator.submit(f"{PAGE}people/new/", username="puppet", kind="person")
    puppet = User.objects.get(username="puppet")
    path = f"{PAGE}people/{puppet.pk}/groups/"

    assert "another operator sets its groups" in text_of(operator.get(path))
    assert operator.post(path, another="release").status_code == 403
    with pytest.raises(Refused) as caught:
        organisation.set_groups(actor(user), puppet, add={"release"})
    assert caught.value.codes == ["own_making"]
    assert not puppet.groups.exists()

    organisation.set_groups(actor(make_user("operator2", groups=("operators",))), puppet, add={"release"})
    assert list(puppet.groups.values_list("name", flat=True)) == ["release"]


def test_an_account_is_switched_off_once_and_on_again(operator):
    ada = make_user("ada")
    path = f"{PAGE}people/{ada.pk}/active/"
    form = {"to": "off"}
    assert operator.post(path, **form).status_code == 302
    assert operator.post(path, **form).status_code == 409
    assert not User.objects.get(pk=ada.pk).is_active
    assert last_event() == ("set_active", "operator", {"user_id": ada.pk, "username": "ada", "active": False})
    assert operator.submit(path).status_code == 302
    assert User.objects.get(pk=ada.pk).is_active


def test_an_address_is_set_and_stays_in_the_primary(operator):
    ada = make_user("ada")
    assert operator.submit(f"{PAGE}people/{ada.pk}/mail/", email="no address").status_code == 400
    assert operator.submit(f"{PAGE}people/{ada.pk}/mail/", email="ada@mail.test").status_code == 302
    assert User.objects.get(pk=ada.pk).email == "ada@mail.test"
    assert last_event()[2] == {"user_id": ada.pk, "username": "ada", "set": True}


# --- tokens -----------------------------------------------------------------------------------------------------------------------------


def test_any_token_is_listed_and_revoked_and_never_shown(operator):
    ada = make_user("ada")
    token = create_token(ada, scopes=["read"], name="nightly", lifetime=timedelta(days=1))
    listed = operator.get("/admin/access/apitoken/").content.decode()
    found = ApiToken.objects.get()
    path = f"{PAGE}tokens/{found.public_id}/revoke/"
    assert f'href="{path}"' in listed
    assert not any(part in listed for part in (token, token[:15], found.digest, found.token_key))

    assert operator.submit(path).status_code == 302

    assert ApiToken.objects.get().revoked_by == "operator"
    assert last_event()[2] == {"user_id": ada.pk, "username": "ada", "token": str(found.public_id)}
    assert "This token is revoked already." in text_of(operator.get(path))
    assert operator.post(path).status_code == 409


# --- environments -----------------------------------------------------------------------------------------------------------------------


def test_an_environment_is_added_and_changed_and_keeps_its_slug(operator):
    assert operator.submit(f"{PAGE}environments/new/", environment="canary", name="Canary", protected="yes").status_code == 302
    again = operator.submit(f"{PAGE}environments/new/", environment="canary", name="Other", protected="no")
    assert (again.status_code, Environment.objects.get().name) == (400, "Canary")

    assert operator.submit(f"{PAGE}environments/canary/", name="Canaries", protected="no").status_code == 302

    assert list(Environment.objects.values_list("slug", "name", "protected")) == [("canary", "Canaries", False)]
    assert last_event()[2] == {"environment": "canary", "name": "Canaries", "protected": False}
    assert operator.submit(f"{PAGE}environments/canary/", environment="x", name="C", protected="no").status_code == 400


# --- webhooks ---------------------------------------------------------------------------------------------------------------------------


def test_webhooks_are_added_rotated_disabled_and_enabled(operator):
    answer = operator.submit(f"{PAGE}webhooks/new/", url="https://hooks.example.org/a?token=5", partner_slug="", states=["approved"])
    endpoint = WebhookEndpoint.objects.get()
    assert (answer.status_code, endpoint.events) == (200, ["approved"])
    assert webhooks.shown_secret(endpoint) in answer.content.decode()
    path = f"{PAGE}webhooks/{endpoint.pk}/"
    assert "token=5" not in operator.get(f"{path}rotate/").content.decode()

    rotated = operator.submit(f"{path}rotate/")
    assert webhooks.shown_secret(WebhookEndpoint.objects.get()) in rotated.content.decode()
    assert operator.submit(f"{path}disable/").status_code == 302
    assert operator.submit(f"{path}disable/").status_code == 409
    assert operator.submit(f"{path}enable/").status_code == 302

    verbs = [event.verb for event in Event.objects.order_by("number")]
    assert verbs == ["add_webhook", "rotate_webhook", "disable_webhook", "enable_webhook"]
    assert f'href="{path}rotate/"' in operator.get("/admin/reviews/webhookendpoint/").content.decode()


def test_R08_a_second_click_on_rotate_leaves_the_old_secret_its_day(operator):
    operator.submit(f"{PAGE}webhooks/new/", url="https://hooks.example.org/a", partner_slug="")
    endpoint = WebhookEndpoint.objects.get()
    old, path = webhooks.shown_secret(endpoint), f"{PAGE}webhooks/{endpoint.pk}/rotate/"
    form = hidden(operator.get(path))

    answers = [operator.post(path, **form) for _ in range(2)]

    rotated = WebhookEndpoint.objects.get()
    assert ([answer.status_code for answer in answers], rotated.generation) == ([200, 412], 2)
    assert "It has been rotated since you opened this page." in text_of(answers[1])
    assert webhooks.shown_secret(rotated) not in answers[1].text
    assert old in [signature.shown(secret) for secret in webhooks.secrets_of(rotated, now=database_now())]
    assert Event.objects.filter(verb="rotate_webhook").count() == 1
    assert operator.post(path).status_code == 400
    assert operator.submit(path).status_code == 200


def test_R08_a_second_click_on_freeze_makes_no_second_freeze(operator):
    make_environment()
    said = {"starts_at": "2099-12-20T00:00Z", "ends_at": "2099-12-30T00:00Z", "reason": "Year end"}
    path = "/admin/reviews/freezewindow/freeze/production/"

    answers = [operator.submit(path, **said) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert "It is frozen just so already" in text_of(answers[1])
    assert FreezeWindow.objects.count() == Event.objects.filter(verb="freeze").count() == 1
    assert operator.submit(path, **said | {"reason": "Audit"}).status_code == 302
    first = FreezeWindow.objects.get(reason="Year end")
    operator.submit(f"/admin/reviews/freezewindow/{first.pk}/end/", comment="too early")
    assert operator.submit(path, **said).status_code == 302


def test_H06_script_in_what_operators_write_stays_text(operator, user):
    environment = make_environment()
    ada = make_user("ada")
    freeze(actor(user), environment, starts_at=database_now(), ends_at=database_now() + timedelta(days=1), reason=SCRIPT)
    for path, said in (
        ("partners/new/", {"partner": "harbour", "name": SCRIPT}),
        (f"people/{ada.pk}/groups/", {"another": SCRIPT}),
        ("environments/production/", {"name": SCRIPT, "protected": "yes"}),
    ):
        assert operator.submit(f"{PAGE}{path}", **said).status_code == 302, path

    lists = ("reviews/environment", "drafts/partner", "access/user", "reviews/freezewindow", "reviews/event")
    more = (f"{PAGE}people/{ada.pk}/groups/", f"{PAGE}environments/production/", "/admin/search/?of=events")
    paths = [*(f"/admin/{model}/" for model in lists), *more, "/admin/reviews/reviewpolicy/propose/production/"]
    pages = [operator.client.get(path) for path in paths]

    assert [page.status_code for page in pages] == [200] * len(pages)
    assert "is as you said." in text_of(pages[0])
    assert not [page for page in pages if "<script>alert" in page.content.decode()]


# --- who ----------------------------------------------------------------------------------------------------------------------------------


def test_pages_are_for_operators_and_an_attempt_of_others_is_counted():
    ada = make_user("ada")
    looking = Visitor(make_user("auditor", groups=("auditors",)))
    for address, _, name in admin.site.pages:
        if not address.startswith("organisation/"):
            continue
        path = "/admin/" + address.replace("<int:user_id>", str(ada.pk)).replace("<slug:slug>", "x")
        for converter in ("<uuid:public_id>", "<uuid:object_id>"):
            path = path.replace(converter, "00000000-0000-4000-8000-000000000000")
        assert (looking.get(path).status_code, looking.post(path).status_code) == (403, 403), name
    assert set(Denial.objects.filter(actor="auditor", reasons="not_an_operator").values_list("verb", flat=True)) == VERBS
    lists = ("access/user", "access/apitoken", "drafts/partner", "reviews/environment", "reviews/stagingpin", "reviews/webhookendpoint")
    for model in lists:
        assert "organisation/" not in looking.get(f"/admin/{model}/").content.decode()


@pytest.mark.parametrize("act", [
    lambda who, user: organisation.add_person(who, "grace", password="correct-horse-battery"),
    lambda who, user: organisation.set_groups(who, user, add={"release"}),
    lambda who, user: organisation.set_active(who, user, active=False),
    lambda who, user: organisation.set_email(who, user, "a@mail.test"),
    lambda who, user: organisation.reset_second_factor(who, user),
    lambda who, user: organisation.add_partner(who, "harbour", name="Harbour"),
    lambda who, user: organisation.set_membership(who, user, make_partner(), role="owner"),
    lambda who, user: organisation.set_environment(who, "canary", name="Canary", protected=True),
])  # fmt: skip
def test_every_verb_asks_for_an_operator_itself(act):
    ada, auditor = make_user("ada"), make_user("auditor", groups=("auditors",))
    with pytest.raises(Refused) as refusal:
        act(actor(auditor, channel="admin"), ada)
    assert "not_an_operator" in refusal.value.codes
    assert not Event.objects.exists()
    assert (User.objects.count(), Membership.objects.count(), Environment.objects.count()) == (2, 0, 0)


def test_who_lost_the_group_is_refused_by_the_verb(user):
    who = actor(user, channel="admin")
    user.groups.clear()
    with pytest.raises(Refused):
        organisation.add_partner(who, "harbour", name="Harbour")


# --- keys ---------------------------------------------------------------------------------------------------------------------------------


def test_keys_show_their_public_half_and_are_changed_by_nobody(operator):
    register_key(signer())
    [kid] = SigningKey.objects.values_list("pk", flat=True)
    page = operator.get(reverse("admin:receipts_signingkey_change", args=[kid]))
    assert SigningKey.objects.get().public_key_b64 in page.content.decode()
    assert "<form" not in page.content.decode().split("<main")[1]
    assert operator.post(reverse("admin:receipts_signingkey_change", args=[kid]), state="revoked").status_code == 403

# ruff: noqa: ARG005, E501  each door is called alike, and stands on one line
"""No payload custody, over all doors: what is refused, in which words, and that nothing of it stays anywhere (P01–P04, P11, P12)."""

import json
import logging
from collections.abc import Callable

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, transaction

from config.refusals import Refused
from drafts.coverage import append_move, create_plan, edit_plan
from drafts.models import CoveragePlan, KeptAnswer, Partner
from reviews import decisions, organisation, policies
from reviews.models import Environment
from tests.calls import Caller, pointers
from tests.config.listener import Listener, opened
from tests.drafts.corpus import Maker, pem
from tests.factories import CONFIRMATION_ANSWERS, CONFIRMATION_FIELDS, PLAN_FIELDS, VALID_UNTIL, Story, actor, confirm_all, make_user
from tests.pages import Visitor, desk_path, plan_path, request_path

pytestmark = pytest.mark.usefixtures("both_stores")
TOKEN = "gh" + "p_" + "q8Zr" * 9
CARD, IBAN = "4111111111111111", "GB82WEST12345698765432"
SECRETS = [TOKEN, f"password={TOKEN[4:20]}7", CARD, IBAN, "MSH|^~\\&|LAB|HOSP", "123-45-6789"]
KEY = pem(Maker(7), "PRIVATE " + "KEY")
PLAN = {**PLAN_FIELDS, "external_reference": "host-request-77"}
MOVE = {"gate_type": "g", "system_scope": "s", "authority_context": "a"}
SUBJECT = [{"name": "payments", "digest": {"sha256": "a" * 64}}]


# --- nothing of it stays ------------------------------------------------------------------------------------------------------------


def everything_stored() -> str:
    """Every row of every table of both databases, as text."""
    found = []
    for alias in ("default", "self_service"):
        with connections[alias].cursor() as cursor:
            for table in connections[alias].introspection.table_names(cursor):
                cursor.execute(f'SELECT t::text FROM "{table}" t')
                found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found)


@pytest.fixture
def kept_nowhere(caplog):
    """leaves_nothing(secret, answer): not in what came back, not in a log, not in a table."""
    caplog.set_level(logging.DEBUG)

    def leaves_nothing(secret: str, *answers) -> None:
        for answer in answers:
            assert secret not in answer.content.decode()
            assert secret not in str(answer.headers)
        assert secret not in caplog.text
        assert secret not in everything_stored()

    return leaves_nothing


@pytest.fixture
def story() -> Story:
    return Story()


def said(kind: str, **changed) -> dict:
    return {"fields": {**CONFIRMATION_FIELDS[kind], **changed}, "valid_until": VALID_UNTIL}


# name → (pointer, the call with a value in that place)
API: dict[str, tuple[str, Callable]] = {
    **{
        f"plan {name}": (f"/{name}", lambda who, story, asked, value, name=name: who.post("plans/", {**PLAN, "partner": story.partner.slug, name: value}))
        for name in PLAN_FIELDS | {"external_reference": ""}
    },
    **{
        f"plan change {name}": (f"/{name}", lambda who, story, asked, value, name=name: who.patch(f"plans/{story.plan.pk}/", {name: value}, version=1))
        for name in PLAN_FIELDS | {"external_reference": ""}
    },
    **{
        f"move {name}": (f"/{name}", lambda who, story, asked, value, name=name: who.post(f"plans/{story.plan.pk}/moves/", {**MOVE, name: value}))
        for name in MOVE
    },
    "subject": (
        "/subject/0",
        lambda who, story, asked, value: who.patch(f"review-requests/{asked.pk}/", {"subject": [{**SUBJECT[0], "name": value}]}, version=1),
    ),
    "subject digest": (
        "/subject/0",
        lambda who, story, asked, value: who.patch(
            f"review-requests/{asked.pk}/", {"subject": [{"name": "x", "digest": {"sha256": value}}]}, version=1
        ),
    ),
    "opened subject": (
        "/subject/0",
        lambda who, story, asked, value: who.post(
            "review-requests/", {"plan": str(story.plan.pk), "environment": "production", "subject": [{**SUBJECT[0], "name": value}]}
        ),
    ),
    **{
        f"{kind} {name}": (
            f"/fields/{name}",
            lambda who, story, asked, value, kind=kind, name=name: who.put(
                f"review-requests/{asked.pk}/confirmations/{kind}/", said(kind, **{name: value}), version=1
            ),
        )
        for kind, fields in CONFIRMATION_FIELDS.items()
        for name in fields
    },
    **{
        name: (
            f"/{name}",
            lambda who, story, asked, value, name=name: who.put(
                f"review-requests/{asked.pk}/confirmations/owner/", said("owner") | {name: value}, version=1
            ),
        )
        for name in ("evidence_url", "evidence_sha256", "valid_until")
    },
    "evidence parameter": (
        "/evidence_url",
        lambda who, story, asked, value: who.put(
            f"review-requests/{asked.pk}/confirmations/owner/", said("owner") | {"evidence_url": f"https://x.test/?token={value}"}, version=1
        ),
    ),
    "person": (
        "/username",
        lambda who, story, asked, value: who.put(
            f"review-requests/{asked.pk}/confirmations/owner/person/", {"username": value}, version=1
        ),
    ),
    **{
        verb: ("/comment", lambda who, story, asked, value, verb=verb: who.post(f"review-requests/{asked.pk}/{verb}/", {"comment": value}, version=1))
        for verb in ("comment", "withdraw", "request-review")
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("door", "secret"),
    [(door, TOKEN) for door in API] + [(door, secret) for door in ("plan system_scope", "comment") for secret in SECRETS[1:]],
)
def test_P04_the_api_takes_no_payload_in_any_text(story, kept_nowhere, door, secret):
    asked = story.open()
    pointer, call = API[door]

    answer = call(Caller(story.owner), story, asked, secret)

    assert (answer.status_code, pointer in pointers(answer)) == (400, True), answer.content
    kept_nowhere(secret, answer)


@pytest.mark.parametrize("door", ["plan name", "move system_scope", "support team", "comment"])
def test_P04_a_private_key_is_no_text_either(story, kept_nowhere, door):
    answer = API[door][1](Caller(story.owner), story, story.open(), KEY)
    assert answer.status_code == 400
    kept_nowhere(KEY.splitlines()[1], answer)


def test_a_refused_call_leaves_nothing_under_its_idempotency_key(story, kept_nowhere):
    body = {**PLAN, "partner": story.partner.slug, "name": TOKEN}
    answer = Caller(story.owner).post("plans/", body, HTTP_IDEMPOTENCY_KEY="key-1")
    assert answer.status_code == 400
    assert not KeptAnswer.objects.exists()
    kept_nowhere(TOKEN, answer)


# --- every shape of input: unknown keys, other types (P01, P02) ---------------------------------------------------------------------


def bodies(story: Story, asked) -> dict[str, tuple]:
    """name → (method, path, a good body, version)."""
    request, plan = f"review-requests/{asked.pk}/", f"plans/{story.plan.pk}/"
    return {
        "plan": ("post", "plans/", {**PLAN, "partner": story.partner.slug}, None),
        "plan change": ("patch", plan, dict(PLAN), 1),
        "plan deletion": ("delete", plan, {}, 1),
        "move": ("post", f"{plan}moves/", dict(MOVE), None),
        "expand": ("post", f"{plan}expand/", {}, 1),
        "open": ("post", "review-requests/", {"plan": str(story.plan.pk), "environment": "production", "subject": SUBJECT}, None),
        "subject": ("patch", request, {"subject": SUBJECT}, 1),
        **{f"confirm {kind}": ("put", f"{request}confirmations/{kind}/", said(kind), 1) for kind in CONFIRMATION_FIELDS},
        "person": ("put", f"{request}confirmations/sla/person/", {"username": "owner"}, 1),
        "person away": ("delete", f"{request}confirmations/sla/person/", {}, 1),
        "staging": ("put", f"{request}staging-validation/", {"receipt": {}}, 1),
        "request review": ("post", f"{request}request-review/", {}, 1),
        "recall": ("post", f"{request}recall/", {}, 1),
        "withdraw": ("post", f"{request}withdraw/", {"comment": "why"}, 1),
        "revoke": ("post", f"{request}revoke/", {"comment": "why"}, 1),
        "comment": ("post", f"{request}comment/", {"comment": "why"}, 1),
    }


SHAPES = [
    "plan", "plan change", "plan deletion", "move", "expand", "open", "subject", *(f"confirm {kind}" for kind in CONFIRMATION_FIELDS), "person",
    "person away", "staging", "request review", "recall", "withdraw", "revoke", "comment",
]  # fmt: skip


def places(body: dict, path: str = "") -> list[str]:
    """Pointers of every object in a body."""
    parts = body.items() if isinstance(body, dict) else enumerate(body)
    inner = [place for key, part in parts if isinstance(part, dict | list) for place in places(part, f"{path}/{key}")]
    return ([path] if isinstance(body, dict) else []) + inner


def texts(body, path: str = "") -> list[str]:
    parts = body.items() if isinstance(body, dict) else enumerate(body)
    found = [
        texts(part, f"{path}/{key}") if isinstance(part, dict | list) else [f"{path}/{key}"] * isinstance(part, str) for key, part in parts
    ]
    return [place for part in found for place in part]


def changed(body: dict, place: str, key: str | None, value) -> dict:
    """A copy with one more key in the object at `place`, or with `value` at `place`."""
    copy = json.loads(json.dumps(body))
    words = [word for word in place.split("/")[1:] if word]
    at, last = copy, words if key is not None else words[:-1]
    for word in last:
        at = at[int(word)] if isinstance(at, list) else at[word]
    name = key if key is not None else words[-1]
    at[int(name) if isinstance(at, list) else name] = value
    return copy


def test_P01_the_table_of_shapes_is_whole(story):
    assert set(bodies(story, story.open())) == set(SHAPES)


@pytest.mark.parametrize("shape", SHAPES)
def test_P01_an_unknown_key_at_any_depth_is_named_and_its_value_is_not(story, kept_nowhere, shape):
    asked = story.open()
    method, path, body, version = bodies(story, asked)[shape]
    for place in places(body):
        if shape == "staging" and place:  # another installation's receipt is kept only once it is verified
            continue
        answer = Caller(story.owner).call(method, path, changed(body, place, "payload", TOKEN), version=version)
        assert answer.status_code == 400, (place, answer.content)
        assert any(pointer.startswith(place) for pointer in pointers(answer)), (place, pointers(answer))
        kept_nowhere(TOKEN, answer)
        secret_key = Caller(story.owner).call(method, path, changed(body, place, TOKEN, 1), version=version)
        assert secret_key.status_code == 400
        kept_nowhere(TOKEN, secret_key)


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], 5, True, 1.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_P02_a_text_is_a_text(story, shape, value):
    asked = story.open()
    method, path, body, version = bodies(story, asked)[shape]
    for place in texts(body):
        answer = Caller(story.owner).call(method, path, changed(body, place, None, value), version=version)
        assert (answer.status_code, any(place.startswith(pointer) for pointer in pointers(answer))) == (400, True), (place, answer.content)


@pytest.mark.parametrize("shape", SHAPES)
def test_P03_files_are_415_on_every_shape(story, shape):
    method, path, _, version = bodies(story, story.open())[shape]
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.csv"\r\n\r\na\r\n--b--\r\n'
    headers = {} if version is None else {"HTTP_IF_MATCH": f'"{version}"'}
    answer = Caller(story.owner).client.generic(
        method.upper(), f"/api/v1/{path}", body, content_type="multipart/form-data; boundary=b", **headers
    )
    assert answer.status_code == 415


# --- pages: nothing is kept, and nothing comes back into the form -------------------------------------------------------------------


PAGES: dict[str, Callable] = {
    **{
        f"plan {name}": lambda owner, story, asked, value, name=name: owner.submit(
            "/self-service/plans/new", **{**PLAN, "partner": story.partner.slug, name: value}
        )
        for name in (*PLAN_FIELDS, "external_reference")
    },
    **{
        f"move {name}": lambda owner, story, asked, value, name=name: owner.submit(
            plan_path(story.plan, "moves/new"), **{**MOVE, "corrects": "", name: value}
        )
        for name in MOVE
    },
    "partner": lambda owner, story, asked, value: owner.submit("/self-service/plans/new", **{**PLAN, "partner": value}),
    "unknown": lambda owner, story, asked, value: owner.submit("/self-service/plans/new", **{**PLAN, value: "x"}),
    "subject": lambda owner, story, asked, value: owner.submit(
        request_path(asked, "subject"), subject_name=value, subject_digest="sha256:" + "a" * 64
    ),
    **{
        f"{kind} {name}": lambda owner, story, asked, value, kind=kind, name=name: owner.submit(
            request_path(asked, f"confirmations/{kind}"), **{**CONFIRMATION_ANSWERS[kind], "valid_until": VALID_UNTIL, name: value}
        )
        for kind, fields in CONFIRMATION_ANSWERS.items()
        for name in (*fields, "evidence_url", "valid_until", *(["time_zone"] if kind == "environment" else []))
    },
    "person": lambda owner, story, asked, value: owner.post(request_path(asked, "confirmations/sla/person"), username=value, version=1),
    "comment": lambda owner, story, asked, value: owner.submit(request_path(asked, "comment"), comment=value),
    "withdraw": lambda owner, story, asked, value: owner.submit(request_path(asked, "withdraw"), comment=value),
    "note": lambda owner, story, asked, value: owner.post(
        request_path(asked, "check-answers"), comment=value, version=asked.version, plan_version=asked.plan.version
    ),
    "search": lambda owner, story, asked, value: owner.get("/self-service/plans/", q=value),
    "time zone": lambda owner, story, asked, value: owner.submit("/accounts/time-zone/", time_zone=value),
    "environment": lambda owner, story, asked, value: owner.submit(
        plan_path(story.plan, "requests/new"), environment=value, subject_name="", subject_digest=""
    ),
    "token name": lambda owner, story, asked, value: owner.submit("/accounts/tokens/", name=value, scopes="read", days="3"),
}


@pytest.mark.parametrize("door", PAGES)
def test_P11_pages_refuse_it_and_do_not_show_it_again(story, kept_nowhere, door):
    answer = PAGES[door](Visitor(story.owner), story, story.open(), TOKEN)
    assert answer.status_code == 400, answer
    kept_nowhere(TOKEN, answer)


def test_other_answers_stay_in_the_form(story):
    answer = PAGES["plan name"](Visitor(story.owner), story, None, CARD)
    assert PLAN["external_reference"] in answer.content.decode()


@pytest.mark.parametrize("field", ["comment", "conditions"])
def test_P11_the_decide_page_refuses_it_and_does_not_show_it_again(story, kept_nowhere, field):
    asked = story.in_review()
    choice = "approve_with_conditions" if field == "conditions" else "reject"
    answer = Visitor(story.release).submit(desk_path(asked, "decide/"), choice=choice, **{"comment": "c", "conditions": "", field: TOKEN})
    assert answer.status_code == 400
    kept_nowhere(TOKEN, answer)


def test_a_search_at_the_desk_keeps_nothing(story, kept_nowhere):
    story.in_review()
    Visitor(story.release).get("/admin/reviews/deploymentreviewrequest/", q=TOKEN)
    kept_nowhere(TOKEN)


# --- verbs and commands: the same rules without a form before them (P11) ------------------------------------------------------------


def verbs(story: Story) -> dict[str, Callable]:
    owner = actor(story.owner)
    rules = [{"name": "release", "group": "release", "quorum": 1}]
    operator = actor(make_user("operator", groups=("operators",)))
    return {
        **{
            f"create_plan {name}": lambda value, name=name: create_plan(
                owner, partner_slug=story.partner.slug, fields={**PLAN, name: value}
            )
            for name in PLAN
        },
        **{f"edit_plan {name}": lambda value, name=name: edit_plan(owner, story.plan.pk, fields={name: value}) for name in PLAN},
        **{
            f"append_move {name}": lambda value, name=name: append_move(owner, story.plan.pk, fields={**MOVE, name: value}) for name in MOVE
        },
        "set_environment": lambda value: organisation.set_environment(organisation.COMMAND_LINE, "other", name=value, protected=True),
        "set_environment slug": lambda value: organisation.set_environment(organisation.COMMAND_LINE, value, name="x", protected=True),
        "set_partner": lambda value: organisation.set_partner(organisation.COMMAND_LINE, "other", name=value),
        "set_partner slug": lambda value: organisation.set_partner(organisation.COMMAND_LINE, value),
        "add_person": lambda value: organisation.add_person(organisation.COMMAND_LINE, value, password="correct-horse-battery"),
        "set_groups": lambda value: organisation.set_groups(organisation.COMMAND_LINE, story.viewer, add={value}),
        **{
            f"set_policy {part}": lambda value, part=part: policies.propose_policy(
                operator, story.environment, rules=[{**rules[0], part: value}], required_confirmations=[]
            )
            for part in ("name", "group")
        },
    }


def test_P11_verbs_refuse_it_whoever_calls(story, kept_nowhere):
    for name, verb in verbs(story).items():
        for value in (TOKEN, CARD, "pаyments", "x\x07y", "x" * 400):
            with pytest.raises((Refused, ValidationError)) as caught:
                verb(value)
            assert value not in str(caught.value), name
    kept_nowhere(TOKEN)
    kept_nowhere(CARD)


@pytest.mark.parametrize(
    "command",
    [
        ["create_token", "owner", "--scope", "read", "--name", TOKEN],
        ["set_person", "viewer", "--group", TOKEN],
        ["set_person", "viewer", "--partner", f"{TOKEN}:owner"],
        ["set_policy", "production", "--rule", f"{TOKEN}:release:1"],
        ["set_policy", "production", "--rule", f"release:{TOKEN}:1"],
        ["set_policy", "production", "--rule", "release:release:1", "--name", TOKEN],
        ["set_policy", TOKEN, "--rule", "release:release:1"],
    ],
)
def test_P11_commands_refuse_it(story, kept_nowhere, command, capsys):
    with pytest.raises(CommandError) as caught:
        call_command(*command)
    assert TOKEN not in str(caught.value) + str(capsys.readouterr())
    kept_nowhere(TOKEN)


def test_W17_names_that_fold_to_one_are_one(story):
    owner = actor(story.owner)
    create_plan(owner, partner_slug=story.partner.slug, fields={**PLAN, "external_reference": "OPS Straße 1"})
    for same in ("ops strasse 1", "OPS STRASSE 1", "Ops Straße 1"):
        with pytest.raises(Refused) as caught:
            create_plan(owner, partner_slug=story.partner.slug, fields={**PLAN, "external_reference": same})
        assert caught.value.codes == ["duplicate_reference"]
        with pytest.raises(Refused) as caught:
            edit_plan(owner, story.plan.pk, fields={"external_reference": same})
        assert caught.value.codes == ["duplicate_reference"]
    for call, code in (
        (lambda: organisation.set_environment(organisation.COMMAND_LINE, "prod2", name="PRODUCTION", protected=True), "name_taken"),
        (lambda: organisation.set_groups(organisation.COMMAND_LINE, story.viewer, add={"Release"}), "group_exists"),
    ):
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.codes == [code]


# --- the database behind it ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "column", "length"),
    [
        (CoveragePlan, "name", 120),
        (CoveragePlan, "gate_type", 64),
        (CoveragePlan, "system_scope", 120),
        (CoveragePlan, "authority_context", 300),
        (CoveragePlan, "external_reference", 200),
        (Partner, "name", 120),
        (Environment, "name", 120),
    ],
)
def test_P11_the_database_takes_no_longer_text_and_no_control_character(story, model, column, length):
    versions = {"version": 2} if model is CoveragePlan else {}
    for value in ("x" * (length + 1), "two\nlines", "bell\x07", "del\x7f"):
        with pytest.raises(DatabaseError), transaction.atomic(using="self_service"):
            model.objects.update(**{column: value}, **versions)
    model.objects.update(**{column: "x" * length}, **versions)


def test_every_text_of_ours_is_bounded_in_the_database():
    """A column for text without a limit of its own is one that somebody forgot, or that only the code writes."""
    named = {
        "drafts_partner": 2,
        "drafts_coverageplan": 5,
        "drafts_expansionmove": 3,
        "reviews_environment": 2,
        "reviews_vote": 2,
        "reviews_event": 1,
        "reviews_freezewindow": 1,
        "reviews_freezeend": 1,
    }
    for table, count in named.items():
        model = next(model for model in apps.get_models() if model._meta.db_table == table)
        assert sum(constraint.name.endswith("_short") for constraint in model._meta.constraints) == count


# --- nothing is fetched (P12) -------------------------------------------------------------------------------------------------------


def test_P12_no_link_and_no_reference_is_fetched(story):
    with opened(Listener()) as (listener,):
        link = f"http://127.0.0.1:{listener.port}/evidence"
        edit_plan(actor(story.owner), story.plan.pk, fields={"external_reference": link})
        asked = story.open()
        confirm_all(story.owner, asked, but=("owner",))
        decisions.confirm(actor(story.owner), asked.pk, "owner", **said("owner"), evidence_url=link)
        asked = decisions.request_review(actor(story.owner), asked.pk)
        for reviewer in (story.release, story.security):
            assert Visitor(reviewer).get(desk_path(asked)).status_code == 200
            story.vote(reviewer, asked)
        for path in ("", "packet/", "timeline/", "receipt/", "confirmations/"):
            assert Caller(story.owner).get(f"review-requests/{asked.pk}/{path}").status_code == 200
        assert Visitor(make_user("auditor", groups=("auditors",))).get("/admin/drafts/coverageplan/").status_code == 200
        assert Visitor(story.owner).get(request_path(asked)).status_code == 200
        assert listener.connections == 0

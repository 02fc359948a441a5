"""P11: every place that takes a text, found by looking at forms, inputs of the API, commands and columns. Each is knocked at, or is said why not."""
# ruff: noqa: ARG005, E501  each door is called alike, and stands on one line

import argparse
import io
import json
import logging
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.apps import apps
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.db import DatabaseError, models, transaction
from rest_framework import serializers

from access.models import ApiToken, User
from access.tokens import create_token
from config.api import Shaped, StrictSerializer
from config.constraints import TextWithin
from config.forms import StrictForm
from receipts.keys import jwks
from receipts.models import SigningKey
from receipts.signing import write_private_key
from reviews import decisions, freezes, policies
from reviews.models import Confirmation
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL, Story, actor, make_user
from tests.pages import Visitor, desk_path, plan_path, request_path
from tests.test_no_payload import API, PAGES, TOKEN, everything_stored
from tests.test_writable_fields import every

pytestmark = pytest.mark.usefixtures("both_stores")
ROOMS = ("access", "drafts", "receipts", "reviews", "readiness")
PATH, COMPARED, NEVER_KEPT = "a path of this machine", "compared with what is stored", "asked about and never kept"


@pytest.fixture
def story(settings) -> Story:
    settings.WEBHOOK_KEY = b"w" * 32
    found = Story()
    found.operator, found.operator2 = (make_user(name, groups=("operators",)) for name in ("operator", "operator2"))
    return found


@pytest.fixture
def kept_nowhere(caplog):
    caplog.set_level(logging.DEBUG)

    def leaves_nothing(*said: str) -> None:
        for text in (*said, caplog.text, everything_stored()):
            assert TOKEN.lower() not in text.lower()

    return leaves_nothing


# --- forms ------------------------------------------------------------------------------------------------------------------------

PLAN_DOORS = {name: f"plan {name}" for name in ("name", "gate_type", "system_scope", "authority_context", "external_reference")}
# Form → field → where it is knocked at: a page of test_no_payload, a page below, or why it need not be.
FORMS: dict[str, dict[str, str]] = {
    "access.SignInForm": {"username": COMPARED, "password": COMPARED},
    "access.CodeForm": {"code": COMPARED},
    "access.SetUpForm": {"code": COMPARED, "password": COMPARED},
    "access.NewPasswordForm": dict.fromkeys(
        ("old_password", "new_password1", "new_password2"), "a password, which is kept as its Argon2 hash"
    ),
    "access.NewTokenForm": {"name": "token name", "partners": "token partners"},
    "drafts.PlanFields": PLAN_DOORS,
    "drafts.NewPlanForm": PLAN_DOORS,
    "drafts.EditPlanForm": PLAN_DOORS,
    "drafts.MoveForm": {name: f"move {name}" for name in ("gate_type", "system_scope", "authority_context")},
    "receipts.VerifyForm": dict.fromkeys(("document", "pinned"), NEVER_KEPT),
    "reviews.SubjectForm": {"subject_name": "subject", "subject_digest": "subject digest"},
    "reviews.OpenRequestForm": {"subject_name": "opened subject", "subject_digest": "opened digest", "predecessor": "predecessor"},
    "reviews.StagingForm": {"receipt_text": "staging"},
    "reviews.CommentForm": {"comment": "comment"},
    "reviews.RequestReviewForm": {"comment": "sent with"},
    "reviews.home.FilterForm": {"q": NEVER_KEPT},
    "reviews.confirm.PersonForm": {"username": "person"},
    "reviews.confirm.ConfirmationForm": {
        "evidence_url": "owner evidence_url",
        "evidence_sha256": "evidence sha256",
        "valid_until": "owner valid_until",
    },
    "reviews.DecideForm": {"digest": COMPARED, "choice": "choice", "conditions": "conditions", "comment": "vote comment"},
    "reviews.ReasonForm": {"comment": "freeze end"},
    "reviews.ProposeForm": {"rules": "policy rules", "required_confirmations": "policy confirmations"},
    "reviews.SettleForm": {"digest": COMPARED, "comment": "policy comment"},
    "reviews.FreezeForm": {"starts_at": "freeze from", "ends_at": "freeze to", "reason": "freeze reason", "people": "freeze people"},
    "reviews.audit_desk.SearchForm": dict.fromkeys(
        ("words", "partner", "person", "digest", "commitment", "request_id", "since", "until", "after"), NEVER_KEPT
    ),
    "reviews.organisation.PartnerForm": {"partner": "partner slug", "name": "partner name"},
    "reviews.organisation.MembershipForm": {"partner": "membership partner", "username": "membership username"},
    "reviews.organisation.PersonForm": {"username": "new person"},
    "reviews.organisation.GroupsForm": {"another": "group"},
    "reviews.organisation.MailForm": {"email": "email"},
    "reviews.organisation.NewEnvironmentForm": {"environment": "environment slug", "name": "environment name"},
    "reviews.organisation.EnvironmentForm": {"name": "environment renamed"},
    "reviews.organisation.PinForm": {"issuer": "pin issuer", "key_set": "pin keys"},
    "reviews.organisation.WebhookForm": {"url": "webhook url", "partner_slug": "webhook partner"},
}


def named(form: type[forms.BaseForm]) -> str:
    """Its room, what of it where the room has several files of forms, and its name."""
    return f"{form.__module__.replace('_forms', '').removesuffix('.forms')}.{form.__name__}"


def texts_of(form: type[forms.BaseForm]) -> set[str]:
    return {name for name, field in form.base_fields.items() if isinstance(field, forms.CharField)}


def freeze_said(**changed) -> dict:
    return {"starts_at": "2099-12-20T00:00Z", "ends_at": "2099-12-30T00:00Z", "reason": "year end", "people": "", **changed}


def policy_said(**changed) -> dict:
    hours = {"due_hours": 48, "review_hours": 336, "approval_hours": 72}
    return {"rules": "release release 1", "required_confirmations": "owner", "conditions": "allowed", **hours, **changed}


def freeze_page(**changed):
    return lambda who, story, asked: who["operator"].submit("/admin/reviews/freezewindow/freeze/production/", **freeze_said(**changed))


def policy_page(**changed):
    return lambda who, story, asked: who["operator"].submit("/admin/reviews/reviewpolicy/propose/production/", **policy_said(**changed))


def end_of_freeze(who, story, asked):
    made = freezes.freeze(actor(story.operator), story.environment, **freeze_said(starts_at=START, ends_at=END, people=[]))
    return who["operator"].submit(f"/admin/reviews/freezewindow/{made.pk}/end/", comment=TOKEN)


def declined_policy(who, story, asked):
    rules = [{"name": "release", "group": "release", "quorum": 1}]
    made = policies.propose_policy(actor(story.operator), story.environment, rules=rules, required_confirmations=[])
    return who["operator2"].submit(f"/admin/reviews/reviewpolicy/{made.pk}/settle/", answer="decline", comment=TOKEN)


def decided(**said):
    return lambda who, story, asked: who["release"].submit(
        desk_path(story.in_review(), "decide/"), **{"comment": "c", "conditions": "", **said}
    )


def opened(**said):
    known = {"environment": "production", "subject_name": "x", "subject_digest": "sha256:" + "a" * 64}
    return lambda who, story, asked: who["owner"].submit(plan_path(story.plan, "requests/new"), **known | said)


def organisation(path: str, **said):
    def page(who, story, asked):
        return who["operator"].submit(f"/admin/organisation/{path.format(story.owner.pk)}/", **said)

    return page


START, END = datetime(2099, 12, 20, tzinfo=UTC), datetime(2099, 12, 30, tzinfo=UTC)
SAID_AS_FIELDS = {"fields": CONFIRMATION_FIELDS["owner"], "valid_until": VALID_UNTIL}
SAID = {**CONFIRMATION_FIELDS["owner"], "valid_until": VALID_UNTIL}
# Beside those of test_no_payload: (who by role, story, what opens a request) → the answer to the token.
MORE_PAGES = {
    "token partners": lambda who, story, asked: who["owner"].submit("/accounts/tokens/", name="x", scopes="read", days="3", partners=TOKEN.lower()),
    "subject digest": lambda who, story, asked: who["owner"].submit(request_path(asked(), "subject"), subject_name="x", subject_digest=TOKEN),
    "opened subject": opened(subject_name=TOKEN),
    "opened digest": opened(subject_digest=TOKEN),
    "predecessor": opened(predecessor=TOKEN),
    "staging": lambda who, story, asked: who["owner"].submit(request_path(asked(), "staging"), receipt_text=TOKEN),
    "evidence sha256": lambda who, story, asked: who["owner"].submit(
        request_path(asked(), "confirmations/owner"), **SAID, evidence_sha256=TOKEN
    ),
    "sent with": lambda who, story, asked: who["owner"].submit(request_path(asked(), "check-answers"), comment=TOKEN),
    "choice": decided(choice=TOKEN),
    "conditions": decided(choice="approve_with_conditions", conditions=TOKEN),
    "vote comment": decided(choice="reject", comment=TOKEN),
    "desk comment": lambda who, story, asked: who["release"].submit(desk_path(story.in_review(), "comment/"), comment=TOKEN),
    "freeze from": freeze_page(starts_at=TOKEN),
    "freeze to": freeze_page(ends_at=TOKEN),
    "freeze reason": freeze_page(reason=TOKEN),
    "freeze people": freeze_page(people=TOKEN),
    "freeze end": end_of_freeze,
    "policy rules": policy_page(rules=f"{TOKEN} release 1"),
    "policy groups": policy_page(rules=f"release {TOKEN} 1"),
    "policy confirmations": policy_page(required_confirmations=TOKEN),
    "policy comment": declined_policy,
    "partner slug": organisation("partners/new", partner=TOKEN.lower(), name="x"),
    "partner name": organisation("partners/new", partner="x", name=TOKEN),
    "membership partner": organisation("memberships/set", partner=TOKEN, username="owner", role="owner"),
    "membership username": organisation("memberships/set", partner="northstar_controls", username=TOKEN, role="owner"),
    "new person": organisation("people/new", username=TOKEN, kind="person"),
    "group": organisation("people/{}/groups", another=TOKEN),
    "email": organisation("people/{}/mail", email=f"{TOKEN}@example.org"),
    "environment slug": organisation("environments/new", environment=TOKEN.lower(), name="x", protected="yes"),
    "environment name": organisation("environments/new", environment="x", name=TOKEN, protected="yes"),
    "environment renamed": organisation("environments/production", name=TOKEN, protected="yes"),
    "pin issuer": organisation("staging/pin", issuer=f"https://x.test/?token={TOKEN}", environment="", key_set="{}"),
    "pin keys": organisation("staging/pin", issuer="https://x.test", environment="", key_set=TOKEN),
    "webhook url": organisation("webhooks/new", url=f"https://hooks.example.org/{TOKEN}"),
    "webhook partner": organisation("webhooks/new", url="https://hooks.example.org/", partner_slug=TOKEN),
}  # fmt: skip


def test_every_text_of_every_form_is_in_the_table():
    assert {named(form): texts_of(form) for form in every(StrictForm) if texts_of(form)} == {
        name: set(doors) for name, doors in FORMS.items()
    }


def test_every_door_of_the_table_is_knocked_at():
    known = {*PAGES, *MORE_PAGES, COMPARED, NEVER_KEPT}
    assert {door for doors in FORMS.values() for door in doors.values()} - known == {"a password, which is kept as its Argon2 hash"}


@pytest.mark.parametrize("door", MORE_PAGES)
def test_P11_pages_beside_those_of_owners_refuse_it(story, kept_nowhere, door):
    who = {name: Visitor(getattr(story, name)) for name in ("owner", "release", "operator", "operator2")}
    answer = MORE_PAGES[door](who, story, story.open)
    assert answer.status_code == 400, answer
    kept_nowhere(answer.content.decode())


# --- the API ----------------------------------------------------------------------------------------------------------------------

COVERAGE = ("gate_type", "system_scope", "authority_context")
FACTS = ("name", *COVERAGE, "external_reference")
LOOKED_UP = "an id or a slug that is looked up"
INPUTS: dict[str, dict[str, str]] = {
    "CoverageInput": {name: f"plan {name}" for name in COVERAGE},
    "PlanInput": {"partner": LOOKED_UP} | {name: f"plan {name}" for name in FACTS},
    "PlanChange": {name: f"plan change {name}" for name in FACTS},
    "MoveInput": {name: f"move {name}" for name in COVERAGE},
    "OpenInput": {"plan": LOOKED_UP, "environment": LOOKED_UP, "predecessor": LOOKED_UP, "subject": "opened subject"},
    "SubjectInput": {"subject": "subject"},
    "ConfirmationInput": {"fields": "owner accountable"} | {name: name for name in ("evidence_url", "evidence_sha256", "valid_until")},
    "PersonInput": {"username": "person"},
    "StagingInput": {"receipt": "another installation's receipt, kept only once its signature is verified"},
    "CommentInput": {"comment": "comment"},
    "NoteInput": {"comment": "request-review"},
}


def test_every_text_of_every_input_of_the_api_is_in_the_table():
    kinds = (serializers.CharField, serializers.UUIDField, Shaped)
    found = {each.__name__: {name for name, field in each().fields.items() if isinstance(field, kinds)} for each in every(StrictSerializer)}
    assert {name: texts for name, texts in found.items() if texts} == {name: set(doors) for name, doors in INPUTS.items()}


def test_every_input_that_is_kept_is_knocked_at():
    doors = {door for doors in INPUTS.values() for door in doors.values()}
    assert doors - set(API) == {LOOKED_UP, INPUTS["StagingInput"]["receipt"]}


# --- commands ---------------------------------------------------------------------------------------------------------------------

RULE = ("--rule", "release:release:1")
FREEZE = ("freeze", "production", "--as", "operator", "--from", "2099-12-20T00:00Z", "--until", "2099-12-30T00:00Z")
# Command and option → what is typed, with the token in that place; or why it need not be.
COMMANDS: dict[str, tuple[str, ...] | str] = {
    "create_token username": ("create_token", TOKEN, "--scope", "read"),
    "create_token --name": ("create_token", "owner", "--scope", "read", "--name", TOKEN),
    "create_token --partner": ("create_token", "owner", "--scope", "read", "--partner", TOKEN),
    "revoke_token token_id": ("revoke_token", TOKEN),
    "revoke_token --user": ("revoke_token", "--user", TOKEN),
    "provision --owner-suffix": "a part of a role's name, in SQL that its caller reads before it runs",
    "readiness --junit": PATH,
    "readiness --environment": NEVER_KEPT,
    "readiness --subject": NEVER_KEPT,
    "keys create --file": PATH,
    "keys rotate --kid": ("keys", "rotate", "--kid", TOKEN),
    "keys retire --kid": ("keys", "retire", "--kid", TOKEN),
    "keys revoke --kid": ("keys", "revoke", "--kid", TOKEN, "--reason", "lost"),
    "keys revoke --reason": ("keys", "revoke", "--kid", "KID", "--reason", TOKEN),
    "keys revoke --since": ("keys", "revoke", "--kid", "KID", "--reason", "lost", "--since", TOKEN),
    "keys init-root --file": PATH,
    "keys init-root --anchor": PATH,
    "keys init-root --id": ("keys", "init-root", "--file", "/nowhere/root.pem", "--id", TOKEN),
    "keys attest --kid": ("keys", "attest", "--kid", TOKEN, "--root-file", "ROOT", "--root-id", "root-1"),
    "keys attest --root-file": PATH,
    "keys attest --root-id": ("keys", "attest", "--kid", "KID", "--root-file", "ROOT", "--root-id", TOKEN),
    "accept_policy environment": ("accept_policy", TOKEN),
    "accept_policy --as": ("accept_policy", "production", "--as", TOKEN, "--digest", "0" * 64),
    "accept_policy --digest": ("accept_policy", "production", "--as", "operator2", "--digest", TOKEN),
    "accept_policy --decline": ("accept_policy", "production", "--as", "operator2", "--decline", TOKEN),
    "export --output": PATH,
    "export --from": ("export", "--output", "/nowhere/x", "--from", TOKEN),
    "export --to": ("export", "--output", "/nowhere/x", "--to", TOKEN),
    "freeze environment": ("freeze", TOKEN, *FREEZE[2:], "--reason", "year end"),
    "freeze --as": ("freeze", "production", "--as", TOKEN, *FREEZE[4:], "--reason", "year end"),
    "freeze --from": ("freeze", "production", "--as", "operator", "--from", TOKEN),
    "freeze --until": ("freeze", "production", "--as", "operator", "--until", TOKEN),
    "freeze --reason": (*FREEZE, "--reason", TOKEN),
    "freeze --person": (*FREEZE, "--reason", "year end", "--person", TOKEN),
    "log verify --against": PATH,
    "reconcile --checkpoint": PATH,
    "log export-checkpoint --file": PATH,
    "pin_staging --issuer": ("pin_staging", "--issuer", f"https://x.test/?token={TOKEN}", "--jwks", "JWKS"),
    "pin_staging --jwks": PATH,
    "pin_staging --environment": ("pin_staging", "--issuer", "https://x.test", "--jwks", "JWKS", "--environment", TOKEN),
    "reset_second_factor username": ("reset_second_factor", TOKEN),
    "set_person username": ("set_person", TOKEN),
    "set_person --group": ("set_person", "viewer", "--group", TOKEN),
    "set_person --ungroup": ("set_person", "viewer", "--ungroup", TOKEN),
    "set_person --partner": ("set_person", "viewer", "--partner", f"{TOKEN}:owner"),
    "set_person --email": ("set_person", "viewer", "--email", f"{TOKEN}@example.org"),
    "set_policy environment": ("set_policy", TOKEN, *RULE),
    "set_policy --as": ("set_policy", "production", "--as", TOKEN, *RULE),
    "set_policy --name": ("set_policy", "production", "--as", "operator", "--name", TOKEN, *RULE),
    "set_policy --rule": ("set_policy", "production", "--as", "operator", "--rule", f"{TOKEN}:release:1"),
    "set_policy --max-age": ("set_policy", "production", "--as", "operator", *RULE, "--max-age", f"{TOKEN}:3"),
    "webhook add url": ("webhook", "add", f"https://hooks.example.org/{TOKEN}", "--as", "operator"),
    "webhook add --partner": ("webhook", "add", "https://hooks.example.org/", "--partner", TOKEN, "--as", "operator"),
    "webhook add --as": ("webhook", "add", "https://hooks.example.org/", "--as", TOKEN),
    **{f"webhook {verb} --as": ("webhook", verb, str(uuid.uuid4()), "--as", TOKEN) for verb in ("rotate", "enable", "disable")},
    # Django's own, which makes people.
    "createsuperuser --username": ("createsuperuser", "--noinput", "--username", TOKEN, "--email", "root@example.org"),
    "createsuperuser --email": ("createsuperuser", "--noinput", "--username", "root", "--email", f"{TOKEN}@example.org"),
}  # fmt: skip
# Numbers and ids: no text gets through, and argparse says so on the terminal of whoever typed it.
TYPED = ("int", "float", "UUID", "count", "duration")


def options_of(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[str]:
    inherited = {action.dest for action in BaseCommand().create_parser("", "")._actions}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb, below in action.choices.items():
                yield from options_of(below, (*words, verb))
        elif (
            action.dest not in inherited and action.nargs != 0 and not action.choices and getattr(action.type, "__name__", "") not in TYPED
        ):
            yield " ".join((*words, action.option_strings[-1] if action.option_strings else action.dest))


def commands() -> Iterator[str]:
    for name, app in get_commands().items():
        if app in ROOMS and name not in ("test", "dbshell"):
            yield from options_of(load_command_class(app, name).create_parser("manage.py", name), (name,))


def test_every_text_of_every_command_is_in_the_table():
    assert set(commands()) == {name for name in COMMANDS if not name.startswith("createsuperuser")}


@pytest.mark.parametrize("door", [door for door, typed in COMMANDS.items() if not isinstance(typed, str)])
def test_P11_commands_take_no_payload_in_any_text(story, kept_nowhere, door, tmp_path, monkeypatch, capsys):
    write_private_key(str(tmp_path / "root.pem"))
    (tmp_path / "jwks.json").write_text(json.dumps(jwks()))
    there = {"KID": SigningKey.objects.get().kid, "ROOT": str(tmp_path / "root.pem"), "JWKS": str(tmp_path / "jwks.json")}
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct-horse-battery")
    monkeypatch.setattr("sys.stdin", io.StringIO("correct-horse-battery\n"))

    with pytest.raises((CommandError, SystemExit)) as caught:
        call_command(*(there.get(word, word) for word in COMMANDS[door]))

    assert caught.type is CommandError or caught.value.code not in (0, None)
    kept_nowhere(str(caught.value), *capsys.readouterr())


# --- columns ----------------------------------------------------------------------------------------------------------------------

# Columns of what people wrote: the database bounds each of them.
WRITTEN = {
    "access.User": {"username", "email", "time_zone"},
    "access.ApiToken": {"name", "partners"},
    "drafts.Partner": {"slug", "name"},
    "drafts.CoveragePlan": {*FACTS},
    "drafts.ExpansionMove": {*COVERAGE},
    "receipts.SigningKey": {"reason"},
    "receipts.Attestation": {"root_key_id"},
    "reviews.Environment": {"slug", "name"},
    "reviews.ReviewPolicy": {"rules"},
    "reviews.PolicyOutcome": {"comment"},
    "reviews.FreezeWindow": {"reason"},
    "reviews.FreezeEnd": {"comment"},
    "reviews.StagingPin": {"issuer"},
    "reviews.DeploymentReviewRequest": {"subject"},
    "reviews.Confirmation": {"fields", "evidence_url", "evidence_sha256", "named"},
    "reviews.Vote": {"comment", "conditions"},
    "reviews.Event": {"comment"},
    "reviews.WebhookEndpoint": {"url"},
}
# Columns that only the code writes: digests, names of people that exist, words of its own, documents that it made.
MADE = {
    "access.User": {"password"},
    "access.ApiToken": {"digest", "token_key", "scopes", "created_by", "revoked_by"},
    "access.Tally": {"key"},
    "drafts.Membership": {"username"},
    "drafts.CoveragePlan": {"reference_key"},
    "drafts.Author": {"username"},
    "drafts.KeptAnswer": {"token_id", "route", "key", "call_sha256", "body", "headers"},
    "receipts.SigningKey": {"kid", "public_key_b64"},
    "receipts.Attestation": {"kid", "subject_kid", "root_public_key_b64"},
    "receipts.Receipt": {"packet_digest", "commitment_id", "kid"},
    "receipts.Revocation": {"superseded_by"},
    "receipts.StatusDocument": {"kid"},
    "receipts.LogHead": {"kid", "note", "note_kid"},
    "reviews.ReviewPolicy": {"required_confirmations", "maximum_ages", "proposed_by", "digest"},
    "reviews.PolicyOutcome": {"settled_by"},
    "reviews.FreezeWindow": {"people", "frozen_by"},
    "reviews.FreezeEnd": {"ended_by"},
    "reviews.StagingPin": {"jwks", "environment"},
    "reviews.DeploymentReviewRequest": {"digest", "commitment_id", "opened_by", "requested_by"},
    "reviews.Packet": {"digest", "commitment_id", "section_digests"},
    "reviews.Confirmation": {"confirmed_by"},
    "reviews.StagingValidation": {"kid", "payload_sha256", "handed_in_by"},
    "reviews.Event": {
        "verb", "actor", "channel", "token_id", "from_state", "to_state", "digest", "detail", "previous_sha256", "sha256",
    },
    "reviews.Chain": {"name"},
    "reviews.Denial": {"actor", "channel", "token_id", "verb", "reasons"},
    "reviews.WebhookEndpoint": {"events", "disabled_reason", "created_by"},
    "reviews.OutboxMessage": {"kind", "recipient", "detail", "error"},
    "reviews.DeliveryAttempt": {"outcome"},
    "reviews.Vote": {"digest", "username"},
    "reviews.Decision": {"digest", "verdict", "conditions"},
    "readiness.VerdictChange": {"status", "was", "standing", "cause"},
}  # fmt: skip
TEXTS = (models.CharField, models.TextField, models.JSONField)
# Django's own: nothing here asks for them.
UNUSED = {"first_name", "last_name"}


def ours() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in ROOMS]


def test_every_column_of_text_is_in_one_table():
    found = {
        model._meta.label: {each.name for each in model._meta.concrete_fields if isinstance(each, TEXTS) and not each.choices} - UNUSED
        for model in ours()
    }
    tables = {label: WRITTEN.get(label, set()) | MADE.get(label, set()) for label in {*WRITTEN, *MADE}}
    assert {label: columns for label, columns in found.items() if columns} == tables


def bounded(model: type[models.Model]) -> set[str]:
    """Columns that a constraint of the table limits."""
    within = [each.condition for each in model._meta.constraints if isinstance(getattr(each, "condition", None), TextWithin)]
    return {column for condition in within for column in columns_of(condition)}


def columns_of(expression) -> list[str]:
    if isinstance(expression, models.F):
        return [expression.name]
    return [name for source in expression.get_source_expressions() for name in columns_of(source)]


def test_P11_every_column_of_what_people_wrote_is_bounded_in_the_database():
    assert {model._meta.label: WRITTEN[model._meta.label] - bounded(model) for model in ours() if model._meta.label in WRITTEN} == {
        label: set() for label in WRITTEN
    }


@pytest.mark.parametrize(("model", "column", "value"), [
    (User, "username", "x" * 65), (User, "username", "a\x07b"), (User, "email", "x" * 255), (ApiToken, "name", "a\nb"),
    (ApiToken, "partners", ["x" * 2000]),
])  # fmt: skip
def test_P11_the_primary_takes_no_longer_text_and_no_control_character(story, model, column, value):
    create_token(story.owner, scopes=["read"], lifetime=timedelta(days=1))
    with pytest.raises(DatabaseError), transaction.atomic(using="default"):
        model.objects.filter(pk=model.objects.last().pk).update(**{column: value})


@pytest.mark.parametrize(("column", "value"), [("fields", {"deputy": "x" * 9000}), ("evidence_sha256", "x" * 65)])
def test_P11_the_draft_store_takes_no_longer_typed_field(story, column, value):
    asked = story.open()
    decisions.confirm(actor(story.owner), asked.pk, "owner", **SAID_AS_FIELDS)
    with pytest.raises(DatabaseError), transaction.atomic(using="self_service"):
        Confirmation.objects.filter(kind="owner").update(**{column: value})

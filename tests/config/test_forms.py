"""What all forms of pages share: strict about fields, and a refusal shown where it belongs."""

import pytest
from django import forms
from django.http import QueryDict
from django.utils import translation

from access.forms import CodeForm, MailForm, NewTokenForm, SetUpForm, SignInForm, TimeZoneForm
from config.forms import StrictForm, VersionForm
from config.refusals import Reason, Refused
from drafts.forms import EditPlanForm, MoveForm, NewPlanForm
from receipts.forms import VerifyForm
from reviews import confirm_forms, organisation_forms
from reviews.audit_desk import SearchForm
from reviews.confirm_forms import ConfirmationForm
from reviews.forms import (
    CommentForm,
    DecideForm,
    FreezeForm,
    OpenRequestForm,
    ProposeForm,
    ReasonForm,
    RequestReviewForm,
    SettleForm,
    StagingForm,
    SubjectForm,
)
from reviews.home import FilterForm

PROTECTED = {
    "state", "revision", "digest_now", "commitment_id", "policy", "requested_by", "opened_by", "approved_by", "reviewer", "decided_at",
    "actor", "confirmed_by", "confirmed_at", "expires_at", "due_at", "production_write", "receipt", "user_id", "username", "archived",
    "created_at",
}  # fmt: skip
FORMS = [
    NewPlanForm, EditPlanForm, MoveForm, SubjectForm, OpenRequestForm, RequestReviewForm, StagingForm, CommentForm, ConfirmationForm,
    DecideForm, CodeForm, MailForm, NewTokenForm, SetUpForm, VerifyForm, ProposeForm, SettleForm, FreezeForm, ReasonForm, FilterForm,
    TimeZoneForm, SearchForm, confirm_forms.PersonForm,
    organisation_forms.PartnerForm, organisation_forms.MembershipForm, organisation_forms.PersonForm, organisation_forms.GroupsForm,
    organisation_forms.MailForm, organisation_forms.ActiveForm, organisation_forms.NewEnvironmentForm, organisation_forms.EnvironmentForm,
    organisation_forms.WebhookForm, organisation_forms.PinForm, organisation_forms.RotateForm,
]  # fmt: skip
# A person whom an owner or an operator names, who is not who acts.
NAMING = {confirm_forms.PersonForm, organisation_forms.PersonForm, organisation_forms.MembershipForm}


class NoteForm(StrictForm):
    note = forms.CharField()


def refusing(*reasons: Reason):
    def verb(said):
        raise Refused(*reasons)

    return verb


@pytest.mark.parametrize("form", FORMS)
def test_W04_no_form_takes_what_is_derived(form):
    assert not (PROTECTED - ({"username"} if form in NAMING else set())) & set(form.base_fields)


def test_W04_this_test_knows_every_form():
    known = {StrictForm, VersionForm, NoteForm, SignInForm}

    def below(kind: type) -> set[type]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    named = {found.__name__ for found in below(StrictForm) - known - set(FORMS)}
    assert named <= {"NewPasswordForm", "PlanFields"}


def test_values_reach_the_verb_and_its_outcome_is_kept():
    form = NoteForm(QueryDict("note=hello"))

    assert form.attempt(lambda said: said["note"].upper())
    assert (form.outcome, form.status) == ("HELLO", 200)


@pytest.mark.parametrize("body", ["note=a&more=b", "note=a&note=b", "note=", "note=%00", ""])
def test_unknown_repeated_missing_and_unreadable_fields_stop_before_the_verb(body):
    form = NoteForm(QueryDict(body))

    assert not form.attempt(lambda _: pytest.fail("the verb was called"))
    assert form.status == 400


def test_reason_with_a_pointer_is_shown_beside_its_field():
    form = NoteForm(QueryDict("note=a"))

    form.attempt(
        refusing(Reason("x", "fields/note: Too short.", pointer="/fields/note", status=400), Reason("y", "Not now.", clear_by="owner"))
    )

    assert (form.errors["note"], [reason.detail for reason in form.reasons], form.status) == (["Too short."], ["Not now."], 400)


def test_status_is_that_of_the_refusal():
    form = VersionForm(QueryDict("version=1"))

    form.attempt(refusing(Reason("stale_version", "It has changed.", pointer="/version", status=412)))

    assert (form.status, [reason.code for reason in form.reasons]) == (412, ["stale_version"])


def test_what_is_not_there_goes_on_to_the_caller():
    with pytest.raises(Refused):
        NoteForm(QueryDict("note=a")).attempt(refusing(Reason("not_found", "There is none.", status=404)))


def test_verb_works_in_the_language_of_the_record_whatever_the_page_is_in():
    form = NoteForm(QueryDict("note=a"))

    with translation.override("eo"):
        assert form.attempt(lambda _: translation.get_language())
        assert (form.outcome, translation.get_language()) == ("en-gb", "eo")

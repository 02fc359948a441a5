"""What owners and reviewers fill in about a review request. Each form feeds one verb of decisions.py, which has the last word."""

import re

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.forms import StrictForm, VersionForm
from drafts.forms import with_none_chosen
from reviews import confirmations
from reviews.models import Kind

HEX = re.compile(r"[0-9a-f]+\Z")
SUBJECT_NAME = gettext_lazy("What would be deployed. Leave it out if this is about the path alone.")
SUBJECT_DIGEST = gettext_lazy("sha256: and 64 hexadecimal digits, or gitCommit: and 40. The gate then asks which artifact it is.")


class SubjectForm(VersionForm):
    """At most one subject; a list of several is the API's."""

    shown_at = {"subject": "subject_digest"}
    subject_name = forms.CharField(label=gettext_lazy("Subject"), help_text=SUBJECT_NAME, required=False, max_length=120)
    subject_digest = forms.CharField(label=gettext_lazy("Digest of the subject"), help_text=SUBJECT_DIGEST, required=False, max_length=80)

    def clean(self) -> dict:
        cleaned = super().clean()
        name, digest = cleaned.pop("subject_name", ""), cleaned.pop("subject_digest", "")
        if bool(name) != bool(digest) and not self.errors:
            self.add_error("subject_digest" if name else "subject_name", _("Give both the subject and its digest, or neither."))
        cleaned["subject"] = [{"name": name, "digest": typed_digest(digest)}] if name and digest else []
        return cleaned


def typed_digest(text: str) -> dict[str, str]:
    """`sha256:…` or `gitCommit:…`; bare digits are told apart by their number."""
    word, colon, value = text.partition(":")
    if colon:
        return {word.strip(): value.strip()}
    return {"gitCommit" if len(text) == 40 and HEX.match(text) else "sha256": text}


class OpenRequestForm(SubjectForm):
    environment = forms.ChoiceField(label=gettext_lazy("Environment"), help_text=gettext_lazy("Where the rollout would go."))
    predecessor = forms.UUIDField(
        label=gettext_lazy("Continue from"),
        required=False,
        help_text=gettext_lazy("An ended or approved request of this plan: its confirmations are proposed again, for you to look at."),
    )
    version = None
    field_order = ["environment", "predecessor", "subject_name", "subject_digest"]

    def __init__(self, *args, environments, predecessors, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        places = [(environment.slug, environment.name) for environment in environments]
        self.fields["environment"].choices = with_none_chosen(places, _("Choose an environment"))
        choices = [(str(found.pk), _opened(found)) for found in predecessors]
        self.fields["predecessor"].widget = forms.Select(choices=[("", _("Start afresh")), *choices])


def _opened(found) -> str:
    return _("%(environment)s, opened %(day)s") % {"environment": found.environment.name, "day": date_format(found.created_at, "j F Y")}


class Unechoed(forms.Textarea):
    """A text that is never written back into the page, as a password is not."""

    def format_value(self, value) -> str:
        return ""


class StagingForm(VersionForm):
    """The receipt may be empty here: the verb says that it is missing, with everything else that is."""

    optional = ()
    shown_at = {"receipt": "receipt_text"}
    receipt_text = forms.CharField(
        label=gettext_lazy("Receipt or bundle of the staging installation"),
        help_text=gettext_lazy(
            "The whole JSON, as its receipt or bundle route gives it. What was signed is kept; it is never shown again."
        ),
        widget=Unechoed(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        required=False,
    )


class RequestReviewForm(VersionForm):
    """Request and plan as they were shown: what is frozen is what was checked."""

    plan_version = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    comment = forms.CharField(
        label=gettext_lazy("Note to the reviewers"),
        help_text=gettext_lazy("It stands in the timeline and is kept for good. No passwords, keys or payload."),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )


class CommentForm(VersionForm):
    """The comment may be empty here: the verb says that one is due, and whether this person may come first."""

    optional = ()
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        help_text=gettext_lazy("It is kept for good. No passwords, keys or payload."),
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
    )


class DecideForm(StrictForm):
    """Every field may be empty here: the verb says what is missing, and whether this person may vote comes before that."""

    optional = ()
    digest = forms.CharField(widget=forms.HiddenInput, required=False)
    choice = forms.CharField(label=gettext_lazy("Decision"), required=False)
    conditions = forms.CharField(
        label=gettext_lazy("Conditions"),
        help_text=gettext_lazy("One in each line. Only for an approval with conditions."),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        help_text=gettext_lazy("Needed to request changes or to reject. It is kept for good."),
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
    )

    def clean_conditions(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["conditions"].splitlines() if line.strip()]

    @property
    def chosen(self) -> str:
        return self["choice"].value() or ""


# --- operators ------------------------------------------------------------------------------------------------------------------------


class MomentField(forms.CharField):
    """A time with its offset, or a day, as RFC 3339."""

    def clean(self, value):
        return confirmations.moment(given) if (given := super().clean(value)) else None


LINES = {"rows": 4, "spellcheck": "false"}


class ProposeForm(StrictForm):
    """A policy version as text: the verb says what is wrong with it."""

    shown_at = {"due_seconds": "due_hours", "review_seconds": "review_hours", "approval_seconds": "approval_hours"}
    rules = forms.CharField(
        label=gettext_lazy("Rules"),
        help_text=gettext_lazy("One in each line, all must hold: name, group and how many, for example: release release-managers 1"),
        widget=forms.Textarea(attrs=LINES),
    )
    required_confirmations = forms.CharField(
        label=gettext_lazy("Required confirmations"),
        help_text=gettext_lazy("One in each line, with the days it may be old if that is limited, for example: rollback 30"),
        widget=forms.Textarea(attrs=LINES),
        required=False,
    )
    due_hours = forms.IntegerField(label=gettext_lazy("A review is due after, in hours"), min_value=1, max_value=87600)
    review_hours = forms.IntegerField(label=gettext_lazy("A review lapses after, in hours"), min_value=1, max_value=87600)
    approval_hours = forms.IntegerField(label=gettext_lazy("An approval lasts, in hours"), min_value=1, max_value=87600)
    session_minutes = forms.IntegerField(
        label=gettext_lazy("Who decides has signed in within, in minutes"),
        help_text=gettext_lazy("Empty: however long ago."),
        min_value=1,
        max_value=1440,
        required=False,
    )
    second_factor = forms.ChoiceField(
        label=gettext_lazy("Second factor"),
        help_text=gettext_lazy(
            "Asked for: who decides has signed in with a code of an authenticator app; approvals given without one end."
        ),
        choices=[("not_asked", gettext_lazy("Not asked for")), ("asked", gettext_lazy("Asked for"))],
    )
    conditions = forms.ChoiceField(
        label=gettext_lazy("Approval with conditions"),
        choices=[("allowed", gettext_lazy("Allowed")), ("not_allowed", gettext_lazy("Not allowed"))],
    )

    def clean_rules(self) -> list[dict]:
        lines = [line.split() for line in self.cleaned_data["rules"].splitlines() if line.strip()]
        if any(len(words) != 3 or not (words[2].isascii() and words[2].isdigit()) for words in lines):
            raise forms.ValidationError(_("Each line has a name, a group and a number."), code="invalid")
        return [{"name": name, "group": group, "quorum": int(quorum)} for name, group, quorum in lines]

    def clean_required_confirmations(self) -> list[tuple[str, int | None]]:
        lines = [line.split() for line in self.cleaned_data["required_confirmations"].splitlines() if line.strip()]
        if any(len(words) > 2 or words[0] not in Kind.values or not all(_is_days(word) for word in words[1:]) for words in lines):
            kinds = ", ".join(Kind.values)
            detail = _("Each line has one of %(kinds)s, and no more than a number of days.") % {"kinds": kinds}
            raise forms.ValidationError(detail, code="invalid")
        return [(words[0], int(words[1]) if len(words) == 2 else None) for words in lines]

    @property
    def said(self) -> dict:
        """For the verb."""
        given = self.cleaned_data
        minutes = given["session_minutes"]
        return {
            "rules": given["rules"],
            "required_confirmations": list(dict(given["required_confirmations"])),
            "maximum_ages": {kind: days * 86400 for kind, days in given["required_confirmations"] if days is not None},
            "session_seconds": None if minutes is None else minutes * 60,
            "second_factor": given["second_factor"] == "asked",
            "conditions_allowed": given["conditions"] == "allowed",
            **{f"{name}_seconds": given[f"{name}_hours"] * 3600 for name in ("due", "review", "approval")},
        }


def _is_days(word: str) -> bool:
    return word.isascii() and word.isdigit() and 1 <= int(word[:9]) <= 3650


class SettleForm(StrictForm):
    """Accept or decline the version that was shown. Every field may be empty here: the verb says what is missing."""

    optional = ()
    digest = forms.CharField(widget=forms.HiddenInput, required=False)
    answer = forms.ChoiceField(
        label=gettext_lazy("Answer"),
        choices=[("accept", gettext_lazy("Accept it")), ("decline", gettext_lazy("Decline it, or withdraw your own"))],
    )
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        help_text=gettext_lazy("Needed to decline. It is kept for good."),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )


class FreezeForm(StrictForm):
    starts_at = MomentField(label=gettext_lazy("From"), help_text=gettext_lazy("In UTC, for example: 2026-12-20T00:00Z"))
    ends_at = MomentField(label=gettext_lazy("To"), help_text=gettext_lazy("In UTC, for example: 2027-01-04T06:00Z. A day means its end."))
    reason = forms.CharField(
        label=gettext_lazy("Reason"), help_text=gettext_lazy("Everybody whose gate it shuts reads it."), max_length=300
    )
    people = forms.CharField(
        label=gettext_lazy("People whose requests may cross"),
        help_text=gettext_lazy("Usernames with spaces between them. Each has to say why, for each revision. Leave it empty for nobody."),
        required=False,
    )

    def clean_people(self) -> list[str]:
        return self.cleaned_data["people"].replace(",", " ").split()


class ReasonForm(StrictForm):
    """The comment may be empty here: the verb says that one is due."""

    optional = ()
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        help_text=gettext_lazy("It is kept for good."),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )

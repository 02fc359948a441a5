"""What is filled in for one confirmation, and who else is to give it."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.forms import VersionForm
from reviews import confirmations
from reviews.models import Kind


def _typed(field: confirmations.Field) -> forms.Field:
    said = {"label": _(field.label), "help_text": _(field.hint)}
    if field.check is confirmations.count:
        made = forms.IntegerField(**said, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    elif field.check is confirmations.past_day:
        made = forms.CharField(**said, widget=forms.DateInput(attrs={"type": "date"}))
    else:
        made = forms.CharField(**said)
    made.example = field.example
    return made


class PersonForm(VersionForm):
    username = forms.CharField(
        label=gettext_lazy("Person named"),
        help_text=gettext_lazy("Username of somebody who is to confirm this, beside the owners. Leave it empty to take that back."),
        required=False,
        max_length=64,
    )


class ConfirmationForm(VersionForm):
    """The typed fields of one kind, then evidence and validity."""

    evidence_url = forms.CharField(
        label=gettext_lazy("Evidence"),
        help_text=gettext_lazy("A link to where it can be looked up. It is shown and never fetched."),
        required=False,
    )
    evidence_sha256 = forms.CharField(
        label=gettext_lazy("SHA-256 of the evidence"),
        help_text=gettext_lazy("64 hexadecimal digits, if the evidence is a file that must not change."),
        required=False,
    )
    valid_until = forms.CharField(
        label=gettext_lazy("Valid until"),
        help_text=gettext_lazy("The last day on which this holds, in UTC. An approval never outlasts it."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, *args, kind: str, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.typed = confirmations.FIELDS[Kind(kind)]
        self.fields = {field.name: _typed(field) for field in self.typed} | self.fields

    @property
    def stated(self) -> list[forms.BoundField]:
        """What the confirmation itself says, before its evidence."""
        return [self[field.name] for field in self.typed]

    def clean(self) -> dict:
        cleaned = super().clean()
        return cleaned | {"fields": {field.name: cleaned.pop(field.name, None) for field in self.typed}}

"""What is filled in for one confirmation, and who else is to give it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from access import zones
from config.forms import VersionForm
from reviews import confirmations, local_time
from reviews.models import Kind

# A window is typed as two times, in the zone of who types: its end in the name of the field → label and hint.
WINDOW = {
    "starts": (noop("Change window starts"), noop("The gate is shut before. In the time zone %(zone)s.")),
    "ends": (noop("Change window ends"), noop("The gate is shut from then on. In the time zone %(zone)s.")),
}
NO_ZONE = gettext_lazy("The form does not say in which time zone its times are. Reload the page.")


class LocalTimeField(forms.CharField):
    def __init__(self, *, zone: ZoneInfo, **said) -> None:
        # With a latest year of four digits a browser goes on to the hour by itself.
        super().__init__(**said, widget=forms.DateInput(attrs={"type": "datetime-local", "max": "9999-12-31T23:59"}))
        self.zone = zone

    def clean(self, value: object) -> datetime | None:
        return local_time.read(given, self.zone) if (given := super().clean(value)) else None


def _window(field: confirmations.Field, zone: ZoneInfo) -> dict[str, forms.Field]:
    """Both times, and the zone that was shown with them: the person's own may have changed since."""
    named = {"zone": zone.key.replace("_", " ")}
    return {
        f"{field.name}_{end}": LocalTimeField(zone=zone, label=_(label), help_text=_(hint) % named) for end, (label, hint) in WINDOW.items()
    } | {
        "time_zone": forms.ChoiceField(
            choices=[(name, name) for name in zones.names()],
            initial=zone.key,
            widget=forms.HiddenInput,
            error_messages={"required": NO_ZONE, "invalid_choice": NO_ZONE},
        )
    }


def as_typed(fields: dict) -> dict[str, object]:
    """The typed fields of a confirmation as its form asks for them; a window in the zone of who looks."""
    times = confirmations.window_times(fields.get("change_window"))
    zone = timezone.get_current_timezone()
    return fields | {f"change_window_{end}": local_time.typed(when, zone) for end, when in zip(WINDOW, times or (), strict=False)}


def _typed(field: confirmations.Field, zone: ZoneInfo) -> dict[str, forms.Field]:
    if field.check is confirmations.window:
        return _window(field, zone)
    said = {"label": _(field.label), "help_text": _(field.hint)}
    if field.check is confirmations.count:
        made = forms.IntegerField(**said, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    elif field.check is confirmations.past_day:
        made = forms.CharField(**said, widget=forms.DateInput(attrs={"type": "date"}))
    else:
        made = forms.CharField(**said)
    made.example = field.example
    return {field.name: made}


class PersonForm(VersionForm):
    username = forms.CharField(
        label=gettext_lazy("Person named"),
        help_text=gettext_lazy("Username of somebody who is to confirm this, beside the owners. Leave it empty to take that back."),
        required=False,
        max_length=64,
    )


class ConfirmationForm(VersionForm):
    """The typed fields of one kind, then evidence and validity."""

    shown_at = {"change_window": "change_window_ends"}
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
        self.stated_in = confirmations.FIELDS[Kind(kind)]
        zone = zones.zone(self.data.get("time_zone")) if self.is_bound else timezone.get_current_timezone()
        self.typed = {name: made for field in self.stated_in for name, made in _typed(field, zone).items()}
        self.fields = self.typed | self.fields

    @property
    def stated(self) -> list[forms.BoundField]:
        """What the confirmation itself says, before its evidence."""
        return [self[name] for name in self.typed if not self[name].is_hidden]

    def clean(self) -> dict:
        cleaned = super().clean()
        typed = {name: cleaned.pop(name, None) for name in self.typed}
        return cleaned | {"fields": {field.name: _said(field, typed) for field in self.stated_in}}


def _said(field: confirmations.Field, typed: dict) -> object:
    """The value of one field of the confirmation."""
    if field.check is not confirmations.window:
        return typed[field.name]
    times = [typed[f"{field.name}_{end}"] for end in WINDOW]
    return "/".join(map(confirmations.utc_text, times)) if all(times) else None

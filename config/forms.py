"""What the forms of every page share: unknown and repeated fields are errors, and a refusal of a verb is shown on the form."""

from collections.abc import Callable, Iterable

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext_lazy

from config.payload import kind_in_link, shown_key
from config.refusals import Reason, Refused


def labelled(choices: Iterable[tuple[str, str]]) -> list[tuple[str, object]]:
    """Choices whose labels are marked for translation where they stand, said in the language of the page that shows them."""
    return [(value, gettext_lazy(label)) for value, label in choices]


class StrictForm(forms.Form):
    """A form for one verb. `outcome`: what the verb returned; `reasons`: why it refused, save what stands beside a field."""

    also_sent = frozenset({"csrfmiddlewaretoken"})
    # Fields of which several may be ticked.
    repeatable = frozenset()
    # The last word of a reason's pointer → the field that shows it, where the two have different names.
    shown_at: dict[str, str] = {}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.outcome = None
        self.reasons: list[Reason] = []
        self.refused_with = 0
        for field in self.fields.values():
            if "invalid_choice" in field.error_messages:  # Django's own repeats the value
                field.error_messages["invalid_choice"] = gettext_lazy("Choose from what is proposed.")

    @property
    def optional(self) -> set[str]:
        """Fields whose label says that they may be left empty."""
        return {name for name, field in self.fields.items() if not field.required}

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows this form."""
        return self.refused_with or (400 if self.errors else 200)

    def _post_clean(self) -> None:
        """Django's hook after `clean`, which forms of Django's own override without calling ours."""
        super()._post_clean()
        for name in self.data:
            if name not in self.fields and name not in self.also_sent:
                self.add_error(None, ValidationError(f"{shown_key(name)}: this field is not known here.", code="unknown_field"))
            elif name not in self.repeatable and hasattr(self.data, "getlist") and len(self.data.getlist(name)) > 1:
                self.add_error(None, ValidationError(f"{shown_key(name)}: this field was sent more than once.", code="repeated_field"))

        self._forget_payload()

    def _forget_payload(self) -> None:
        """A form that is shown again with its answers leaves out those that hold what must not be kept."""
        sent = self.data.getlist if hasattr(self.data, "getlist") else lambda name: [self.data[name]]
        held = [name for name in self.data if any(kind_in_link(str(value)) for value in sent(name))] if self.errors or self.reasons else []
        if held:
            self.data = self.data.copy()
        for name in held:
            self.data[name] = ""

    def attempt(self, verb: Callable[[dict], object]) -> bool:
        """Hand the checked values to a verb. False leaves the errors and reasons on the form; Refused 404 goes on to the caller.

        A verb works in the language of the record, whatever language the page is in: what it says of a date may be kept for good.
        """
        if not self.is_valid():
            return False
        try:
            with translation.override(settings.LANGUAGE_CODE):
                self.outcome = verb(self.cleaned_data)
        except Refused as refusal:
            if refusal.status == 404:
                raise
            self._show(refusal)
            return False
        return True

    def _show(self, refusal: Refused) -> None:
        self.refused_with = refusal.status
        for reason in refusal.reasons:
            if name := self._field_of(reason.pointer):
                self.add_error(name, reason.detail.removeprefix(f"{reason.pointer[1:]}: "))
            else:
                self.reasons.append(reason)
        self._forget_payload()

    def _field_of(self, pointer: str) -> str:
        """The field for a pointer such as `/fields/p99_ms` or `/conditions/3`; empty when the form has none."""
        words = [self.shown_at.get(word, word) for word in reversed(pointer.split("/"))]
        return next((word for word in words if word in self.fields and not self[word].is_hidden), "")


class VersionForm(StrictForm):
    """A form about something that may have changed since it was shown."""

    version = forms.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), "The form does not say which version you saw. Reload the page."
        ),
    )

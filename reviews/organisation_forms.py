"""What operators fill in about partners, people, environments, staging and webhooks. Each form feeds one verb, which has the last word."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.forms import StrictForm, labelled
from drafts.models import Role
from reviews.forms import Unechoed
from reviews.models import Environment, State

USERNAME = gettext_lazy("Letters, digits, dots, dashes and underscores; no e-mail address. It stays in the record for good.")
SLUG = gettext_lazy("Small letters, digits, dashes and underscores. Packets and receipts name it, so it never changes.")


class PartnerForm(StrictForm):
    partner = forms.CharField(label=gettext_lazy("Slug"), help_text=SLUG, max_length=64)
    name = forms.CharField(label=gettext_lazy("Name"), help_text=gettext_lazy("What people call it."), max_length=120)


class MembershipForm(StrictForm):
    partner = forms.CharField(label=gettext_lazy("Partner"), help_text=gettext_lazy("Its slug."), max_length=64)
    username = forms.CharField(label=gettext_lazy("Username"), max_length=64)
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=[*labelled(Role.choices), ("none", gettext_lazy("None: end the membership"))],
        help_text=gettext_lazy("An owner drafts, confirms and requests reviews; a viewer looks."),
    )

    def clean_role(self) -> str | None:
        return None if self.cleaned_data["role"] == "none" else self.cleaned_data["role"]


class PersonForm(StrictForm):
    username = forms.CharField(label=gettext_lazy("Username"), help_text=USERNAME, max_length=64)
    kind = forms.ChoiceField(
        label=gettext_lazy("Who it is"),
        choices=[("person", gettext_lazy("A person")), ("machine", gettext_lazy("A job or client: no password, never a reviewer"))],
    )


class GroupsForm(StrictForm):
    """`shown`: the groups as they were when the page was shown, so that what somebody else changes meanwhile is let be."""

    groups = forms.MultipleChoiceField(label=gettext_lazy("Groups"), required=False, widget=forms.CheckboxSelectMultiple)
    another = forms.CharField(
        label=gettext_lazy("Another group"),
        help_text=gettext_lazy("Made if nobody is in it yet. Policies name groups."),
        required=False,
        max_length=150,
    )
    shown = forms.MultipleChoiceField(required=False, widget=forms.MultipleHiddenInput)
    repeatable = frozenset({"groups", "shown"})
    shown_at = {"group": "another"}
    optional = ("another",)

    def __init__(self, *args, known: list[str], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for name in ("groups", "shown"):
            self.fields[name].choices = [(group, group) for group in known]

    @property
    def change(self) -> dict[str, set[str]]:
        """For the verb."""
        ticked, shown = set(self.cleaned_data["groups"]), set(self.cleaned_data["shown"])
        another = self.cleaned_data["another"]
        return {"add": (ticked - shown) | ({another} if another else set()), "remove": shown - ticked}


class MailForm(StrictForm):
    email = forms.CharField(
        label=gettext_lazy("Address"),
        help_text=gettext_lazy("Empty: no mail. It stays in the primary database."),
        required=False,
        max_length=254,
    )


class ActiveForm(StrictForm):
    """What it is to become stands in the form, so that a second click does not undo the first."""

    to = forms.ChoiceField(choices=[("on", "on"), ("off", "off")], widget=forms.HiddenInput)


class NewEnvironmentForm(StrictForm):
    environment = forms.CharField(label=gettext_lazy("Slug"), help_text=SLUG, max_length=64)
    name = forms.CharField(label=gettext_lazy("Name"), help_text=gettext_lazy("What people call it."), max_length=120)
    protected = forms.ChoiceField(
        label=gettext_lazy("Protection"),
        choices=[
            ("yes", gettext_lazy("Protected: without a policy that can be satisfied, the readiness gate is shut")),
            ("no", gettext_lazy("Not protected")),
        ],
    )

    def clean_protected(self) -> bool:
        return self.cleaned_data["protected"] == "yes"


class EnvironmentForm(NewEnvironmentForm):
    environment = None


class PinForm(StrictForm):
    """The key set is never written back into the page: somebody may have taken a private one for it."""

    shown_at = {"jwks": "key_set"}
    optional = ()
    issuer = forms.CharField(label=gettext_lazy("Issuer"), help_text=gettext_lazy("Its RECEIPT_ISSUER: https://…"))
    environment = forms.ChoiceField(label=gettext_lazy("Which review requests"), required=False)
    key_set = forms.CharField(
        label=gettext_lazy("Key set (JWKS)"),
        help_text=gettext_lazy(
            "The whole JSON of its /protocol/v1/jwks.json, over a connection that you trust. Only usable public keys are kept."
        ),
        widget=Unechoed(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, *args, environments: list[Environment], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        places = [(each.slug, _("Only those to %(environment)s") % {"environment": each.name}) for each in environments]
        self.fields["environment"].choices = [("", _("Those to every environment")), *places]


class RotateForm(StrictForm):
    """The secret that is there stands in the form, so that a second click does not end it."""

    generation = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)


class WebhookForm(StrictForm):
    shown_at = {"partner": "partner_slug", "events": "states"}
    url = forms.CharField(
        label=gettext_lazy("Address"), help_text=gettext_lazy("https://… Afterwards only its host is shown."), max_length=500
    )
    partner_slug = forms.CharField(
        label=gettext_lazy("Partner"), help_text=gettext_lazy("A slug: only of this partner's requests."), required=False, max_length=64
    )
    states = forms.MultipleChoiceField(
        label=gettext_lazy("States"),
        choices=labelled(State.choices),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None ticked: all of them."),
    )
    repeatable = frozenset({"states"})
    optional = ("partner_slug", "states")

    @property
    def said(self) -> dict:
        """For the verb."""
        given = self.cleaned_data
        return {"url": given["url"], "partner_slug": given["partner_slug"], "events": given["states"]}

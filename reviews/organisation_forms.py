"""What operators fill in about partners, people, environments and webhooks. Each form feeds one verb, which has the last word."""

from django import forms

from config.forms import StrictForm
from drafts.models import Role
from reviews.models import State

USERNAME = "Letters, digits, dots, dashes and underscores; no e-mail address. It stays in the record for good."
SLUG = "Small letters, digits, dashes and underscores. Packets and receipts name it, so it never changes."


class PartnerForm(StrictForm):
    partner = forms.CharField(label="Slug", help_text=SLUG, max_length=64)
    name = forms.CharField(label="Name", help_text="What people call it.", max_length=120)


class MembershipForm(StrictForm):
    partner = forms.CharField(label="Partner", help_text="Its slug.", max_length=64)
    username = forms.CharField(label="Username", max_length=64)
    role = forms.ChoiceField(
        label="Role",
        choices=[*Role.choices, ("none", "None: end the membership")],
        help_text="An owner drafts, confirms and requests reviews; a viewer looks.",
    )

    def clean_role(self) -> str | None:
        return None if self.cleaned_data["role"] == "none" else self.cleaned_data["role"]


class PersonForm(StrictForm):
    username = forms.CharField(label="Username", help_text=USERNAME, max_length=64)
    kind = forms.ChoiceField(
        label="Who it is", choices=[("person", "A person"), ("machine", "A job or client: no password, never a reviewer")]
    )


class GroupsForm(StrictForm):
    """`shown`: the groups as they were when the page was shown, so that what somebody else changes meanwhile is let be."""

    groups = forms.MultipleChoiceField(label="Groups", required=False, widget=forms.CheckboxSelectMultiple)
    another = forms.CharField(
        label="Another group", help_text="Made if nobody is in it yet. Policies name groups.", required=False, max_length=150
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
    email = forms.CharField(label="Address", help_text="Empty: no mail. It stays in the primary database.", required=False, max_length=254)


class ActiveForm(StrictForm):
    """What it is to become stands in the form, so that a second click does not undo the first."""

    to = forms.ChoiceField(choices=[("on", "on"), ("off", "off")], widget=forms.HiddenInput)


class NewEnvironmentForm(StrictForm):
    environment = forms.CharField(label="Slug", help_text=SLUG, max_length=64)
    name = forms.CharField(label="Name", help_text="What people call it.", max_length=120)
    protected = forms.ChoiceField(
        label="Protection",
        choices=[("yes", "Protected: without a policy that can be satisfied, the readiness gate is shut"), ("no", "Not protected")],
    )

    def clean_protected(self) -> bool:
        return self.cleaned_data["protected"] == "yes"


class EnvironmentForm(NewEnvironmentForm):
    environment = None


class WebhookForm(StrictForm):
    shown_at = {"partner": "partner_slug", "events": "states"}
    url = forms.CharField(label="Address", help_text="https://… Afterwards only its host is shown.", max_length=500)
    partner_slug = forms.CharField(label="Partner", help_text="A slug: only of this partner's requests.", required=False, max_length=64)
    states = forms.MultipleChoiceField(
        label="States", choices=State.choices, required=False, widget=forms.CheckboxSelectMultiple, help_text="None ticked: all of them."
    )
    repeatable = frozenset({"states"})
    optional = ("partner_slug", "states")

    @property
    def said(self) -> dict:
        """For the verb."""
        given = self.cleaned_data
        return {"url": given["url"], "partner_slug": given["partner_slug"], "events": given["states"]}

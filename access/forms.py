"""The forms of signing in, of a password, a second factor, and API tokens."""

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access import zones
from access.models import Mail, Scope
from config.custody import name_text, slug_text
from config.forms import StrictForm, labelled

MOST_PARTNERS = 20
LONGEST_DAYS = 3650
# After wrong codes the app's next one is not looked at for a while, longer each time.
WRONG_CODE = gettext_lazy("This is not the code of now, or it was used already, or a wrong one came a moment ago. Wait for the next one.")


class SignInForm(AuthenticationForm, StrictForm):
    also_sent = StrictForm.also_sent | {"next"}
    error_messages = {
        "invalid_login": "That username and password do not belong together. Mind upper and lower case.",
        "inactive": "That username and password do not belong together. Mind upper and lower case.",
    }


class NewPasswordForm(PasswordChangeForm, StrictForm):
    """Stock password change: the old one, then the new one twice."""


class CodeForm(StrictForm):
    """A code of the app, six digits; blanks between them are let be."""

    also_sent = StrictForm.also_sent | {"next"}
    optional = ()
    code = forms.CharField(
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("The six digits that your app shows now."),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )

    def clean_code(self) -> str:
        code = self.cleaned_data["code"].replace(" ", "")
        if not (code.isascii() and code.isdigit() and len(code) == 6):
            raise ValidationError(_("A code has six digits."), code="invalid")
        return code


class SetUpForm(CodeForm):
    """A code of the new app, and the password again: a session that somebody left open must not choose the second factor."""

    password = forms.CharField(
        label=gettext_lazy("Your password"),
        help_text=gettext_lazy("Again, so that nobody else sets this up in a session of yours."),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["code", "password"]


class MailForm(StrictForm):
    """What somebody wants to hear of."""

    mail = forms.ChoiceField(label=gettext_lazy("What we write to you about"), choices=labelled(Mail.choices), widget=forms.RadioSelect)


class TimeZoneForm(StrictForm):
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), help_text=gettext_lazy("Take the city nearest to you that has your time."), choices=[]
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [(name, name.replace("_", " ")) for name in zones.names()]


class NewTokenForm(StrictForm):
    """A token of one's own: what for, which scopes, which partners, how long."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("What the token is for, for example: nightly pipeline"),
        max_length=80,
        validators=[name_text],
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"),
        choices=labelled(Scope.choices),
        help_text=gettext_lazy("As few as will do. No token votes."),
        widget=forms.CheckboxSelectMultiple,
    )
    partners = forms.CharField(
        label=gettext_lazy("Partners"),
        help_text=gettext_lazy("Slugs of the partners that it is limited to, with commas between them. Empty: all of yours."),
        required=False,
        max_length=MOST_PARTNERS * 66,
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days"), help_text=gettext_lazy("When it ends by itself."), min_value=1, max_value=LONGEST_DAYS
    )

    repeatable = frozenset({"scopes"})

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **{"initial": {"days": settings.API_TOKEN_DAYS}, **kwargs})

    def clean_partners(self) -> list[str] | None:
        slugs = [word.strip() for word in self.cleaned_data["partners"].split(",") if word.strip()]
        if len(slugs) > MOST_PARTNERS:
            raise ValidationError(_("Give at most %(number)d slugs.") % {"number": MOST_PARTNERS}, code="invalid")
        for slug in slugs:
            slug_text(slug)
        return sorted(set(slugs)) or None

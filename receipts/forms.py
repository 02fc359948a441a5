"""The form of the page that verifies."""

from django import forms
from django.utils.translation import gettext_lazy

from config.forms import StrictForm

# The page's limit is that of any body here; two texts share it.
LIMIT = 64 * 1024


class VerifyForm(StrictForm):
    """What somebody pastes: a receipt or a bundle, and the keys or the root that they pinned."""

    document = forms.CharField(
        label=gettext_lazy("Receipt or bundle"),
        help_text=gettext_lazy("The JSON text, as you were given it. You can also drop a file here."),
        max_length=LIMIT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}),
    )
    pinned = forms.CharField(
        label=gettext_lazy("Keys that you trust"),
        help_text=gettext_lazy(
            "A key set (JWKS), an offline key bundle or a root that you pinned earlier. Empty: the keys that this installation "
            "publishes now, which tells you nothing about an installation that you do not trust."
        ),
        required=False,
        max_length=LIMIT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}),
    )

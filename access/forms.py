"""The forms of signing in and changing a password."""

from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from config.forms import StrictForm


class SignInForm(AuthenticationForm, StrictForm):
    also_sent = StrictForm.also_sent | {"next"}
    error_messages = {
        "invalid_login": "That username and password do not belong together. Mind upper and lower case.",
        "inactive": "That username and password do not belong together. Mind upper and lower case.",
    }


class NewPasswordForm(PasswordChangeForm, StrictForm):
    """Stock password change: the old one, then the new one twice."""

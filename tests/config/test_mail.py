"""EMAIL_URL: each kind it takes, and every other is refused in words."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.mail import settings_of

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def test_without_a_url_no_mail_is_sent():
    assert settings_of("", production_like=True) == {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}


def test_console_prints():
    assert settings_of("console:", production_like=False)["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend"


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.test", 25, False, False),
        ("smtp+tls://u:p%40ss@mail.test", 587, True, False),
        ("smtps://mail.test:4650", 4650, False, True),
    ],
)
def test_smtp_in_its_three_forms(url, port, tls, ssl):
    found = settings_of(url, production_like=True)
    assert (found["EMAIL_BACKEND"], found["EMAIL_HOST"], found["EMAIL_PORT"]) == (SMTP, "mail.test", port)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"], found["EMAIL_TIMEOUT"]) == (tls, ssl, 10)


def test_user_and_password_are_decoded():
    found = settings_of("smtp+tls://u%40x:p%2Fss@mail.test", production_like=True)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("u@x", "p/ss")


@pytest.mark.parametrize(
    "url", ["mail.test", "http://mail.test", "smtp://", "smtp:///x", "smtp://h/path", "smtp://h?x=1", "smtp://h:x", "console"]
)
def test_anything_else_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match="^EMAIL_URL must be"):
        settings_of(url, production_like=False)


def test_a_sample_password_is_refused_in_production():
    with pytest.raises(ImproperlyConfigured, match="^EMAIL_URL holds a sample password"):
        settings_of("smtp://u:change-me@mail.test", production_like=True)
    assert settings_of("smtp://u:change-me@mail.test", production_like=False)

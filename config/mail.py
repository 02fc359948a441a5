"""EMAIL_URL → where mail goes. Without it none is sent."""

from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.databases import SAMPLE_PASSWORDS

PORTS = {"smtp": 25, "smtps": 465, "smtp+tls": 587}
TIMEOUT_SECONDS = 10
FORM = "EMAIL_URL must be smtp://, smtp+tls:// or smtps:// with user:password@host:port, or console:."


def settings_of(url: str, *, production_like: bool) -> dict[str, object]:
    """Django's EMAIL_… settings. Raises ImproperlyConfigured for another kind of URL, and for a sample password when production-like."""
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    if url == "console:":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(FORM) from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ImproperlyConfigured(FORM)
    password = unquote(parts.password or "")
    if production_like and password in SAMPLE_PASSWORDS:
        raise ImproperlyConfigured("EMAIL_URL holds a sample password; choose a new one for a production-like environment.")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": TIMEOUT_SECONDS,
    }

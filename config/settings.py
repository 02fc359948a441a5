"""All settings, read from the environment; .env.example explains each. A wrong or missing safety word stops the start."""

import os
import secrets
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import databases, deadline, env, logs, mail, serving, webhooks

BASE_DIR = Path(__file__).resolve().parent.parent

# config/wsgi.py says so: a process that answers requests has time limits on its statements and stays up where a command fails.
SERVER = os.environ.get("READINESS_PROCESS") == "server"
SERVES = serving.process(os.environ)
INSTALLATION = databases.installation(os.environ, server=SERVER)
DATABASES = INSTALLATION.databases
DATABASE_ROUTERS = ["config.router.StoreRouter"]
deadline.install(server=SERVER)

DEBUG = env.switch(os.environ, "DEBUG")
SAMPLE_SECRET_KEYS = {"change-me", "readiness-demo", "secret"}
SECRET_KEY = env.text(os.environ, "SECRET_KEY")
if INSTALLATION.production_like:
    if DEBUG:
        raise ImproperlyConfigured(
            "DEBUG must be off in a production-like environment (READINESS_ENVIRONMENT is unset or not a development word)."
        )
    if SECRET_KEY in SAMPLE_SECRET_KEYS or len(SECRET_KEY) < 32:
        raise ImproperlyConfigured("SECRET_KEY must hold at least 32 characters of your own in a production-like environment.")
# Elsewhere a key of this process's own will do: sessions then end with it.
SECRET_KEY = SECRET_KEY or secrets.token_urlsafe(48)

ALLOWED_HOSTS = env.words(os.environ, "ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.words(os.environ, "CSRF_TRUSTED_ORIGINS")
RECEIPT_ISSUER = env.text(
    os.environ, "RECEIPT_ISSUER", default=f"{'https' if INSTALLATION.production_like else 'http'}://{ALLOWED_HOSTS[0]}"
)
RECEIPT_SIGNING_KEY = env.text(os.environ, "RECEIPT_SIGNING_KEY")
RECEIPT_SIGNING_KEY_FILE = env.text(os.environ, "RECEIPT_SIGNING_KEY_FILE")
RECEIPT_SIGNER = env.unix_socket(os.environ, "RECEIPT_SIGNER")
LOG_SIGNING_KEY = env.text(os.environ, "LOG_SIGNING_KEY")
LOG_SIGNING_KEY_FILE = env.text(os.environ, "LOG_SIGNING_KEY_FILE")
STATUS_HOURS = env.whole_number(os.environ, "STATUS_HOURS", default=24, least=1)
METRICS_TOKEN = env.text(os.environ, "METRICS_TOKEN")
EMAIL_URL = env.text(os.environ, "EMAIL_URL")
MAIL_ON = bool(EMAIL_URL)
globals().update(mail.settings_of(EMAIL_URL, production_like=INSTALLATION.production_like))
DEFAULT_FROM_EMAIL = env.text(os.environ, "DEFAULT_FROM_EMAIL", default="Readiness <readiness@localhost>")
WEBHOOK_KEY = webhooks.key(os.environ)
WEBHOOK_ALLOW_HTTP = env.switch(os.environ, "WEBHOOK_ALLOW_HTTP")
WEBHOOK_ALLOWED_NETWORKS = webhooks.allowed_networks(os.environ)
API_TOKEN_DAYS = env.whole_number(os.environ, "API_TOKEN_DAYS", default=90, least=1)
API_CALLS_PER_MINUTE = env.whole_number(os.environ, "API_CALLS_PER_MINUTE", default=6000, least=1)
ANONYMOUS_CALLS_PER_MINUTE = env.whole_number(os.environ, "ANONYMOUS_CALLS_PER_MINUTE", default=6000, least=1)
SIGN_IN_TRIES = env.whole_number(os.environ, "SIGN_IN_TRIES", default=5, least=1)
SIGN_IN_LOCK_SECONDS = env.whole_number(os.environ, "SIGN_IN_LOCK_SECONDS", default=900, least=1)
TRUSTED_PROXIES = env.whole_number(os.environ, "TRUSTED_PROXIES", default=0)

INSTALLED_APPS = [
    # Before access, whose admin takes back the pages that stock auth and knox register for changing groups and tokens.
    "django.contrib.auth",
    "knox",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "access",
    "drafts",
    "receipts",
    "reviews",
    "readiness",
    "config.apps.DeskConfig",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "csp",
]
MIDDLEWARE = [
    "config.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    # Outside all that refuses, so that a refusal carries its header, too.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.problems",
    "config.middleware.paths_of_this_process",
    "config.middleware.body_rules",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.middleware.language_of_calls",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "access.zones.viewers_zone",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            # In every template: marking words for translation, times in words, and the time zone that they are in.
            "builtins": ["django.templatetags.i18n", "django.templatetags.tz", "django.contrib.humanize.templatetags.humanize"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

AUTH_USER_MODEL = "access.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/admin/" if SERVES == serving.REVIEW else "/self-service/plans/"
LOGOUT_REDIRECT_URL = "/"

# Pages are marked for gettext (docs/operations.md, "Another language"). A browser's wish counts among these languages alone, so that
# no page is half in one and half in another.
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
# No STATIC_ROOT and no collect step: WhiteNoise finds the few files where they lie, once, at start.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # no file of anybody's is ever kept
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

# Form fields and bodies are short texts; 64 KiB is more than any of ours needs.
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

SECURE_COOKIES = INSTALLATION.production_like
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# With this prefix a browser takes the cookie over TLS only, from this host alone, for every path.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = [("__Host-" if SECURE_COOKIES else "") + name for name in ("sessionid", "csrftoken")]
SESSION_ENGINE = "access.sessions"
SESSION_IDLE = timedelta(minutes=env.whole_number(os.environ, "SESSION_IDLE_MINUTES", default=60, least=1))
SESSION_COOKIE_AGE = int(timedelta(hours=8).total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SECURE_SSL_REDIRECT = env.switch(os.environ, "SECURE_SSL_REDIRECT", default=SECURE_COOKIES)
# Probes ask over plain HTTP from inside, and the readiness answer is 200 whoever asks.
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^api/v1/readiness$", r"^metrics$"]
if env.switch(os.environ, "BEHIND_TLS_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_COOKIES
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["access.tokens.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.strict.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.keyset.KeysetPagination",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "config.openapi.ToldSchema",
    "EXCEPTION_HANDLER": "config.api.problem_handler",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
OTP_TOTP_ISSUER = "Readiness"
SPECTACULAR_SETTINGS = {
    "TITLE": "Readiness",
    "DESCRIPTION": "Draft coverage, request its review, ask the gate. No token votes.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["config.openapi.strict_inputs", "config.openapi.problem_examples", "readiness.openapi.public_routes"],
    "DISABLE_ERRORS_AND_WARNINGS": False,
}
KNOX_TOKEN_MODEL = "access.ApiToken"  # noqa: S105  a model, not a token
# Its only model is replaced by ours; its migrations would still make that table, whose foreign key to users then stops `flush`.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"TOKEN_TTL": timedelta(days=API_TOKEN_DAYS), "TOKEN_PREFIX": "rdy_"}

LOG_LEVEL = env.text(os.environ, "LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured("LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL.")
LOGGING = logs.settings_of(env.one_of(os.environ, "LOG_FORMAT", logs.FORMATS, default=logs.LINE), LOG_LEVEL)

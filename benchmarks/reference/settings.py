"""What the project is measured against: the same two databases, kept connections with health checks, next to no middleware.

No fence, no deadline, no router, no DRF: every step that a reference leaves out counts against the project.
"""

import os

from config.databases import SCHEMA, target


def _database(variable: str, schema: str) -> dict:
    place = target(variable, os.environ[variable])
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": place.hosts[0],
        "PORT": place.port,
        "NAME": place.name,
        "USER": place.user,
        "PASSWORD": place.password,
        "OPTIONS": {"options": f"-c search_path={schema} -c timezone=UTC"},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database("DATABASE_URL", "public"), "self_service": _database("SELF_SERVICE_DATABASE_URL", SCHEMA)}
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "knox",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "access",
    "drafts",
    "receipts",
    "reviews",
    "health_check",
]
# The one that says Content-Length; without it the server answers in chunks, which costs it more.
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
APPEND_SLASH = False
ROOT_URLCONF = "benchmarks.reference.urls"
AUTH_USER_MODEL = "access.User"
KNOX_TOKEN_MODEL = "access.ApiToken"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True

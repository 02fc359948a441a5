"""The WSGI application of the references."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.reference.settings"

from django.core.wsgi import get_wsgi_application  # noqa: E402  after the settings are named

application = get_wsgi_application()

"""The WSGI application of the Wagtail site."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "wagtail_site.settings"

from django.core.wsgi import get_wsgi_application  # noqa: E402  after the settings are named

application = get_wsgi_application()

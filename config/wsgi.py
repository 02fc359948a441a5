"""The WSGI application; importing it makes this process a server."""

import os

os.environ["READINESS_PROCESS"] = "server"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402  after the process has said what it is

application = get_wsgi_application()

import logging

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created

from config.isolation import guard_connection

logger = logging.getLogger(__name__)


class ReadinessConfig(AppConfig):
    name = "readiness"
    verbose_name = "Readiness gate"

    def ready(self) -> None:
        from readiness import deploy  # noqa: F401, PLC0415  registers its system check

        # The one signal: Django has no other place that sees every new connection.
        connection_created.connect(guard_connection, dispatch_uid="guard_connection")
        if settings.INSTALLATION.override_used:
            logger.warning("ALLOW_LOCAL_PRODUCTION_DATABASE is in use: this process works on a managed production database.")

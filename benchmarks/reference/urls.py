"""One route per reference; each server of a run is asked for one of them only."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

from django.db import connections
from django.urls import path
from health_check.checks import Database
from health_check.views import HealthCheckView

from benchmarks.reference import views

DATABASE_CHECKS = [(Database, {"alias": "default"}), (Database, {"alias": "self_service"})]


def connect() -> None:
    for alias in ("default", "self_service"):
        connections[alias].ensure_connection()


class KeptHealthCheckView(HealthCheckView):
    """The peer at its best: the hook it documents hands it threads that keep their connections, where it would open new ones each time."""

    checks = DATABASE_CHECKS
    threads = ThreadPoolExecutor(8, initializer=connect)

    def get_executor(self):
        return nullcontext(self.threads)


urlpatterns = [
    path("livez", views.bare),
    path("bare", views.bare),
    path("hand-written", views.hand_written),
    path("peer", HealthCheckView.as_view(checks=DATABASE_CHECKS)),
    path("peer-kept", KeptHealthCheckView.as_view()),
    path("gate", views.gate),
]

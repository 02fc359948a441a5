from django.urls import path

from readiness import api, metrics, openapi, views

urlpatterns = [
    path("", views.home),
    path("self-service/readiness", views.page, name="readiness"),
    path("self-service/rollout-gates", views.rollout_gates, name="rollout_gates"),
    path("api/v1/readiness", views.readiness_json, name="readiness_json"),
    path("api/v1/readiness/checks", api.Checks.as_view()),
    path("api/v1/gate/", api.GateView.as_view()),
    path("api/v1/schema", openapi.schema, name="api_schema"),
    path("api/docs", openapi.docs, name="api_docs"),
    path("livez", views.livez),
    path("readyz", views.readyz),
    path("metrics", metrics.metrics),
]

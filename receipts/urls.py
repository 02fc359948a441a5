"""The public routes of receipts."""

from django.urls import path

from receipts import api, pages, views

urlpatterns = [
    path("protocol", views.protocol, name="protocol"),
    path("protocol/verify.py", pages.verifier, name="verifier"),
    path("protocol/v1/spec", pages.protocol_spec, name="protocol_spec"),
    path("protocol/v1/schema", pages.protocol_schema, name="protocol_schema"),
    path("protocol/v1/jwks.json", views.jwks, name="jwks"),
    path("protocol/v1/status", api.Status.as_view(), name="status"),
    path("self-service/verify-keys/offline-bundle", views.offline_bundle, name="offline_bundle"),
    path("verify", pages.verify_page, name="verify"),
]

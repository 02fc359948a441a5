"""The public routes of receipts."""

from django.urls import path

from receipts import views

urlpatterns = [
    path("protocol", views.protocol, name="protocol"),
    path("protocol/v1/jwks.json", views.jwks, name="jwks"),
]

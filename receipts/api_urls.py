from django.urls import path

from receipts import api

urlpatterns = [
    path("log/checkpoint", api.Checkpoint.as_view()),
    path("log/inclusion", api.Inclusion.as_view()),
    path("log/consistency", api.Consistency.as_view()),
]

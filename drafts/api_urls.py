from django.urls import path

from drafts import api

urlpatterns = [
    path("partners/", api.Partners.as_view()),
    path("plans/", api.Plans.as_view()),
    path("plans/<uuid:plan_id>/", api.Plan.as_view()),
    path("plans/<uuid:plan_id>/moves/", api.Moves.as_view()),
    path("plans/<uuid:plan_id>/boundary-object/", api.BoundaryObject.as_view()),
]

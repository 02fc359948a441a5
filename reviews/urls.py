"""Pages about plans under review. Those that write a plan are in drafts.urls."""

from django.urls import include, path

from reviews import checking, confirming, steps, views

one_request = [
    path("", views.review_request, name="review_request"),
    path("subject", steps.subject, name="subject"),
    path("confirmations/<slug:kind>", confirming.confirmation, name="confirmation"),
    path("confirmations/<slug:kind>/person", confirming.name_person, name="name_person"),
    path("staging", steps.staging_validation, name="staging"),
    path("check-answers", checking.check_answers, name="check_answers"),
    path("sent", checking.sent, name="sent"),
    path("timeline", views.timeline, name="timeline"),
    *(path(name, steps.step_page, {"name": name}, name=name) for name in steps.STEPS),
]
urlpatterns = [
    path("", views.plans, name="plans"),
    path("<uuid:plan_id>/", views.plan, name="plan"),
    path("<uuid:plan_id>/expand", steps.expand, name="expand"),
    path("<uuid:plan_id>/requests/new", steps.new_request, name="new_request"),
    path("<uuid:plan_id>/requests/<uuid:request_id>/", include(one_request)),
]

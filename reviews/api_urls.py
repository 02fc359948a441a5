from django.urls import path

from reviews import api, api_reading

BELOW = "review-requests/<uuid:request_id>/"

urlpatterns = [
    path("environments/", api.Environments.as_view()),
    path("plans/<uuid:plan_id>/expand/", api.Expand.as_view()),
    path("review-requests/", api.Requests.as_view()),
    path(BELOW, api.Request.as_view()),
    path(BELOW + "confirmations/", api.Confirmations.as_view()),
    path(BELOW + "confirmations/<slug:kind>/", api.Confirmation.as_view()),
    path(BELOW + "confirmations/<slug:kind>/person/", api.Person.as_view()),
    path(BELOW + "staging-validation/", api.StagingValidation.as_view()),
    path(BELOW + "request-review/", api.RequestReview.as_view()),
    path(BELOW + "recall/", api.Recall.as_view()),
    path(BELOW + "withdraw/", api.Withdraw.as_view()),
    path(BELOW + "revoke/", api.Revoke.as_view()),
    path(BELOW + "comment/", api.Comment.as_view()),
    path(BELOW + "packet/", api_reading.FrozenPacket.as_view()),
    path(BELOW + "diff/", api_reading.Diff.as_view()),
    path(BELOW + "timeline/", api_reading.Timeline.as_view()),
    path(BELOW + "missing/", api_reading.Missing.as_view()),
    path(BELOW + "receipt/", api_reading.Receipts.as_view()),
    path(BELOW + "bundle/", api_reading.Bundle.as_view()),
]

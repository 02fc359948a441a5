from django.urls import path

from reviews import api

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
    path(BELOW + "packet/", api.FrozenPacket.as_view()),
    path(BELOW + "diff/", api.Diff.as_view()),
    path(BELOW + "timeline/", api.Timeline.as_view()),
    path(BELOW + "missing/", api.Missing.as_view()),
    path(BELOW + "receipt/", api.Receipts.as_view()),
    path(BELOW + "bundle/", api.Bundle.as_view()),
]

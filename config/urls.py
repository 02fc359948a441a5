"""Every route, composed of the rooms' own; any other spelling is 404."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("readiness.urls")),
    path("", include("receipts.urls")),
    path("accounts/", include("access.urls")),
    path("self-service/plans/", include("reviews.urls")),
    path("self-service/plans/", include("drafts.urls")),
    path("api/v1/", include("drafts.api_urls")),
    path("api/v1/", include("reviews.api_urls")),
    path("api/v1/", include("receipts.api_urls")),
    path("api/v1/", include("access.api_urls")),
    path("admin/", admin.site.urls),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"

from django.urls import path

from access.api import WhoAmI

urlpatterns = [path("whoami/", WhoAmI.as_view())]

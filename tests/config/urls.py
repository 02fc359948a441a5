"""Plain views for the tests of what holds on every request; set as ROOT_URLCONF there."""

from django.db import DataError, IntegrityError, OperationalError
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api import StrictSerializer, TextField, if_match, parameters, validated, versioned
from config.lists import KeysetPagination, page
from config.refusals import Reason, Refused, not_found, refuse_if
from drafts.coverage import version_reasons
from drafts.models import Partner

RAISES = {
    "refused": lambda: Refused(Reason("one", "One.", pointer="/a", status=409), Reason("two", "Two.", clear_by="owner", status=400)),
    "not-found": lambda: not_found("plan"),
    "operational": OperationalError,
    "integrity": IntegrityError,
    "data": DataError,
    "fault": lambda: RuntimeError("secret host db.internal"),
}


class Outer(StrictSerializer):
    class Inner(StrictSerializer):
        text = TextField(max_length=5)

    name = TextField(max_length=5)
    inner = Inner(required=False)
    many = Inner(many=True, required=False)
    derived = TextField(read_only=True)


class PartnerRow(StrictSerializer):
    slug = TextField()


class Open(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []


class Echo(Open):
    def get(self, request):
        return Response(parameters(request, "a", "b"))

    def post(self, request):
        return Response(validated(Outer, request))

    def patch(self, request):
        versions, wrong = if_match(request, required=True)
        refuse_if(wrong + version_reasons(3, versions))
        return versioned({"changed": True}, 4)


class Partners(Open):
    pagination_class = KeysetPagination

    def get(self, request):
        return page(self, Partner.objects.all(), PartnerRow)


class Closed(APIView):
    def get(self, request):
        return Response({"username": request.user.username, "scopes": request.auth.scopes})


class Fails(Open):
    def get(self, request, what):
        raise RAISES[what]()


def plain(request):
    return HttpResponse(request.POST.get("name", "nothing"))


def fails(request, what):
    raise RAISES[what]()


urlpatterns = [
    path("api/v1/echo/", Echo.as_view()),
    path("api/v1/partners/", Partners.as_view()),
    path("api/v1/closed/", Closed.as_view()),
    path("api/v1/fails/<what>/", Fails.as_view()),
    path("plain/", csrf_exempt(plain)),
    path("protected/", plain),
    path("fails/<what>/", fails),
]
handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"

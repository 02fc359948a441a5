"""W04: what can be written, found by looking at every serializer and form there is, not by a list that somebody keeps."""

import pytest
from django import forms
from django.contrib import admin
from rest_framework import serializers
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from config.api import StrictSerializer
from config.urls import urlpatterns

PROTECTED = {
    "state",
    "state_now",
    "revision",
    "digest",
    "packet",
    "packet_digest",
    "commitment_id",
    "policy",
    "policy_id",
    "requested_by",
    "requested_by_id",
    "requested_at",
    "opened_by",
    "due_at",
    "expires_at",
    "decided_at",
    "decision",
    "receipt",
    "verdict",
    "production_write",
    "created_at",
    "updated_at",
    "confirmed_by",
    "confirmed_by_id",
    "confirmed_at",
    "user_id",
    "is_staff",
    "is_superuser",
    "groups",
    "votes",
    "events",
    "salt",
    "signature",
    "kid",
    "actor",
    "reviewer",
    "approved_by",
    "approved_until",
    "review_until",
}
# The decision page carries the digest that its reader saw; it is compared, never stored from there.
COMPARED = {"DecideForm": {"digest"}, "SettleForm": {"digest"}}
# The operators' page whose verb is about groups, and the auditors' search, which only reads.
MEANT = {"GroupsForm": {"groups"}, "SearchForm": {"digest"}}
# The receipt of another installation, which is verified before anything of it is kept.
VERIFIED = {"StagingInput": {"receipt"}}


def every(kind: type) -> list[type]:
    """All subclasses that are defined in this project."""
    found = [sub for child in kind.__subclasses__() for sub in (child, *every(child))]
    rooms = ("access", "drafts", "receipts", "reviews", "readiness", "config")
    return sorted({one for one in found if one.__module__.split(".")[0] in rooms}, key=lambda one: (one.__module__, one.__name__))


def test_urlconf_is_loaded_so_that_every_view_module_is():
    assert urlpatterns
    assert len(every(APIView)) > 15


@pytest.mark.parametrize("form", every(forms.BaseForm), ids=lambda form: form.__name__)
def test_W04_no_form_takes_a_protected_name(form):
    allowed = COMPARED.get(form.__name__, set()) | MEANT.get(form.__name__, set())
    assert not set(form.base_fields) & (PROTECTED - allowed)


@pytest.mark.parametrize("serializer", every(serializers.Serializer), ids=lambda serializer: serializer.__name__)
def test_W04_every_serializer_is_strict_input_or_pure_output(serializer):
    writable = {name for name, field in serializer().fields.items() if not field.read_only}

    if issubclass(serializer, StrictSerializer):
        assert not writable & (PROTECTED - VERIFIED.get(serializer.__name__, set()))
    else:
        assert not issubclass(serializer, serializers.ModelSerializer)
        assert serializer.__name__.endswith("Output")


@pytest.mark.django_db(databases=["default", "self_service"])
def test_W05_A03_admin_lets_nobody_add_change_or_delete(admin_user):
    request = APIRequestFactory().get("/")
    request.user = admin_user

    for model, model_admin in admin.site._registry.items():
        rights = {right: getattr(model_admin, f"has_{right}_permission")(request) for right in ("add", "change", "delete")}
        assert rights == {"add": False, "change": False, "delete": False}, model
        assert not model_admin.get_actions(request), model
        assert not model_admin.list_editable, model
        assert not model_admin.inlines, model


@pytest.mark.django_db(databases=["default", "self_service"])
@pytest.mark.parametrize(
    "query",
    ["password__regex=^argon2", "password__startswith=a", "auth_token_set__digest__startswith=0", "username__regex=(", "is_staff__exact=1"],
)
def test_admin_cannot_be_asked_about_what_it_does_not_show(admin_client, query):
    assert admin_client.get(f"/admin/access/user/?{query}").status_code == 400
    assert admin_client.get("/admin/reviews/event/?at__year=0").status_code == 400


@pytest.mark.django_db(databases=["default", "self_service"])
def test_filters_that_a_page_offers_still_work(admin_client):
    assert [admin_client.get(f"/admin/access/user/?{query}").status_code for query in ("is_active__exact=1", "machine__exact=0")] == [
        200,
        200,
    ]

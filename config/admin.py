"""The reviewers' desk: stock admin, one sign-in, and nothing in it can add, edit or delete."""

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

from access.actors import Actor, actor_of


def desk_actor(request) -> Actor:
    """Who works at the desk in this call; asked of the primary once per request."""
    if not hasattr(request, "desk_actor"):
        request.desk_actor = actor_of(request.user, channel="admin")
    return request.desk_actor


class Desk(admin.AdminSite):
    site_header = site_title = "Readiness: reviewers' desk"
    index_title = "Desk"
    site_url = "/self-service/readiness"
    enable_nav_sidebar = False

    def has_permission(self, request) -> bool:
        """Staff: reviewers, auditors, operators."""
        return request.user.is_active and request.user.is_authenticated and (request.user.is_staff or desk_actor(request).reads_all)

    def admin_view(self, view, cacheable=False):
        protected = super().admin_view(view, cacheable)

        def inner(request, *args, **kwargs):
            if request.method not in ("GET", "HEAD", "POST"):
                return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            return protected(request, *args, **kwargs)

        inner.csrf_exempt = getattr(protected, "csrf_exempt", False)
        return inner

    def login(self, request, extra_context=None):
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:index"))

    def password_change(self, request, extra_context=None):
        return HttpResponseRedirect(reverse("password_change"))


class ReadOnlyAdmin(admin.ModelAdmin):
    """Looked at by who reads all; changed by nobody here."""

    actions = None
    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: str, request) -> bool:
        """Only what the page's own filters ask. Stock admin lets a query string search every column, password hashes included."""
        filters = self.get_list_filter(request)
        own = {each.parameter_name for each in filters if not isinstance(each, str)}
        fields = [each for each in filters if isinstance(each, str)]
        return lookup in own or any(lookup in (f"{name}__exact", f"{name}__id__exact") for name in fields)

    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50

    def get_urls(self):
        """Without stock admin's nameless redirect from `<anything>/`: any other spelling is 404."""
        return [url for url in super().get_urls() if url.name]

    def _get_obj_does_not_exist_redirect(self, request, opts, object_id):
        """Stock admin goes back to its index with a message; here what is not to be seen is 404."""
        raise Http404

    def changelist_view(self, request, extra_context=None):
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return super().changelist_view(request, extra_context)

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def has_view_permission(self, request, obj=None) -> bool:
        return desk_actor(request).reads_all

    def has_module_permission(self, request) -> bool:
        return self.has_view_permission(request)

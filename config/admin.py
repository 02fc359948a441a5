"""The reviewers' desk: stock admin, one sign-in, and nothing in it can add, edit or delete."""

import re
from dataclasses import replace

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from access.actors import OPERATORS, Actor, actor_of
from access.sessions import app_of, signed_in_at
from config.refusals import Reason, Refused

METHODS = ("GET", "HEAD", "POST")
REVIEWS, ORGANISATION, RECORD = GROUPS = gettext_noop("Reviews"), gettext_noop("Organisation"), gettext_noop("Record")


def desk_actor(request) -> Actor:
    """Who works at the desk in this call; asked of the primary once per request."""
    if not hasattr(request, "desk_actor"):
        signed_in = {"signed_in_at": signed_in_at(request.session), "app": app_of(request.session)}
        request.desk_actor = replace(actor_of(request.user, channel="admin"), **signed_in)
    return request.desk_actor


def is_operator(request) -> bool:
    """Whether to show what only operators do; the verb asks again."""
    return request.user.is_authenticated and OPERATORS in desk_actor(request).groups


class Desk(admin.AdminSite):
    index_title = gettext_lazy("Desk")
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Further pages of the desk: (address, view, name). A room adds its own.
        self.pages: list[tuple] = []

    def get_urls(self) -> list:
        own = [path(address, self.admin_view(view), name=name) for address, view, name in self.pages]
        return [*own, *super().get_urls()]

    def has_permission(self, request) -> bool:
        """Staff: reviewers, auditors, operators."""
        return request.user.is_active and request.user.is_authenticated and (request.user.is_staff or desk_actor(request).reads_all)

    def each_context(self, request) -> dict:
        """What the header of every page needs, and nothing that asks a database."""
        account = {"username": request.user.get_username(), "desk": True}
        return {"account": account, "section": "desk", "opts": None, "is_operator": is_operator(request)}

    def index(self, request, extra_context=None):
        """What this person may look at, in groups; each model of the desk says in which."""
        return super().index(
            request, {"groups": self._groups(request), "reads_all": desk_actor(request).reads_all, **(extra_context or {})}
        )

    def _groups(self, request) -> list[tuple[str, list]]:
        """Group → (name, address, hint) of its models, in the order of GROUPS and then of the names."""
        shown = [(each, each.opts) for each in self._registry.values() if each.has_view_permission(request)]
        found = {group: [] for group in GROUPS}
        for model_admin, opts in shown:
            address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
            found[model_admin.group].append((capfirst(opts.verbose_name_plural), address, model_admin.hint))
        return [(_(group), sorted(models)) for group, models in found.items() if models]

    def admin_view(self, view, cacheable=False):
        protected = super().admin_view(view, cacheable)

        def inner(request, *args, **kwargs):
            if request.method not in METHODS:
                return HttpResponseNotAllowed(METHODS)
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            return protected(request, *args, **kwargs)

        inner.csrf_exempt = getattr(protected, "csrf_exempt", False)
        return inner

    def login(self, request, extra_context=None):
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:index"))

    def password_change(self, request, extra_context=None):
        return HttpResponseRedirect(reverse("password_change"))


# --- lists --------------------------------------------------------------------------------------------------------------------------

PLACES = re.compile(r"-?\d{1,2}(?:\.-?\d{1,2})*")
PAGE = re.compile(r"\d{1,4}")
# Quotes would be read as phrases by stock admin's search; control characters are in no text of ours.
UNSEARCHABLE = re.compile("[\x00-\x1f\x7f-\x9f\"'`\\\\\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
LONGEST_SEARCH = 200
MOST_ROWS = 1000


def query_reasons(request, model_admin) -> list[Reason]:
    """H07: a list takes its own filters, `q`, `p` and, where its columns can be sorted, `o`; each once, each of its form."""
    filters = _values_of_filters(request, model_admin)
    wrong = []
    for name, values in request.GET.lists():
        value = values[0]
        right = name in filters and (filters[name] is None or value in filters[name])
        right |= name == "q" and bool(model_admin.search_fields) and len(value) <= LONGEST_SEARCH and not UNSEARCHABLE.search(value)
        right |= name == "p" and bool(PAGE.fullmatch(value))
        right |= name == "o" and model_admin.sortable_by is None and _are_columns(value, model_admin)
        if not right or len(values) > 1 or UNSEARCHABLE.search(name):
            detail = "This list takes its own filters, a search, a page and an order, each once and as its links give them."
            wrong.append(Reason("unknown_parameter", detail, parameter="" if UNSEARCHABLE.search(name) else name[:80], status=400))
    return wrong


def _are_columns(value: str, model_admin) -> bool:
    places = [int(part.lstrip("-")) for part in value.split(".")] if PLACES.fullmatch(value) else []
    return bool(places) and all(1 <= place <= len(model_admin.list_display) for place in places)


def _values_of_filters(request, model_admin) -> dict[str, frozenset[str] | None]:
    """Parameter → the words it takes, None for ids and the like, which the database compares."""
    found: dict[str, frozenset[str] | None] = {}
    for each in model_admin.get_list_filter(request):
        if isinstance(each, str):
            found |= {f"{each}__exact": None, f"{each}__id__exact": None}
        else:
            found[each.parameter_name] = frozenset(each.words)
    return found


class StrictChangeList(ChangeList):
    """Stock admin answers what it cannot read with a redirect to the whole list; here it is a 400."""

    def get_results(self, request) -> None:
        try:
            super().get_results(request)
        except IncorrectLookupParameters:
            raise _no_such_page() from None
        if self.page_num > 1 and not self.multi_page:
            raise _no_such_page()
        self.result_list = list(self.result_list[: self.list_per_page])
        self.model_admin.adorn(request, self.result_list)
        if self.result_count > MOST_ROWS:
            self.result_count = Many(MOST_ROWS)


def _no_such_page() -> Refused:
    return Refused(Reason("unknown_parameter", "There is no such page of this list.", parameter="p", status=400))


class Many(int):
    """A number for the plural, words for the page: nobody has counted further."""

    def __str__(self) -> str:
        return _("more than %(number)d") % {"number": int(self)}


class BoundedPaginator(Paginator):
    """Counts no further than it shows, so that a list of millions costs what one of a thousand costs. What is older is found by search."""

    @cached_property
    def count(self) -> int:
        # In the order of the list, which an index has: PostgreSQL would look up all that are found, to count the first of them in no order.
        return self.object_list.values("pk")[: MOST_ROWS + 1].count()


class WordFilter(admin.SimpleListFilter):
    """A filter whose values are known words. Stock admin's looks through the whole table for those that occur."""

    words: dict[str, str] = {}

    def lookups(self, request, model_admin):
        return [(word, _(label)) for word, label in self.words.items()]

    def queryset(self, request, queryset):
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() in self.words else queryset


def words(field: str, labels: dict[str, str]) -> type[WordFilter]:
    return type(f"{field.title()}Filter", (WordFilter,), {"title": field, "parameter_name": field, "words": labels})


class ReadOnlyAdmin(admin.ModelAdmin):
    """Looked at by who reads all; changed by nobody here.

    `group` and `hint`: where the desk's first page names it, and what it says of it.
    """

    group, hint = RECORD, ""
    # Columns with links to what only operators do.
    operator_columns: tuple[str, ...] = ()
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
    # None of the scripts and styles of stock admin: every page works without, and weighs a fifth.
    media = forms.Media()

    def get_list_display(self, request):
        return [*self.list_display, *(self.operator_columns if is_operator(request) else ())]

    def adorn(self, request, rows) -> None:
        """A chance to look up, for the rows of one page together, what its columns show."""

    def get_changelist(self, request, **options):
        return StrictChangeList

    def get_urls(self):
        """Without stock admin's nameless redirect from `<anything>/`: any other spelling is 404."""
        return [url for url in super().get_urls() if url.name]

    def _get_obj_does_not_exist_redirect(self, request, opts, object_id):
        """Stock admin goes back to its index with a message; here what is not to be seen is 404."""
        raise Http404

    def changelist_view(self, request, extra_context=None):
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if wrong := query_reasons(request, self):
            raise Refused(*wrong)
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


class LongList(ReadOnlyAdmin):
    """A list that may have millions of rows: in the order that an index has, counted and paged as far as somebody would turn pages."""

    paginator = BoundedPaginator
    sortable_by = ()

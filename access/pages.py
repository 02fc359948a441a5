"""What every page for signed-in people needs: who acts, what the header says about them, and rendering with it."""

from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpResponse
from django.shortcuts import render

from access.actors import Actor, actor_of
from config.refusals import not_found, recorded


def page_actor(request) -> Actor:
    """Who acts on a page in this call; asked of the primary once per request."""
    if not hasattr(request, "page_actor"):
        request.page_actor = actor_of(request.user, channel="page")
    return request.page_actor


def account_of(request) -> dict:
    """What the page's header shows of the person: {username, desk}."""
    return {"username": request.user.get_username(), "desk": works_at_desk(request)}


def counts(verb: str, *, who: Callable = page_actor):
    """For a page whose POST is an attempt at a verb: one at what is not there, or not to be seen, is counted as the verb would.

    A route that names its verb (`name`) goes before `verb`.
    """

    def around(view):
        @wraps(view)
        def inner(request, *args, **kwargs):
            try:
                return view(request, *args, **kwargs)
            except Http404:
                if request.method != "POST":
                    raise
            with recorded(who(request), kwargs.get("name", verb)):
                raise not_found("page")

        return inner

    return around


def works_at_desk(request) -> bool:
    """Reviewers, auditors, operators."""
    return request.user.is_staff or page_actor(request).reads_all


def page(request, template: str, context: dict, *, status: int = 200, section: str = "plans") -> HttpResponse:
    """A page of somebody who is signed in."""
    response = render(request, template, {"account": account_of(request), "section": section, **context}, status=status)
    if status == 503:
        response["Retry-After"] = "2"
    return response

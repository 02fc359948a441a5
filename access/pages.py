"""What every page for signed-in people needs: who acts, what the header says about them, and rendering with it."""

from django.http import HttpResponse
from django.shortcuts import render

from access.actors import Actor, actor_of


def page_actor(request) -> Actor:
    """Who acts on a page in this call; asked of the primary once per request."""
    if not hasattr(request, "page_actor"):
        request.page_actor = actor_of(request.user, channel="page")
    return request.page_actor


def account_of(request) -> dict:
    """What the page's header shows of the person: {username, desk}."""
    return {"username": request.user.get_username(), "desk": works_at_desk(request)}


def works_at_desk(request) -> bool:
    """Reviewers, auditors, operators."""
    return request.user.is_staff or page_actor(request).reads_all


def page(request, template: str, context: dict, *, status: int = 200, section: str = "plans") -> HttpResponse:
    """A page of somebody who is signed in."""
    response = render(request, template, {"account": account_of(request), "section": section, **context}, status=status)
    if status == 503:
        response["Retry-After"] = "2"
    return response

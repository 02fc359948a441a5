"""Every form that a page shows, with input that nobody sane would type in each of its fields: refused in words or done, never a 500."""

import re
from html import unescape
from urllib.parse import quote, urljoin

import pytest
from django.test import Client

from tests.factories import Story, make_user
from tests.test_no_route_fails import failed, filled, routes

pytestmark = pytest.mark.usefixtures("both_stores")
FORM = re.compile(r"<form\b(.*?)</form>", re.DOTALL)
FIELD = re.compile(r'<(?:input|select|textarea|button)\b[^>]*\bname="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
# As bytes: half a character and bytes that are no text cannot be said otherwise.
VALUES = [b"a\0b", b"\xed\xa0\x80", b"9" * 40, b"9999-12-31", b"\xf0\x9f\x90\x8d" * 300]
# They end the session that the others need.
LEFT_OUT = re.compile(r"logout|/accounts/password")


@pytest.fixture(params=["owner", "release", "operator"])
def visitor(request) -> tuple[Client, list[str]]:
    """Somebody, and the pages there are."""
    story, client = Story(), Client(raise_request_exception=False)
    review_request = story.in_review()
    client.force_login(make_user("operator", groups=("operators",)) if request.param == "operator" else getattr(story, request.param))
    found = [filled(route, story, review_request) for route in routes()]
    return client, [path for path in found if "(?P" not in path and not path.startswith("/api/") and not LEFT_OUT.search(path)]


def forms(page: str, path: str) -> list[tuple[str, str, dict[str, bytes]]]:
    """(method, address, field → what a browser would send for it) of each form of a page."""
    found = []
    for form in FORM.findall(page):
        opening = form.split(">", 1)[0]
        method, action = (re.search(rf'{name}="([^"]*)"', opening) for name in ("method", "action"))
        said = dict.fromkeys(FIELD.findall(form), b"x") | {name: unescape(value).encode() for name, value in HIDDEN.findall(form)}
        found.append((method[1].lower() if method else "get", urljoin(path, unescape(action[1])) if action else path, said))
    return found


def send(client: Client, method: str, address: str, said: dict[str, bytes]):
    body = "&".join(f"{quote(name)}={quote(value)}" for name, value in said.items())
    if method == "get":
        return client.get(f"{address.partition('?')[0]}?{body}")
    return client.generic("POST", address, body.encode(), content_type="application/x-www-form-urlencoded")


def test_every_form_answers_weird_values_in_each_of_its_fields(visitor):
    client, paths = visitor
    asked = set()
    for path in paths:
        shown = client.get(path)
        for method, address, said in forms(shown.text, path) if shown.status_code == 200 and not shown.streaming else []:
            if LEFT_OUT.search(address) or (address, *said) in asked:
                continue
            asked.add((address, *said))
            for name in [*(name for name in said if name != "csrfmiddlewaretoken"), "surprise"]:
                for value in VALUES:
                    answer = send(client, method, address, said | {name: value})
                    assert not failed(answer), (path, address, name, value)
                    assert answer.status_code >= 400 or b"\0" not in value, (path, address, name, answer.status_code)
    assert asked

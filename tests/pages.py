"""Pages in tests: a client as a browser is one, with urlencoded forms, for somebody who is signed in."""

import html
import re
from urllib.parse import urlencode

from django.test import Client

from access.models import User
from drafts.models import CoveragePlan
from reviews.models import DeploymentReviewRequest

FORM = "application/x-www-form-urlencoded"
DESK = "/admin/reviews/deploymentreviewrequest/"
NOWHERE = "00000000-0000-4000-8000-000000000000"
SCRIPT = "\"><script>alert(1)</script>'--"


class Visitor:
    """`get` and `post` for one person, or for nobody."""

    def __init__(self, user: User | None = None, *, csrf: bool = False) -> None:
        self.client = Client(enforce_csrf_checks=csrf, raise_request_exception=False)
        if user is not None:
            self.client.force_login(User.objects.get(pk=user.pk))

    def get(self, path: str, **parameters):
        return self.client.get(path, parameters)

    def post(self, path: str, **said):
        return self.client.post(path, urlencode(said, doseq=True), content_type=FORM)

    def submit(self, path: str, **said):
        """Post the form that a page shows, with its hidden fields as they stand there."""
        return self.post(path, **{**hidden(self.get(path)), **said})


def hidden(response) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', response.content.decode())
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


def text_of(response) -> str:
    """What a reader sees: no tags, single spaces."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def plan_path(plan: CoveragePlan, rest: str = "") -> str:
    return f"/self-service/plans/{plan.pk}/{rest}"


def request_path(review_request: DeploymentReviewRequest, rest: str = "") -> str:
    return f"/self-service/plans/{review_request.plan_id}/requests/{review_request.pk}/{rest}"


def desk_path(review_request: DeploymentReviewRequest, rest: str = "change/") -> str:
    return f"{DESK}{review_request.pk}/{rest}"

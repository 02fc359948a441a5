"""Everybody in the table of the machine, and a review request in each of its states."""

import time
from collections.abc import Callable

from django.db import OperationalError, transaction

from drafts.coverage import append_move
from reviews import decisions
from reviews.models import DeploymentReviewRequest
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL, Story, actor, confirm_all, make_partner, make_user

MOVE = {"gate_type": "threshold_gate", "system_scope": "operations_console", "authority_context": "more", "corrects": None}


class Cast(Story):
    """The story with one person for each role."""

    def __init__(self, **policy) -> None:
        super().__init__(**policy)
        author = make_user("release-author", groups=("release",))
        self.people = {
            "owner": make_user("co-owner"),
            "requester": self.owner,
            "viewer": self.viewer,
            "outsider": make_user("outsider"),
            "release": self.release,
            "security": self.security,
            "release_owner": make_user("release-owner", groups=("release",)),
            "release_author": author,
            "auditor": make_user("auditor", groups=("auditors",)),
            "operator": make_user("operator", groups=("operators",)),
            "superuser": make_user("root", is_superuser=True),
            "super_release": make_user("root-release", groups=("release",), is_superuser=True),
        }
        make_partner(owners=(self.people["owner"], self.people["release_owner"], author))
        make_partner("lumen_foods", owners=(self.people["outsider"],))
        append_move(actor(author), self.plan.pk, fields=MOVE)

    def actor(self, role: str):
        return actor(self.people[role], channel="admin")

    def confirmed(self) -> DeploymentReviewRequest:
        review_request = self.open()
        confirm_all(self.owner, review_request)
        return review_request

    def recalled(self) -> DeploymentReviewRequest:
        return decisions.recall(actor(self.owner), self.in_review().pk)

    def changes_requested(self) -> DeploymentReviewRequest:
        return self.vote(self.security, self.in_review(), "request_changes")

    def rejected(self) -> DeploymentReviewRequest:
        return self.vote(self.security, self.in_review(), "reject")

    def withdrawn(self) -> DeploymentReviewRequest:
        return decisions.withdraw(actor(self.owner), self.in_review().pk, comment="not now")

    def revoked(self) -> DeploymentReviewRequest:
        return decisions.revoke(actor(self.owner), self.approved().pk, comment="stop")


def lapsed(review_request: DeploymentReviewRequest) -> DeploymentReviewRequest:
    """Wait until the database says that its time is over; nothing is written."""
    for _ in range(300):
        found = DeploymentReviewRequest.objects.as_of_now().get(pk=review_request.pk)
        if found.state_now == "expired":
            return found
        time.sleep(0.01)
    raise AssertionError("it did not lapse")


def confirm(actor_, pk, **changed) -> None:
    said = {"fields": CONFIRMATION_FIELDS["support"], "valid_until": VALID_UNTIL, **changed}
    decisions.confirm(actor_, pk, "support", **said)


def away(execute, sql, params, many, context):
    """An execute wrapper: the database behind this connection does not answer."""
    raise OperationalError("the database did not answer in time")


def undone(call: Callable):
    """Run a call and take back all it did in both databases; its answer or its exception goes on."""
    with transaction.atomic(using="default"), transaction.atomic(using="self_service"):
        try:
            return call()
        finally:
            transaction.set_rollback(True, using="default")
            transaction.set_rollback(True, using="self_service")

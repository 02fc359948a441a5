"""Since you last signed: which earlier packet a reader compares with, and what has changed since."""

import re
import uuid
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from access.actors import Actor
from config.refusals import Reason, Refused, not_found
from reviews import packet
from reviews.difference import Change, compare
from reviews.models import Decision, DeploymentReviewRequest, Packet, Vote
from reviews.rights import visible_requests

REVISION = re.compile(r"[1-9][0-9]{0,8}")
NAMED = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Base:
    """What is compared with. `kind`: `last_vote`, `last_submission`, `last_decision`, `named` or `none`; `words` finish "compared with"."""

    kind: str
    frozen: Packet | None
    words: str


@dataclass(frozen=True)
class Difference:
    """`changes`: None where there is nothing to compare with, so that everything is new."""

    base: Base
    changes: list[Change] | None

    @property
    def in_words(self) -> str:
        """`3 changes since …` for the line that opens and closes them."""
        if self.changes is None:
            return _("Nothing to compare with")
        count = len(self.changes)
        return ngettext("%(number)d change", "%(number)d changes", count) % {"number": count} if count else _("No changes")

    @property
    def by_section(self) -> list[tuple[str, list[Change]]]:
        found: dict[str, list[Change]] = {}
        for change in self.changes or []:
            found.setdefault(change.section_label, []).append(change)
        return list(found.items())


def nothing() -> Base:
    return Base("none", None, _("nothing: there is no earlier vote of yours and no earlier decision on this plan and environment"))


def base_for(actor: Actor, review_request: DeploymentReviewRequest) -> Base:
    """The last revision that this reviewer voted on; else the last decision of the same plan and environment; else none."""
    voted = Vote.objects.filter(review_request=review_request, user_id=actor.user_id).order_by("-cast_at").first()
    if voted is not None and (frozen := _packet(review_request, voted.revision)):
        return Base("last_vote", frozen, _("revision %(number)d, on which you voted last") % {"number": voted.revision})
    return last_decision(actor, review_request) or nothing()


def submission_base(actor: Actor, review_request: DeploymentReviewRequest) -> Base:
    """For an owner: what was put up last, of this request or, before its first review, what was decided last."""
    if frozen := _packet(review_request, review_request.revision):
        return Base("last_submission", frozen, _("revision %(number)d, which you put up last") % {"number": frozen.revision})
    return last_decision(actor, review_request) or nothing()


def last_decision(actor: Actor, review_request: DeploymentReviewRequest) -> Base | None:
    """Of another request of this plan and environment, among those that the reader may see."""
    same = Decision.objects.filter(review_request__plan=review_request.plan_id, review_request__environment=review_request.environment_id)
    others = same.exclude(pk=review_request.pk).filter(review_request__in=visible_requests(actor).values("pk"))
    decision = others.select_related("review_request").order_by("-decided_at").first()
    frozen = _packet(decision.review_request, decision.revision) if decision else None
    return Base("last_decision", frozen, _(LAST[decision.verdict]) % {"day": _day(decision)}) if frozen else None


LAST = {
    "allow": gettext_noop("what was approved last, on %(day)s"),
    "constrain": gettext_noop("what was approved with conditions last, on %(day)s"),
    "reject": gettext_noop("what was rejected last, on %(day)s"),
}


def _day(decision: Decision) -> str:
    return date_format(decision.decided_at, "j F Y")


def named_base(actor: Actor, review_request: DeploymentReviewRequest, text: str) -> Base:
    """`text`: a revision of this request, or `request id:revision`. Raises Refused 400 for another form, 404 for what is not there."""
    if REVISION.fullmatch(text):
        found, revision = review_request, int(text)
    elif named := NAMED.fullmatch(text):
        found, revision = visible_requests(actor).filter(pk=uuid.UUID(named[1])).first(), int(named[2])
    else:
        detail = "base is the number of a revision of this request, or an id of a request and a revision: <id>:<revision>."
        raise Refused(Reason("invalid_base", detail, parameter="base", status=400))
    if found is None or (frozen := _packet(found, revision)) is None:
        raise not_found("packet to compare with")
    return Base(
        "named",
        frozen,
        _("revision %(number)d") % {"number": revision} + ("" if found == review_request else _(" of %(id)s") % {"id": found.pk}),
    )


def _packet(review_request: DeploymentReviewRequest, revision: int) -> Packet | None:
    return review_request.packets.filter(revision=revision).first() if revision else None


def difference(base: Base, value: dict) -> Difference:
    """`value`: the packet that is looked at. Raises Refused for a base whose bytes are damaged."""
    return Difference(base, compare(packet.value_of(base.frozen), value) if base.frozen else None)


def difference_for(actor: Actor, review_request: DeploymentReviewRequest, value: dict | None, *, find=base_for) -> Difference | None:
    """For a page: None while there is no packet; a damaged base is said in words, and the page stays."""
    if value is None:
        return None
    base = find(actor, review_request)
    try:
        return difference(base, value)
    except Refused:
        return Difference(Base("none", None, _("nothing: the stored bytes of %(base)s are damaged") % {"base": base.words}), None)

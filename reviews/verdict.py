"""From votes to a verdict: counting seats, the decision, its receipt, and what the decision ends."""

import uuid
from datetime import datetime

from django.db import transaction

from config.clock import database_now
from config.databases import STORE
from config.prepared import Prepared
from config.refusals import Reason, Refused
from receipts import log, status
from receipts.issue import issue
from receipts.models import LeafKind, Receipt, Why
from receipts.signing import Signer, SigningUnavailable, signer
from reviews import aging, explain, outbox, packet, policy
from reviews.ballot import Ballot
from reviews.models import Choice, Decision, DeploymentReviewRequest, Event, OutboxMessage, Packet, State
from reviews.turn import Turn

_approved = Prepared(
    lambda plan_id, environment_id: (
        DeploymentReviewRequest.objects.using(STORE)
        .select_for_update()
        .filter(plan_id=plan_id, environment_id=environment_id, state=State.APPROVED)
        .order_by("pk")
    ),
    uuid.UUID,
    uuid.UUID,
)


def count(turn: Turn, ballot: Ballot, *, key: Signer, comment: str) -> None:
    """Approved when a matching of people to seats is complete, for each of the policies; who is no member any more is not counted."""
    rulings = turn.review_request.rulings
    if not all(policy.is_sound(ruling.rules) for ruling in rulings) or explain.open_seats(rulings, ballot.approvers):
        turn.event(comment=comment)
    else:
        _approve(turn, ballot, key=key, comment=comment)


def _approve(turn: Turn, ballot: Ballot, *, key: Signer, comment: str) -> None:
    """Receipt and decision first: the database lets no request be approved without them."""
    review_request = turn.review_request
    conditions = list(dict.fromkeys(condition for vote in ballot.counted for condition in vote.conditions))
    superseded = _standing_approvals(turn)
    verdict = "constrain" if conditions else "allow"
    decision = _decision(
        turn, verdict=verdict, conditions=conditions, expires_at=_approval_end(turn, ballot.packet), supersedes=_receipt_id(superseded)
    )
    receipt = _sign(decision, ballot.frozen, key=key)
    decision.save(force_insert=True)
    review_request.approve()
    review_request.expires_at = decision.expires_at
    event = turn.save(comment=comment, detail={"verdict": verdict, "conditions": conditions})
    _supersede(turn, superseded)
    outbox.post(_told(turn, superseded, verdict))
    turn.carry()
    _log(decision, event, receipt)
    if superseded:
        status.revoke([other.pk for other in superseded], reason=Why.SUPERSEDED, at=turn.now, successor=receipt)


def _log(decision: Decision, event: Event, receipt: Receipt | None) -> None:
    """The decision's leaf, after every other lock. `event_head` ties the whole history of the request to it."""
    leaf = log.leaf(
        LeafKind.DECISION,
        decision.decided_at,
        request_id=decision.pk,
        revision=decision.revision,
        verdict=decision.verdict,
        commitment_id=decision.review_request.commitment_id,
        event_head=event.sha256,
        receipt_sha256=receipt.sha256 if receipt else None,
    )
    log.append(leaf)


def _told(turn: Turn, superseded: list[DeploymentReviewRequest], verdict: str) -> list[OutboxMessage]:
    """The requester, and those whose approvals end by this one; one INSERT for all."""
    kind = outbox.Kind.CONSTRAINED if verdict == "constrain" else outbox.Kind.APPROVED
    ended = [outbox.decision(other, outbox.Kind.SUPERSEDED, now=turn.now) for other in superseded]
    return [outbox.decision(turn.review_request, kind, now=turn.now), *ended]


def _decision(turn: Turn, **said) -> Decision:
    review_request = turn.review_request
    standing = {"revision": review_request.revision, "digest": review_request.digest, "decided_at": turn.now.replace(microsecond=0)}
    return Decision(review_request=review_request, **standing, **said)


def _approval_end(turn: Turn, value: dict) -> datetime:
    return aging.approval_end(aging.of_packet(value), turn.review_request.rulings, decided_at=turn.now)


def _standing_approvals(turn: Turn) -> list[DeploymentReviewRequest]:
    """Approved requests of the same plan and environment, which the new approval takes the place of."""
    review_request = turn.review_request
    approved = _approved(review_request.plan_id, review_request.environment_id)
    return [other for other in approved if other.state_at(turn.now) == State.APPROVED]


def _receipt_id(superseded: list[DeploymentReviewRequest]) -> uuid.UUID | None:
    from_decisions = Decision.objects.filter(review_request__in=superseded).order_by("-decided_at")
    newest = from_decisions.first() if superseded else None
    return Receipt.objects.get(request_id=newest.pk).pk if newest else None


def _supersede(turn: Turn, superseded: list[DeploymentReviewRequest]) -> None:
    for other in superseded:
        other.revoke()
        ended = Turn(turn.actor, "supersede", other, turn.now, State.APPROVED, turn.role)
        ended.save(detail={"successor": str(turn.review_request.pk)})


def stop(turn: Turn, ballot: Ballot, *, choice: str, comment: str) -> None:
    """Request changes, or reject. A rejection does not wait for the key: its receipt is signed later where there is none now."""
    review_request = turn.review_request
    if choice == Choice.REQUEST_CHANGES:
        review_request.request_changes()
    else:
        review_request.reject()
        decision = _decision(turn, verdict="reject")
        receipt = _sign_if_possible(decision, ballot.frozen)
        decision.save(force_insert=True)
    event = turn.save(comment=comment)
    kind = outbox.Kind.CHANGES if choice == Choice.REQUEST_CHANGES else outbox.Kind.REJECTED
    outbox.post([outbox.decision(review_request, kind, now=turn.now)])
    turn.carry()
    if choice == Choice.REJECT:
        _log(decision, event, receipt)


# --- receipts ---------------------------------------------------------------------------------------------------------------------


def usable_signer() -> Signer:
    try:
        return signer()
    except SigningUnavailable as error:
        raise _no_key(error) from None


def _no_key(error: SigningUnavailable) -> Refused:
    return Refused(Reason(error.code, f"Nothing can be approved: {error}", clear_by="an operator", status=503))


def _sign(decision: Decision, frozen: Packet, *, key: Signer) -> Receipt:
    review_request = decision.review_request
    try:
        return issue(
            request_id=review_request.pk,
            revision=decision.revision,
            packet_digest=decision.digest,
            verdict=decision.verdict,
            commitment_id=frozen.commitment_id,
            environment=review_request.environment.slug,
            subject=packet.value_of(frozen)["subject"],
            policy=review_request.policy.reference,
            conditions=decision.conditions,
            issued_at=decision.decided_at,
            expires_at=decision.expires_at,
            supersedes=decision.supersedes,
            signer=key,
        )
    except SigningUnavailable as error:
        raise _no_key(error) from None


def _sign_if_possible(decision: Decision, frozen: Packet) -> Receipt | None:
    try:
        return _sign(decision, frozen, key=usable_signer())
    except Refused:
        return None


def sign_pending() -> tuple[int, bool]:
    """Sign what had to wait for the key: receipts of rejections, then the status. How many receipts, and whether the status was due.

    Raises Refused 503 when something waits and there is still no key.
    """
    with transaction.atomic(using=STORE):
        receipts = [_sign_late(decision) for decision in _waiting()]
        log.append(
            *(log.leaf(LeafKind.RECEIPT, database_now(), request_id=each.request_id, receipt_sha256=each.sha256) for each in receipts)
        )
        try:
            return len(receipts), status.sign_pending()
        except SigningUnavailable as error:
            raise _no_key(error) from None


def _sign_late(decision: Decision) -> Receipt:
    return _sign(decision, packet.current(decision.review_request), key=usable_signer())


def _waiting() -> list[Decision]:
    unsigned = Decision.objects.exclude(pk__in=Receipt.objects.values("request_id"))
    # The requests are locked, not the decisions: the role that serves has no right to change those, which a row lock asks for.
    locked = DeploymentReviewRequest.objects.using(STORE).select_for_update().filter(pk__in=unsigned.values("pk")).order_by("pk")
    waiting = unsigned.filter(pk__in=[review_request.pk for review_request in locked])
    return list(waiting.select_related("review_request__environment", "review_request__policy"))

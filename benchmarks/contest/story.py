"""The cycle as somebody writes it who only wants the rows: the same ones, under the same locks, chained, frozen and signed alike.

Nobody's rights are asked, nothing is refused, and no answer is read again: what a verb does beyond this counts against the project.
Two pens write it: Django's models (plain.py) and psycopg2 (raw.py).
"""

import hashlib
import os
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Protocol

from benchmarks.contest.said import CONFIRMATIONS, EVIDENCE, SUBJECT, VALID_UNTIL
from drafts.sections import authors_section, moves_section, plan_section, section_digest
from receipts import envelope, merkle
from receipts.canonical import canonical_bytes, commitment_id, sha256_hex
from receipts.signing import LocalSigner, private_key
from reviews.record import event_sha256

UNTIL = datetime.fromisoformat(VALID_UNTIL)
STATES = {"open": ("", "draft"), "confirm": ("draft", "draft"), "request_review": ("draft", "review_requested")}
STATES |= {"vote": ("review_requested", "review_requested"), "approve": ("review_requested", "approved")}
REMINDERS = {"asked": 0.0, "reminder_half": 0.5, "reminder_late": 0.9, "escalation": 1.0}


class Pen(Protocol):
    """Rows have their columns as attributes. `table`: a name of the models module; `where`: column → value, or → list of values."""

    def transaction(self): ...

    def locked(self, table: str, **where) -> SimpleNamespace: ...

    def rows(self, table: str, **where) -> list: ...

    def newest_event(self, request_id: uuid.UUID) -> tuple[int, str]: ...

    def policy(self, environment_id: uuid.UUID) -> SimpleNamespace: ...

    def members(self, groups: list[str]) -> list[tuple[int, str]]: ...

    def insert(self, table: str, *rows: dict) -> None: ...

    def update(self, table: str, where: dict, **values) -> None: ...


class Teller:
    """`people`: username → user id."""

    def __init__(self, pen: Pen, people: dict[str, int]) -> None:
        self.pen, self.people = pen, people
        self.signer = LocalSigner(private_key(os.environ["RECEIPT_SIGNING_KEY"].encode()))

    # --- the owner ----------------------------------------------------------------------------------------------------------------

    def open(self, plan_id: uuid.UUID) -> uuid.UUID:
        request_id = uuid.uuid4()
        with self.pen.transaction():
            plan = self.pen.locked("CoveragePlan", id=plan_id)
            (environment,) = self.pen.rows("Environment", slug="production")
            row = {"id": request_id, "plan_id": plan.id, "partner_id": plan.partner_id, "environment_id": environment.id}
            row |= {"subject": SUBJECT, "state": "draft"}
            row |= {"opened_by_id": self.people["owner"], "opened_by": "owner", "revision": 0, "digest": "", "commitment_id": ""}
            self.pen.insert("DeploymentReviewRequest", row | {"requested_by": "", "production_write": False, "version": 1})
            self._event("open", SimpleNamespace(id=request_id, revision=0, digest=""), "owner", last=(0, ""))
        return request_id

    def confirm(self, request_id: uuid.UUID, kind: str) -> None:
        with self.pen.transaction():
            found = self.pen.locked("DeploymentReviewRequest", id=request_id)
            now = datetime.now(UTC)
            row = {"id": uuid.uuid4(), "review_request_id": request_id, "kind": kind, "fields": CONFIRMATIONS[kind], "evidence_sha256": ""}
            row |= {"evidence_url": EVIDENCE, "confirmed_by_id": self.people["owner"], "confirmed_by": "owner", "confirmed_at": now}
            self.pen.insert("Confirmation", row | {"valid_until": UNTIL, "named": ""})
            self._event("confirm", found, "owner", detail={"kind": kind})
            self._change(found, now, version=found.version + 1)

    def request(self, request_id: uuid.UUID) -> str:
        with self.pen.transaction():
            found = self.pen.locked("DeploymentReviewRequest", id=request_id)
            plan = self.pen.locked("CoveragePlan", id=found.plan_id)
            (plan.partner,) = self.pen.rows("Partner", id=plan.partner_id)
            moves = self.pen.rows("ExpansionMove", plan_id=plan.id)
            policy = self.pen.policy(found.environment_id)
            if not self.pen.members([rule["group"] for rule in policy.rules]):
                raise SystemExit("nobody could vote")
            now, revision = datetime.now(UTC), found.revision + 1
            frozen = self._packet(found, plan, moves, policy, revision=revision, now=now)
            self.pen.insert("Packet", frozen)
            due, end = (now + timedelta(seconds=seconds) for seconds in (policy.due_seconds, policy.review_seconds))
            self._event("request_review", SimpleNamespace(id=found.id, revision=revision, digest=frozen["digest"]), "owner")
            set_up = {"state": "review_requested", "revision": revision, "digest": frozen["digest"], "policy_id": policy.id}
            set_up |= {"commitment_id": frozen["commitment_id"], "requested_by_id": self.people["owner"], "requested_by": "owner"}
            self._change(found, now, requested_at=now, due_at=due, expires_at=end, version=found.version + 1, **set_up)
            mails = [(kind, now + share * (due - now)) for kind, share in REMINDERS.items()]
            self.pen.insert("OutboxMessage", *(self._mail(found.id, revision, kind, at=at) for kind, at in mails))
            self._carry(plan.id, moves, state="review_requested", review_until=end, approved_until=None)
        return frozen["digest"]

    def _packet(self, found, plan, moves, policy, *, revision: int, now: datetime) -> dict:
        (environment,) = self.pen.rows("Environment", id=found.environment_id)
        authors = {row.user_id: row.username for row in self.pen.rows("Author", plan_id=plan.id)}
        said = self.pen.rows("Confirmation", review_request_id=found.id)
        value = {
            "schema": "readiness.packet.v1",
            "request_id": str(found.id),
            "revision": revision,
            "predecessor": None,
            "environment": environment.slug,
            "subject": found.subject,
            "policy": {"id": str(policy.id), "version": policy.version, "digest": policy.digest},
            "plan": plan_section(plan),
            "moves": moves_section(moves),
            "confirmations": {row.kind: _confirmed(row) for row in said},
            "authors": authors_section(authors | {found.opened_by_id: found.opened_by}),
        }
        body, salt = canonical_bytes(value), secrets.token_bytes(32)
        sections = ("environment", "subject", "policy", "plan", "moves", "confirmations", "authors")
        row = {"id": uuid.uuid4(), "review_request_id": found.id, "revision": revision, "body": body, "salt": salt, "frozen_at": now}
        row |= {"digest": sha256_hex(body), "commitment_id": commitment_id(salt, body), "moves_count": len(moves)}
        return row | {"section_digests": {name: section_digest(value[name]) for name in sections}}

    # --- the reviewers --------------------------------------------------------------------------------------------------------------

    def vote(self, request_id: uuid.UUID, username: str, digest: str) -> None:
        """One approval; with the second of them the decision, its receipt and its leaf."""
        with self.pen.transaction():
            found = self.pen.locked("DeploymentReviewRequest", id=request_id)
            (frozen,) = self.pen.rows("Packet", review_request_id=request_id, revision=found.revision)
            earlier = self.pen.rows("Vote", review_request_id=request_id, revision=found.revision)
            (policy,) = self.pen.rows("ReviewPolicy", id=found.policy_id)
            members = self.pen.members([rule["group"] for rule in policy.rules])
            if not hashlib.sha256(frozen.body).hexdigest() == frozen.digest == found.digest == digest:
                raise SystemExit("the packet is another one")
            if self.people[username] not in dict(members):
                raise SystemExit("no reviewer")
            now = datetime.now(UTC)
            row = {"id": uuid.uuid4(), "review_request_id": request_id, "revision": found.revision, "digest": digest, "cast_at": now}
            row |= {"user_id": self.people[username], "username": username, "choice": "approve", "conditions": [], "comment": ""}
            self.pen.insert("Vote", row)
            if earlier:
                self._approve(found, policy, username, now=now)
            else:
                self._event("vote", found, username)

    def _approve(self, found, policy, username: str, *, now: datetime) -> None:
        standing = {"plan_id": found.plan_id, "environment_id": found.environment_id, "state": "approved"}
        if self.pen.locked_rows("DeploymentReviewRequest", **standing):
            raise SystemExit("the plan is approved already")
        decided = now.replace(microsecond=0)
        end = min(now + timedelta(seconds=policy.approval_seconds), UNTIL).replace(microsecond=0)
        receipt = self._receipt(found, policy, decided=decided, end=end)
        self.pen.insert("Receipt", receipt)
        about = {"review_request_id": found.id, "revision": found.revision, "digest": found.digest}
        self.pen.insert("Decision", about | {"verdict": "allow", "conditions": [], "decided_at": decided, "expires_at": end})
        event = self._event("approve", found, username, detail={"verdict": "allow", "conditions": []})
        self._change(found, now, state="approved", expires_at=end, version=found.version + 1)
        self.pen.insert("OutboxMessage", self._mail(found.id, found.revision, "approved", at=now))
        plan = self.pen.locked("CoveragePlan", id=found.plan_id)
        self._carry(plan.id, self.pen.rows("ExpansionMove", plan_id=plan.id), state="approved", review_until=None, approved_until=end)
        self._log(found, receipt, event, decided=decided)

    def _receipt(self, found, policy, *, decided: datetime, end: datetime) -> dict:
        receipt_id = uuid.uuid4()
        if [key.state for key in self.pen.shared("SigningKey", kid=self.signer.kid)] != ["active"]:
            raise SystemExit("the key is not in force")
        payload = canonical_bytes(
            envelope.payload(
                receipt_id,
                issuer=os.environ["RECEIPT_ISSUER"],
                request_id=found.id,
                revision=found.revision,
                verdict="allow",
                commitment_id=found.commitment_id,
                environment="production",
                subject=found.subject,
                policy={"id": str(policy.id), "version": policy.version, "digest": policy.digest},
                conditions=[],
                issued_at=decided,
                expires_at=end,
            )
        )
        row = {"id": receipt_id, "request_id": found.id, "revision": found.revision, "packet_digest": found.digest, "verdict": "allow"}
        row |= {"commitment_id": found.commitment_id, "payload": payload, "signature": self.signer.sign(payload), "kid": self.signer.kid}
        return row | {"issued_at": decided, "expires_at": end}

    def _log(self, found, receipt: dict, event: SimpleNamespace, *, decided: datetime) -> None:
        head = self.pen.locked("LogHead", id=1)
        said = {"request_id": str(found.id), "revision": found.revision, "verdict": "allow", "commitment_id": found.commitment_id}
        said |= {"object": "readiness.log_leaf.v1", "kind": "decision", "at": envelope.rfc3339(decided), "event_head": event.sha256}
        data = canonical_bytes(said | {"receipt_sha256": sha256_hex(receipt["payload"])})
        whole = bytes(head.frontier)
        frontier, written = merkle.grown(head.size, [whole[at : at + 32] for at in range(0, len(whole), 32)], merkle.leaf_hash(data))
        (place, own), *above = written
        nodes = [{"place": place, "hash": own, "data": data, "kind": "decision", "request_id": found.id}]
        nodes += [{"place": place, "hash": node, "data": None, "kind": "", "request_id": None} for place, node in above]
        self.pen.insert("LogNode", *nodes)
        self.pen.update("LogHead", {"id": 1}, size=head.size + 1, frontier=b"".join(frontier))

    # --- what every step leaves -----------------------------------------------------------------------------------------------------

    def _event(self, verb: str, found, username: str, *, last: tuple[int, str] | None = None, **said) -> SimpleNamespace:
        number, previous = self.pen.newest_event(found.id) if last is None else last
        before, after = STATES[verb]
        row = {"id": uuid.uuid4(), "review_request_id": found.id, "number": number + 1, "at": datetime.now(UTC), "actor": username}
        row |= {"verb": "approve" if verb == "vote" else verb, "actor_id": self.people[username], "token_id": "", "comment": ""}
        row |= {"channel": "page" if username == "owner" else "admin", "role": "owner" if username == "owner" else "reviewer"}
        row |= {"from_state": before, "to_state": after, "revision": found.revision, "digest": found.digest, "previous_sha256": previous}
        event = SimpleNamespace(**row, detail=said.get("detail", {}), pk=row["id"])
        event.sha256 = event_sha256(event)
        self.pen.insert("Event", row | {"detail": event.detail, "sha256": event.sha256})
        return event

    def _change(self, found, now: datetime, **values) -> None:
        self.pen.update("DeploymentReviewRequest", {"id": found.id}, updated_at=now, **values)

    def _mail(self, request_id: uuid.UUID, revision: int, kind: str, *, at: datetime) -> dict:
        row = {"id": uuid.uuid4(), "channel": "mail", "kind": kind, "review_request_id": request_id, "revision": revision, "recipient": ""}
        return row | {"detail": {}, "planned_for": at, "not_before": at, "status": "waiting", "attempts": 0, "error": ""}

    def _carry(self, plan_id: uuid.UUID, moves: list, **states) -> None:
        self.pen.update("CoveragePlan", {"id": plan_id}, **states)
        self.pen.update("ExpansionMove", {"plan_id": plan_id}, **states)


def _confirmed(row) -> dict:
    return {
        "fields": row.fields,
        "evidence_url": row.evidence_url or None,
        "evidence_sha256": row.evidence_sha256 or None,
        "confirmed_by": {"user_id": row.confirmed_by_id, "username": row.confirmed_by},
        "confirmed_at": envelope.rfc3339(row.confirmed_at),
        "valid_until": envelope.rfc3339(row.valid_until),
    }

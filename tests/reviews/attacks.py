"""Raw SQL that the database must refuse, for both back ends, and the rows that it is aimed at.

Placeholders: {draft} {in_review} {coded} {changes} {approved} {rejected} {withdrawn} {revoked} {lapsed}: ids of review requests, {coded}
in review where a second factor is asked for; {new} {new_vote} {new_event}: unused ids; {now}, {end} (in an hour), {late} (in a day);
{next_body}: bytes for the next revision of {changes}, and {nameless_body}: the same without authors; {next_digest}: SHA-256 of the first;
{byte}: one byte.
"""

import hashlib
import re
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from django.apps import apps
from django.db.models import Model

from config.refusals import Refused
from drafts.coverage import append_move, edit_plan
from drafts.models import Author, CoveragePlan, ExpansionMove
from readiness.models import VerdictChange
from receipts.models import Receipt, SigningKey
from reviews import decisions
from reviews.models import (
    Confirmation,
    Decision,
    Denial,
    DeploymentReviewRequest,
    Event,
    Packet,
    ReviewPolicy,
    StagingPin,
    StagingValidation,
    Vote,
)
from tests.clock import lapse
from tests.factories import CONFIRMATION_FIELDS, Story, actor, confirm_all, make_environment, make_partner, make_plan, make_user
from tests.invariants import EDGES

REQUEST = "reviews_deploymentreviewrequest"
CHANGE = f"UPDATE {REQUEST} SET version = version + 1"
KEPT = [Vote, Event, Decision, Packet, ReviewPolicy, Receipt, SigningKey, StagingPin, StagingValidation, VerdictChange]
MOVE = {"gate_type": "g", "system_scope": "s", "authority_context": "a", "corrects": None}
ONE = [{"name": "release", "group": "release", "quorum": 1}]


def stage() -> dict[str, uuid.UUID]:
    """One request in each state, some moves, an event of each sort and a denial; name → id."""
    story = Story()
    story.author, story.confirmer = make_user("author"), make_user("confirmer")
    make_partner(owners=(story.author, story.confirmer))
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    found = {"approved": story.approved(), "draft": story.open()}
    make_environment("staging", rules=[*ONE, {"name": "again", "group": "security", "quorum": 1}])
    make_environment("vault", rules=ONE, second_factor=True)
    for name in ("in_review", "changes", "rejected", "withdrawn", "revoked", "lapsed"):
        found[name] = _another(story)
    found["coded"] = _another(story, environment_slug="vault")
    story.vote(story.release, found["in_review"])
    story.vote(story.release, found["changes"], "request_changes")
    story.vote(story.release, found["rejected"], "reject")
    decisions.withdraw(actor(story.owner), found["withdrawn"].pk, comment="no")
    for reviewer in (story.release, story.security):
        story.vote(reviewer, found["revoked"])
    decisions.revoke(actor(story.owner), found["revoked"].pk, comment="stop")
    lapse(found["lapsed"])
    for verb in (decisions.recall, decisions.request_review):
        with suppress(Refused):
            verb(actor(story.viewer), found["draft"].pk)
    keep_beside(found["draft"])
    return {name: review_request.pk for name, review_request in found.items()} | {name: uuid.uuid4() for name in UNUSED}


UNUSED = ("new", "new_vote", "new_event")


def literals(names: dict[str, str], body: bytes, *, postgresql: bool) -> dict[str, str]:
    """What the placeholders stand for. `names`: of `stage`; `body`: the packet of {changes}."""
    now = datetime.now(UTC) - timedelta(milliseconds=1)
    times = {"now": now, "end": now + timedelta(hours=1), "late": now + timedelta(days=1)}
    next_body = body.replace(b'"revision":1', b'"revision":2')
    hexes = {"next_body": next_body, "nameless_body": re.sub(rb'"authors":\[[^]]*\]', b'"authors":[]', next_body), "byte": b"x"}
    form = "'\\x{}'::bytea" if postgresql else "X'{}'"
    return (
        {name: f"'{pk}'::uuid" if postgresql else f"'{pk}'" for name, pk in names.items()}
        | {name: f"'{time.isoformat()}'" if postgresql else f"'{time:%Y-%m-%d %H:%M:%S.%f}'" for name, time in times.items()}
        | {name: form.format(value.hex()) for name, value in hexes.items()}
        | {"next_digest": f"'{hashlib.sha256(next_body).hexdigest()}'"}
    )


def keep_beside(review_request: DeploymentReviewRequest) -> None:
    """Two rows of each append-only table that no verb of the story above writes."""
    signed = {"payload": b"{}", "signature": b"x", "kid": "x", "payload_sha256": "0" * 64}
    for number in (1, 2):
        StagingPin.objects.create(issuer="https://staging.test", jwks={"keys": []})
        StagingValidation.objects.create(
            review_request=review_request, **signed, handed_in_by_id=1, handed_in_by="x", handed_in_at=review_request.created_at
        )
        VerdictChange.objects.create(number=number, status="blocked", standing={}, cause=[])


def _another(story: Story, *, environment_slug: str = "staging") -> DeploymentReviewRequest:
    """In review, with an author and a confirmer who are not the requester, and a confirmation that ends in two hours."""
    plan = make_plan(story.owner, story.partner)
    edit_plan(actor(story.author), plan.pk, fields={"name": "Written by two"})
    review_request = decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug=environment_slug)
    confirm_all(story.owner, review_request, but=("sla",))
    soon = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    decisions.confirm(actor(story.confirmer), review_request.pk, "sla", fields=CONFIRMATION_FIELDS["sla"], valid_until=soon)
    return decisions.request_review(actor(story.owner), review_request.pk)


def columns(model: type[Model]) -> list[str]:
    return [field.column for field in model._meta.concrete_fields]


def copy(model: type[Model], where: str, *, how: str = "INSERT INTO", **changes: str) -> str:
    """An INSERT of a row that differs from an existing one in some columns."""
    names = columns(model)
    assert set(changes) <= set(names), changes
    values = ", ".join(changes.get(name, f'"{name}"') for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    return f'{how} "{model._meta.db_table}" ({quoted}) SELECT {values} FROM "{model._meta.db_table}" WHERE {where}'


def _kept(model: type[Model]) -> dict[str, str]:
    table, key = model._meta.db_table, model._meta.pk.column
    changed = {f"update {name} of {table}": f'UPDATE "{table}" SET "{name}" = "{name}"' for name in columns(model)}
    upsert = copy(model, "true") + f' ON CONFLICT ("{key}") DO UPDATE SET "{key}" = excluded."{key}"'
    return changed | {f"delete from {table}": f'DELETE FROM "{table}"', f"upsert into {table}": upsert}


def _jumps() -> dict[str, str]:
    """Every change of state that is not on the lifecycle, and those that need more than the word."""
    stood = {"in_review": "review_requested", "changes": "changes_requested"}
    names = ("draft", "in_review", "changes", "approved", "rejected", "withdrawn", "revoked")
    states = {after for _, after in EDGES} | {"", "APPROVED", "done"}
    more = {("draft", "review_requested"), ("changes_requested", "review_requested"), ("review_requested", "approved")}
    return {
        f"{name} to {after or 'nothing'}": f"{CHANGE}, state = '{after}', expires_at = CURRENT_TIMESTAMP WHERE id = {{{name}}}"
        for name in names
        for after in sorted(states - {stood.get(name, name)})
        if (stood.get(name, name), after) not in EDGES or (stood.get(name, name), after) in more
    }


def _within_a_revision() -> dict[str, str]:
    changes = {
        "digest": f"'{'0' * 64}'",
        "commitment_id": "'rdc1_x'",
        "policy_id": "NULL",
        "requested_by_id": "999",
        "requested_by": "'nobody'",
        "requested_at": "CURRENT_TIMESTAMP",
        "revision": "revision + 1",
        "subject": "'[1]'",
        "expires_at": "'2098-01-01 00:00:00+00:00'",
        "production_write": "true",
        "plan_id": f"(SELECT plan_id FROM {REQUEST} WHERE id = {{approved}})",
        "environment_id": f"(SELECT environment_id FROM {REQUEST} WHERE id = {{approved}})",
        "predecessor_id": "{approved}",
        "opened_by_id": "0",
        "opened_by": "'nobody'",
        "created_at": "CURRENT_TIMESTAMP",
        "id": "{new}",
    }
    return {f"{column} in review": f"{CHANGE}, {column} = {value} WHERE id = {{in_review}}" for column, value in changes.items()} | {
        f"{column} with a jump back": f"{CHANGE}, state = 'draft', {column} = {value} WHERE id = {{in_review}}"
        for column, value in changes.items()
        if column != "expires_at"
    }


REVIEW = "version = version + 1, state = 'review_requested', revision = revision + 1, expires_at = '2098-01-01 00:00:00+00:00'"
OTHER_DIGEST = "(SELECT digest FROM reviews_packet WHERE review_request_id = {in_review})"
TO_APPROVED = "state = 'approved', expires_at = CURRENT_TIMESTAMP"
OTHER_PLAN = f"(SELECT plan_id FROM {REQUEST} WHERE id = {{changes}})"
REQUESTS = {
    "delete requests": f"DELETE FROM {REQUEST}",
    "delete a draft": f"DELETE FROM {REQUEST} WHERE id = {{draft}}",
    "review without a packet": f"UPDATE {REQUEST} SET {REVIEW} WHERE id = {{changes}}",
    "review with the packet of another": f"UPDATE {REQUEST} SET {REVIEW}, digest = {OTHER_DIGEST} WHERE id = {{changes}}",
    "two revisions at once": f"UPDATE {REQUEST} SET {REVIEW.replace('+ 1', '+ 2')} WHERE id = {{changes}}",
    "back to an older revision": f"UPDATE {REQUEST} SET {REVIEW.replace('+ 1', '- 1')} WHERE id = {{changes}}",
    "insert as approved": copy(DeploymentReviewRequest, "id = {approved}", id="{new}"),
    "insert as in review": copy(DeploymentReviewRequest, "id = {in_review}", id="{new}"),
    "insert a second open": copy(DeploymentReviewRequest, "id = {draft}", id="{new}"),
    "insert a writing draft": copy(DeploymentReviewRequest, "id = {draft}", id="{new}", plan_id=OTHER_PLAN, production_write="true"),
    "insert with a digest": copy(DeploymentReviewRequest, "id = {draft}", id="{new}", plan_id=OTHER_PLAN, digest=f"'{'0' * 64}'"),
    "insert with a revision": copy(DeploymentReviewRequest, "id = {draft}", id="{new}", plan_id=OTHER_PLAN, revision="1"),
    "upsert a state": copy(DeploymentReviewRequest, "id = {draft}") + f" ON CONFLICT (id) DO UPDATE SET {TO_APPROVED}",
}
VOTES = {
    "vote on a draft": copy(Vote, "review_request_id = {in_review}", id="{new}", review_request_id="{draft}"),
    "vote on an approved one": copy(Vote, "review_request_id = {in_review}", id="{new}", review_request_id="{approved}", user_id="99"),
    "vote after its decision": copy(Vote, "review_request_id = {rejected}", id="{new}", user_id="99"),
    "vote after changes were asked for": copy(Vote, "review_request_id = {changes}", id="{new}", user_id="99"),
    "vote on another digest": copy(Vote, "review_request_id = {in_review}", id="{new}", user_id="99", digest=f"'{'0' * 64}'"),
    "vote on another revision": copy(Vote, "review_request_id = {in_review}", id="{new}", user_id="99", revision="2"),
    "a second approval": copy(Vote, "review_request_id = {in_review}", id="{new}"),
    "a second approval with conditions": copy(Vote, "review_request_id = {in_review}", id="{new}", choice="'approve_with_conditions'"),
    "an unknown choice": copy(Vote, "review_request_id = {in_review}", id="{new}", choice="'allow'", user_id="99"),
}
MOVES = {
    f"{column} of a move": f"UPDATE drafts_expansionmove SET {column} = {value}"
    for column, value in {
        "id": "{new}", "plan_id": OTHER_PLAN, "number": "number + 10", "corrects": "1", "gate_type": "'other'", "system_scope": "'other'",
        "authority_context": "'other'", "created_at": "'2020-01-01'",
    }.items()
} | {
    "delete moves": "DELETE FROM drafts_expansionmove",
    "a move's number twice": copy(ExpansionMove, "number = 1", id="{new}"),
    "a move that corrects itself": copy(ExpansionMove, "number = 1", id="{new}", number="3", corrects="3"),
    "an unknown state of a move": "UPDATE drafts_expansionmove SET state = 'rejected'",
}  # fmt: skip
DENIALS = {f"{column} of a denial": f"UPDATE reviews_denial SET {column} = {value}" for column, value in {
    "actor": "'nobody'", "actor_id": "0", "verb": "'x'", "reasons": "'x'", "first_at": "'2020-01-01'"}.items()} | {
    "delete denials": "DELETE FROM reviews_denial"}  # fmt: skip
OTHERS = {
    "a second decision": copy(Decision, "review_request_id = {approved}"),
    "a second receipt": copy(Receipt, "request_id = {approved}", id="{new}"),
    "an endless approval": copy(Receipt, "request_id = {approved}", id="{new}", request_id="{in_review}", expires_at="NULL"),
    "a receipt of another word": copy(Receipt, "request_id = {approved}", id="{new}", request_id="{in_review}", verdict="'yes'"),
    "a second packet of a revision": copy(Packet, "review_request_id = {in_review}", id="{new}"),
    "an event's number twice": copy(Event, "review_request_id = {in_review}", id="{new}"),
    "a policy's version twice": copy(ReviewPolicy, "version = 1", id="{new}"),
}
# Who had a hand in it may not vote: neither an authorship nor a confirmation changes or goes while somebody could.
HANDS = {f"{name} of an author": f'UPDATE drafts_author SET "{name}" = "{name}"' for name in columns(Author)} | {
    "an author's name": "UPDATE drafts_author SET user_id = 0, username = 'nobody'",
    "delete authors": "DELETE FROM drafts_author",
    "an authorship twice": copy(Author, "true", id="id + 1000"),
    "delete plans": "DELETE FROM drafts_coverageplan",
    "delete a plan with requests": f"DELETE FROM drafts_coverageplan WHERE id = (SELECT plan_id FROM {REQUEST} WHERE id = {{withdrawn}})",
    "a plan's id": "UPDATE drafts_coverageplan SET id = {new} WHERE name <> ''",
    "a plan's partner": "UPDATE drafts_coverageplan SET partner_id = {new}",
    "a plan's reference twice": copy(CoveragePlan, "true", id="{new}"),
    "delete confirmations": "DELETE FROM reviews_confirmation",
    "delete those of changes": "DELETE FROM reviews_confirmation WHERE review_request_id = {changes}",
    "a confirmation's kind twice": copy(Confirmation, "review_request_id = {changes} AND kind = 'sla'", id="{new}"),
    "a confirmation's request": "UPDATE reviews_confirmation SET review_request_id = {draft} WHERE review_request_id = {changes}",
    "a confirmation's kind": "UPDATE reviews_confirmation SET kind = 'other' WHERE review_request_id = {changes} AND kind = 'sla'",
    "a confirmation's id": "UPDATE reviews_confirmation SET id = {new} WHERE review_request_id = {changes} AND kind = 'sla'",
    "a name without a person": "UPDATE reviews_confirmation SET named = 'x' WHERE review_request_id = {changes}",
    "a person without a name": "UPDATE reviews_confirmation SET named_id = 1 WHERE review_request_id = {changes}",
} | {
    f"{column} of a confirmation, {name}": f'UPDATE reviews_confirmation SET "{column}" = "{column}" WHERE review_request_id = {{{name}}}'
    for name in ("in_review", "approved", "rejected", "withdrawn", "revoked")
    for column in columns(Confirmation)
}  # fmt: skip
ATTACKS = {name: sql for model in KEPT for name, sql in _kept(model).items()}
ATTACKS |= _jumps() | _within_a_revision() | REQUESTS | VOTES | MOVES | DENIALS | OTHERS | HANDS


def event(name: str, before: str, after: str, **changes: str) -> str:
    """The next event of a request; it goes with a change of state."""
    newest = f"review_request_id = {{{name}}} AND number = (SELECT max(number) FROM reviews_event WHERE review_request_id = {{{name}}})"
    said = {"from_state": f"'{before}'", "to_state": f"'{after}'", "number": "number + 1", "previous_sha256": "sha256", "at": "{now}"}
    return copy(Event, newest, id="{new_event}", **(said | changes))


def move_to(name: str, after: str, **changes: str) -> str:
    changed = "".join(f", {column} = {value}" for column, value in changes.items())
    return f"UPDATE {REQUEST} SET state = '{after}', version = version + 1{changed} WHERE id = {{{name}}}"


# What the approval of {in_review} takes: a vote for its second seat, a receipt, a decision, an event.
_OWN = "(SELECT {} FROM reviews_deploymentreviewrequest WHERE id = {{in_review}})"
SECOND_VOTE = copy(Vote, "review_request_id = {in_review}", id="{new_vote}", user_id="99", username="'second'", cast_at="{now}")
RIGHT_RECEIPT = {
    "id": "{new}", "request_id": "{in_review}", "packet_digest": _OWN.format("digest"), "commitment_id": _OWN.format("commitment_id"),
    "issued_at": "{now}", "expires_at": "{end}",
}  # fmt: skip
RIGHT_DECISION = {
    "review_request_id": "{in_review}", "digest": _OWN.format("digest"), "decided_at": "{now}", "expires_at": "{end}", "supersedes": "NULL",
}  # fmt: skip
WRONG = {
    "no receipt": (None, {}),
    "no decision": ({}, None),
    "a receipt of another request": ({"request_id": "{new}"}, {}),
    "a receipt of another revision": ({"revision": "2"}, {}),
    "a receipt of another digest": ({"packet_digest": f"'{'0' * 64}'"}, {}),
    "a receipt that rejects": ({"verdict": "'reject'"}, {}),
    "both reject": ({"verdict": "'reject'"}, {"verdict": "'reject'"}),
    "a receipt with conditions of a decision without": ({"verdict": "'constrain'"}, {}),
    "a receipt that ends earlier": ({"expires_at": "{now}"}, {}),
    "a decision on another digest": ({}, {"digest": f"'{'0' * 64}'"}),
    "a decision on another revision": ({}, {"revision": "2"}),
    "both on another digest": ({"packet_digest": f"'{'0' * 64}'"}, {"digest": f"'{'0' * 64}'"}),
    "both on another revision": ({"revision": "2"}, {"revision": "2"}),
}
APPROVE = move_to("in_review", "approved", expires_at="{end}")


def receipt(**changes: str) -> str:
    return copy(Receipt, "request_id = {approved}", **(RIGHT_RECEIPT | changes))


def decision(**changes: str) -> str:
    return copy(Decision, "review_request_id = {approved}", **(RIGHT_DECISION | changes))


def approval(wrong: tuple[dict | None, dict | None] = ({}, {})) -> list[str]:
    """Statements that approve {in_review}, with changes to its receipt and its decision; None leaves one out."""
    made = [make(**change) for make, change in zip((receipt, decision), wrong, strict=True) if change is not None]
    return [SECOND_VOTE, *made, event("in_review", "review_requested", "approved"), APPROVE]


# A packet for the next revision of {changes}, its event, and updates that do not go with it.
NEXT = {"id": "{new}", "revision": "2", "body": "{next_body}", "digest": "{next_digest}", "frozen_at": "{now}"}
PUT_UP_WITH = {
    "revision": "revision + 1", "digest": "{next_digest}", "requested_at": "{now}", "expires_at": "{end}", "due_at": "{end}",
}  # fmt: skip
NEXT_EVENT = event("changes", "changes_requested", "review_requested", revision="2", digest="{next_digest}")


def next_packet(**changes: str) -> str:
    return copy(Packet, "review_request_id = {changes}", **(NEXT | changes))


def put_up(**changes: str) -> list[str]:
    """Statements that bring {changes} before the reviewers again, with changes to the last of them."""
    return [next_packet(), NEXT_EVENT, move_to("changes", "review_requested", **(PUT_UP_WITH | changes))]


NOT_THAT_PACKET = {
    "another digest": put_up(digest=f"'{'0' * 64}'"),
    "another commitment": put_up(commitment_id="'rdc1_x'"),
    "another revision": put_up(revision="revision + 2"),
    "no packet": put_up()[1:],
    "no event": [next_packet(), put_up()[-1]],
    "another state": [*put_up()[:2], move_to("changes", "changes_requested", **PUT_UP_WITH)],
    "no later state": [*put_up()[:2], move_to("changes", "withdrawn", **PUT_UP_WITH)],
}


def tables() -> list[str]:
    return sorted(model._meta.db_table for label in ("drafts", "reviews", "receipts") for model in apps.get_app_config(label).get_models())


assert Denial._meta.db_table in tables()

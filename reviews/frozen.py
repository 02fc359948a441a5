"""Do frozen packets, and the votes on them, agree with what was frozen? Beside the chain of events, which reviews/history.py reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from drafts.models import ExpansionMove
from drafts.sections import moves_section, section_digest
from receipts.canonical import canonical_bytes
from reviews.history import DECIDED, Finding, Story
from reviews.models import APPROVING, Packet, ReviewPolicy, State
from reviews.packet import SCHEMA, SECTIONS


@dataclass(frozen=True)
class Sources:
    """What the packets of a batch were made of: policies by id, moves by plan in the order of their numbers."""

    policies: Mapping[str, ReviewPolicy]
    moves: Mapping[UUID, list[ExpansionMove]]


def sources(stories: list[Story]) -> Sources:
    """Two statements, however many requests."""
    named = {_policy_id(packet) for story in stories for packet in story.packets} - {""}
    plans = {story.review_request.plan_id for story in stories if story.packets}
    moves: dict[UUID, list[ExpansionMove]] = {plan_id: [] for plan_id in plans}
    for move in ExpansionMove.objects.filter(plan__in=plans).order_by("plan_id", "number"):
        moves[move.plan_id].append(move)
    found = ReviewPolicy.objects.filter(pk__in=named).select_related("environment")
    return Sources({str(policy.pk): policy for policy in found}, moves)


def frozen_findings(story: Story, made_of: Sources) -> Iterator[Finding]:
    for packet in story.packets:
        value = _value(packet)
        if value is None:
            yield story.at_fault("packet_unreadable", f"The packet of revision {packet.revision} is no packet of ours.")
            continue
        yield from _sections(story, packet, value)
        yield from _made_of(story, packet, value, made_of)
    yield from _votes(story)
    yield from _seats(story, made_of)


def _value(packet: Packet) -> dict | None:
    """The packet as a JSON value; None for bytes that are not the one spelling of one."""
    try:
        value = json.loads(bytes(packet.body))
        readable = value["schema"] == SCHEMA and set(SECTIONS) <= set(value) and canonical_bytes(value) == bytes(packet.body)
    except (ValueError, TypeError, KeyError):
        return None
    return value if readable else None


def _policy_id(packet: Packet) -> str:
    value = _value(packet)
    named = value["policy"] if value else None
    return str(named.get("id", "")) if isinstance(named, dict) else ""


def _sections(story: Story, packet: Packet, value: dict) -> Iterator[Finding]:
    """Bytes ↔ digest is asked by history; here the digests of the sections, and what the columns say of the bytes."""
    digests = {name: section_digest(value[name]) for name in SECTIONS}
    if digests != packet.section_digests or len(value["moves"]) != packet.moves_count:
        yield story.at_fault("sections_differ", f"The digests of sections of revision {packet.revision} are not those of its bytes.")
    if (value["request_id"], value["revision"]) != (str(story.review_request.pk), packet.revision):
        yield story.at_fault("packet_of_another", f"The packet of revision {packet.revision} names another request or revision.")


def _made_of(story: Story, packet: Packet, value: dict, made_of: Sources) -> Iterator[Finding]:
    """Policies and moves are never edited, so what was frozen of them stands as it was."""
    policy = made_of.policies.get(_policy_id(packet))
    if policy is None or policy.reference != value["policy"] or not policy.is_intact:
        yield story.at_fault("policy_differs", f"The policy that the packet of revision {packet.revision} names is gone or another.")
    moves = made_of.moves[story.review_request.plan_id][: len(value["moves"])]
    if moves_section(moves) != value["moves"]:
        yield story.at_fault("moves_differ", f"The moves that the packet of revision {packet.revision} holds are gone or others.")


def _votes(story: Story) -> Iterator[Finding]:
    digests = {packet.revision: packet.digest for packet in story.packets}
    for vote in story.votes:
        if digests.get(vote.revision) != vote.digest:
            yield story.at_fault("vote_on_another", f"The vote of {vote.username} quotes no packet of revision {vote.revision}.")


def _seats(story: Story, made_of: Sources) -> Iterator[Finding]:
    """Who was in which group is not kept, but each seat takes a person of its own."""
    decision = story.decision
    if decision is None or decision.verdict not in DECIDED[State.APPROVED]:
        return
    packet = next((one for one in story.packets if one.revision == decision.revision), None)
    policy = made_of.policies.get(_policy_id(packet)) if packet else None
    approvers = {vote.user_id for vote in story.votes if vote.revision == decision.revision and vote.choice in APPROVING}
    if policy and len(approvers) < sum(int(rule["quorum"]) for rule in policy.rules):
        yield story.at_fault("votes_too_few", f"{len(approvers)} people approved, and the policy asks for more.")

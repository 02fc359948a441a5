"""The packet sections that come from a plan: plain values in, plain values out, no database."""

import hashlib
from collections.abc import Mapping

import rfc8785

from drafts.models import CoveragePlan, ExpansionMove


def section_digest(section) -> str:
    """SHA-256, hex, of a section's canonical bytes (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(section)).hexdigest()


def coverage(fields: CoveragePlan | ExpansionMove) -> dict[str, str]:
    return {"gate_type": fields.gate_type, "system_scope": fields.system_scope, "authority_context": fields.authority_context}


def plan_section(plan: CoveragePlan) -> dict[str, str]:
    """The five minimum boundary fields with the plan's id and name. Reads `plan.partner`."""
    return {
        "id": str(plan.pk),
        "partner": plan.partner.slug,
        "name": plan.name,
        "external_reference": plan.external_reference,
        **coverage(plan),
    }


def moves_section(moves: list[ExpansionMove]) -> list[dict]:
    """The moves in the order of their numbers."""
    return [{"number": move.number, "corrects": move.corrects, **coverage(move)} for move in sorted(moves, key=lambda move: move.number)]


def authors_section(authors: Mapping[int, str]) -> list[dict]:
    """Who wrote any of it, by user id. `authors`: user id → username."""
    return [{"user_id": user_id, "username": authors[user_id]} for user_id in sorted(authors)]

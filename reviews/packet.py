"""The packet: what a review freezes, its digests and its commitment."""

import json
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError

from config.payload import shown_key
from config.prepared import Prepared
from config.refusals import Reason, Refused, refuse_if
from drafts.custody import name_text
from drafts.models import Author
from drafts.sections import authors_section, moves_section, plan_section, section_digest
from receipts.canonical import canonical_bytes, commitment_id, sha256_hex
from reviews import confirmations
from reviews.models import Confirmation, DeploymentReviewRequest, Event, Packet, ReviewPolicy

SCHEMA = "readiness.packet.v1"
SECTIONS = ("environment", "subject", "policy", "plan", "moves", "confirmations", "authors")
DIGEST_WORDS = {"sha256": re.compile(r"[0-9a-f]{64}\Z"), "gitCommit": re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")}
MAX_SUBJECTS = 20
DAMAGED = Reason("packet_damaged", "The stored packet does not match its digest; nothing can be decided on it.", clear_by="an operator")

_confirmations = Prepared(lambda pk: Confirmation.objects.filter(review_request_id=pk).order_by("kind"), uuid.UUID)
_put_up = Prepared(lambda pk: Event.objects.filter(review_request_id=pk, verb__in=("open", "edit_subject")).order_by("number"), uuid.UUID)
_of_revision = Prepared(lambda pk, revision: Packet.objects.filter(review_request_id=pk, revision=revision), uuid.UUID, int)
_authors = Prepared(lambda plan_id: Author.objects.filter(plan_id=plan_id), uuid.UUID)


@dataclass(frozen=True)
class Written:
    """What a draft holds beside its plan: its confirmations by kind, and who wrote any of it (user id → username)."""

    confirmations: list[Confirmation]
    authors: dict[int, str]


def written(review_request: DeploymentReviewRequest) -> Written:
    return Written(_confirmations(review_request.pk), authors_of(review_request))


def build(review_request: DeploymentReviewRequest, *, revision: int, policy: ReviewPolicy, of: Written | None = None) -> dict:
    """The packet as a JSON value, from the rows as they are under the caller's locks; `of`: those that it has read already."""
    plan, of = review_request.plan, of or written(review_request)
    return {
        "schema": SCHEMA,
        "request_id": str(review_request.pk),
        "revision": revision,
        "predecessor": str(review_request.predecessor_id) if review_request.predecessor_id else None,
        "environment": review_request.environment.slug,
        "subject": review_request.subject,
        "policy": policy.reference,
        "plan": plan_section(plan),
        "moves": moves_section(list(plan.moves.all())),
        "confirmations": confirmations.section(of.confirmations),
        "authors": authors_section(of.authors),
    }


def authors_of(review_request: DeploymentReviewRequest) -> dict[int, str]:
    """Who wrote any of what a packet of this request would hold: user id → username. The subject and the environment count too."""
    put_up = {event.actor_id: event.actor for event in _put_up(review_request.pk)}
    return put_up | {author.user_id: author.username for author in _authors(review_request.plan_id)}


def freeze(review_request: DeploymentReviewRequest, *, revision: int, policy: ReviewPolicy, now: datetime, of: Written) -> Packet:
    """Store the packet of a new revision, with a fresh salt of 32 bytes. Inside the verb's transaction."""
    value = build(review_request, revision=revision, policy=policy, of=of)
    body, salt = canonical_bytes(value), secrets.token_bytes(32)
    return Packet.objects.create(
        review_request=review_request,
        revision=revision,
        body=body,
        salt=salt,
        digest=sha256_hex(body),
        commitment_id=commitment_id(salt, body),
        section_digests={name: section_digest(value[name]) for name in SECTIONS},
        moves_count=len(value["moves"]),
        frozen_at=now,
    )


def current(review_request: DeploymentReviewRequest) -> Packet:
    """The packet of the newest revision. Raises Refused when the row is gone, which nobody but the database's owner can do."""
    found = _of_revision.first(review_request.pk, review_request.revision)
    if found is None:
        raise Refused(DAMAGED)
    return found


def newest(review_request: DeploymentReviewRequest) -> tuple[Packet, dict] | None:
    """The same with its value, None before the first. Raises Refused, too, for bytes that are not those of its digest."""
    if not review_request.revision:
        return None
    found = current(review_request)
    return found, value_of(found)


def is_intact(packet: Packet, digest: str) -> bool:
    """The stored bytes still hash to the digest that was voted on."""
    return sha256_hex(bytes(packet.body)) == packet.digest == digest


def damage_reasons(packet: Packet, digest: str) -> list[Reason]:
    """Why nothing can be decided on a packet, nor read from it; empty when it is intact."""
    if is_intact(packet, digest):
        return []
    return [DAMAGED]


def value_of(packet: Packet) -> dict:
    """The packet as a JSON value. Raises Refused for bytes that are not those of its digest: nothing is read from them."""
    if sha256_hex(bytes(packet.body)) != packet.digest:
        raise Refused(DAMAGED)
    return json.loads(bytes(packet.body))


def intact_value(review_request: DeploymentReviewRequest) -> dict:
    """The value of the newest packet. Raises Refused when its bytes are not those of the request's digest."""
    frozen = current(review_request)
    refuse_if(damage_reasons(frozen, review_request.digest))
    return value_of(frozen)


# --- subjects -----------------------------------------------------------------------------------------------------------------


def _unknown_keys(subject: object) -> list[str]:
    """Pointers, below the subject, of what is no part of one."""
    if not isinstance(subject, dict):
        return []
    digest = subject.get("digest")
    below = [f"digest/{shown_key(key)}" for key in digest if key not in DIGEST_WORDS] if isinstance(digest, dict) else []
    return [shown_key(key) for key in subject if key not in ("name", "digest")] + below


def _subject_problem(subject: object) -> str:
    if not isinstance(subject, dict) or not {"name", "digest"} <= set(subject):
        return "A subject is {name, digest}."
    name, digest = subject["name"], subject["digest"]
    if not isinstance(name, str) or len(name) > 120 or not name.strip():
        return "name must be a text of 1 to 120 characters."
    try:
        name_text(name)
    except ValidationError as error:
        return f"name: {error.messages[0]}"
    known = {word: value for word, value in digest.items() if word in DIGEST_WORDS} if isinstance(digest, dict) else {}
    if not known:
        return "digest must hold sha256 or gitCommit."
    if not all(isinstance(value, str) and DIGEST_WORDS[word].match(value) for word, value in known.items()):
        return "A digest is hexadecimal in lower case: 64 digits for sha256, 40 for gitCommit."
    return ""


def clean_subjects(given: object) -> list[dict]:
    """What would be deployed: a list of {name, digest {sha256 or gitCommit}}. Raises Refused (400) naming each wrong one."""
    if not isinstance(given, list) or len(given) > MAX_SUBJECTS:
        raise Refused(Reason("invalid", f"subject must be a list of at most {MAX_SUBJECTS} subjects.", pointer="/subject", status=400))
    refuse_if([reason for number, subject in enumerate(given) for reason in _subject_reasons(number, subject)])
    return given


def _subject_reasons(number: int, subject: object) -> list[Reason]:
    pointer, problem = f"/subject/{number}", _subject_problem(subject)
    unknown = [
        Reason("unknown_field", "A subject is {name, digest}; this is no part of it.", pointer=f"{pointer}/{key}", status=400)
        for key in _unknown_keys(subject)
    ]
    return ([Reason("invalid", problem, pointer=pointer, status=400)] if problem else []) + unknown


def subject_words(subjects: list[dict]) -> frozenset[str]:
    """The digests by which a caller of the gate can name a subject: `sha256:…`, `gitCommit:…`."""
    return frozenset(f"{word}:{value}" for subject in subjects for word, value in subject["digest"].items())

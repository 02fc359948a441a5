"""Does the log hold? Every leaf and subtree computed anew, against head, checkpoint, copies from outside, and what stands in the tables."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from receipts import log, merkle, note
from receipts.canonical import canonical_bytes, unb64
from receipts.models import LeafKind, LogNode, Receipt, SigningKey, StatusDocument, Use
from receipts.verify import NotVerifiable, parse

BATCH = 500


class Finding(NamedTuple):
    """`leaf`: the leaf's index, None where it is something else; `code`: a stable word."""

    leaf: int | None
    code: str
    detail: str


class Leaf(NamedTuple):
    index: int
    said: dict


@dataclass
class Walk:
    """One way through the log from the left. `roots`: sizes to remember the root of, filled in on the way."""

    roots: dict[int, bytes | None]
    size: int = 0
    frontier: list[bytes] = field(default_factory=list)
    waiting: dict[int, bytes] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def leaves(self) -> Iterator[Leaf]:
        """The leaves in order; what is wrong with them and the subtrees above goes into `findings`."""
        for node in LogNode.objects.order_by("place").iterator(chunk_size=2000):
            if node.place % 2:
                self.waiting[node.place] = bytes(node.hash)
            elif (said := self._leaf(node)) is not None:
                yield Leaf(node.index, said)
        self._add((None, "node_stray", f"A subtree stands at place {place}, where none belongs.") for place in self.waiting)

    def _leaf(self, node: LogNode) -> dict | None:
        if node.index != self.size:
            self._add([(self.size, "leaf_missing", f"Leaf {self.size} is missing; leaf {node.index} comes next.")])
            self.size = node.index
        data = bytes(node.data or b"")
        if merkle.leaf_hash(data) != bytes(node.hash):
            self._add([(node.index, "leaf_edited", f"Leaf {node.index} does not fit its hash.")])
        self._grow(bytes(node.hash))
        return self._read(node, data)

    def _grow(self, leaf_hash: bytes) -> None:
        if self.size.bit_count() != len(self.frontier):
            # A leaf is missing, which is told already; what follows has no root that could be compared.
            self.frontier = [b"\x00" * merkle.HASH_BYTES] * self.size.bit_count()
        self.frontier, written = merkle.grown(self.size, self.frontier, leaf_hash)
        for place, expected in written[1:]:
            if self.waiting.pop(place, None) != expected:
                self._add([(self.size, "node_edited", f"The subtree that leaf {self.size} completes at place {place} is another or gone.")])
        self.size += 1
        if self.size in self.roots:
            self.roots[self.size] = merkle.root(self.frontier)

    def _read(self, node: LogNode, data: bytes) -> dict | None:
        try:
            said = parse(data)
            plain = isinstance(said, dict) and canonical_bytes(said) == data and said["object"] == log.LEAF
            columns = (
                (said.get("kind"), said.get("request_id")) == (node.kind, node.request_id and str(node.request_id)) if plain else False
            )
        except (NotVerifiable, KeyError):
            columns = False
        if not columns:
            self._add([(node.index, "leaf_unreadable", f"Leaf {node.index} is no leaf of ours, or its columns say something else.")])
            return None
        return said

    def _add(self, found: Iterable[tuple]) -> None:
        self.findings += [Finding(*each) for each in found]


def check(
    copies: Mapping[str, str], *, more: Callable[[list[Leaf]], Iterable[Finding]], last: Callable[[], Iterable[Finding]]
) -> tuple[int, list[Finding]]:
    """Leaves looked at, and everything that is wrong. `copies`: name → text of checkpoints kept outside; `more` and `last`: another room's
    questions about a batch of leaves, and after them."""
    head = log.head()
    notes, found = _notes(head, copies)
    walk = Walk(dict.fromkeys([head.size, *(size for _, size, _ in notes)]))
    others = Others()
    for batch in _batched(walk.leaves()):
        found += [*_receipts(batch), *more(batch)]
        others.note(batch)
    found += walk.findings + _head(head, walk) + _roots(notes, walk) + others.findings() + list(last())
    return walk.size, found


def _batched(leaves: Iterator[Leaf]) -> Iterator[list[Leaf]]:
    batch = []
    for each in leaves:
        batch.append(each)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# --- head and checkpoints ---------------------------------------------------------------------------------------------------------------


def _head(head, walk: Walk) -> list[Finding]:
    if head.size != walk.size or bytes(head.frontier) != b"".join(walk.frontier):
        detail = f"The head says {head.size} leaves, {walk.size} are there, or their root is another."
        return [Finding(None, "head_differs", detail)]
    return []


def _notes(head, copies: Mapping[str, str]) -> tuple[list[tuple[str, int, bytes]], list[Finding]]:
    """(name, size, root) of each checkpoint whose signature holds, and the others as findings."""
    texts = {**({"the newest checkpoint": head.note} if head.note else {}), **copies}
    read = {name: read_note(text) for name, text in texts.items()}
    wrong = [
        Finding(None, "checkpoint_invalid", f"{name} is no checkpoint of this log's keys.") for name, found in read.items() if not found
    ]
    return [(name, *found) for name, found in read.items() if found], wrong


def read_note(text: str) -> tuple[int, bytes] | None:
    """Size and root of a checkpoint that a key of this log signed, revoked or not; None for anything else."""
    name = note.origin(settings.RECEIPT_ISSUER)
    for key in SigningKey.objects.filter(use=Use.LOG):
        public_key = unb64(key.public_key_b64)
        try:
            body, size, root, signature = _parts(text, name=name, public_key=public_key)
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, body.encode())
        except (ValueError, InvalidSignature):
            continue
        return size, root
    return None


def _parts(text: str, *, name: str, public_key: bytes) -> tuple[str, int, bytes, bytes]:
    """Taken apart, and put together again: there is one spelling. Raises ValueError."""
    origin, size, root, _, line, _ = text.split("\n")
    body = note.checkpoint(origin, size=int(size), root=unb64(root))
    signature = unb64(line.rpartition(" ")[2])[4:]
    if origin != name or note.signed(body, name=name, public_key=public_key, signature=signature) != text:
        raise ValueError("another note")
    return body, int(size), unb64(root), signature


def _roots(notes: list[tuple[str, int, bytes]], walk: Walk) -> list[Finding]:
    return [_other_root(name, size, walk) for name, size, root in notes if walk.roots.get(size) != root]


def _other_root(name: str, size: int, walk: Walk) -> Finding:
    if size > walk.size:
        detail = f"{name} is of {size} leaves, and the log has {walk.size}: the draft store is older than it."
        return Finding(None, "checkpoint_ahead", detail)
    return Finding(None, "checkpoint_differs", f"{name} of {size} leaves has another root than the log.")


# --- what stands beside the log ---------------------------------------------------------------------------------------------------------


def _receipts(batch: list[Leaf]) -> list[Finding]:
    """Each leaf's receipt is stored as it was logged."""
    named = [leaf for leaf in batch if leaf.said.get("receipt_sha256")]
    stored = {str(each.request_id): each for each in Receipt.objects.filter(request_id__in=[leaf.said["request_id"] for leaf in named])}
    found = []
    for index, said in named:
        receipt = stored.get(said["request_id"])
        if receipt is None or receipt.sha256 != said["receipt_sha256"]:
            found.append(Finding(index, "receipt_differs", f"The receipt of leaf {index} is gone or another."))
    return found


class Others:
    """What is remembered of the leaves about receipts, statuses and keys, to ask whether something was never logged."""

    def __init__(self) -> None:
        self._receipts: set[bytes] = set()
        self._statuses: dict[int, tuple[int, str]] = {}
        self._keys: dict[str, str] = {}
        self._twice: list[Finding] = []

    def note(self, batch: list[Leaf]) -> None:
        for index, said in batch:
            if said.get("receipt_sha256"):
                self._receipts.add(bytes.fromhex(said["receipt_sha256"]))
            if said["kind"] == LeafKind.STATUS:
                if said["seq"] != len(self._statuses) + 1:
                    self._twice.append(Finding(index, "status_differs", f"Leaf {index} breaks the numbering of status documents."))
                self._statuses[said["seq"]] = (index, said["status_sha256"])
            elif said["kind"] == LeafKind.KEY:
                self._keys[said["kid"]] = said["state"]

    def findings(self) -> list[Finding]:
        return [*self._twice, *self._unlogged_receipts(), *self._status_findings(), *self._key_findings()]

    def _unlogged_receipts(self) -> Iterator[Finding]:
        for receipt in Receipt.objects.only("request_id", "payload").iterator(chunk_size=2000):
            if hashlib.sha256(receipt.payload).digest() not in self._receipts:
                yield Finding(None, "receipt_not_logged", f"The receipt of request {receipt.request_id} is in no leaf.")

    def _status_findings(self) -> Iterator[Finding]:
        stored = {each.seq: each for each in StatusDocument.objects.all()}
        for seq in sorted(stored.keys() | self._statuses.keys()):
            index, logged = self._statuses.get(seq, (None, ""))
            if seq not in stored or stored[seq].sha256 != logged:
                yield Finding(index, "status_differs", f"Status {seq} is gone, another than was logged, or not logged.")
            elif not _is_signed(stored[seq]):
                yield Finding(index, "status_edited", f"Status {seq} does not fit its signature.")

    def _key_findings(self) -> Iterator[Finding]:
        stored = dict(SigningKey.objects.values_list("kid", "state"))
        for kid in sorted(stored.keys() | self._keys.keys()):
            if stored.get(kid) != self._keys.get(kid):
                yield Finding(None, "key_differs", f"Key {kid} is not in the state that was logged last.")


def _is_signed(document: StatusDocument) -> bool:
    key = SigningKey.objects.filter(kid=document.kid).first()
    if key is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(unb64(key.public_key_b64)).verify(bytes(document.signature), bytes(document.payload))
    except InvalidSignature:
        return False
    return json.loads(bytes(document.payload))["seq"] == document.seq

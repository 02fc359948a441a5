"""The Merkle tree of RFC 9162 section 2.1, over stored full subtrees: what is written at an append, and what a proof is made of. Pure.

A full subtree of 2**level leaves has one place, counted from left to right through the whole tree (RFC 9420 appendix C): leaf `i` is at
place 2 * i, and between two subtrees is the place of the one that holds both. The roots of the full subtrees that a size consists of, from
the left, are its frontier: one hash for each 1 in the size's binary digits.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import reduce

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
Span = tuple[int, int]


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def place(level: int, number: int) -> int:
    """Of the full subtree that holds the leaves from number * 2**level on."""
    return ((2 * number + 1) << level) - 1


def grown(size: int, frontier: Sequence[bytes], leaf: bytes) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    """The frontier with one leaf hash more, and the subtrees that it completes: (place, hash), the leaf's own first."""
    level, number, node = 0, size, leaf
    frontier, written = list(frontier), [(place(0, size), leaf)]
    while number % 2:
        level, number, node = level + 1, number // 2, node_hash(frontier.pop(), node)
        written.append((place(level, number), node))
    return [*frontier, node], written


def root(frontier: Sequence[bytes]) -> bytes:
    """The hash of the whole tree."""
    return reduce(lambda right, left: node_hash(left, right), reversed(frontier)) if frontier else EMPTY_ROOT


def places(span: Span) -> list[int]:
    """The full subtrees that leaves [start, end) consist of, from the left, where `start` is one that a proof asks for."""
    start, end = span
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(place(level, start >> level))
        start += 1 << level
    return found


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(index: int, size: int, *, start: int = 0) -> list[Span]:
    """PATH(index, D[size]): the spans of leaves whose roots prove that a leaf is in the tree, from the leaf up."""
    if size <= 1:
        return []
    middle = _split(size)
    if index < middle:
        return [*inclusion(index, middle, start=start), (start + middle, start + size)]
    return [*inclusion(index - middle, size - middle, start=start + middle), (start, start + middle)]


def consistency(first: int, second: int) -> list[Span]:
    """PROOF(first, D[second]): the spans that prove the tree of `first` leaves to be the beginning of the one of `second`."""
    return _subproof(first, second, start=0, whole=True) if first else []


def _subproof(first: int, size: int, *, start: int, whole: bool) -> list[Span]:
    if first == size:
        return [] if whole else [(start, start + size)]
    middle = _split(size)
    if first <= middle:
        return [*_subproof(first, middle, start=start, whole=whole), (start + middle, start + size)]
    return [*_subproof(first - middle, size - middle, start=start + middle, whole=False), (start, start + middle)]


def hashes(spans: Sequence[Span], stored: Mapping[int, bytes]) -> list[bytes]:
    """The root of each span, from the stored subtrees by place."""
    return [root([stored[each] for each in places(span)]) for span in spans]

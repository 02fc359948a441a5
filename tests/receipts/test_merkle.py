"""The tree against the recursive definitions of RFC 9162, known roots, and verifiers written from its text."""

import hashlib

import pytest

from receipts import merkle

LEAVES = ["", "00", "10", "2021", "30313233"[:4], "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
# Roots that implementations of Certificate Transparency test themselves with.
KNOWN = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
MOST = 70


def mth(hashes: list[bytes]) -> bytes:
    """Section 2.1.1, to the letter."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def grown(datas: list[bytes]) -> tuple[list[bytes], dict[int, bytes]]:
    frontier, stored = [], {}
    for size, data in enumerate(datas):
        frontier, written = merkle.grown(size, frontier, merkle.leaf_hash(data))
        assert not stored.keys() & dict(written).keys()
        stored |= dict(written)
    return frontier, stored


DATAS = [number.to_bytes(2, "big") for number in range(MOST)]
HASHES = [merkle.leaf_hash(data) for data in DATAS]
STORED = grown(DATAS)[1]


@pytest.mark.parametrize("size", KNOWN)
def test_S08_roots_are_the_known_ones(size):
    frontier, _ = grown([bytes.fromhex(text) for text in LEAVES[:size]])

    assert merkle.root(frontier).hex() == KNOWN[size]


@pytest.mark.parametrize("size", range(MOST + 1))
def test_S08_the_root_is_that_of_the_definition(size):
    frontier, stored = grown(DATAS[:size])

    assert merkle.root(frontier) == mth(HASHES[:size])
    assert len(frontier) == size.bit_count()
    assert len(stored) == sum(size >> level for level in range(8))


def includes(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """Section 2.1.3.2."""
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn % 2 or fn == sn:
            r = merkle.node_hash(p, r)
            while fn and not fn % 2:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = merkle.node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def is_consistent(first: int, second: int, proof: list[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Section 2.1.4.2."""
    if first == second:
        return not proof and first_root == second_root
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn % 2:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn % 2 or fn == sn:
            fr, sr = merkle.node_hash(c, fr), merkle.node_hash(c, sr)
            while fn and not fn % 2:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = merkle.node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


def test_S06_every_leaf_is_proved_in_every_size():
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = merkle.hashes(merkle.inclusion(index, size), STORED)
            assert includes(HASHES[index], index, size, proof, mth(HASHES[:size]))
            assert not includes(HASHES[index], (index + 1) % size, size, proof, mth(HASHES[:size])) or size == 1


def test_S06_every_two_sizes_are_proved_consistent():
    for second in range(1, MOST + 1):
        for first in range(1, second + 1):
            proof = merkle.hashes(merkle.consistency(first, second), STORED)
            assert is_consistent(first, second, proof, mth(HASHES[:first]), mth(HASHES[:second]))
            assert not is_consistent(first, second, proof, mth([*HASHES[: first - 1], HASHES[0][::-1]]), mth(HASHES[:second]))


@pytest.mark.parametrize("size", [10**3, 10**6, 10**9, 2**40 + 1])
def test_proofs_need_few_subtrees(size):
    longest = size.bit_length()
    for index in (0, 1, size // 3, size // 2, size - 2, size - 1):
        spans = merkle.inclusion(index, size)
        assert len(spans) <= longest
        assert sum(len(merkle.places(span)) for span in spans) <= 2 * longest
    for first in (1, size // 3, size - 1, size):
        assert sum(len(merkle.places(span)) for span in merkle.consistency(first, size)) <= 2 * longest + 1

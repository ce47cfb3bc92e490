"""Packet names, against the rule as it is written: level by level."""

from __future__ import annotations

from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from gateway.packet.blocks import BLOCK
from gateway.packet.mth import MerkleTree

LEAF, NODE = blake3(b"NNCP MTH LEAF").digest(), blake3(b"NNCP MTH NODE").digest()


def by_levels(data: bytes) -> bytes:
    """Hash level by level, all in memory."""
    cuts = range(0, max(len(data), 1), BLOCK)
    level = [blake3(data[start : start + BLOCK], key=LEAF).digest() for start in cuts]
    if len(level) == 1:
        level *= 2
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [blake3(b"".join(p), key=NODE).digest() if len(p) > 1 else p[0] for p in pairs]
    return level[0]


@given(st.integers(0, 9), st.integers(-1, 1), st.lists(st.integers(0, 9 * BLOCK), max_size=4), st.booleans())
def test_any_cuts_give_the_hash_of_the_levels(
    blocks: int, more: int, cuts: list[int], asked_between: bool
) -> None:
    data = (b"0123456789abcdef\n" * 80000)[: max(0, blocks * BLOCK + more)]
    tree = MerkleTree()
    start = 0
    for cut in [*sorted(cuts), len(data)]:
        tree.update(memoryview(data)[start:cut])
        start = max(start, min(cut, len(data)))
        if asked_between:
            assert by_levels(data[:start]) == tree.digest()
    assert by_levels(data) == tree.digest()

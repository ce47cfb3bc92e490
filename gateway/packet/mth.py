"""The name of a packet: the root of a hash tree over its file (Merkle Tree Hashing)."""

from __future__ import annotations

from blake3 import blake3

from gateway.packet.blocks import Buffer, Cutter
from gateway.packet.identity import encode
from gateway.packet.workers import InOrder, Workers

_LEAF = blake3(b"NNCP MTH LEAF").digest()
_NODE = blake3(b"NNCP MTH NODE").digest()


class MerkleTree:
    """Hashes a stream; holds one block and one hash per level of the tree.

    Leaves are cut every 131072 bytes. Neighbours are paired level by level and a last odd
    one moves up as it is, which comes to the same as joining complete subtrees as soon as
    they stand and the leftover ones from the right at the end.
    """

    def __init__(self, workers: Workers | None = None) -> None:
        self._cutter = Cutter()
        self._leaves = 0
        self._roots: list[bytes] = []
        self._ahead = InOrder(workers or Workers(0), self._add)

    def update(self, data: Buffer) -> None:
        """Add the next bytes of the stream."""
        for block in self._cutter.cut(data):
            self._ahead.call(_leaf, block)

    def digest(self) -> bytes:
        """Return the 32 bytes of the root over everything so far."""
        self._ahead.finish()
        roots, rest = self._roots, self._cutter.rest()
        if rest or not roots:
            last = _leaf(rest)
            if not roots:
                return _join(last, last)
        else:
            last, roots = roots[-1], roots[:-1]
            if self._leaves == 1:
                return _join(last, last)
        for root in reversed(roots):
            last = _join(root, last)
        return last

    def name(self) -> str:
        """Return the root as text: what the packet's file is called."""
        return encode(self.digest())

    def _add(self, root: bytes) -> None:
        count = self._leaves
        while count & 1:
            root = _join(self._roots.pop(), root)
            count >>= 1
        self._roots.append(root)
        self._leaves += 1


def _leaf(block: bytes) -> bytes:
    return blake3(block, key=_LEAF).digest()


def _join(left: bytes, right: bytes) -> bytes:
    return blake3(left + right, key=_NODE).digest()

"""The name of a packet: the root of a hash tree over its file (Merkle Tree Hashing)."""

from __future__ import annotations

from blake3 import blake3

from gateway.packet.blocks import BLOCK, Buffer
from gateway.packet.identity import encode

_LEAF = blake3(b"NNCP MTH LEAF").digest()
_NODE = blake3(b"NNCP MTH NODE").digest()


class MerkleTree:
    """Hashes a stream; holds one hash per level of the tree and no data.

    Leaves are cut every 131072 bytes. Neighbours are paired level by level and a last odd
    one moves up as it is, which comes to the same as joining complete subtrees as soon as
    they stand and the leftover ones from the right at the end.
    """

    def __init__(self) -> None:
        self._leaf = blake3(key=_LEAF)
        self._missing = BLOCK
        self._leaves = 0
        self._roots: list[bytes] = []

    def update(self, data: Buffer) -> None:
        """Add the next bytes of the stream."""
        view = memoryview(data)
        while len(view) >= self._missing:
            self._leaf.update(view[: self._missing])
            view = view[self._missing :]
            self._add(self._leaf.digest())
            self._leaf, self._missing = blake3(key=_LEAF), BLOCK
        if view:
            self._leaf.update(view)
            self._missing -= len(view)

    def digest(self) -> bytes:
        """Return the 32 bytes of the root over everything so far."""
        roots = list(self._roots)
        if self._missing < BLOCK or not roots:
            roots.append(self._leaf.digest())
        root = roots.pop()
        if not roots and self._leaves <= 1:
            return _join(root, root)
        while roots:
            root = _join(roots.pop(), root)
        return root

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


def _join(left: bytes, right: bytes) -> bytes:
    return blake3(left + right, key=_NODE).digest()

"""How the stream of a packet is cut into blocks, and what size that makes (encrypted packet, blocks)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

BLOCK = 131072
"""Most plaintext bytes in a block; also what the leaves of the packet's name are cut at."""
TAG = 16
"""What sealing adds to a block."""
SIZES = struct.Struct(">QQ")
"""Length of the plain packet, then of all padding: the beginning of the last or last but one block."""

Buffer = bytes | bytearray | memoryview


class Cutter:
    """Cuts chunks of any size into blocks of 131072 bytes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    def cut(self, data: Buffer) -> Iterator[bytes]:
        """Yield the blocks that `data` completes; to be drained before the next call."""
        held = self._held
        if isinstance(data, bytes) and len(data) == BLOCK and not held:
            yield data
            return
        view = memoryview(data)
        if held:
            missing = BLOCK - len(held)
            held += view[:missing]
            view = view[missing:]
            if len(held) < BLOCK:
                return
            yield bytes(held)
            held.clear()
        whole = len(view) - len(view) % BLOCK
        for start in range(0, whole, BLOCK):
            yield bytes(view[start : start + BLOCK])
        held += view[whole:]

    def rest(self) -> bytes:
        """Return what no block was made of: fewer than 131072 bytes."""
        return bytes(self._held)


def body_size(plain_length: int) -> int:
    """Return how many bytes all blocks of a plain packet take, unpadded."""
    length = plain_length + SIZES.size
    return length + TAG * -(-length // BLOCK)

"""How the stream of a packet is cut into blocks, and what size that makes (encrypted packet, blocks)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

BLOCK = 131072
"""Most plaintext bytes in a block; also what the leaves of the packet's name are cut at."""
TAG = 16
"""What sealing adds to a block."""
ALONE = 16
"""Blocks that one thread seals or opens before a second one is started."""
GROUP = 4
"""Blocks that are handed to a thread, and written, together."""
SIZES = struct.Struct(">QQ")
"""Length of the plain packet, then of all padding: the beginning of the last or last but one block."""

Buffer = bytes | bytearray | memoryview


class Cutter:
    """Cuts chunks of any size into blocks of 131072 bytes."""

    __slots__ = ("_buffer", "_held")

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(BLOCK))
        self._held = 0

    def cut(self, data: Buffer) -> Iterator[bytes]:
        """Yield the blocks that `data` completes; to be drained before the next call."""
        view = memoryview(data)
        while len(view) >= BLOCK - self._held:
            if self._held:
                missing = BLOCK - self._held
                self._buffer[self._held :] = view[:missing]
                view = view[missing:]
                self._held = 0
                yield bytes(self._buffer)
            else:
                block, view = bytes(view[:BLOCK]), view[BLOCK:]
                yield block
        self._buffer[self._held : self._held + len(view)] = view
        self._held += len(view)

    def rest(self) -> bytes:
        """Return what no block was made of: fewer than 131072 bytes."""
        return bytes(self._buffer[: self._held])


def keep_heap() -> None:
    """Let the allocator keep freed blocks in place of giving each back to the system.

    A block is just as large as what glibc returns at once, and asks for again with the
    next block: half of the time for a large packet. It learns from a larger one being freed.
    """
    bytes(8 * 1024 * 1024)


def body_size(plain_length: int) -> int:
    """Return how many bytes all blocks of a plain packet take, unpadded."""
    length = plain_length + SIZES.size
    return length + TAG * -(-length // BLOCK)

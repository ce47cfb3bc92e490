"""Envelopes: how Noise messages are cut out of a stream (sync protocol, envelope)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gateway.links.noise import MAX_MESSAGE
from gateway.links.sync.breach import Breach

MAGIC = b"NNCPS\0\0\1"
_HEAD = struct.Struct(">8sI")


def wrap(message: bytes) -> bytes:
    """Return a Noise message in its envelope."""
    return b"".join((_HEAD.pack(MAGIC, len(message)), message, bytes(-len(message) % 4)))


class Unwrapper:
    """Takes a stream in pieces of any size; holds at most one unfinished envelope."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def inside(self) -> bool:
        """Whether an envelope has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are whole now; exhaust it before the next call.

        Raises:
            Breach: temporary; no envelope, or larger than any may be.
        """
        self._buffer += data
        while (end := self._end()) is not None:
            size, total = end
            message = bytes(memoryview(self._buffer)[_HEAD.size : _HEAD.size + size])
            del self._buffer[:total]
            yield message

    def _end(self) -> tuple[int, int] | None:
        """Return the size of the first message and of its envelope, if it is whole."""
        got = bytes(self._buffer[: _HEAD.size])
        if not MAGIC.startswith(got[: len(MAGIC)]):
            raise Breach("what came is no envelope: wrong magic")
        if len(got) < _HEAD.size:
            return None
        size = _HEAD.unpack(got)[1]
        if size > MAX_MESSAGE:
            raise Breach(f"an envelope of {size} bytes is larger than any may be")
        total = _HEAD.size + size + -size % 4
        return (size, total) if len(self._buffer) >= total else None

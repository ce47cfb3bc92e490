"""The first lines of a message that is still on its way: looked at, taken off, or left to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

from gateway.errors import Malformed

LIMIT: Final = 1 << 16
"""Octets that may be taken off the front of a message."""
_CHUNK: Final = 1 << 18


class Head:
    """A stream whose first lines can be looked at before they are taken.

    `offset` counts the octets taken off.
    """

    __slots__ = ("_buffer", "_pull", "offset")

    def __init__(self, stream: IO[bytes]) -> None:
        # read1 hands on what a pipe has; read would wait for a full chunk.
        self._pull = getattr(stream, "read1", stream.read)
        self._buffer = b""
        self.offset = 0

    def line(self) -> bytes:
        """Return the next line with its line end and do not take it; empty at the end.

        The last line may lack its end, and of one that is too long only the beginning comes.
        """
        while (end := self._buffer.find(b"\n")) < 0 and len(self._buffer) < LIMIT:
            chunk = self._pull(_CHUNK)
            if not chunk:
                break
            self._buffer += chunk
        return self._buffer[: end + 1] if end >= 0 else self._buffer

    def take(self, line: bytes) -> None:
        """Take off what `line` returned.

        Raises:
            Malformed: permanent; more was taken off than any mail program puts in front.
        """
        self.offset += len(line)
        if self.offset > LIMIT:
            raise Malformed(f"more than {LIMIT} octets in front of the message")
        self._buffer = self._buffer[len(line) :]

    def rest(self) -> Iterator[bytes]:
        """Yield all that was not taken, to the end of the stream."""
        if self._buffer:
            yield self._buffer
            self._buffer = b""
        while chunk := self._pull(_CHUNK):
            yield chunk

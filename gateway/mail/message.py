"""A message: octets of header and body, read once, never decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import IO


class Message:
    """The octets of one message as a stream of chunks that can be read once.

    From the readers of this package lines end in LF; from elsewhere they end as they came.
    Chunk boundaries mean nothing.
    """

    __slots__ = ("_chunks", "file")

    def __init__(self, chunks: bytes | Iterable[bytes], *, file: IO[bytes] | None = None) -> None:
        """Wrap chunks, or one block of octets.

        `file` is the same octets as an open file at its beginning, where there is one: it
        can be handed to a program as its standard input, in place of the chunks.
        """
        self._chunks: Iterable[bytes] | None = (chunks,) if isinstance(chunks, bytes) else chunks
        self.file = file

    @classmethod
    def of_file(cls, file: IO[bytes], *, chunk: int = 1 << 18) -> Message:
        """Wrap an open file from its beginning; its position is moved."""
        file.seek(0)
        return cls(iter(lambda: file.read(chunk), b""), file=file)

    @classmethod
    def of_part(cls, file: IO[bytes], begin: int, *, chunk: int = 1 << 18) -> Message:
        """Wrap an open file from an offset on; its position is neither used nor moved."""
        return cls(_octets(file.fileno(), begin, chunk))

    def __iter__(self) -> Iterator[bytes]:
        """Return the chunks.

        Raises:
            RuntimeError: a mistake of the program; the message was read before.
        """
        chunks, self._chunks = self._chunks, None
        if chunks is None:
            raise RuntimeError("a message can be read only once")
        return iter(chunks)

    def read(self) -> bytes:
        """Return all octets at once; for messages that are known to be small."""
        return b"".join(self)

    def copy_to(self, write: Callable[[bytes], object]) -> int:
        """Hand every chunk to `write`; return the number of octets."""
        size = 0
        for chunk in self:
            write(chunk)
            size += len(chunk)
        return size


def _octets(descriptor: int, position: int, chunk: int) -> Iterator[bytes]:
    while piece := os.pread(descriptor, chunk, position):
        yield piece
        position += len(piece)

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

    __slots__ = ("_chunks", "_file", "_own", "_scratch")

    def __init__(
        self,
        chunks: bytes | Iterable[bytes],
        *,
        file: IO[bytes] | None = None,
        scratch: Callable[[], IO[bytes]] | None = None,
    ) -> None:
        """Wrap chunks, or one block of octets.

        `file` is the same octets as an open file at its beginning, where there is one; where there
        is none, `scratch` makes an empty one for them as soon as somebody asks.
        """
        self._chunks: Iterable[bytes] | None = (chunks,) if isinstance(chunks, bytes) else chunks
        self._file = file
        self._scratch = scratch
        self._own: IO[bytes] | None = None

    @classmethod
    def of_file(cls, file: IO[bytes], *, chunk: int = 1 << 18) -> Message:
        """Wrap an open file from its beginning; its position is moved."""
        file.seek(0)
        return cls(iter(lambda: file.read(chunk), b""), file=file)

    @classmethod
    def of_part(
        cls,
        file: IO[bytes],
        begin: int,
        *,
        chunk: int = 1 << 18,
        scratch: Callable[[], IO[bytes]] | None = None,
    ) -> Message:
        """Wrap an open file from an offset on; its position is neither used nor moved."""
        return cls(_octets(file.fileno(), begin, chunk), scratch=scratch)

    def rewritten(self, chunks: Iterable[bytes]) -> Message:
        """Return what was made of this message; it has a file if this one has."""
        return Message(chunks, scratch=self._scratch)

    @property
    def file(self) -> IO[bytes] | None:
        """The octets as an open file at its beginning, in place of the chunks; None where there can be none.

        It is fit to be a program's standard input, and open until `close`. Such a program gets all of
        it, while of chunks it takes what it got for the whole if we are killed meanwhile.

        Raises:
            GatewayError: temporary, there is no room; or as the chunks have it.
        """
        if self._file is None and self._scratch is not None and self._chunks is not None:
            own = self._own = self._scratch()
            self.copy_to(own.write)
            own.seek(0)
            self._file = own
        return self._file

    def close(self) -> None:
        """Give back a file that was made for this message: a packet can have many messages."""
        if self._own is not None:
            self._own.close()
            self._own = self._file = None

    def __del__(self) -> None:
        """Do so at last."""
        self.close()

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

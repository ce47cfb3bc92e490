"""A message: octets of header and body, read once, never decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


class Message:
    """The octets of one message as a stream of chunks that can be read once.

    From the readers of this package lines end in LF; from elsewhere they end as they came.
    Chunk boundaries mean nothing.
    """

    __slots__ = ("_chunks",)

    def __init__(self, chunks: bytes | Iterable[bytes]) -> None:
        """Wrap chunks, or one block of octets."""
        self._chunks: Iterable[bytes] | None = (chunks,) if isinstance(chunks, bytes) else chunks

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

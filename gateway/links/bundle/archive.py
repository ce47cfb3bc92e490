"""The tar stream of a bundle: headers written, entries found, whatever lies between them.

NNCP writes before every packet a directory entry ``NNCP``, and looks for that word to find
the next packet. We write the same. We read more: bundles one behind the other, rubbish in
between, and ordinary tar archives of such a tree (ustar, GNU and pax).
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

from gateway.errors import Truncated

BLOCK = 512
_MARK = b"NNCP"
_CHUNK = 128 * 1024
_LONGEST_NAME = 64 * 1024
"""[bytes] The longest name in an entry of its own that is believed; a real one has 163."""
END = bytes(2 * BLOCK)
"""What ends an archive. NNCP leaves it out; every tar wants it."""


def headers(recipient: str, sender: str, name: str, size: int) -> bytes:
    """Return the two headers that go before a packet's content."""
    mark = tarfile.TarInfo(_MARK.decode())
    mark.type, mark.mode = tarfile.DIRTYPE, 0o700
    packet = tarfile.TarInfo(f"{_MARK.decode()}/{recipient}/{sender}/{name}")
    packet.size, packet.mode = size, 0o400
    return b"".join(info.tobuf(tarfile.USTAR_FORMAT) for info in (mark, packet))


def filling(size: int) -> bytes:
    """Return the zeros that follow a content of so many bytes."""
    return bytes(-size % BLOCK)


class Member(NamedTuple):
    """A file found in the stream; `content` must be drained before the next one is asked for."""

    path: str
    size: int
    content: Iterator[bytes]


def members(read: Callable[[int], bytes]) -> Iterator[Member]:
    """Yield the files in a stream, in order; `read` gives up to so many bytes, none at the end.

    Raises:
        Truncated: temporary; the stream ends inside a member. What was yielded before is whole.
    """
    stream = _Stream(read)
    path: str | None = None
    while block := stream.peek(BLOCK):
        info = _header(block)
        if info is None:
            path = None
            if any(block):
                stream.seek(_MARK)
            else:
                stream.skip(BLOCK)
            continue
        stream.skip(BLOCK)
        if info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE) and info.size <= _LONGEST_NAME:
            path = _long_name(info.type, b"".join(stream.content(info.size))) or path
        elif info.isreg():
            content = stream.content(info.size)
            yield Member(path or info.name, info.size, content)
            for _ in content:
                pass
            path = None
        else:
            for _ in stream.content(info.size if info.type not in _WITHOUT_CONTENT else 0):
                pass
            path = None


_WITHOUT_CONTENT = (
    tarfile.DIRTYPE,
    tarfile.LNKTYPE,
    tarfile.SYMTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
)


def _header(block: bytes) -> tarfile.TarInfo | None:
    if len(block) < BLOCK or not any(block):
        return None
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return None
    return info if info.size >= 0 else None


def _long_name(kind: bytes, content: bytes) -> str | None:
    """Return the path that an entry of this kind gives to the one behind it."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return content.rstrip(b"\0").decode("utf-8", "surrogateescape")
    while content:
        length, _, rest = content.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(content):
            return None
        record, content = rest[: int(length) - len(length) - 1], content[int(length) :]
        key, _, value = record.partition(b"=")
        if key == b"path":
            return value.rstrip(b"\n").decode("utf-8", "surrogateescape")
    return None


class _Stream:
    """A stream that can be looked into a little."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._held = b""

    def peek(self, size: int) -> bytes:
        """Return the next bytes without taking them; fewer only at the end."""
        while len(self._held) < size and (more := self._read(_CHUNK)):
            self._held += more
        return self._held[:size]

    def skip(self, size: int) -> None:
        """Pass over bytes that were looked at."""
        self._held = self._held[size:]

    def seek(self, mark: bytes) -> None:
        """Pass over one byte at least, and all before the next mark, or before the end."""
        self._held = self._held[1:]
        while (found := self._held.find(mark)) < 0:
            more = self._read(_CHUNK)
            self._held = self._held[-len(mark) + 1 :] + more if more else b""
            if not more:
                return
        self._held = self._held[found:]

    def content(self, size: int) -> Iterator[bytes]:
        """Yield an entry's content, and pass over what fills it up to a block."""
        left = size
        while left:
            chunk = self.peek(min(left, _CHUNK))
            if not chunk:
                raise Truncated("the bundle ends inside a packet; what came before it is complete")
            self.skip(len(chunk))
            left -= len(chunk)
            yield chunk
        self.peek(-size % BLOCK)
        self.skip(-size % BLOCK)

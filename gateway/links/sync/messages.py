"""The six messages, and payloads, which are any number of them in a row (sync protocol, message types)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from gateway.links.sync.breach import Breach

MAX_PAYLOAD = 65280
"""[bytes] 64 KiB less 256."""
MAX_CHUNK = MAX_PAYLOAD - 48
"""[bytes] The most that one File carries."""
MAX_NICENESS = 255

_TYPE = struct.Struct(">I")
_INFO = struct.Struct(">IQ32s")
_FREQ = struct.Struct(">32sQ")
_FILE = struct.Struct(">32sQI")
_DONE = struct.Struct(">32s")


class Info(NamedTuple):
    """I have a packet for you; `size` is that of its file [bytes], `hash` its name (32 bytes)."""

    niceness: int
    size: int
    hash: bytes

    def encode(self) -> bytes:
        """Return the bytes of the message."""
        return _TYPE.pack(0) + _INFO.pack(*self)


class Freq(NamedTuple):
    """Send me that packet from this offset [bytes]."""

    hash: bytes
    offset: int

    def encode(self) -> bytes:
        """Return the bytes of the message."""
        return _TYPE.pack(1) + _FREQ.pack(*self)


class File(NamedTuple):
    """A piece of that packet, beginning at this offset [bytes]."""

    hash: bytes
    offset: int
    data: bytes | memoryview

    def encode(self) -> bytes:
        """Return the bytes of the message."""
        return b"".join(self.parts())

    def parts(self) -> tuple[bytes, bytes | memoryview, bytes]:
        """Return the same in parts, the data as it is."""
        size = len(self.data)
        return _TYPE.pack(2) + _FILE.pack(self.hash, self.offset, size), self.data, bytes(-size % 4)


class Done(NamedTuple):
    """I have that packet for good; forget it."""

    hash: bytes

    def encode(self) -> bytes:
        """Return the bytes of the message."""
        return _TYPE.pack(3) + self.hash


class Halt(NamedTuple):
    """Forget what I asked for; also what pads the first payload."""

    def encode(self) -> bytes:
        """Return the bytes of the message."""
        return _TYPE.pack(4)


class Ping(NamedTuple):
    """I am still there."""

    def encode(self) -> bytes:
        """Return the bytes of the message."""
        return _TYPE.pack(5)


Message = Info | Freq | File | Done | Halt | Ping


def pad(payload: bytes, step: int = MAX_PAYLOAD) -> bytes:
    """Fill a first payload with Halt messages to a multiple of `step`, to hide what is in it."""
    size = min(MAX_PAYLOAD, max(1, -(-len(payload) // step)) * step)
    return payload + Halt().encode() * ((size - len(payload)) // _TYPE.size)


def decode(payload: bytes) -> Iterator[Message]:
    """Yield the messages of one payload; a File's data is a view into it.

    Raises:
        Breach: temporary; an unknown type, a message cut short, an Info that cannot be.
    """
    view, at = memoryview(payload), 0
    try:
        while at < len(view):
            (kind,) = _TYPE.unpack_from(view, at)
            message, at = _take(kind, view, at + _TYPE.size)
            yield message
    except struct.error as error:
        raise Breach("a message is cut short") from error


def _take(kind: int, view: memoryview, at: int) -> tuple[Message, int]:
    match kind:
        case 0:
            info = Info(*_INFO.unpack_from(view, at))
            if info.niceness > MAX_NICENESS or not info.size:
                raise Breach(f"a packet of {info.size} bytes and niceness {info.niceness} was announced")
            return info, at + _INFO.size
        case 1:
            return Freq(*_FREQ.unpack_from(view, at)), at + _FREQ.size
        case 2:
            name, offset, size = _FILE.unpack_from(view, at)
            begin = at + _FILE.size
            end = begin + size
            if end + -size % 4 > len(view):
                raise Breach("a message is cut short")
            return File(name, offset, view[begin:end]), end + -size % 4
        case 3:
            return Done(*_DONE.unpack_from(view, at)), at + _DONE.size
        case 4:
            return Halt(), at
        case 5:
            return Ping(), at
    raise Breach(f"a message of the unknown type {kind}")

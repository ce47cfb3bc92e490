"""The plain packet header: what a packet is and whom or what it is about (plain packet, version 3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from gateway.errors import Malformed
from gateway.packet.failures import Corrupt, NotAPacket, PathTooLong, UnsupportedPacket

MAGIC = b"NNCPP\0\0\3"
HEADER_SIZE = 276
PATH_SIZE = 255

_FAMILY = MAGIC[:5]
_BYTE = 255
_LAYOUT = struct.Struct(">8sIII256s")


class PacketType(IntEnum):
    """What a plain packet is; the numbers are those on the wire."""

    FILE = 1
    FREQ = 2
    EXEC = 3
    TRNS = 4
    EXEC_FAT = 5
    AREA = 6
    ACK = 7


class Plain(NamedTuple):
    """The header of a plain packet; `path` and `niceness` mean what the type makes of them.

    `type` is a bare int for numbers that we have no name for. `path` has up to 255 bytes:
    handle and arguments for exec, the 32-byte id of the next node for trns.
    """

    type: PacketType | int
    niceness: int
    path: bytes

    def encode(self) -> bytes:
        """Return the 276 bytes of the header.

        Raises:
            PathTooLong: permanent; more than 255 bytes of path.
            ValueError: type or niceness is out of 0 to 255.
        """
        if len(self.path) > PATH_SIZE:
            raise PathTooLong(f"{len(self.path)} bytes of handle and arguments; a packet holds {PATH_SIZE}")
        if not (0 <= self.type <= _BYTE and 0 <= self.niceness <= _BYTE):
            raise ValueError(f"type {self.type}, niceness {self.niceness}: out of 0 to 255")
        return _LAYOUT.pack(MAGIC, self.type, self.niceness, len(self.path), self.path)

    @classmethod
    def decode(cls, data: bytes) -> Plain:
        """Return the header in the first 276 bytes of `data`; what fills the path up is ignored.

        Raises:
            NotAPacket, UnsupportedPacket, Corrupt: temporary; it is no header that we know.
        """
        if len(data) < HEADER_SIZE:
            raise NotAPacket(f"{len(data)} bytes are too few for a plain packet")
        magic, kind, niceness, length, path = _LAYOUT.unpack_from(data)
        if magic != MAGIC:
            if magic.startswith(_FAMILY):
                raise UnsupportedPacket(f"plain packet of another version ({magic[5:].hex()})")
            raise NotAPacket("what was sealed is no plain packet")
        if max(kind, niceness, length) > _BYTE:
            raise Corrupt(f"plain packet with type {kind}, niceness {niceness}, path length {length}")
        known: PacketType | int = PacketType(kind) if kind in PacketType.__members__.values() else kind
        return cls(known, niceness, path[:length])


def exec_path(handle: str, arguments: Sequence[str]) -> bytes:
    """Return the path of an exec packet: handle and arguments with NUL between them.

    Raises:
        PathTooLong: permanent; the whole exceeds 255 bytes.
        Malformed: permanent; the handle is empty or a word contains NUL.
    """
    if not handle:
        raise Malformed("the handle is empty")
    words = [word.encode("utf-8", "surrogateescape") for word in (handle, *arguments)]
    if any(b"\0" in word for word in words):
        raise Malformed("handle and arguments cannot contain NUL")
    path = b"\0".join(words)
    if len(path) > PATH_SIZE:
        raise PathTooLong(f"{len(path)} bytes of handle and arguments; a packet holds {PATH_SIZE}")
    return path


def split_exec_path(path: bytes) -> tuple[str, tuple[str, ...]]:
    """Return handle and arguments of an exec packet; bytes that are no UTF-8 become surrogate escapes."""
    handle, *arguments = path.split(b"\0")
    return handle.decode("utf-8", "surrogateescape"), tuple(
        word.decode("utf-8", "surrogateescape") for word in arguments
    )

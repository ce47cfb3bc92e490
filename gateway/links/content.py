"""A packet's bytes on their way: read in chunks, and held against the name, which is their hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from gateway.packet.mth import MerkleTree

CHUNK = 128 * 1024
"""[bytes] The block that packets are made and hashed in."""


class NotIntact(Exception):
    """The content does not hash to the name."""


def read(file: BinaryIO, size: int) -> bytes:
    """Read so much, or what there is: an unbuffered file may give less at a time."""
    data = b""
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def checked(file: BinaryIO, name: str, size: int) -> Iterator[bytes]:
    """Yield the first `size` bytes, and raise after the last one if they are not what the name says.

    No more than `size` is read: a file that grows meanwhile must not fill a disk.

    Raises:
        NotIntact: nothing of what was yielded may be used.
    """
    tree = MerkleTree()
    left = size
    while left > 0 and (chunk := file.read(min(CHUNK, left))):
        left -= len(chunk)
        tree.update(chunk)
        yield chunk
    if tree.name() != name:
        raise NotIntact

"""A packet on its way in, piece by piece: ``rx/NAME.part``, which outlives the session.

Name and size are the peer's claim until the content was hashed. Whoever works on one holds
``rx.lock`` of the neighbour. NNCP's ``NAME.nock``, complete but not hashed, is taken over.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from gateway.errors import SpoolError
from gateway.packet.mth import MerkleTree
from gateway.spool import durable
from gateway.spool.refusal import refusals

_READ = 1024 * 1024
_FEW = 4
_ABREAST = 16


class Incoming:
    """One packet; `held` bytes of `size` are there, `hashed` of them hashed.

    Making one only looks. A part that is longer than the packet counts as nothing. Every
    method raises SpoolError, which is temporary, when the system refuses something.
    """

    __slots__ = (
        "_fd", "_floor", "_part", "_target", "_tree", "_umask",
        "hashed", "held", "name", "resumed", "size",
    )  # fmt: skip

    def __init__(self, target: str, name: str, size: int, *, floor: str, umask: int | None = None) -> None:
        self.name = name
        self.size = size
        self._target = target
        self._part = f"{target}.part"
        self._floor = floor
        self._umask = umask
        self._fd = -1
        self._tree: MerkleTree | None = None
        self.hashed = 0
        self.held = self._look()
        self.resumed = self.held > 0
        """Whether some of it was there before."""

    def _look(self) -> int:
        for path in (self._part, f"{self._target}.nock"):
            with refusals(path):
                try:
                    held = os.lstat(path).st_size
                except (FileNotFoundError, NotADirectoryError):
                    continue
                if path != self._part and held == self.size:
                    os.rename(path, self._part)
                    return held
                return held if path == self._part and held <= self.size else 0
        return 0

    @property
    def complete(self) -> bool:
        """Whether all of it is there and hashed."""
        return self.held == self.hashed == self.size

    def write(self, data: bytes | memoryview) -> None:
        """Append the next bytes."""
        durable.write_all(self._open(), data, self._part)
        if self.hashed == self.held:
            self._hash(data)
        self.held += len(data)

    def catch_up(self, most: int) -> None:
        """Hash up to `most` bytes of what is there and was not hashed yet."""
        fd = self._open()
        end = min(self.held, self.hashed + most)
        while self.hashed < end:
            with refusals(self._part):
                data = os.pread(fd, min(_READ, end - self.hashed), self.hashed)
            if not data:
                msg = f"{self._part}: somebody else cut it off"
                raise SpoolError(msg)
            self._hash(data)

    def _hash(self, data: bytes | memoryview) -> None:
        self._tree = self._tree or MerkleTree()
        self._tree.update(data)
        self.hashed += len(data)

    def intact(self) -> bool:
        """Whether it is complete and hashes to its name."""
        return self.complete and self._tree is not None and self._tree.name() == self.name

    def settle(self) -> None:
        """Write it through to the disk; a failure gives the file up, since a second sync might lie."""
        fd = self._open()
        try:
            durable.sync(fd, self._part)
        except BaseException:
            self.discard()
            raise

    def place(self) -> None:
        """Rename it to its place; the directory is not synced."""
        self.rest()
        with refusals(self._part):
            os.rename(self._part, self._target)

    def discard(self) -> None:
        """Remove what is there; it may begin anew."""
        self.rest()
        durable.unlink(self._part)
        self._tree = None
        self.held = self.hashed = 0

    def rest(self, *, synced: bool = False) -> None:
        """Close the file until it is needed again.

        To go on with it in this session it has to be synced: what the disk could not take is
        told to those who have the file open, and to nobody else.
        """
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                if synced:
                    durable.sync(fd, self._part)
            finally:
                with suppress(OSError):
                    os.close(fd)

    def _open(self) -> int:
        if self._fd < 0:
            with refusals(self._part):
                try:
                    self._fd = self._open_part()
                except FileNotFoundError:
                    durable.make_directories(
                        os.path.dirname(self._part), floor=self._floor, umask=self._umask
                    )
                    self._fd = self._open_part()
                if self.held:
                    os.lseek(self._fd, self.held, os.SEEK_SET)
        return self._fd

    def _open_part(self) -> int:
        mode = 0o666 if self._umask is None else 0o666 & ~self._umask
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(self._part, flags if self.held else flags | os.O_TRUNC, mode)


def settle(packets: Sequence[Incoming]) -> None:
    """Write packets through to the disk, several at a time: the disk's journal joins their syncs.

    Raises:
        SpoolError: temporary; one of them at least was given up.
    """
    if len(packets) < _FEW:
        _settle(packets)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only for many

    abreast = min(_ABREAST, len(packets))
    with ThreadPoolExecutor(abreast) as pool:
        # A share for each thread: to hand packets over one by one would cost as much as syncing them.
        list(pool.map(_settle, (packets[first::abreast] for first in range(abreast))))


def _settle(packets: Sequence[Incoming]) -> None:
    for packet in packets:
        packet.settle()

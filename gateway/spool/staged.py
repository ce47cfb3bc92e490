"""A file on its way into a spool: written beside it, then moved into its place in one step."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.spool import durable
from gateway.spool.layout import TEMPORARY
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self


class Staged:
    """A temporary file that is ours for as long as we live (S1), until it is placed or discarded.

    Its flock tells `recover` that somebody is at work on it. As a context manager it discards
    what was not placed; without it, call `discard`.
    """

    __slots__ = ("_fd", "_floor", "_path", "_umask", "committed", "completed", "size")

    def __init__(
        self, directory: str, *, floor: str, prefix: str = TEMPORARY, umask: int | None = None
    ) -> None:
        """Create the file, and the directory down from `floor` if need be.

        Raises:
            SpoolError: temporary.
        """
        self._floor = floor
        self._umask = umask
        self._path, self._fd = _create(directory, prefix, floor, umask)
        self.size = 0
        self.completed = False
        self.committed = False

    def fileno(self) -> int:
        """Return the descriptor, open for reading and writing."""
        return self._fd

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append all of the data; return how much that was [bytes].

        Raises:
            SpoolError: temporary; what is left to do is to discard it.
        """
        durable.write_all(self._fd, data, self._path)
        self.completed = False
        self.size += len(data)
        return len(data)

    def complete(self) -> None:
        """Write it through to the disk: the file is complete (S2).

        Raises:
            SpoolError: temporary; the file is discarded, since a second sync might lie.
        """
        try:
            durable.sync(self._fd, self._path)
        except BaseException:
            self.discard()
            raise
        self.completed = True

    def place(self, target: str, *, synced: bool = True, sync: Callable[[str], None] | None = None) -> None:
        """Rename it to its place and sync the directory (S3); the descriptor is closed.

        `sync` syncs the directory in the place of `durable.sync_directory`. An ending signal
        waits until all of it is done; its handler may then raise out of this method, with
        `committed` set.

        Raises:
            SpoolError: temporary; if only the sync failed, the file stays where it now is.
        """
        with durable.uninterrupted():
            with refusals(self._path):
                durable.move(self._path, target, floor=self._floor, umask=self._umask, synced=False)
            self._close()  # From here on there is nothing of ours to discard.
            if synced:
                (sync or durable.sync_directory)(os.path.dirname(target))
            self.committed = True

    def discard(self) -> None:
        """Remove the file, if it is still ours; never fails, and may be called again."""
        if self._fd >= 0:
            with suppress(OSError):
                os.unlink(self._path)
            self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def _create(directory: str, prefix: str, floor: str, umask: int | None) -> tuple[str, int]:
    """Return path and descriptor of a new, locked file."""
    while True:
        path = f"{directory}/{prefix}{os.urandom(12).hex()}"
        with refusals(path):
            try:
                fd = durable.create(path, umask=umask)
            except FileNotFoundError:
                durable.make_directories(directory, floor=floor, umask=umask)
                fd = durable.create(path, umask=umask)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(fd).st_nlink:
                    return path, fd
            except BlockingIOError:
                pass  # A `recover` came between creation and lock, and takes it for a dead one.
            except BaseException:
                os.unlink(path)
                os.close(fd)
                raise
            os.close(fd)

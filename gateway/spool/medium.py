"""A directory on a medium that others write to as well: a stick, a share, a mounted tape.

What is found there is a stranger's: symbolic links are never followed, nothing but regular
files is opened, and opening never waits (a FIFO would). What is written there appears
whole or not at all, on file systems without hard links, owners or modes too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from typing import BinaryIO

TEMPORARY = "gwxfer"
"""How our unfinished copies are named; no reader takes such a name for a packet."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.EROFS, errno.EBADF)


class Folder:
    """One directory, held open, so that it stays the same whatever is renamed around it.

    All methods raise OSError. Use it as a context manager.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = os.open(path, _FOLDER)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._fd)

    def folder(self, name: str, *, create: bool = False) -> Folder | None:
        """Return the directory of that name, or None when there is none and none is wanted."""
        fd = self._open_folder(name)
        if fd is None and create:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=self._fd)
            self.sync()
            fd = self._open_folder(name)
        if fd is None:
            return None
        found = Folder.__new__(Folder)
        found.path = os.path.join(self.path, name)
        found._fd = fd
        return found

    def _open_folder(self, name: str) -> int | None:
        try:
            return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self._fd)
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Return the names of everything in it, sorted."""
        return sorted(os.listdir(self._fd))

    def open(self, name: str) -> BinaryIO:
        """Open a regular file, unbuffered, for reading.

        Raises:
            OSError: also for anything that is not a regular file.
        """
        fd = os.open(name, _READ, dir_fd=self._fd)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            return os.fdopen(fd, "rb", buffering=0)
        except BaseException:
            os.close(fd)
            raise

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file under `name`, durably, in place of what stood there.

        When `chunks` raises, nothing is left behind.
        """
        temporary = TEMPORARY + os.urandom(8).hex()
        fd = os.open(temporary, _CREATE, 0o666, dir_fd=self._fd)
        try:
            try:
                for chunk in chunks:
                    _write(fd, chunk)
                _sync(fd)
            finally:
                os.close(fd)
            os.rename(temporary, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=self._fd)
            raise
        self.sync()

    def settle(self, name: str) -> None:
        """Sync a file that somebody else wrote, and its name."""
        with self.open(name) as file:
            _sync(file.fileno())
        self.sync()

    def remove(self, name: str) -> None:
        """Remove a file; the removal is durable after the next `sync`."""
        os.unlink(name, dir_fd=self._fd)

    def sweep(self) -> int:
        """Remove what an interrupted `put` of ours left, and return how many files it was."""
        removed = 0
        for name in self.names():
            if name.startswith(TEMPORARY):
                with contextlib.suppress(FileNotFoundError):
                    self.remove(name)
                    removed += 1
        return removed

    def sync(self) -> None:
        """Sync the directory itself, where the file system can do that."""
        sync_stream(self._fd)

    def free(self) -> int:
        """Return the free space of the file system [bytes]."""
        facts = os.fstatvfs(self._fd)
        return facts.f_bavail * facts.f_frsize


def sync_stream(fd: int) -> None:
    """Sync a descriptor where that can be done: pipes, tapes and some media have nothing to sync.

    Raises:
        OSError: as it comes; what was written may not have reached the disk.
    """
    try:
        _sync(fd)
    except OSError as failure:
        if failure.errno not in _CANNOT_SYNC:
            raise


def _sync(fd: int) -> None:
    if not os.environ.get("NNCPNOSYNC"):
        os.fsync(fd)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]

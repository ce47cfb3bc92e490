"""A private place for a decrypted body: no name, so nothing is left behind by a kill."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, cast

from gateway.spool import durable
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import ReadableBuffer

IN_MEMORY = 4 * 1024 * 1024


def scratch(
    directory: str, *, floor: str, size_hint: int = 0, at_most: int | None = None, umask: int | None = None
) -> BinaryIO:
    """Return an empty anonymous file, open for reading and writing, mode 0600.

    Up to 4 MiB live in memory; when it grows larger, or `size_hint` [bytes] says it will, it
    lies in `directory`. The descriptor stays the same, and is fit to be a program's standard
    input (flush and seek first).

    `at_most` [bytes] is a promise not to write more: up to 4 MiB there is no file then before
    somebody asks for its descriptor, and nothing may be written after that.

    Raises:
        SpoolError: temporary; also from its write, flush and fileno.
    """

    def anonymous() -> BinaryIO:
        return cast("BinaryIO", io.BufferedRandom(_Anonymous(directory, floor, size_hint, umask)))

    return anonymous() if at_most is None or at_most > IN_MEMORY else _Octets(anonymous)


class _Octets(io.BytesIO):
    """Octets that most readers take as they are; a file for those who want one."""

    def __init__(self, make_file: Callable[[], BinaryIO]) -> None:
        super().__init__()
        self._make_file = make_file
        self._file: BinaryIO | None = None

    def fileno(self) -> int:
        if self._file is None:
            file = self._make_file()
            try:
                file.write(self.getbuffer())
                file.flush()
                os.lseek(file.fileno(), self.tell(), os.SEEK_SET)
            except BaseException:
                file.close()
                raise
            self._file = file
        return self._file.fileno()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        position = super().seek(offset, whence)
        if self._file is not None:
            os.lseek(self._file.fileno(), position, os.SEEK_SET)
        return position

    def write(self, data: ReadableBuffer, /) -> int:
        if self._file is not None:
            msg = "somebody has the descriptor already"
            raise io.UnsupportedOperation(msg)
        return super().write(data)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


class _Anonymous(io.FileIO):
    def __init__(self, directory: str, floor: str, size_hint: int, umask: int | None) -> None:
        self._directory = directory
        self._floor = floor
        self._umask = umask
        self._on_disk = size_hint > IN_MEMORY or not hasattr(os, "memfd_create")
        with refusals(directory):
            super().__init__(self._disk_file() if self._on_disk else os.memfd_create("gateway-body"), "r+")

    def write(self, data: ReadableBuffer, /) -> int:
        with memoryview(data) as view, view.cast("B") as octets:
            if not self._on_disk and self.tell() + len(octets) > IN_MEMORY:
                self._spill()
            durable.write_all(self.fileno(), octets, self._directory)
            return len(octets)

    def _spill(self) -> None:
        """Move the content to disk, under the same descriptor number."""
        with refusals(self._directory):
            position = self.tell()
            disk = self._disk_file()
            try:
                offset = 0
                while piece := os.pread(self.fileno(), 1 << 20, offset):
                    durable.write_all(disk, piece, self._directory)
                    offset += len(piece)
                os.lseek(disk, position, os.SEEK_SET)
                os.dup2(disk, self.fileno(), inheritable=False)
            finally:
                os.close(disk)
        self._on_disk = True

    def _disk_file(self) -> int:
        try:
            return self._open_unnamed()
        except FileNotFoundError:
            durable.make_directories(self._directory, floor=self._floor, umask=self._umask)
            return self._open_unnamed()

    def _open_unnamed(self) -> int:
        try:
            return os.open(self._directory, os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o600)
        except FileNotFoundError:
            raise
        except (OSError, AttributeError):  # Not every file system and kernel has unnamed files.
            path = f"{self._directory}/gw{os.urandom(12).hex()}"
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600)
            os.unlink(path)
            return fd
